"""Since when a mailing is paused: the length of a pause is given back to what waits."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0006_life_from_first_attempt")]

    operations = [
        migrations.AddField(model_name="mailing", name="paused_at", field=models.DateTimeField(null=True))
    ]

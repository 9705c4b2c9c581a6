"""When a suppression was asked for, beside when it began to hold: an officer has to show how long that took (C7)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0003_acts_by_person")]

    operations = [
        migrations.AddField("suppression", "asked_at", models.DateTimeField(null=True)),
    ]

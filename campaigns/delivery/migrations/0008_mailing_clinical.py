"""Whether a mailing spoke of health, kept with it. Of those made before, what their segments said then isn't known any more:
all of them count as such, which covers too much in place of too little.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0007_mailing_paused_at")]

    operations = [
        migrations.AddField(model_name="mailing", name="clinical", field=models.BooleanField(default=True))
    ]

"""No selector of a sending domain is used twice."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0012_sending_domain_keys")]

    operations = [
        migrations.AddField(
            model_name="sendingdomain",
            name="last_number",
            field=models.PositiveIntegerField(default=0),
        ),
    ]

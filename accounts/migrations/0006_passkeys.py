from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_invitations"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="factordevice",
            name="throttling_failure_count",
        ),
        migrations.RemoveField(
            model_name="factordevice",
            name="throttling_failure_timestamp",
        ),
        migrations.AddField(
            model_name="factordevice",
            name="phishing_resistant",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="factordevice",
            name="sign_count",
            field=models.BigIntegerField(default=0),
        ),
    ]

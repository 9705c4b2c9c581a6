"""A sending domain has room for the next signing key and the one before, so that keys are changed while mail is signed."""

from django.db import migrations, models

import safeguards.fields


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0011_waiting_by_mailing"),
    ]

    operations = [
        migrations.AddField(
            model_name="sendingdomain",
            name="next_key",
            field=safeguards.fields.SealedField(null=True),
        ),
        migrations.AddField(
            model_name="sendingdomain",
            name="next_selector",
            field=models.CharField(blank=True, max_length=63),
        ),
        migrations.AddField(
            model_name="sendingdomain",
            name="old_key",
            field=safeguards.fields.SealedField(null=True),
        ),
        migrations.AddField(
            model_name="sendingdomain",
            name="old_retired_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="sendingdomain",
            name="old_selector",
            field=models.CharField(blank=True, max_length=63),
        ),
        migrations.AddField(
            model_name="sendingdomain",
            name="old_since",
            field=models.DateTimeField(null=True),
        ),
    ]

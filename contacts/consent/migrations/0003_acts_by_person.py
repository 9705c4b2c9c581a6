"""All addresses of one person are asked for at each stop; built beside the running product, since the ledger is long."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("consent", "0002_ledger")]

    operations = [
        AddIndexConcurrently(
            "consentrecord", models.Index(fields=["person_key", "id"], name="consent_by_person")
        )
    ]

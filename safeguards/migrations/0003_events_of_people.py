"""What people did is found among the millions of records that delivery opens: an index of their events alone."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("safeguards", "0002_ledgers_and_append_only")]

    operations = [
        AddIndexConcurrently(
            "auditevent",
            models.Index(fields=["id"], name="audit_people", condition=models.Q(actor_kind="user")),
        ),
    ]

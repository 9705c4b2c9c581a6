"""The log is searched by time, outcome, session, address, object and request: an index for each, in the order of the pages."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("safeguards", "0004_a_log_that_can_always_be_chained")]

    operations = [
        AddIndexConcurrently("auditevent", models.Index(fields=["at"], name="audit_at")),
        AddIndexConcurrently(
            "auditevent",
            models.Index(fields=["at"], name="audit_people_at", condition=models.Q(actor_kind="user")),
        ),
        AddIndexConcurrently(
            "auditevent",
            models.Index(fields=["at"], name="audit_refused_at", condition=~models.Q(outcome="success")),
        ),
        AddIndexConcurrently(
            "auditevent",
            models.Index(
                fields=["session_hash", "at"],
                name="audit_session_at",
                condition=~models.Q(session_hash=""),
            ),
        ),
        AddIndexConcurrently(
            "auditevent",
            models.Index(fields=["ip", "at"], name="audit_ip_at", condition=models.Q(ip__isnull=False)),
        ),
        AddIndexConcurrently(
            "auditevent",
            models.Index(
                fields=["target_kind", "target_id", "at"],
                name="audit_target_at",
                condition=~models.Q(target_kind=""),
            ),
        ),
        AddIndexConcurrently(
            "auditevent",
            models.Index(fields=["request_id"], name="audit_request", condition=~models.Q(request_id="")),
        ),
    ]

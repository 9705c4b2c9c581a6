"""Tables of the doors: data keys, the audit log with its chain, and the outbox of notices."""

from typing import ClassVar

from django.db import models

from safeguards.fields import SealedField


class DataKey(models.Model):
    """A data key, wrapped by the root key. The newest of a purpose seals; all of them open."""

    purpose = models.CharField(max_length=20)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "safeguards_data_key"

    def __str__(self) -> str:
        return f"{self.purpose} key {self.pk}"


class AuditEvent(models.Model):
    """One thing that happened. Inserted, never changed: the database refuses UPDATE, DELETE and TRUNCATE."""

    append_only: ClassVar[bool] = True

    at = models.DateTimeField()
    action = models.CharField(max_length=80)
    outcome = models.CharField(max_length=12)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.CharField(max_length=64)
    actor_display = models.CharField(max_length=200, blank=True)
    session_hash = models.CharField(max_length=64, blank=True)
    method = models.CharField(max_length=20, blank=True)
    factor = models.CharField(max_length=20, blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    target_kind = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    patient = models.CharField(max_length=64, blank=True)
    purpose = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    version = models.PositiveSmallIntegerField(default=1)

    class Meta:
        db_table = "safeguards_audit_event"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["action", "at"], name="audit_action_at"),
            models.Index(fields=["patient", "at"], name="audit_patient_at"),
            models.Index(fields=["actor_id", "at"], name="audit_actor_at"),
            # What people did, among the millions of records that delivery opens.
            models.Index(fields=["id"], name="audit_people", condition=models.Q(actor_kind="user")),
            # What the search of the log filters by, each in the order in which rows are shown.
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["at"], name="audit_people_at", condition=models.Q(actor_kind="user")),
            models.Index(fields=["at"], name="audit_refused_at", condition=~models.Q(outcome="success")),
            models.Index(
                fields=["session_hash", "at"],
                name="audit_session_at",
                condition=~models.Q(session_hash=""),
            ),
            models.Index(fields=["ip", "at"], name="audit_ip_at", condition=models.Q(ip__isnull=False)),
            models.Index(
                fields=["target_kind", "target_id", "at"],
                name="audit_target_at",
                condition=~models.Q(target_kind=""),
            ),
            models.Index(fields=["request_id"], name="audit_request", condition=~models.Q(request_id="")),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.pk}"


class AuditLink(models.Model):
    """An event's place in the chain: hash over the event, the sequence and the hash before it."""

    append_only: ClassVar[bool] = True

    sequence = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, models.PROTECT, related_name="link")
    previous = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    chained_at = models.DateTimeField()

    class Meta:
        db_table = "safeguards_audit_link"

    def __str__(self) -> str:
        return f"link {self.sequence}"


class Notice(models.Model):
    """A short mail that waits to be sent; see safeguards.notices."""

    class State(models.TextChoices):
        QUEUED = "queued"
        CLAIMED = "claimed"
        SENT = "sent"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=60)
    language = models.CharField(max_length=8)
    parameters = models.JSONField(default=dict)
    sealed = SealedField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    due = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    reply = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "safeguards_notice"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["due"], name="notice_due", condition=models.Q(state__in=["queued", "claimed"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

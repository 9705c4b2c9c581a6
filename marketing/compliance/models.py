"""What the officer does: verifications of the audit log, and reviews of it that somebody signs."""

from typing import ClassVar

from django.db import models

from accounts.models import User
from safeguards.fields import SealedField


class Verification(models.Model):
    """One walk over the whole audit chain: who asked for it (nobody: the daily one), how far it is, what it found."""

    asked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)  # when the worker last said how far it is
    finished_at = models.DateTimeField(null=True)
    total = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    anchors = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=list)
    # What, where, code and more, the first of them; `found` counts all.
    findings = models.JSONField(default=list)
    found = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "compliance_verification"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # Two walks at once would tell nothing more, and take twice the time.
            models.UniqueConstraint(
                models.Value(1), name="one_verification_at_once", condition=models.Q(finished_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"verification {self.pk}"


class Review(models.Model):
    """A period of the audit log that somebody has to look at and sign. What was looked at is kept with the signature.

    Notes are sealed, since what is written of an incident may name a patient.
    """

    begins = models.DateTimeField(unique=True)
    ends = models.DateTimeField()
    zone = models.CharField(max_length=60)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)
    figures = models.JSONField(null=True)
    digest = models.CharField(max_length=64, blank=True)
    note = SealedField(null=True)
    signed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    signed_name = models.CharField(max_length=200, blank=True)
    signed_at = models.DateTimeField(null=True)
    # Where the period holds doings of the one who signed, another reader is asked for.
    second_asked = models.BooleanField(default=False)
    second_note = SealedField(null=True)
    second_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    second_name = models.CharField(max_length=200, blank=True)
    second_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "compliance_review"

    def __str__(self) -> str:
        return f"log review {self.pk}"

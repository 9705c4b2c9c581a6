"""The ledgers of consent: what people agreed to, what they stopped, and the confirmations they were asked for.

None of these tables knows a name or an address, only keyed hashes; they outlive the contact, as proof must.
"""

from typing import ClassVar

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.organization.models import Brand


class Topic(models.Model):
    """Something people can choose to get. Its name must say nothing about anybody's health: it stands on a page without login."""

    slug = models.SlugField(unique=True)
    name = models.CharField(_("name"), max_length=80)
    name_es = models.CharField(_("name in Spanish"), max_length=80)
    about = models.CharField(_("what it brings"), max_length=160)
    about_es = models.CharField(_("what it brings, in Spanish"), max_length=160)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        db_table = "consent_topic"
        ordering: ClassVar[list[str]] = ["position", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def local_name(self) -> str:
        """The name in the language of the page."""
        return self.name_es if (get_language() or "").startswith("es") else self.name

    @property
    def local_about(self) -> str:
        """What it brings, in the language of the page."""
        return self.about_es if (get_language() or "").startswith("es") else self.about


class ConsentRecord(models.Model):
    """One act of consent by one person at one address: append-only. The newest act for a topic is the one that holds.

    A null topic speaks of every topic (for `marketing`), or of tracking, which has none.
    """

    append_only: ClassVar[bool] = True

    class Subject(models.TextChoices):
        MARKETING = "marketing", _("marketing e-mail")
        TRACKING = "tracking", _("being counted as a person")

    class Act(models.TextChoices):
        OPT_IN = "opt_in", _("agreed")
        OPT_OUT = "opt_out", _("withdrew")

    address_hash = models.BinaryField(max_length=16)
    person_key = models.BinaryField(max_length=16)
    subject = models.CharField(max_length=12, choices=Subject.choices)
    topic = models.ForeignKey(Topic, models.PROTECT, null=True)
    act = models.CharField(max_length=8, choices=Act.choices)
    source = models.CharField(max_length=120)
    given_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    text_version = models.CharField(max_length=40, blank=True)
    evidence = models.JSONField(default=dict)

    class Meta:
        db_table = "consent_record"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["address_hash", "person_key", "id"], name="consent_person"),
            models.Index(fields=["person_key", "id"], name="consent_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.subject}"


class Suppression(models.Model):
    """A standing "no" for an address. It never expires by itself, and outlives erasure and re-import (C8).

    `mailing_id` and `message_id` say which message brought it about, as plain numbers: delivery lies above this room.
    It was asked for at `asked_at` (the press of a button, the bounce) and holds from `at`; both UTC, to compare the two.
    """

    class Scope(models.TextChoices):
        ALL = "all", _("every message")
        BRAND = "brand", _("everything commercial of the brand")
        MARKETING = "marketing", _("all marketing")
        TOPIC = "topic", _("one topic")
        HARD_BOUNCE = "hard_bounce", _("address that doesn't exist")
        COMPLAINT = "complaint", _("complaint")

    address_hash = models.BinaryField(max_length=16)
    scope = models.CharField(max_length=12, choices=Scope.choices)
    brand = models.ForeignKey(Brand, models.PROTECT, null=True)
    topic = models.ForeignKey(Topic, models.PROTECT, null=True)
    source = models.CharField(max_length=60)
    reason = models.CharField(max_length=60, blank=True)
    mailing_id = models.BigIntegerField(null=True)
    message_id = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField(null=True)
    at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=60, blank=True)

    class Meta:
        db_table = "consent_suppression"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["address_hash", "scope", "brand", "topic"],
                condition=models.Q(lifted_at=None),
                nulls_distinct=False,
                name="suppression_once",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["mailing_id"], name="suppression_mailing"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.pk}"

    @property
    def seconds_to_effect(self) -> float | None:
        """How long it took from being asked for to holding; None for rows older than the question."""
        return max(0.0, (self.at - self.asked_at).total_seconds()) if self.asked_at else None


class Confirmation(models.Model):
    """A double opt-in that waits for the person's press of a button. Single use, random, stored hashed, expiring (C5)."""

    token_hash = models.BinaryField(max_length=32, unique=True)
    address_hash = models.BinaryField(max_length=16)
    person_key = models.BinaryField(max_length=16)
    brand = models.ForeignKey(Brand, models.PROTECT)
    topics = models.ManyToManyField(Topic)
    source = models.CharField(max_length=120)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent_confirmation"

    def __str__(self) -> str:
        return f"confirmation {self.pk}"

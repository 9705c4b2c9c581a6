"""Campaigns: what a marketer plans, from a name to a mailing."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.organization.models import Brand
from campaigns.delivery.models import IpPool, Mailing
from campaigns.designs.models import Design
from contacts.consent.models import Topic
from contacts.segments.models import Segment


class Campaign(models.Model):
    """A message planned for a segment. Once sent for approval it points down to its Mailing, whose state is the campaign's.

    One with a time to send at (UTC) goes by itself then, on behalf of who gave it the time; `send_zone` is the zone it was given
    in. Where it couldn't go, `missed` says why, and the time stays until somebody gives it another or takes it away.
    """

    name = models.CharField(_("name"), max_length=120)
    segment = models.ForeignKey(Segment, models.PROTECT, null=True)
    design = models.OneToOneField(Design, models.PROTECT, null=True)
    topic = models.ForeignKey(Topic, models.PROTECT, null=True)
    brand = models.ForeignKey(Brand, models.PROTECT, null=True)
    pool = models.ForeignKey(IpPool, models.PROTECT, null=True)
    purpose = models.CharField(
        max_length=12, choices=Mailing.Purpose.choices, default=Mailing.Purpose.PROMOTIONAL
    )
    tracking = models.CharField(
        max_length=8, choices=Mailing.Tracking.choices, default=Mailing.Tracking.TOTALS
    )
    mailing = models.OneToOneField(Mailing, models.PROTECT, null=True)
    send_at = models.DateTimeField(null=True)
    send_zone = models.CharField(max_length=64, blank=True)
    scheduled_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    missed = models.CharField(max_length=12, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "campaigns_campaign"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(send_at=None, scheduled_by=None, missed="")
                | models.Q(send_at__isnull=False, scheduled_by__isnull=False),
                name="campaign_time_and_who_gave_it",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["send_at"], condition=models.Q(send_at__isnull=False), name="campaign_timed")
        ]

    def __str__(self) -> str:
        return self.name

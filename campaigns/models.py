"""Campaigns: what a marketer plans, from a name to a mailing."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.organization.models import Brand
from campaigns.delivery.models import IpPool, Mailing
from campaigns.designs.models import Design
from contacts.consent.models import Topic
from contacts.segments.models import Segment


class Campaign(models.Model):
    """A message planned for a segment. Once sent for approval it points down to its Mailing, whose state is the campaign's."""

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
    created_by = models.ForeignKey(User, models.PROTECT)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "campaigns_campaign"

    def __str__(self) -> str:
        return self.name

"""Delivery's tables: pools and sources, the mailing and its approval, and the partitioned messages, attempts and events.

Messages are partitioned by range of mailing, attempts and events by month; none of the three has database foreign keys, so
that a partition can be dropped when its years are over.
"""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.organization.models import Brand
from campaigns.designs.models import DesignVersion
from contacts.consent.models import Topic
from safeguards.fields import SealedField


class Stream(models.TextChoices):
    """Marketing and transactional mail have pools, queues and workers of their own."""

    MARKETING = "marketing", _("Marketing")
    TRANSACTIONAL = "transactional", _("Transactional")


def _plain(rate: float) -> float | int:
    return int(rate) if rate == int(rate) else rate


class IpPool(models.Model):
    """A set of source addresses that mail of one stream leaves by. `per_second` and `burst` bound the whole pool."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    stream = models.CharField(_("stream"), max_length=14, choices=Stream.choices)
    per_second = models.FloatField(_("messages a second"), default=50)
    burst = models.PositiveIntegerField(_("burst"), default=50)

    class Meta:
        db_table = "delivery_ip_pool"

    def __str__(self) -> str:
        return self.name

    @property
    def rate(self) -> float | int:
        """Messages a second as people write it: 40, not 40.0."""
        return _plain(self.per_second)


class EgressSource(models.Model):
    """One dedicated IP address of ours, with the name it says EHLO by."""

    name = models.CharField(max_length=60, unique=True)
    source_address = models.GenericIPAddressField(unique=True)
    ehlo_domain = models.CharField(max_length=253)
    suspended_until = models.DateTimeField(null=True)
    suspended_why = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "delivery_egress_source"

    def __str__(self) -> str:
        return self.name


class PoolEntry(models.Model):
    """A source's place in a pool, with its share of the traffic."""

    pool = models.ForeignKey(IpPool, models.CASCADE, related_name="entries")
    source = models.ForeignKey(EgressSource, models.PROTECT, related_name="entries")
    weight = models.PositiveSmallIntegerField(default=1)

    class Meta:
        db_table = "delivery_pool_entry"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["pool", "source"], name="pool_entry_once")
        ]

    def __str__(self) -> str:
        return f"{self.source_id} in {self.pool_id}"


class Provider(models.Model):
    """A mailbox provider, known by its MX hosts, and how gently it wants to be treated. All hosts of a domain must match."""

    name = models.SlugField(unique=True)
    mx_suffixes = models.JSONField(default=list)
    connections = models.PositiveSmallIntegerField(default=10)
    per_connection = models.PositiveIntegerField(default=100)
    per_second = models.FloatField(default=20)
    burst = models.PositiveIntegerField(default=40)

    class Meta:
        db_table = "delivery_provider"

    def __str__(self) -> str:
        return self.name

    @property
    def rate(self) -> float | int:
        """Messages a second as people write it: 10, not 10.0."""
        return _plain(self.per_second)

    @property
    def is_known(self) -> bool:
        """Whether this is one provider, and not the catch-all for domains whose provider nobody knows."""
        return bool(self.mx_suffixes)


class SendingDomain(models.Model):
    """A domain that we sign for. The private key (RSA-2048, PEM) is sealed.

    A next key waits beside it until its record is published; the one before is kept, so that signing can go back to it, and its
    record is to stay in DNS until `old_retired_at`: mail that it signed is still on its way.
    """

    domain = models.CharField(max_length=253, unique=True)
    selector = models.CharField(max_length=63)
    private_key = SealedField()
    next_selector = models.CharField(max_length=63, blank=True)
    next_key = SealedField(null=True)
    old_selector = models.CharField(max_length=63, blank=True)
    old_key = SealedField(null=True)
    old_since = models.DateTimeField(null=True)
    old_retired_at = models.DateTimeField(null=True)
    # The highest number that any of its selectors had, so that none is used twice.
    last_number = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "delivery_sending_domain"

    def __str__(self) -> str:
        return self.domain


class Mailing(models.Model):
    """The neutral, frozen instruction to send: which version, on whose behalf, for what purpose, by which pool.

    `content_digest` binds the version, the audience's definition and the terms of sending; an approval names it.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for approval")
        READY = "ready", _("Approved")
        FREEZING = "freezing", _("Fixing who gets it")
        SENDING = "sending", _("Sending")
        PAUSED = "paused", _("Paused")
        FINISHED = "finished", _("Sent")
        CANCELLED = "cancelled", _("Cancelled")

    class Purpose(models.TextChoices):
        CARE = "care", _("Care and operations")
        PROMOTIONAL = "promotional", _("Own services and newsletters")

    class Tracking(models.TextChoices):
        NONE = "none", _("None")
        TOTALS = "totals", _("Totals only")
        PERSON = "person", _("Per person, where that person agreed")

    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    stream = models.CharField(max_length=14, choices=Stream.choices, default=Stream.MARKETING)
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    topic = models.ForeignKey(Topic, models.PROTECT)
    brand = models.ForeignKey(Brand, models.PROTECT)
    pool = models.ForeignKey(IpPool, models.PROTECT)
    version = models.ForeignKey(DesignVersion, models.PROTECT)
    tracking = models.CharField(max_length=8, choices=Tracking.choices, default=Tracking.TOTALS)
    audience_digest = models.CharField(max_length=64)
    content_digest = models.CharField(max_length=64)
    needs_approval = models.BooleanField(default=True)
    # Whether audience or message spoke of health when the mailing was made: the segment may say something else later (E4).
    clinical = models.BooleanField(default=True)
    audience_size = models.PositiveIntegerField(default=0)
    frozen_upto = models.BigIntegerField(default=0)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "delivery_mailing"

    def __str__(self) -> str:
        return f"mailing {self.pk}"


class Approval(models.Model):
    """A second person's word on one mailing, bound to the digest of what they saw (C13)."""

    append_only: ClassVar[bool] = True

    mailing = models.ForeignKey(Mailing, models.PROTECT, related_name="approvals")
    approver = models.ForeignKey(User, models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    approved = models.BooleanField()
    comment = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "delivery_approval"

    def __str__(self) -> str:
        return f"approval {self.pk}"


class Audience(models.Model):
    """Who was in the segment when a mailing was launched, as sealed slices of contact ids, each turned into messages once."""

    mailing = models.ForeignKey(Mailing, models.CASCADE, related_name="slices")
    number = models.PositiveIntegerField()
    sealed = SealedField()
    version = models.PositiveSmallIntegerField(default=1)
    frozen_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "delivery_audience"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["mailing", "number"], name="audience_slice_once")
        ]

    def __str__(self) -> str:
        return f"slice {self.number}"


class Link(models.Model):
    """A web address in a mailing. Clicks are redirected to these and nowhere else (E2)."""

    mailing = models.ForeignKey(Mailing, models.PROTECT, related_name="links")
    number = models.PositiveSmallIntegerField()
    url = models.URLField(max_length=2000)

    class Meta:
        db_table = "delivery_link"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["mailing", "number"], name="link_once")
        ]

    def __str__(self) -> str:
        return f"link {self.number}"


class Message(models.Model):
    """One message to one person, and where it has got to. The row is the queue.

    The lane it waits in is (source, provider). Its life counts from `first_due`, the first claim, and a pause of its mailing
    moves that on. `lease_token` fences a worker that died and came back; `due` is UTC.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        CLAIMED = "claimed", _("Being prepared")
        ATTEMPTING = "attempting", _("Being sent")
        SENT = "sent", _("Sent")
        BOUNCED = "bounced", _("Bounced")
        EXPIRED = "expired", _("Expired")
        WITHHELD = "withheld", _("Withheld")
        CANCELLED = "cancelled", _("Cancelled")
        UNCERTAIN = "uncertain", _("Uncertain")
        PORTAL = "portal", _("Waiting in the portal")

    pk = models.CompositePrimaryKey("mailing_id", "id")
    id = models.BigIntegerField()
    mailing_id = models.BigIntegerField()
    occurrence = models.BigIntegerField()
    contact_id = models.BigIntegerField(null=True)
    address_hash = models.BinaryField(max_length=16)
    person_key = models.BinaryField(max_length=16)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    source_id = models.BigIntegerField()
    provider_id = models.BigIntegerField()
    due = models.DateTimeField()
    first_due = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    lease_token = models.BigIntegerField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=40, blank=True)
    tracked = models.BooleanField(default=False)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "delivery_message"
        managed = False  # partitioned: migration 0002 creates it

    def __str__(self) -> str:
        return f"message {self.id}"


class Attempt(models.Model):
    """One try at handing a message over, with the evidence of how: append-only, kept six years (D2)."""

    append_only: ClassVar[bool] = True

    pk = models.CompositePrimaryKey("at", "id")
    id = models.BigIntegerField()
    at = models.DateTimeField()
    mailing_id = models.BigIntegerField(null=True)
    message_id = models.BigIntegerField(null=True)
    notice_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=16)
    source_address = models.GenericIPAddressField(null=True)
    mx_host = models.CharField(max_length=253, blank=True)
    mx_address = models.GenericIPAddressField(null=True)
    tls_version = models.CharField(max_length=16, blank=True)
    tls_cipher = models.CharField(max_length=60, blank=True)
    tls_verified = models.BooleanField(default=False)
    code = models.PositiveSmallIntegerField(null=True)
    enhanced = models.CharField(max_length=12, blank=True)
    reply = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "delivery_attempt"
        managed = False

    def __str__(self) -> str:
        return f"attempt {self.id}"


class Tally(models.Model):
    """How many messages one batch handed over, by minute, source, provider, mailing, outcome and reply code: what leaves now,
    without counting attempts. Kept for two days; the evidence is Attempt. A notice has neither provider nor mailing.
    """

    minute = models.DateTimeField()
    source_id = models.BigIntegerField()
    provider_id = models.BigIntegerField(null=True)
    mailing_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=16)
    code = models.PositiveSmallIntegerField(null=True)
    messages = models.PositiveIntegerField()

    class Meta:
        db_table = "delivery_tally"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["minute"], name="tally_minute")]

    def __str__(self) -> str:
        return f"{self.messages} {self.kind}"


class MessageEvent(models.Model):
    """What came back: an open, a click. A totals-only event names the mailing and no message."""

    append_only: ClassVar[bool] = True

    class Kind(models.TextChoices):
        OPEN = "open", _("Opened")
        CLICK = "click", _("Clicked")

    pk = models.CompositePrimaryKey("at", "id")
    id = models.BigIntegerField()
    at = models.DateTimeField()
    mailing_id = models.BigIntegerField()
    message_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    link_number = models.PositiveSmallIntegerField(null=True)
    network = models.CharField(max_length=45, blank=True)  # the IP address, shortened (E1)

    class Meta:
        db_table = "delivery_message_event"
        managed = False

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

"""Reads of campaigns as they are planned: lists, where each stands, what it lacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from campaigns import rules
from campaigns.delivery.models import Approval, IpPool, Mailing, SendingDomain, Stream
from campaigns.designs import blocks as documents
from campaigns.designs.blocks import Block
from campaigns.designs.lint import lint, speaks_of_health, stops
from campaigns.designs.models import Design
from campaigns.models import Campaign
from campaigns.rules import Shelf
from contacts.segments import queries as segments
from contacts.segments import rules as segment_rules
from safeguards.actor import Actor


def waiting_for_approval() -> int:
    """How many mailings wait for somebody's word."""
    return Mailing.objects.filter(state=Mailing.State.WAITING, needs_approval=True).count()


@dataclass(frozen=True, slots=True)
class BrandRow:
    """A brand, how many campaigns are of it and how many of those were sent, and whether we sign for its address."""

    brand: Brand
    campaigns: int
    sent: int
    signed: bool


def brands(actor: Actor) -> list[BrandRow]:
    """The brands by name with how they are used. Needs the permission to manage people."""
    access.require(actor, Permission.MANAGE_PEOPLE)
    signed = set(SendingDomain.objects.values_list("domain", flat=True))
    counted = Campaign.objects.exclude(brand=None).order_by().values("brand")
    finished = Q(mailing__state=Mailing.State.FINISHED)
    used = {
        row["brand"]: (row["all"], row["sent"])
        for row in counted.annotate(all=Count("pk"), sent=Count("pk", filter=finished))
    }
    return [
        BrandRow(brand, *used.get(brand.pk, (0, 0)), brand.domain in signed)
        for brand in Brand.objects.order_by("name")
    ]


def marketing_pools() -> QuerySet[IpPool]:
    """The pools that campaigns may leave by, oldest first."""
    return IpPool.objects.filter(stream=Stream.MARKETING).order_by("pk")


def listed(actor: Actor) -> QuerySet[Campaign]:
    """All campaigns with what a list shows of them, newest change first. Raises Denied."""
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    return (
        Campaign.objects.select_related("mailing", "topic", "created_by", "segment", "design")
        .prefetch_related("mailing__approvals")
        .order_by("-updated_at", "-pk")
    )


_State = Mailing.State
_ON_TIME = Q(send_at__isnull=False, missed="")
_SHELVES: dict[Shelf, Q] = {
    Shelf.ALL: Q(),
    Shelf.DRAFTS: Q(mailing=None) | Q(mailing__state=_State.CANCELLED, mailing__started_at=None),
    Shelf.WAITING: Q(mailing__state=_State.WAITING),
    Shelf.APPROVED: Q(mailing__state=_State.READY) & ~_ON_TIME,
    Shelf.SCHEDULED: Q(mailing__state=_State.READY) & _ON_TIME,
    Shelf.SENDING: Q(mailing__state__in=[_State.FREEZING, _State.SENDING, _State.PAUSED]),
    Shelf.SENT: Q(mailing__state=_State.FINISHED),
    Shelf.CANCELLED: Q(mailing__state=_State.CANCELLED, mailing__started_at__isnull=False),
}


def found(
    actor: Actor, *, name: str, shelf: Shelf, brand: Brand | None = None
) -> tuple[QuerySet[Campaign], dict[Shelf, int]]:
    """The campaigns on a shelf whose name has these words in it, of one brand or of all, and how many are on each shelf.

    Raises Denied.
    """
    named = listed(actor)
    if brand is not None:
        named = named.filter(brand=brand)
    for word in name.split():
        named = named.filter(name__icontains=word)
    numbers = named.order_by().aggregate(
        **{each.value: Count("pk", filter=q) for each, q in _SHELVES.items()}
    )
    return named.filter(_SHELVES[shelf]), {each: numbers[each.value] for each in Shelf}


def due(now: datetime) -> QuerySet[Campaign]:
    """Campaigns whose time has come and that nobody has launched or given up yet, the earliest first."""
    return (
        Campaign.objects.filter(send_at__lte=now, missed="")
        .select_related("mailing", "design", "segment", "scheduled_by")
        .order_by("send_at", "pk")
    )


def missed() -> QuerySet[Campaign]:
    """Campaigns that didn't go at their time, the latest first, until somebody gives them another or takes it away."""
    return Campaign.objects.exclude(missed="").order_by("-send_at", "-pk")


def one(actor: Actor, pk: int) -> Campaign:
    """A campaign with all it points to. Raises Denied; Campaign.DoesNotExist."""
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    return Campaign.objects.select_related(
        "mailing__version", "design", "brand", "topic", "pool", "segment", "created_by", "scheduled_by"
    ).get(pk=pk)


def waiting(actor: Actor) -> QuerySet[Campaign]:
    """Campaigns that wait for approval, the one that has waited longest first. Raises Denied."""
    access.require(actor, Permission.APPROVE_MAILING)
    return (
        Campaign.objects.filter(mailing__state=Mailing.State.WAITING, mailing__needs_approval=True)
        .select_related("mailing__version", "mailing__topic", "mailing__requested_by", "segment")
        .order_by("mailing__requested_at", "pk")
    )


def asked_for(actor: Actor, mailing_id: int) -> Campaign:
    """The campaign whose mailing this is, for the person who approves it. Raises Denied; Campaign.DoesNotExist."""
    access.require(actor, Permission.APPROVE_MAILING)
    return Campaign.objects.select_related(
        "mailing__version",
        "mailing__brand",
        "mailing__topic",
        "mailing__requested_by",
        "segment",
        "created_by",
    ).get(mailing_id=mailing_id)


def state(campaign: Campaign) -> rules.State:
    """Where the campaign stands."""
    mailing = campaign.mailing
    if mailing is None:
        return rules.State.DRAFT
    ended_unsent = mailing.state == Mailing.State.CANCELLED and mailing.started_at is None
    return rules.state_of(
        mailing.state,
        started=mailing.started_at is not None,
        sent_back=ended_unsent and last_refusal(campaign) is not None,
    )


def last_refusal(campaign: Campaign) -> Approval | None:
    """The approver's word that sent the campaign back, if its mailing was."""
    if campaign.mailing is None:
        return None
    refusals = [word for word in campaign.mailing.approvals.all() if not word.approved]
    return refusals[-1] if refusals else None


def says_the_same(design: Design, *, subject: str, preheader: str, blocks: Sequence[Block]) -> bool:
    """Whether a design already has exactly these words."""
    document = documents.written(blocks, lang=design.document["lang"])
    return (design.subject, design.preheader, design.document) == (subject, preheader, document)


def is_clinical(campaign: Campaign) -> bool:
    """Whether the segment's rules or the message's values speak of health."""
    return bool(campaign.segment and campaign.segment.clinical) or bool(
        campaign.design and speaks_of_health(documents.read(campaign.design.document))
    )


def blockers(campaign: Campaign) -> tuple[rules.Blocker, ...]:
    """What the campaign lacks before it can be sent."""
    brand, pool, design = campaign.brand, campaign.pool, campaign.design
    stopped = design is not None and bool(
        stops(
            lint(
                subject=design.subject,
                preheader=design.preheader,
                blocks=documents.read(design.document),
            )
        )
    )
    return rules.blockers(
        rules.Facts(
            brand=brand is not None,
            signing_key=brand is not None and SendingDomain.objects.filter(domain=brand.domain).exists(),
            topic=campaign.topic_id is not None,
            pool=pool is not None,
            pool_has_source=pool is not None and pool.entries.exists(),
            followed=campaign.tracking == Mailing.Tracking.PERSON,
            clinical=is_clinical(campaign),
            segment=campaign.segment_id is not None,
            design=design is not None,
            design_stopped=stopped,
        )
    )


def audience_changed(actor: Actor, campaign: Campaign) -> bool:
    """Whether the segment's rules differ from those that approval was asked for. Raises Denied."""
    if campaign.mailing is None or campaign.segment is None or state(campaign) not in rules.ASKED:
        return False
    tree = segments.reveal_segment(actor, campaign.segment).tree
    return segment_rules.digest(tree) != campaign.mailing.audience_digest

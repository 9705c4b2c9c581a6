"""Reads of campaigns: lists, where each stands, what it lacks, how far it has got."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts import access
from accounts.access import Permission
from campaigns import rules
from campaigns.delivery import queries as delivery
from campaigns.delivery.models import Approval, IpPool, Mailing, Message, SendingDomain, Stream
from campaigns.delivery.queries import Progress
from campaigns.designs import blocks as documents
from campaigns.designs.blocks import Block
from campaigns.designs.lint import lint, speaks_of_health, stops
from campaigns.designs.models import Design
from campaigns.models import Campaign
from campaigns.rules import Shelf
from contacts.segments import queries as segments
from contacts.segments import rules as segment_rules
from contacts.segments.masking import FEWER, SMALL, Figure, exactly, tellable
from safeguards import audit
from safeguards.actor import Actor

audit.declare("messages.viewed", "contact", "count")


def waiting_for_approval() -> int:
    """How many mailings wait for somebody's word."""
    return Mailing.objects.filter(state=Mailing.State.WAITING, needs_approval=True).count()


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


def found(actor: Actor, *, name: str, shelf: Shelf) -> tuple[QuerySet[Campaign], dict[Shelf, int]]:
    """The campaigns on a shelf whose name has these words in it, and how many are on each shelf. Raises Denied."""
    named = listed(actor)
    for word in name.split():
        named = named.filter(name__icontains=word)
    numbers = named.order_by().aggregate(
        **{each.value: Count("pk", filter=q) for each, q in _SHELVES.items()}
    )
    return named.filter(_SHELVES[shelf]), {each: numbers[each.value] for each in Shelf}


def between(actor: Actor, begin: datetime, end: datetime) -> list[tuple[datetime, "Row"]]:
    """What is to go, should have gone or went from one moment up to another, the earliest first. Raises Denied."""
    coming = Q(send_at__gte=begin, send_at__lt=end)
    gone = Q(mailing__started_at__gte=begin, mailing__started_at__lt=end)
    timed = []
    for row in rows(actor, listed(actor).filter(coming | gone)):
        mailing = row.campaign.mailing
        at = row.campaign.send_at or (mailing.started_at if mailing else None)
        if at is not None:
            timed.append((at, row))
    return sorted(timed, key=lambda each: (each[0], each[1].campaign.pk))


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


def knows_small_numbers(actor: Actor) -> bool:
    """Whether somebody may open charts or take the evidence away: then nothing is covered for them (BEHAVIOURS E4)."""
    return access.allowed(actor, Permission.VIEW_CLINICAL) or access.allowed(
        actor, Permission.EXPORT_EVIDENCE
    )


def is_covered(actor: Actor, campaign: Campaign) -> bool:
    """Whether small numbers of a campaign are covered for somebody: it speaks of health, and they may neither open charts nor
    take the evidence away (BEHAVIOURS E4). What it spoke of when its mailing was made counts for good, whatever becomes of the
    segment.
    """
    was = campaign.mailing is not None and campaign.mailing.clinical
    return not knows_small_numbers(actor) and (was or is_clinical(campaign))


@dataclass(frozen=True, slots=True)
class Shown:
    """How far a mailing has got, as somebody may know it. A number that is covered is None, and so is each from which it
    would follow. `not_sent` is what won't be sent any more, in one number, where its parts may not be told apart; `reasons` is
    None where people aren't told apart by why they were withheld.
    """

    audience: Figure
    sent: int | None
    waiting: int | None
    settled: int | None
    not_sent: int | None
    withheld: int | None
    bounced: int | None
    expired: int | None
    uncertain: int | None
    cancelled: int | None
    reasons: dict[str, int] | None
    opened: int | None
    clicked: int | None
    clicked_people: int | None
    clicked_untied: int | None
    unsubscribed: int | None
    tracked: int | None
    covered: bool

    @property
    def not_delivered(self) -> int | None:
        """Bounced or expired."""
        return None if self.bounced is None or self.expired is None else self.bounced + self.expired


def shown(progress: Progress, *, cover: bool, links: Sequence[int] = ()) -> Shown:
    """The numbers of a mailing as they may be told; `links` are the clicks of each link, which add up to those of the mailing."""
    settled_states = {state: n for state, n in progress.states.items() if state not in delivery.UNFINISHED}
    not_frozen = progress.audience - sum(progress.states.values())
    states = not cover or tellable(
        progress.audience, [*settled_states.values(), progress.waiting, not_frozen, progress.settled]
    )
    rest = progress.settled - progress.sent
    together = not cover or tellable(
        progress.audience, [progress.sent, rest, progress.waiting, not_frozen, progress.settled]
    )
    reasons = states and (not cover or tellable(progress.audience, progress.withheld.values()))

    def told(*numbers: int) -> bool:
        return not cover or tellable(progress.audience, numbers)

    clicks = told(progress.clicked_people, progress.clicked_untied, *links)
    opens = told(progress.opened_people, progress.opened_untied)
    agreed = together and told(progress.tracked, progress.sent - progress.tracked)

    def count(state: str) -> int | None:
        return progress.states.get(state, 0) if states else None

    return Shown(
        audience=FEWER if cover and progress.audience < SMALL else exactly(progress.audience),
        sent=progress.sent if together else None,
        waiting=progress.waiting if together else None,
        settled=progress.settled if together else None,
        not_sent=rest if together else None,
        withheld=count(Message.State.WITHHELD),
        bounced=count(Message.State.BOUNCED),
        expired=count(Message.State.EXPIRED),
        uncertain=count(Message.State.UNCERTAIN),
        cancelled=count(Message.State.CANCELLED),
        reasons=progress.withheld if reasons else None,
        opened=progress.opened if opens else None,
        clicked=progress.clicked if clicks else None,
        clicked_people=progress.clicked_people if clicks else None,
        clicked_untied=progress.clicked_untied if clicks else None,
        unsubscribed=progress.unsubscribed if told(progress.unsubscribed) else None,
        tracked=progress.tracked if agreed else None,
        covered=not (states and reasons and clicks and opens and told(progress.unsubscribed)),
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


@dataclass(frozen=True, slots=True)
class Row:
    """A campaign in a list: its state, and how many of its messages are settled, None where that is covered."""

    campaign: Campaign
    state: rules.State
    audience: Figure
    settled: int | None
    sent: int | None


def rows(actor: Actor, campaigns: Iterable[Campaign]) -> list[Row]:
    """The campaigns of one page with their progress as the actor may know it, in one query whatever their number."""
    page = list(campaigns)
    launched = [each.mailing_id for each in page if each.mailing and each.mailing.started_at]
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for mailing_id, message_state, number in (
        Message.objects.filter(mailing_id__in=launched)
        .values_list("mailing_id", "state")
        .annotate(number=Count("id"))
    ):
        counts[mailing_id][message_state] = number
    return [_row(actor, campaign, counts[campaign.mailing_id or 0]) for campaign in page]


def _row(actor: Actor, campaign: Campaign, states: dict[str, int]) -> Row:
    audience = campaign.mailing.audience_size if campaign.mailing else 0
    seen = shown(Progress.of_states(states, audience), cover=is_covered(actor, campaign))
    return Row(campaign, state(campaign), seen.audience, seen.settled, seen.sent)


def messages_of(actor: Actor, contact_id: int) -> list[dict[str, Any]]:
    """What was sent to one contact, newest first, with an audit row of the look. Needs the permission to view contacts."""
    access.require(actor, Permission.VIEW_CONTACTS)
    rows = delivery.messages_of_contact(contact_id)
    audit.record("messages.viewed", actor=actor, details={"contact": contact_id, "count": len(rows)})
    return rows

"""How far campaigns have got, as somebody may know it: small numbers of campaigns by health data are covered."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from accounts import access
from accounts.access import Permission
from campaigns import rules
from campaigns.delivery import queries as delivery
from campaigns.delivery.models import Message
from campaigns.delivery.queries import Progress
from campaigns.models import Campaign
from campaigns.queries.people import leads
from campaigns.queries.plans import is_clinical, listed, state
from contacts.segments.masking import FEWER, SMALL, Figure, exactly, tellable
from safeguards.actor import Actor


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
    opened_people: int | None
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
        opened_people=progress.opened_people if opens else None,
        clicked=progress.clicked if clicks else None,
        clicked_people=progress.clicked_people if clicks else None,
        clicked_untied=progress.clicked_untied if clicks else None,
        unsubscribed=progress.unsubscribed if told(progress.unsubscribed) else None,
        tracked=progress.tracked if agreed else None,
        covered=not (states and reasons and clicks and opens and told(progress.unsubscribed)),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A campaign in a list: its state, and how many of its messages are settled, None where that is covered."""

    campaign: Campaign
    state: rules.State
    audience: Figure
    settled: int | None
    sent: int | None
    leads: dict[str, str]  # where a number leads, by the name of what it counts


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
    return Row(campaign, state(campaign), seen.audience, seen.settled, seen.sent, leads(actor, campaign))


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

"""What leaves now, as somebody may know it: the sending page's sums, bars and rows over what delivery counted.

Where somebody may not know the small numbers of a campaign by health data (BEHAVIOURS E4), whatever its page covers is left
out of every sum here, so that none leads to it; and what single addresses and providers took is told in steps.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import access
from accounts.access import Permission
from campaigns import queries
from campaigns.delivery import load
from campaigns.delivery.load import Handed, Snapshot, Waiting, Workers
from campaigns.delivery.models import EgressSource, IpPool, Mailing, Provider
from campaigns.delivery.outcome import Kind
from campaigns.delivery.queries import Progress
from campaigns.models import Campaign
from campaigns.queries import Shown, shown
from campaigns.rules import Flow, Hold
from contacts.segments.masking import FEWER, SMALL, Figure, Telling, exactly
from safeguards.actor import Actor

_STEPS = (100_000, 50_000, 10_000, 5_000, 1_000, 500, 100, 50, SMALL)
# The drawing, in its own units: the browser scales it.
_WIDTH, _HEIGHT, _BASE = 720, 150, 120


@dataclass(frozen=True, slots=True)
class Upto:
    """A number that was counted up to a bound: `more` says that it is more than that."""

    number: int
    more: bool = False

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "Upto":
        """The sum of numbers each of which was counted up to MOST + 1."""
        some = list(numbers)
        more = any(number > load.MOST for number in some)
        return cls(sum(min(number, load.MOST) for number in some), more)


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute, what was accepted in it, and its bar."""

    begins: datetime
    sent: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class MailingRow:
    """A mailing in hand. Numbers are None where they are covered."""

    mailing: Mailing
    campaign: Campaign | None
    hold: Hold
    seen: Shown
    rate: float | None
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source address in a pool: how it fared in the last hour and day."""

    source: EgressSource
    weight: int
    resting: bool
    rested: bool
    hour: Figure
    day: Figure
    deferred: Figure
    refused: Figure
    last_code: int | None


@dataclass(frozen=True, slots=True)
class PoolCard:
    """A pool, the share of its rate that was in use in the last minutes, and whether it is at its rate this instant."""

    pool: IpPool
    rate: float
    share: int
    at_rate: bool
    sources: Sequence[SourceRow]


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider with its limits for each source, how it answered, and until when all that is meant for it waits."""

    provider: Provider
    hour: Figure
    rate: Figure
    deferred: Figure
    refused: Figure
    waits_until: datetime | None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing at all went to it in the last hour."""
        return not any(each.exact != 0 for each in (self.hour, self.rate, self.deferred, self.refused))


@dataclass(frozen=True, slots=True)
class Sending:
    """The page."""

    at: datetime
    flow: Flow
    rate: float
    due: Upto
    later: Upto
    held: int
    batches: int
    uncertain: Upto
    oldest: datetime | None
    next_due: datetime | None
    minutes: Sequence[Minute]
    labels: Sequence[tuple[float, datetime]]
    most: int
    mailings: Sequence[MailingRow]
    more_mailings: bool
    pools: Sequence[PoolCard]
    providers: Sequence[ProviderRow]
    workers: Workers | None
    left_out: int
    in_steps: bool

    @property
    def busy(self) -> Sequence[ProviderRow]:
        """The providers that anything went to in the last hour, and the catch-all."""
        return [row for row in self.providers if not row.is_quiet or not row.provider.is_known]

    @property
    def quiet(self) -> Sequence[ProviderRow]:
        """The others."""
        return [row for row in self.providers if row.is_quiet and row.provider.is_known]


def sending(actor: Actor, *, call: bool = True) -> Sending:
    """What leaves now; without `call` its workers are None where nobody called them of late.

    Needs the permission to view sending; raises Denied without.
    """
    access.require(actor, Permission.VIEW_SENDING)
    now = load.snapshot()
    day = load.sent_in_a_day()
    in_steps = not queries.knows_small_numbers(actor)
    mailings, campaigns = _mailings(now, day)
    left_out = _left_out(actor, mailings, campaigns) if in_steps else frozenset()
    tell: Callable[[int], Figure] = _in_steps if in_steps else exactly
    pools = load.pools()
    room = load.room(pools)
    handed = [each for each in now.handed if each.mailing_id not in left_out]
    cards = [
        _card(
            pool, handed, day, now, mailings, left_out, tell, at_rate=room is not None and not room[pool.pk]
        )
        for pool in pools
    ]
    workers = load.workers(call=call)
    states = load.states(now.mailings)
    rows = [
        _row(actor, mailings[pk], campaigns.get(pk), now, states[pk], cards)
        for pk in now.mailings
        if pk in mailings
    ]
    told = [now.waiting[row.mailing.pk] for row in rows if row.mailing.pk not in left_out]
    running = [row for row in rows if row.mailing.state == Mailing.State.SENDING]
    due = [now.waiting[row.mailing.pk] for row in running if row.mailing.pk not in left_out]
    minutes, labels, most = _minutes(now, left_out)
    return Sending(
        at=now.at,
        flow=_flow(rows, now, workers, redis_away=room is None),
        rate=round(sum(each.lately for each in handed if each.kind == Kind.ACCEPTED) / load.RATE_MINUTES, 1),
        due=Upto.of(each.due for each in due),
        later=Upto.of([each.later for each in told] + [each.due for each in told if each not in due]),
        held=sum(each.held for each in told),
        batches=now.batches,
        uncertain=Upto.of(each.uncertain for each in told),
        oldest=min((each.oldest for each in due if each.oldest), default=None),
        next_due=min((each.next_due for each in due if each.next_due), default=None),
        minutes=minutes,
        labels=labels,
        most=most,
        mailings=rows,
        more_mailings=now.more_mailings,
        pools=cards,
        providers=_providers(handed, now, tell),
        workers=workers,
        left_out=len(left_out),
        in_steps=in_steps,
    )


def _mailings(
    now: Snapshot, day: dict[tuple[int, int | None], int]
) -> tuple[dict[int, Mailing], dict[int, Campaign]]:
    """Every mailing that any number here speaks of, and its campaign."""
    named = {*now.mailings, *(pk for _, pk in now.sent), *(each.mailing_id for each in now.handed)}
    named |= {pk for _, pk in day}
    mailings = {
        each.pk: each
        for each in Mailing.objects.filter(pk__in=[pk for pk in named if pk is not None]).select_related(
            "pool"
        )
    }
    campaigns = Campaign.objects.filter(mailing_id__in=mailings).select_related(
        "mailing", "segment", "design"
    )
    return mailings, {each.mailing_id: each for each in campaigns if each.mailing_id}


def _covers(actor: Actor, mailing: Mailing, campaign: Campaign | None) -> bool:
    if campaign is not None:
        return queries.is_covered(actor, campaign)
    return mailing.clinical and not queries.knows_small_numbers(actor)


def _left_out(actor: Actor, mailings: dict[int, Mailing], campaigns: dict[int, Campaign]) -> frozenset[int]:
    """The mailings whose numbers this person finds covered on their own pages."""
    covered = [pk for pk, each in mailings.items() if _covers(actor, each, campaigns.get(pk))]
    states = load.states(covered)
    return frozenset(
        pk
        for pk in covered
        if shown(Progress.of_states(states[pk], mailings[pk].audience_size), cover=True).sent is None
    )


def _row(
    actor: Actor,
    mailing: Mailing,
    campaign: Campaign | None,
    now: Snapshot,
    states: dict[str, int],
    cards: Sequence["PoolCard"],
) -> MailingRow:
    waiting = now.waiting.get(mailing.pk, Waiting())
    seen = shown(Progress.of_states(states, mailing.audience_size), cover=_covers(actor, mailing, campaign))
    lately = sum(
        each.lately for each in now.handed if each.mailing_id == mailing.pk and each.kind == Kind.ACCEPTED
    )
    rate = round(lately / load.RATE_MINUTES, 1) if seen.sent is not None else None
    [card] = [each for each in cards if each.pool.pk == mailing.pool_id]
    return MailingRow(mailing, campaign, _hold(mailing, waiting, card), seen, rate, waiting)


def _hold(mailing: Mailing, waiting: Waiting, card: "PoolCard") -> Hold:
    if mailing.state == Mailing.State.FREEZING:
        return Hold.FREEZING
    if mailing.state == Mailing.State.PAUSED:
        return Hold.PAUSED
    if not waiting.due and not waiting.held and waiting.later:
        return Hold.LATER
    if card.sources and all(row.resting for row in card.sources):
        return Hold.RESTING
    return Hold.AT_RATE if card.at_rate and waiting.due else Hold.SENDING


def is_resting(source: EgressSource) -> bool:
    """Whether nothing is sent by this source now."""
    return source.suspended_until is not None and source.suspended_until > timezone.now()


def _flow(rows: Sequence[MailingRow], now: Snapshot, workers: Workers | None, *, redis_away: bool) -> Flow:
    holds = {row.hold for row in rows}
    if not rows:
        return Flow.NOTHING
    if redis_away or (workers is not None and workers.names is None):
        return Flow.REDIS_AWAY
    if holds & {Hold.SENDING, Hold.AT_RATE}:
        return Flow.SENDING if workers is None or workers.of("marketing") else Flow.NO_WORKER
    for hold, flow in (
        (Hold.RESTING, Flow.RESTING),
        (Hold.FREEZING, Flow.FREEZING),
        (Hold.LATER, Flow.LATER),
    ):
        if hold in holds:
            return flow
    return Flow.PAUSED


def _minutes(
    now: Snapshot, left_out: Collection[int]
) -> tuple[list[Minute], list[tuple[float, datetime]], int]:
    this = now.at.replace(second=0, microsecond=0)
    sums = {this - timedelta(minutes=back): 0 for back in reversed(range(load.MINUTES))}
    for (minute, mailing_id), count in now.sent.items():
        if mailing_id not in left_out and minute in sums:
            sums[minute] += count
    most, slot = max(1, *sums.values()), _WIDTH / load.MINUTES
    minutes, labels = [], []
    for number, (begins, sent) in enumerate(sums.items()):
        # Something is seen of every minute in which anything left.
        height = round(max(2.0, (_BASE - 12) * sent / most), 1) if sent else 0.0
        minutes.append(
            Minute(
                begins,
                sent,
                round(number * slot + 1, 1),
                round(_BASE - height, 1),
                round(slot - 2, 1),
                height,
            )
        )
        if number % 15 == 0:
            labels.append((round(number * slot, 1), begins))
    return minutes, labels, max(sums.values())


def _card(
    pool: IpPool,
    handed: Sequence[Handed],
    day: dict[tuple[int, int | None], int],
    now: Snapshot,
    mailings: dict[int, Mailing],
    left_out: Collection[int],
    tell: Callable[[int], Figure],
    *,
    at_rate: bool,
) -> PoolCard:
    def of_pool(mailing_id: int | None) -> bool:
        return mailing_id in mailings and mailings[mailing_id or 0].pool_id == pool.pk

    tried = sum(each.lately for each in handed if of_pool(each.mailing_id))
    rate = tried / load.RATE_MINUTES
    share = round(100 * rate / (pool.per_second * 60))
    rows = []
    for entry in pool.entries.all():
        source, mine = entry.source, [each for each in handed if each.source_id == entry.source_id]
        resting = is_resting(source)
        rows.append(
            SourceRow(
                source=source,
                weight=entry.weight,
                resting=resting,
                rested=not resting and source.suspended_until is not None,
                hour=tell(sum(each.hour for each in mine if each.kind == Kind.ACCEPTED)),
                day=tell(
                    sum(
                        count
                        for (pk, mailing), count in day.items()
                        if pk == source.pk and mailing not in left_out
                    )
                ),
                deferred=tell(sum(each.hour for each in mine if each.is_deferred)),
                refused=tell(sum(each.hour for each in mine if each.is_refused)),
                last_code=now.last_codes.get(source.pk),
            )
        )
    return PoolCard(
        pool, round(rate, 1), min(share, 100), at_rate, sorted(rows, key=lambda row: row.source.pk)
    )


def _providers(handed: Sequence[Handed], now: Snapshot, tell: Callable[[int], Figure]) -> list[ProviderRow]:
    rows = []
    for provider in load.providers():
        mine = [each for each in handed if each.provider_id == provider.pk]
        first_due = [due for (_, pk), due in now.lanes.items() if pk == provider.pk]
        troubled = any(each.is_deferred or each.is_refused for each in mine)
        # Only where nothing at all is due: one lane that goes on isn't waiting.
        waits = min(first_due) if troubled and first_due and min(first_due) > now.at else None
        rows.append(
            ProviderRow(
                provider=provider,
                hour=tell(sum(each.hour for each in mine if each.kind == Kind.ACCEPTED)),
                rate=tell(round(sum(each.lately for each in mine) / load.RATE_MINUTES)),
                deferred=tell(sum(each.hour for each in mine if each.is_deferred)),
                refused=tell(sum(each.hour for each in mine if each.is_refused)),
                waits_until=waits,
            )
        )
    return rows


def _in_steps(number: int) -> Figure:
    """A number as a step below it: sums and differences of steps lead to no small number."""
    if not number:
        return exactly(0)
    for step in _STEPS:
        if number >= step:
            return Figure(Telling.AT_LEAST, step)
    return FEWER

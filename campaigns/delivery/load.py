"""What leaves now: read from tallies, the index of what waits, and leases, so that it costs the same however much waits.

Everything is by mailing, for a page may have to leave some mailings out of its sums (BEHAVIOURS E4).
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import redis
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from campaigns.delivery import world
from campaigns.delivery.models import EgressSource, IpPool, Mailing, Provider
from campaigns.delivery.outcome import Kind
from campaigns.delivery.throttle import Limit
from safeguards import queue

logger = logging.getLogger(__name__)

IN_HAND = (Mailing.State.FREEZING, Mailing.State.SENDING, Mailing.State.PAUSED)
MOST = 10_000
"""What waits of one mailing is counted up to here; beyond it, it is more than that."""
MINUTES = 60
RATE_MINUTES = 5
_LISTED = 50
# One look of anybody serves everybody for so many seconds.
_FRESH, _DAY_FRESH, _WORKERS_FRESH, _LARGE_FRESH = 2, 60, 10, 30
_LARGE = 20_000
REFUSED = frozenset({Kind.BOUNCED.value, Kind.REFUSED_US.value, Kind.TLS_NOT_MET.value})
DEFERRED = frozenset({Kind.DEFERRED.value, Kind.UNREACHABLE.value})


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one mailing has open. `due` and `later` are counted up to MOST + 1, and `uncertain` too."""

    due: int = 0
    later: int = 0
    held: int = 0
    uncertain: int = 0
    oldest: datetime | None = None
    next_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Handed:
    """Messages of one mailing handed over by one source to one provider with one outcome, in the last hour."""

    source_id: int
    provider_id: int | None
    mailing_id: int | None
    kind: str
    hour: int
    lately: int

    @property
    def is_refused(self) -> bool:
        """Whether the host said no, for good or to us."""
        return self.kind in REFUSED

    @property
    def is_deferred(self) -> bool:
        """Whether the host said not now, or nothing."""
        return self.kind in DEFERRED


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment. `sent` is what was accepted, by minute and mailing; `lanes` the first due of each lane."""

    at: datetime
    mailings: Sequence[int] = ()
    more_mailings: bool = False
    waiting: dict[int, Waiting] = field(default_factory=dict)
    batches: int = 0
    sent: dict[tuple[datetime, int | None], int] = field(default_factory=dict)
    handed: Sequence[Handed] = ()
    lanes: dict[tuple[int, int], datetime] = field(default_factory=dict)
    last_codes: dict[int, int] = field(default_factory=dict)


def snapshot() -> Snapshot:
    """What leaves now, at most two seconds old."""
    kept = _recall("sending:now")
    if isinstance(kept, Snapshot):
        return kept
    found = _look()
    _keep("sending:now", found, _FRESH)
    return found


def _look() -> Snapshot:
    now = timezone.now()
    mailings = list(
        Mailing.objects.filter(state__in=IN_HAND)
        .order_by("-started_at")
        .values_list("pk", flat=True)[: _LISTED + 1]
    )
    listed = mailings[:_LISTED]
    held, batches = _held()
    return Snapshot(
        at=now,
        mailings=listed,
        more_mailings=len(mailings) > _LISTED,
        waiting=_waiting(listed, held),
        batches=batches,
        sent=_sent(now),
        handed=_handed(now),
        lanes=_lanes(listed),
        last_codes=_last_codes(now),
    )


def _held() -> tuple[dict[int, int], int]:
    """How many messages workers hold, by mailing, and in how many batches."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT mailing_id, count(*), array_agg(DISTINCT lease_token) FROM delivery_message"
            " WHERE state IN ('claimed', 'attempting') GROUP BY mailing_id"
        )
        rows = cursor.fetchall()
    return {mailing: count for mailing, count, _ in rows}, len({token for *_, some in rows for token in some})


def _waiting(mailings: Sequence[int], held: dict[int, int]) -> dict[int, Waiting]:
    """What waits of each mailing: five short looks into the index of what waits, whatever its length."""
    up_to = "(SELECT count(*) FROM (SELECT 1 FROM delivery_message m WHERE m.mailing_id = g.id AND {} LIMIT %s) x)"
    first = (
        "(SELECT m.due FROM delivery_message m WHERE m.mailing_id = g.id AND m.state = 'queued' AND {}"
        " ORDER BY m.due LIMIT 1)"
    )
    parts = (
        up_to.format("m.state = 'queued' AND m.due <= now()"),
        up_to.format("m.state = 'queued' AND m.due > now()"),
        up_to.format("m.state = 'uncertain'"),
        first.format("m.due <= now()"),
        first.format("m.due > now()"),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT g.id, {', '.join(parts)} FROM unnest(%s::bigint[]) AS g(id)",  # noqa: S608 - our own words
            [MOST + 1, MOST + 1, MOST + 1, list(mailings)],
        )
        return {
            mailing: Waiting(due, later, held.get(mailing, 0), uncertain, oldest, next_due)
            for mailing, due, later, uncertain, oldest, next_due in cursor.fetchall()
        }


def _sent(now: datetime) -> dict[tuple[datetime, int | None], int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT minute, mailing_id, sum(messages) FROM delivery_tally WHERE minute > %s AND kind = %s"
            " GROUP BY minute, mailing_id",
            [now - timedelta(minutes=MINUTES), Kind.ACCEPTED.value],
        )
        return {(minute, mailing): int(count) for minute, mailing, count in cursor.fetchall()}


def _handed(now: datetime) -> list[Handed]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source_id, provider_id, mailing_id, kind, sum(messages),"
            " coalesce(sum(messages) FILTER (WHERE minute >= %s AND minute < %s), 0)"
            " FROM delivery_tally WHERE minute > %s GROUP BY source_id, provider_id, mailing_id, kind",
            [*_lately(now), now - timedelta(minutes=MINUTES)],
        )
        return [
            Handed(source, provider, mailing, kind, int(hour), int(lately))
            for source, provider, mailing, kind, hour, lately in cursor.fetchall()
        ]


def _lately(now: datetime) -> tuple[datetime, datetime]:
    """The last whole minutes, by which rates are told: the present one isn't over."""
    this = now.replace(second=0, microsecond=0)
    return this - timedelta(minutes=RATE_MINUTES), this


def _last_codes(now: datetime) -> dict[int, int]:
    """The code of the last reply that each source got in the last hour."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source_id, (array_agg(code ORDER BY id DESC))[1] FROM delivery_tally"
            " WHERE minute > %s AND code IS NOT NULL GROUP BY source_id",
            [now - timedelta(minutes=MINUTES)],
        )
        return {int(source): int(code) for source, code in cursor.fetchall()}


def _lanes(mailings: Sequence[int]) -> dict[tuple[int, int], datetime]:
    """When the first message of each lane is due, by one short look into the queue for each."""
    if not mailings:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.id, p.id, q.due FROM delivery_egress_source s CROSS JOIN delivery_provider p"
            " CROSS JOIN LATERAL (SELECT m.due FROM delivery_message m WHERE m.source_id = s.id"
            " AND m.provider_id = p.id AND m.state = 'queued' AND m.mailing_id = ANY(%s)"
            " ORDER BY m.due LIMIT 1) q",
            [list(mailings)],
        )
        return {(source, provider): due for source, provider, due in cursor.fetchall()}


def states(mailing_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """How many messages of each mailing are in which state. Large mailings are counted every half minute, not at each look."""
    found: dict[int, dict[str, int]] = {}
    missing = []
    for mailing_id in mailing_ids:
        kept = _recall(f"sending:states:{mailing_id}")
        if isinstance(kept, dict):
            found[mailing_id] = kept
        else:
            missing.append(mailing_id)
    counted: dict[int, dict[str, int]] = defaultdict(dict)
    if missing:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT mailing_id, state, count(*) FROM delivery_message WHERE mailing_id = ANY(%s)"
                " GROUP BY mailing_id, state",
                [missing],
            )
            for mailing_id, state, count in cursor.fetchall():
                counted[mailing_id][state] = count
    for mailing_id in missing:
        found[mailing_id] = counted[mailing_id]
        large = sum(counted[mailing_id].values()) > _LARGE
        _keep(f"sending:states:{mailing_id}", counted[mailing_id], _LARGE_FRESH if large else _FRESH)
    return found


def sent_in_a_day() -> dict[tuple[int, int | None], int]:
    """What each source got rid of in 24 hours, by mailing; counted once a minute."""
    kept = _recall("sending:day")
    if isinstance(kept, dict):
        return kept
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source_id, mailing_id, sum(messages) FROM delivery_tally WHERE minute > %s AND kind = %s"
            " GROUP BY source_id, mailing_id",
            [timezone.now() - timedelta(days=1), Kind.ACCEPTED.value],
        )
        found = {(source, mailing): int(count) for source, mailing, count in cursor.fetchall()}
    _keep("sending:day", found, _DAY_FRESH)
    return found


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers that answered, by queue, and when they were asked. `names` is None where the broker is away."""

    at: datetime
    names: Sequence[str] | None

    def of(self, name: str) -> int:
        """How many serve a queue."""
        return sum(each.partition("@")[0] == name for each in self.names or ())


def workers(*, call: bool = True) -> Workers | None:
    """Who answers a call to all workers, made at most every ten seconds: it takes half a second, for which a page that is only
    being opened doesn't wait. Without `call` None where nobody called of late.
    """
    kept = _recall("sending:workers")
    if isinstance(kept, Workers):
        return kept
    if not call:
        return None
    names = queue.workers()
    found = Workers(timezone.now(), names)
    _keep("sending:workers", found, _WORKERS_FRESH)
    return found


def room(pools: Sequence[IpPool]) -> dict[int, int] | None:
    """How many messages each pool could hand over this instant; None where Redis is away, and nothing is sent."""
    limits = [Limit(f"pool:{pool.pk}", pool.per_second, pool.burst) for pool in pools]
    try:
        return dict(zip([pool.pk for pool in pools], world.throttle().room(limits), strict=True))
    except redis.RedisError:
        return None


def pools() -> list[IpPool]:
    """All pools with their sources, marketing first."""
    return list(IpPool.objects.prefetch_related("entries__source").order_by("stream", "pk"))


def providers() -> list[Provider]:
    """All providers by name, the catch-all last."""
    return sorted(Provider.objects.all(), key=lambda each: (not each.is_known, each.name))


def sources() -> list[EgressSource]:
    """All source addresses."""
    return list(EgressSource.objects.order_by("pk"))


def _recall(key: str) -> object:
    try:
        return cache.get(key)
    except redis.RedisError:
        return None


def _keep(key: str, value: object, seconds: int) -> None:
    try:
        cache.set(key, value, seconds)
    except redis.RedisError:
        logger.warning("the cache is away")

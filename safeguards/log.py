"""Search of the whole audit log: rows by filters that combine, newest first; one row with its place in the chain.

These ask for no permission, which is the business of accounts, a floor above: those who call them have asked. Rows are ordered by
their time and, where that is the same, by their id: each filter has an index that gives them in that order.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Count, IntegerField, Max, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, ExtractHour, ExtractIsoWeekDay

from safeguards import audit
from safeguards.models import AuditEvent, AuditLink

Event = AuditEvent
"""A row as these functions give it, for those who have no business with the table."""

_PAGE = 2000
_SUNDAY = 7


@dataclass(frozen=True, slots=True)
class Hours:
    """Outside of what is usual: before `first`, from `last` on, or on a Sunday, by the clocks of a zone."""

    first: int
    last: int
    zone: str


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows are asked for; what is empty asks for all. `since` and `until` are aware, until excluded.

    `patient` is a pseudonym: rows about that person, of their own doing, and of batches in which they were named. `outcome`
    "not success" asks for what was refused or failed. `opened_table` and `opened_fields` are of openings: which table, and any
    of which fields. `batches` asks for openings of several records at once that name nobody.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor_kind: str = ""
    actor_id: str = ""
    actions: Collection[str] = ()
    outcome: str = ""
    target_kind: str = ""
    target_id: str = ""
    request_id: str = ""
    session_hash: str = ""
    ip: str = ""
    patient: str = ""
    opened_table: str = ""
    opened_fields: Collection[str] = ()
    batches: bool = False
    outside: Hours | None = None


_EXACT = ("actor_kind", "actor_id", "target_kind", "target_id", "request_id", "session_hash", "ip")


def _wanted(asked: RowFilter) -> Q:
    wanted = Q(**{name: value for name in _EXACT if (value := getattr(asked, name))})
    if asked.since:
        wanted &= Q(at__gte=asked.since)
    if asked.until:
        wanted &= Q(at__lt=asked.until)
    if asked.actions:
        wanted &= Q(action__in=asked.actions)
    if asked.outcome:
        refused = asked.outcome == "not success"
        wanted &= ~Q(outcome="success") if refused else Q(outcome=asked.outcome)
    if asked.patient:
        wanted &= about(asked.patient)
    if asked.opened_table:
        wanted &= Q(details__table=asked.opened_table)
    if asked.opened_fields:
        wanted &= Q(details__fields__has_any_keys=sorted(asked.opened_fields))
    if asked.batches:
        wanted &= Q(patient="", details__count__gt=1) & ~Q(details__has_key="patients")
    if asked.outside:
        wanted &= Q(hour__lt=asked.outside.first) | Q(hour__gte=asked.outside.last) | Q(day=_SUNDAY)
    return wanted


def _found(*asked: RowFilter) -> QuerySet[AuditEvent]:
    """The rows that one of some filters asks for; hours are by the clocks of one zone."""
    found = AuditEvent.objects.all()
    if zones := {each.outside.zone for each in asked if each.outside}:
        (name,) = zones
        zone = ZoneInfo(name)
        found = found.alias(hour=ExtractHour("at", tzinfo=zone), day=ExtractIsoWeekDay("at", tzinfo=zone))
    wanted = _wanted(asked[0])
    for each in asked[1:]:
        wanted |= _wanted(each)
    return found.filter(wanted)


def about(patient: str) -> Q:
    """Rows about a person (a pseudonym), of their own doing, and of pages of lists on which they stood."""
    # The key is asked for besides, so that the index of rows that name a batch's people is taken.
    named = Q(details__has_key="patients", details__patients__contains=patient)
    return Q(patient=patient) | Q(actor_kind="patient", actor_id=patient) | named


def page_of_rows(asked: RowFilter, *, after: int | None, limit: int) -> list[AuditEvent]:
    """A page of rows, newest first, behind the row of an id; with each row's link, where it has one already."""
    found = _found(asked)
    if after is not None:
        last = AuditEvent.objects.filter(pk=after).values_list("at", flat=True).first()
        if last is None:
            return []
        # The first condition says what the second does, in a form that an index can begin at.
        found = found.filter(at__lte=last).filter(Q(at__lt=last) | Q(pk__lt=after))
    return list(found.order_by("-at", "-pk")[:limit])


def count_of_rows(*asked: RowFilter, at_most: int) -> int:
    """How many rows one of some filters asks for, counted no further than one above `at_most`."""
    return _found(*asked).order_by()[: at_most + 1].count()


def all_rows(asked: RowFilter) -> Iterator[AuditEvent]:
    """All that is asked for, oldest first, in pages; each with its link, where it has one already."""
    found = _found(asked).select_related("link").order_by("at", "pk")
    page = list(found[:_PAGE])
    while page:
        yield from page
        at, pk = page[-1].at, page[-1].pk
        page = list(found.filter(at__gte=at).filter(Q(at__gt=at) | Q(pk__gt=pk))[:_PAGE])


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the chain: its sequence and hashes, and whether they are right as the row reads now.

    `follows` says that the link before it has the hash that this one builds on (None: it is the oldest that is kept), `leads`
    that the next one builds on this one (None: there is none yet).
    """

    sequence: int
    hash: str
    previous: str
    chained_at: datetime
    unchanged: bool
    follows: bool | None
    leads: bool | None

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong at this place."""
        return self.unchanged and self.follows is not False and self.leads is not False


def row(pk: int) -> AuditEvent | None:
    """One row of the log."""
    return AuditEvent.objects.filter(pk=pk).first()


def place_of(event: AuditEvent) -> Place | None:
    """Its place in the chain, checked now; None where it still waits for one."""
    link = AuditLink.objects.filter(event=event).first()
    if link is None:
        return None
    around = {
        each.sequence: each
        for each in AuditLink.objects.filter(sequence__in=(link.sequence - 1, link.sequence + 1))
    }
    before, behind = around.get(link.sequence - 1), around.get(link.sequence + 1)
    previous = bytes(link.previous)
    oldest = before is None and not AuditLink.objects.filter(sequence__lt=link.sequence).exists()
    follows = previous == bytes(before.hash) if before else None if oldest else False
    return Place(
        sequence=link.sequence,
        hash=bytes(link.hash).hex(),
        previous=previous.hex(),
        chained_at=link.chained_at,
        unchanged=audit.hash_of(event.pk, previous, link.sequence) == bytes(link.hash),
        follows=previous == audit.GENESIS if link.sequence == 1 else follows,
        leads=bytes(behind.previous) == bytes(link.hash) if behind else None,
    )


def of_request(event: AuditEvent, *, limit: int) -> list[AuditEvent]:
    """The other rows that one request left, oldest first."""
    if not event.request_id:
        return []
    found = AuditEvent.objects.filter(request_id=event.request_id).exclude(pk=event.pk)
    return list(found.order_by("at", "pk")[:limit])


def of_session(event: AuditEvent, *, each: int) -> list[AuditEvent]:
    """What the same session did just before and just after, newest first; the row itself is left away."""
    if not event.session_hash:
        return []
    found = AuditEvent.objects.filter(session_hash=event.session_hash).exclude(pk=event.pk)
    if event.request_id:
        found = found.exclude(request_id=event.request_id)
    after = found.filter(at__gte=event.at).order_by("at", "pk")[:each]
    before = found.filter(at__lt=event.at).order_by("-at", "-pk")[:each]
    return [*reversed(list(after)), *before]


def seen_lately(
    *,
    actor_id: str,
    session_hash: str,
    action: str,
    patient: str,
    filters: Mapping[str, str],
    since: datetime,
) -> bool:
    """Whether somebody looked at the same in the same session since then: so that turning a page is no new look."""
    found = AuditEvent.objects.filter(
        actor_kind="user",
        actor_id=actor_id,
        at__gte=since,
        action=action,
        session_hash=session_hash,
        patient=patient,
        details__filters=dict(filters),
    )
    return found.exists()


def openers_of(patient: str, *, table: str, since: datetime | None = None) -> list[tuple[str, int]]:
    """Who of the staff opened a person's record, alone or on a page of a list, and how often; the most frequent first."""
    found = (
        AuditEvent.objects.filter(about(patient), actor_kind="user", action="phi.revealed")
        .filter(details__table=table, **({"at__gte": since} if since else {}))
        .values("actor_id")
        .annotate(times=Count("pk"), name=Max("actor_display"))
        .order_by("-times", "actor_id")
    )
    return [(each["name"], each["times"]) for each in found[:50]]


def oldest_at() -> datetime | None:
    """When the log begins."""
    return AuditEvent.objects.order_by("at").values_list("at", flat=True).first()


Span = tuple[datetime, datetime]


def counts_between(asked: RowFilter, spans: Sequence[Span]) -> list[int]:
    """How many rows there are in each of some spans of time, which follow one another, the newest first."""
    counts = {
        f"in_{number}": Count("pk", filter=Q(at__gte=since, at__lt=until))
        for number, (since, until) in enumerate(spans)
    }
    found = _found(asked).filter(at__gte=spans[-1][0], at__lt=spans[0][1]).aggregate(**counts)
    return [found[name] for name in counts]


@dataclass(frozen=True, slots=True)
class Opener:
    """Somebody on the staff: how many records they opened in each span, and in how many goes in the first of them."""

    actor_id: str
    name: str
    records: list[int]
    openings: int


def records_by_person(spans: Sequence[Span], *, table: str) -> list[Opener]:
    """What each of the staff opened of a table, who opened most in the first span first."""
    opened = RowFilter(actor_kind="user", actions=("phi.revealed",), opened_table=table)
    within = [Q(at__gte=since, at__lt=until) for since, until in spans]
    sums = {f"in_{number}": Coalesce(Sum("records", filter=each), 0) for number, each in enumerate(within)}
    found = (
        _found(opened)
        .filter(at__gte=spans[-1][0], at__lt=spans[0][1])
        .annotate(records=Cast(KeyTextTransform("count", "details"), IntegerField()))
        .values("actor_id")
        .annotate(name=Max("actor_display"), openings=Count("pk", filter=within[0]), **sums)
        .order_by("-in_0", "actor_id")
    )
    return [
        Opener(each["actor_id"], each["name"], [each[name] for name in sums], each["openings"])
        for each in found
    ]


def was_recorded(action: str, *, target: models.Model, details: Mapping[str, str]) -> bool:
    """Whether the log has a row of this act on this thing with these details: what was signed stands there too."""
    return AuditEvent.objects.filter(
        action=action,
        target_kind=target._meta.label_lower,
        target_id=str(target.pk),
        details__contains=dict(details),
    ).exists()

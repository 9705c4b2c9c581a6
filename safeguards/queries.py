"""Reads of the audit log: who opened, took away or was refused what; and how far the chain has come. Never a value of a patient.

These ask for no permission, which is the business of accounts, a floor above: those who call them have asked.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from safeguards import audit
from safeguards.models import AuditEvent, AuditLink


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are asked for. `actor_id` is a person's id or a system part's name; None asks for everybody.

    `since` and `until` are aware, until excluded.
    """

    actions: Collection[str]
    actor_kind: str = ""
    actor_id: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


def _events(asked: EventFilter) -> QuerySet[AuditEvent]:
    found = AuditEvent.objects.filter(action__in=asked.actions)
    if asked.actor_kind:
        found = found.filter(actor_kind=asked.actor_kind)
    if asked.actor_id:
        found = found.filter(actor_id=asked.actor_id)
    if asked.outcome:
        found = found.filter(outcome=asked.outcome)
    if asked.since:
        found = found.filter(at__gte=asked.since)
    if asked.until:
        found = found.filter(at__lt=asked.until)
    return found


def page_of_events(asked: EventFilter, *, before: int | None, limit: int) -> list[AuditEvent]:
    """A page of events, newest first, behind an event's id."""
    found = _events(asked)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def all_events(asked: EventFilter, *, after: int = 0) -> Iterator[AuditEvent]:
    """All that is asked for, oldest first, in pages; of those behind an event's id."""
    last = after
    while page := list(_events(asked).filter(pk__gt=last).order_by("pk")[:2000]):
        yield from page
        last = page[-1].pk


def count_of_events(asked: EventFilter) -> int:
    """How many there are."""
    return _events(asked).count()


@dataclass(frozen=True, slots=True)
class ChainState:
    """How many rows have their place in the chain, how many wait for it, and when the last one got it (None: none yet)."""

    chained: int
    waiting: int
    last_at: datetime | None


def chain_state() -> ChainState:
    """How far the chain has come. It tells how many rows it covers, not that none was changed: `audit verify` does."""
    last = AuditLink.objects.order_by("-sequence").first()
    return ChainState(last.sequence if last else 0, audit.unchained(), last.chained_at if last else None)


@dataclass(frozen=True, slots=True)
class AnchorState:
    """The last anchor that the log names: its number, when it was written and the sequence it covers (None and 0: none yet).

    `problem` is the operating system's word for why the store took nothing, where it took nothing since; `overdue` says that the
    last one is older than thirty minutes. Either way the log's end is unprotected, and somebody should look.
    """

    number: int
    sequence: int
    at: datetime | None
    problem: str
    overdue: bool


def anchor_state() -> AnchorState:
    """How the anchors outside the database stand, as far as the log tells. Whether they agree with it `audit verify` says."""
    taken = _newest("audit.anchored")
    failed = _newest("audit.anchor_failed")
    stuck = failed is not None and (taken is None or taken.at < failed.at)
    return AnchorState(
        number=taken.details.get("number", 0) if taken else 0,
        sequence=taken.details.get("sequence", 0) if taken else 0,
        at=taken.at if taken else None,
        problem=failed.details.get("code", "unknown") if failed and stuck else "",
        overdue=taken is None or taken.at < timezone.now() - audit.SILENCE,
    )


def _newest(action: str) -> AuditEvent | None:
    return AuditEvent.objects.filter(action=action).order_by("-at").first()


def last_taken(kind: str, limit: int) -> list[AuditEvent]:
    """The exports of one kind of evidence, newest first."""
    return list(
        AuditEvent.objects.filter(action="evidence.exported", details__kind=kind).order_by("-at", "-pk")[
            :limit
        ]
    )


def events_of_person(patient: str, actions: Collection[str], *, limit: int) -> list[AuditEvent]:
    """The newest events of some kinds about one person (a pseudonym), newest first: by the index of patients, whatever the log's
    length."""
    found = AuditEvent.objects.filter(patient=patient, action__in=actions)
    return list(found.order_by("-at", "-pk")[:limit])

"""The audit door: every row that says who did what is written here, and nowhere else.

Rows are inserted in the caller's transaction, unchained, so that no long import blocks anybody. One chainer, at most about a
second behind, gives each committed row its sequence and hash. [164.312(b); BEHAVIOURS F1, F2]
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from django.db import connection, connections, models, transaction
from django.utils import timezone

from safeguards.actor import Actor
from safeguards.models import AuditEvent, AuditLink

_declared: dict[str, frozenset[str]] = {}

_COLUMNS = (
    "at",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_display",
    "session_hash",
    "method",
    "factor",
    "ip",
    "user_agent",
    "target_kind",
    "target_id",
    "patient",
    "purpose",
    "reason",
    "details",
    "request_id",
    "version",
)
# Asked each second: what the last chained row's place tells keeps it from looking at every row ever written.
_UNCHAINED = """
SELECT e.* FROM safeguards_audit_event e
WHERE (e.id > %s OR e.xid >= %s::text::xid8) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
AND NOT EXISTS (SELECT 1 FROM safeguards_audit_link l WHERE l.event_id = e.id)
ORDER BY e.xid, e.id LIMIT %s
"""
_WAITING = """
SELECT count(*) FROM safeguards_audit_event e WHERE (e.id > %s OR e.xid >= %s::text::xid8)
AND NOT EXISTS (SELECT 1 FROM safeguards_audit_link l WHERE l.event_id = e.id)
"""
GENESIS = hashlib.sha256(b"wellsent audit chain").digest()
UNCHAINED_LIMIT = timedelta(minutes=1)


class Undeclared(Exception):
    """The action's name or one of its details was never declared: a typing mistake would hide an act from every filter."""


def declare(action: str, *details: str) -> None:
    """Make an action known, with the names its details may have. Details carry ids and counts, never patients' values."""
    _declared[action] = frozenset(details)


def declared() -> list[str]:
    """Every declared action, sorted."""
    return sorted(_declared)


def _row(
    action: str,
    actor: Actor,
    target: models.Model | None,
    patient: str,
    purpose: str,
    outcome: str,
    reason: str,
    details: Mapping[str, Any] | None,
) -> AuditEvent:
    if action not in _declared:
        raise Undeclared(action)
    given = dict(details or {})
    if unknown := set(given) - _declared[action]:
        raise Undeclared(f"{action}: {sorted(unknown)}")
    if outcome not in {"success", "failure", "denied"}:
        raise ValueError(outcome)
    return AuditEvent(
        at=timezone.now(),
        action=action,
        outcome=outcome,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_display=actor.display[:200],
        session_hash=actor.session_hash,
        method=actor.method,
        factor=actor.factor,
        ip=actor.ip,
        user_agent=actor.user_agent[:300],
        target_kind=target._meta.label_lower if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        patient=patient,
        purpose=purpose[:200],
        reason=reason[:300],
        details=given,
        request_id=actor.request_id,
    )


def record(
    action: str,
    *,
    actor: Actor,
    target: models.Model | None = None,
    patient: str = "",
    purpose: str = "",
    outcome: str = "success",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Write one row in the present transaction: the act and its evidence stand or fall together.

    `patient` is a pseudonym (hexadecimal person key). Raises Undeclared for an unknown action or detail.
    """
    event = _row(action, actor, target, patient, purpose, outcome, reason, details)
    event.save(force_insert=True)
    return event


def record_apart(
    action: str,
    *,
    actor: Actor,
    target: models.Model | None = None,
    patient: str = "",
    purpose: str = "",
    outcome: str = "denied",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write one row on a connection of its own, for refusals and failures whose transaction is about to be rolled back."""
    event = _row(action, actor, target, patient, purpose, outcome, reason, details)
    values = [getattr(event, name) for name in _COLUMNS]
    values[_COLUMNS.index("details")] = json.dumps(event.details)
    columns, marks = ", ".join(_COLUMNS), ", ".join(["%s"] * len(_COLUMNS))
    with closing(connections.create_connection("default")) as apart, apart.cursor() as cursor:
        cursor.execute(f"INSERT INTO safeguards_audit_event ({columns}) VALUES ({marks})", values)  # noqa: S608 - our own columns


def canonical(event: AuditEvent) -> bytes:
    """The event's bytes under the hash: JSON with sorted keys, no white space, times in UTC (the RFC 8785 form of our types)."""
    fields: dict[str, Any] = {name: getattr(event, name) for name in _COLUMNS}
    fields["at"] = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    fields["id"] = event.pk
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def link_hash(previous: bytes, sequence: int, event: AuditEvent) -> bytes:
    """SHA-256 over the hash before, the sequence, and the event."""
    return hashlib.sha256(previous + sequence.to_bytes(8, "big") + canonical(event)).digest()


def chain(limit: int = 5000) -> int:
    """Give committed rows their sequence and hash; returns how many. One chainer at a time; others return 0 at once.

    Only rows below `pg_snapshot_xmin` are taken, in the order of their transactions, so none that commits late is passed over:
    whatever is still to be chained was written by the last chained row's transaction, by a later one, or, where a copy of the
    database counts its transactions anew, under a greater id. So a long log costs a look at its end alone.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('safeguards.audit.chain'))")
        if not cursor.fetchone()[0]:
            return 0
        last = AuditLink.objects.order_by("-sequence").first()
        sequence, previous = (last.sequence, bytes(last.hash)) if last else (0, GENESIS)
        event_id, xid = _last_chained(last)
        events = AuditEvent.objects.raw(_UNCHAINED, [event_id, xid, limit])
        links, now = [], timezone.now()
        for event in events:
            sequence += 1
            previous, before = link_hash(previous, sequence, event), previous
            links.append(
                AuditLink(sequence=sequence, event=event, previous=before, hash=previous, chained_at=now)
            )
        AuditLink.objects.bulk_create(links)
    return len(links)


def _last_chained(last: AuditLink | None) -> tuple[int, str]:
    # Read first: the planner knows that few rows are above a number, and guesses a third above what it doesn't know.
    event_id = last.event_id if last else 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT xid::text FROM safeguards_audit_event WHERE id = %s", [event_id])
        return event_id, found[0] if (found := cursor.fetchone()) else "0"


def unchained() -> int:
    """How many committed rows wait for their place in the chain; a look at the log's end alone, as `chain` takes."""
    event_id, xid = _last_chained(AuditLink.objects.order_by("-sequence").first())
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [event_id, xid])
        count: int = cursor.fetchone()[0]
        return count


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the log: what, and at which sequence or event."""

    what: str
    where: int


_TOLD_EACH = 10_000


def verify(*, progress: Callable[[int], None] | None = None) -> Iterator[Finding]:
    """Walk the whole chain and yield what is wrong: an edited, removed or inserted row, a gap, or a row long unchained.

    `progress` is told now and then how many rows have been walked.

    A cut tail and a wholly rewritten chain show only against anchors kept outside the database.
    """
    previous, expected = GENESIS, 0
    for link in AuditLink.objects.select_related("event").order_by("sequence").iterator(chunk_size=2000):
        expected += 1
        if progress is not None and expected % _TOLD_EACH == 0:
            progress(expected)
        if link.sequence != expected:
            yield Finding("a link is missing before", link.sequence)
            expected = link.sequence
        if bytes(link.previous) != previous:
            yield Finding("the chain is broken at", link.sequence)
        if link_hash(bytes(link.previous), link.sequence, link.event) != bytes(link.hash):
            yield Finding("the event was changed at", link.sequence)
        previous = bytes(link.hash)
    late = AuditEvent.objects.filter(link=None, at__lt=timezone.now() - UNCHAINED_LIMIT)
    for event_id in late.order_by("id").values_list("id", flat=True)[:1000]:
        yield Finding("unchained for over a minute: event", event_id)

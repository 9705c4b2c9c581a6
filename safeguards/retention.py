"""How long the audit log is kept: six years at least, longer under a legal hold, and what was removed leaves a signed manifest.

Purging is done at the console by the owner of the tables; the application's role can't. [45 CFR 164.316(b)(2)(i); BEHAVIOURS F3]
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from safeguards import anchoring, audit
from safeguards.actor import Actor
from safeguards.audit import anchors, folder
from safeguards.audit.anchors import AnchorStore, Entry
from safeguards.queries import EventFilter, all_events

audit.declare("audit.held")
audit.declare("audit.hold_released", hold=int)
audit.declare("audit.purged", number=int, sequence=int, rows=int)

_TABLES = ("safeguards_audit_event", "safeguards_audit_link")


class NotPurged(Exception):
    """Nothing was removed; the message says why."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold that stands: nothing is removed before it is released."""

    number: int
    at: datetime
    by: str
    reason: str


def holds() -> list[Hold]:
    """The holds that stand, oldest first. They are rows of the log itself, so none can be lifted without a trace."""
    released = {event.details.get("hold") for event in all_events(EventFilter(("audit.hold_released",)))}
    return [
        Hold(event.pk, event.at, event.actor_display, event.reason)
        for event in all_events(EventFilter(("audit.held",)))
        if event.pk not in released
    ]


def hold(*, actor: Actor, reason: str) -> Hold:
    """Keep everything until further notice, for a lawsuit or an investigation. Raises ValueError without a reason."""
    if not reason.strip():
        raise ValueError("say what the log is held for")
    event = audit.record("audit.held", actor=actor, reason=reason.strip())
    return Hold(event.pk, event.at, event.actor_display, event.reason)


def release(*, actor: Actor, number: int, reason: str) -> None:
    """End a hold. Raises ValueError without a reason, or where no such hold stands."""
    if not reason.strip():
        raise ValueError("say why the hold ends")
    if number not in {each.number for each in holds()}:
        raise ValueError(f"no hold {number} stands")
    audit.record("audit.hold_released", actor=actor, reason=reason.strip(), details={"hold": number})


def kept_since() -> datetime:
    """What is younger than this is never removed."""
    return timezone.now() - timedelta(days=365.25 * settings.AUDIT_YEARS)


def purge(*, actor: Actor, before: datetime, store: AnchorStore | None = None) -> Entry:
    """Remove what was anchored before a day (aware), oldest first, up to an anchor; returns the manifest that stands for it.

    The manifest names the last link that goes, so that the chain goes on from it and all else is still verified. Refused with
    NotPurged for what isn't old enough, under a hold, where `verify` finds anything, where no anchor is old enough, and for a
    role that doesn't own the tables. Writers wait meanwhile. Raises OSError, and removes nothing, where the store takes no
    manifest.
    """
    store = store or folder.store()
    _refuse_too_young(before)
    if standing := holds():
        raise NotPurged(f"hold {standing[0].number} stands: {standing[0].reason}")
    if found := audit.examine(store).findings:
        raise NotPurged(f"`audit verify` has {len(found)} findings; a log in doubt is kept whole")
    border = _border(store, before)
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        for name in ("safeguards.audit.chain", "safeguards.audit.anchor"):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
        cursor.execute(
            "SELECT bool_and(pg_has_role(current_user, relowner, 'USAGE')) FROM pg_class WHERE relname = ANY(%s)",
            [list(_TABLES)],
        )
        if not cursor.fetchone()[0]:
            raise NotPurged("DATABASE_OWNER_URL must name the role that owns the tables")
        cursor.execute(
            "SELECT count(*), min(l.sequence), min(e.at), max(e.at) FROM safeguards_audit_link l"
            " JOIN safeguards_audit_event e ON e.id = l.event_id WHERE l.sequence <= %s",
            [border.sequence],
        )
        rows, first, since, until = cursor.fetchone()
        manifest = anchoring.put(
            store,
            anchors.PURGED,
            sequence=border.sequence,
            hash=bytes.fromhex(border.hash),
            count=rows,
            more={
                "first": first,
                "since": since.isoformat(),
                "until": until.isoformat(),
                "by": actor.display[:200],
            },
        )
        _remove(border.sequence)
    audit.record(
        "audit.purged",
        actor=actor,
        details={"number": manifest.number, "sequence": manifest.sequence, "rows": rows},
    )
    return manifest


def _refuse_too_young(before: datetime) -> None:
    if before > kept_since():
        raise NotPurged(
            f"the log is kept for {settings.AUDIT_YEARS} years: nothing after {kept_since():%Y-%m-%d} may go"
        )


def _border(store: AnchorStore, before: datetime) -> Entry:
    """The last anchor before the day, of those that cover something which is still there."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(min(sequence), 0), coalesce(max(sequence), 0) FROM safeguards_audit_link"
        )
        first, last = cursor.fetchone()
    found = [
        entry
        for entry in _anchors(store)
        # The last link stays: the chain goes on from it.
        if entry.at < before and first <= entry.sequence < last
    ]
    if not found:
        raise NotPurged(f"no anchor from before {before:%Y-%m-%d} covers anything that is still there")
    return found[-1]


def _anchors(store: AnchorStore) -> Iterator[Entry]:
    # `verify` has found nothing, so each of them is signed and agrees with the log.
    for _place, line in store.lines():
        if (entry := anchors.read(line)) and entry.kind == anchors.ANCHOR:
            yield entry


def _remove(upto: int) -> None:
    with connections["owner"].cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        cursor.execute("DELETE FROM safeguards_audit_link WHERE sequence <= %s RETURNING event_id", [upto])
        gone = [row[0] for row in cursor.fetchall()]
        cursor.execute("DELETE FROM safeguards_audit_event WHERE id = ANY(%s)", [gone])
        # What is checked at the transaction's end would keep the triggers from being switched on again.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in _TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER append_only")

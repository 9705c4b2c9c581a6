"""The chain: one chainer, at most about a second behind, gives each committed row its sequence and its hash."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from safeguards.audit import canonical

GENESIS = hashlib.sha256(b"wellsent audit chain").digest()

# Asked each second: what the last chained row's place tells keeps it from looking at every row ever written.
_UNCHAINED = f"""
SELECT {canonical.SELECTED.format("e")} FROM safeguards_audit_event e
WHERE (e.id > %s OR e.xid >= %s::text::xid8) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
AND NOT EXISTS (SELECT 1 FROM safeguards_audit_link l WHERE l.event_id = e.id)
ORDER BY e.xid, e.id LIMIT %s
"""  # noqa: S608 - our own columns
_WAITING = """
SELECT count(*) FROM safeguards_audit_event e WHERE (e.id > %s OR e.xid >= %s::text::xid8)
AND NOT EXISTS (SELECT 1 FROM safeguards_audit_link l WHERE l.event_id = e.id)
"""
# As arrays: five placeholders a link would cost more than its hash.
_LINK = """
INSERT INTO safeguards_audit_link (sequence, event_id, previous, hash, chained_at)
SELECT u.sequence, u.event, u.previous, u.hash, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[]) AS u (sequence, event, previous, hash)
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: the last link's sequence and hash, and the event that it stands for. An empty chain ends at 0."""

    sequence: int
    hash: bytes
    event_id: int
    xid: str


def link_hash(previous: bytes, sequence: int, event: bytes) -> bytes:
    """SHA-256 over the hash before, the sequence, and the event's canonical bytes."""
    return hashlib.sha256(previous + sequence.to_bytes(8, "big") + event).digest()


def hash_of(event_id: int, previous: bytes, sequence: int) -> bytes:
    """The hash that one event has behind another link now, as its row stands; empty where there is no such event."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {canonical.SELECTED.format('e')} FROM safeguards_audit_event e WHERE e.id = %s",  # noqa: S608 - our own columns
            [event_id],
        )
        found = cursor.fetchone()
    return link_hash(previous, sequence, canonical.event(found)) if found else b""


def head() -> Head:
    """Where the chain ends now."""
    # Read first: the planner knows that few rows are above a number, and guesses a third above what it doesn't know.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.sequence, l.hash, l.event_id, e.xid::text FROM safeguards_audit_link l"
            " LEFT JOIN safeguards_audit_event e ON e.id = l.event_id ORDER BY l.sequence DESC LIMIT 1"
        )
        found = cursor.fetchone()
    return Head(found[0], bytes(found[1]), found[2], found[3] or "0") if found else Head(0, GENESIS, 0, "0")


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
        last = head()
        cursor.execute(_UNCHAINED, [last.event_id, last.xid, limit])
        rows = cursor.fetchall()
        if rows:
            cursor.execute(_LINK, [timezone.now(), *_linked(last, rows)])
    return len(rows)


def _linked(
    last: Head, rows: Sequence[Sequence[Any]]
) -> tuple[list[int], list[int], list[bytes], list[bytes]]:
    sequences, events, befores, hashes = [], [], [], []
    previous, sequence = last.hash, last.sequence
    for row in rows:
        sequence += 1
        sequences.append(sequence)
        events.append(int(row[-1]))
        befores.append(previous)
        previous = link_hash(previous, sequence, canonical.event(row))
        hashes.append(previous)
    return sequences, events, befores, hashes


def unchained() -> int:
    """How many committed rows wait for their place in the chain; a look at the log's end alone, as `chain` takes."""
    last = head()
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [last.event_id, last.xid])
        count: int = cursor.fetchone()[0]
        return count

"""The evidence of delivery under the audit chain: one digest for each batch of attempts and of what came back. [BEHAVIOURS F2]

Millions of rows would drown a log that people read, so they stand in tables of their own, and the log gets one row for each
batch: which ids, how many rows, and the SHA-256 over all of them. What is changed, taken out or put in afterwards no longer
agrees with the chain, and `audit verify` tells. What is younger than the last digest, the database's triggers alone protect.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from accounts import access
from safeguards import audit
from safeguards.audit import canonical
from safeguards.queries import EventFilter, all_events

audit.declare(
    "delivery.evidence_digested",
    table=("delivery_attempt", "delivery_message_event"),
    after=int,
    upto=int,
    rows=int,
    sha256=audit.DIGEST,
)

BATCH = 50_000
_DIGESTED = "delivery.evidence_digested"
_PATIENCE, _PAGE = 10.0, 5_000
# Every column, in the order in which it is hashed. Another column needs another name for the table's digest.
_COLUMNS = {
    "delivery_attempt": (
        "id, at, mailing_id, message_id, notice_id::text, kind, host(source_address), mx_host, host(mx_address), tls_version,"
        " tls_cipher, tls_verified, code, enhanced, reply"
    ),
    "delivery_message_event": "id, at, mailing_id, message_id, kind, link_number, network",
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a table with ids above `after` up to `upto`: how many, and the SHA-256 over them."""

    table: str
    after: int
    upto: int
    rows: int
    sha256: str


def digest(table: str, after: int, upto: int) -> Batch:
    """Hash the rows as they are now: each as canonical JSON on a line of its own, by id."""
    hashed, count = hashlib.sha256(), 0
    with connection.cursor() as cursor:
        for row in _rows(cursor, table, after, upto):
            hashed.update(canonical.encoded([_plain(value) for value in row]) + b"\n")
            count += 1
    return Batch(table, after, upto, count, hashed.hexdigest())


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def _rows(cursor: CursorWrapper, table: str, after: int, upto: int) -> Iterator[tuple[Any, ...]]:
    query = f"SELECT {_COLUMNS[table]} FROM {table} WHERE id > %s AND id <= %s ORDER BY id LIMIT %s"  # noqa: S608 - our own names
    while True:
        cursor.execute(query, [after, upto, _PAGE])
        page = cursor.fetchall()
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def digest_new() -> list[Batch]:
    """Put what is new and can't change any more under the chain; returns the batches. One at a time; others return at once.

    Ids are drawn before rows are committed, so a batch ends at an id that was there when every transaction of that moment has
    ended: none with a lower id can still come. Where one runs on for long, the next sweep tries again.
    """
    ends = {table: _highest(table) for table in _COLUMNS}
    if not _settled():
        return []
    done: list[Batch] = []
    for table, end in ends.items():
        with transaction.atomic():
            if not _mine():
                return done
            after = _digested_upto(table)
            while after < end:
                upto = _border(table, after, end)
                batch = digest(table, after, upto)
                audit.record(
                    _DIGESTED,
                    actor=access.system("delivery"),
                    details={
                        "table": table,
                        "after": after,
                        "upto": upto,
                        "rows": batch.rows,
                        "sha256": batch.sha256,
                    },
                )
                done.append(batch)
                after = upto
    return done


def _mine() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('delivery.evidence'))")
        return bool(cursor.fetchone()[0])


def _highest(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608 - our own names
        return int(cursor.fetchone()[0])


def _border(table: str, after: int, end: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {table} WHERE id > %s AND id <= %s ORDER BY id OFFSET %s LIMIT 1",  # noqa: S608 - our own names
            [after, end, BATCH - 1],
        )
        return int(found[0]) if (found := cursor.fetchone()) else end


def _settled() -> bool:
    """Wait until every transaction of a moment from now has ended; false where that takes too long.

    The moment is a little later than the ends were read: whoever had drawn an id by then has begun to write its row.
    """
    time.sleep(0.5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        border = cursor.fetchone()[0]
        until = time.monotonic() + _PATIENCE
        while True:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::text::xid8", [border])
            if cursor.fetchone()[0]:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.25)


def _digested_upto(table: str) -> int:
    said = (batch for _event, batch in _recorded(0) if batch)
    return max((batch.upto for batch in said if batch.table == table), default=0)


def _recorded(after_event: int) -> Iterator[tuple[int, Batch | None]]:
    """The digests in the log, each with its event's id; None for a row that didn't come by the audit door."""
    for event in all_events(EventFilter((_DIGESTED,)), after=after_event):
        try:
            told = audit.checked(_DIGESTED, event.details)
            batch = Batch(told["table"], told["after"], told["upto"], told["rows"], told["sha256"])
        except (audit.Undeclared, KeyError):
            batch = None
        yield event.pk, batch


def check(after_event: int) -> Iterator[audit.Finding]:
    """Hold the rows against the digests in the log, of those recorded behind an event (0: all)."""
    ends: dict[str, int] = {}
    for event_id, said in _recorded(after_event):
        if said is None:
            yield audit.Finding("a digest that delivery didn't write: event", event_id, "evidence")
            continue
        if ends.get(said.table, said.after if after_event else 0) != said.after:
            yield audit.Finding(f"digests of {said.table} leave a gap before id", said.after, "evidence")
        ends[said.table] = said.upto
        found = digest(said.table, said.after, said.upto)
        if found != said:
            more = f"up to {said.upto}; {said.rows} rows were digested, {found.rows} are there"
            yield audit.Finding(f"rows of {said.table} were changed behind id", said.after, "evidence", more)

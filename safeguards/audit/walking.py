"""Reading the chain fast: a stretch of links with their events, each hashed anew, on a connection of its own.

Nothing here knows the framework, so that several processes can share the work. A million rows are read as plain columns in pages;
one model instance a row would take longer than its hash.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from safeguards.audit import canonical
from safeguards.audit.chaining import GENESIS, link_hash

PAGE = 5_000
STRETCH = 25_000
_PAGE = f"""
SELECT l.sequence, l.previous, l.hash, {canonical.SELECTED.format("e")}
FROM safeguards_audit_link l LEFT JOIN safeguards_audit_event e ON e.id = l.event_id
WHERE l.sequence > %s AND l.sequence <= %s ORDER BY l.sequence LIMIT {PAGE}
"""  # noqa: S608 - our own columns
_BEFORE = (
    "SELECT sequence, hash FROM safeguards_audit_link WHERE sequence <= %s ORDER BY sequence DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the log: what, and at which sequence, event or anchor. `code` is for programs."""

    what: str
    where: int
    code: str = "changed"
    more: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.where}{f': {self.more}' if self.more else ''}"


@dataclass(frozen=True, slots=True)
class Start:
    """What a walk begins behind: a sequence and the hash that the link there has, or had before it was purged."""

    sequence: int = 0
    hash: bytes = GENESIS


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the chain: links above `after` up to `upto`; `start` is what the whole walk begins behind."""

    after: int
    upto: int
    start: Start


def connected(parameters: Mapping[str, Any]) -> "Connection[Any]":
    """A connection for reading, with times in UTC."""
    connection = psycopg.connect(**parameters, autocommit=True)
    connection.execute("SET timezone TO 'UTC'")
    return connection


def walk(connection: "Connection[Any]", stretch: Stretch) -> tuple[int, list[Finding]]:
    """How many links of a stretch were looked at, and what is wrong with them."""
    sequence, previous = stretch.start.sequence, stretch.start.hash
    if stretch.after > sequence:
        before = connection.execute(_BEFORE, [stretch.after], binary=True).fetchone()
        if before and before[0] > sequence:
            sequence, previous = before[0], bytes(before[1])
    found: list[Finding] = []
    seen = 0
    rows = _rows(connection, stretch)
    while True:
        try:
            row = next(rows, None)
        except psycopg.DataError:
            # A time beyond the calendar, or the like: nothing that was ever written by us.
            found.append(Finding("rows can't be read behind", sequence, "unreadable"))
            break
        if row is None:
            break
        seen += 1
        at, before_it, stood = row[0], row[1], row[2]
        if at != sequence + 1:
            found.append(_missing(sequence + 1, at))
        # Where links are missing the chain is broken as well; that is said once.
        elif before_it != previous:
            found.append(Finding("the chain is broken at", at, "broken"))
        if row[-1] is None:
            found.append(Finding("the event is missing of", at, "missing"))
        else:
            event = canonical.event(row[3:])
            if link_hash(before_it, at, event) != stood:
                found.append(Finding("the event was changed at", at))
            if canonical.unfit(event):
                found.append(Finding("a row that the audit door didn't write at", at, "unfit"))
        sequence, previous = at, stood
    return seen, found


def _missing(first: int, at: int) -> Finding:
    more = f"{at - first} in all" if at - first > 1 else ""
    return Finding("a link is missing before", at, "missing", more)


def _rows(connection: "Connection[Any]", stretch: Stretch) -> Iterator[tuple[Any, ...]]:
    after = stretch.after
    with connection.cursor(binary=True) as cursor:
        while page := cursor.execute(_PAGE, [after, stretch.upto]).fetchall():
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1][0]

"""A log to attack: rows as the product writes them, chained and anchored in a folder of the test's own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connections

from safeguards import anchoring, audit
from safeguards.audit.folder import Folder
from safeguards.audit.verifying import Report
from tests import cast

audit.declare("test.happened", count=int)

INSERT = (
    "INSERT INTO safeguards_audit_event (at, action, outcome, actor_kind, actor_id, actor_display, session_hash, method,"
    " factor, user_agent, target_kind, target_id, patient, purpose, reason, details, request_id, version) VALUES"
    " (now(), 'test.happened', 'success', 'system', 'forger', '', '', '', '', '', '', '', '', '', '', '{}', '', 2)"
)
TABLES = ("safeguards_audit_event", "safeguards_audit_link")


def happen(times: int = 1) -> None:
    """So many rows, each in a transaction of its own."""
    for number in range(times):
        audit.record("test.happened", actor=cast.actor(cast.dana()), details={"count": number})


def chained() -> None:
    """Chain all that is there. A transaction of another database on the server can hold a row back for a moment."""
    until = time.monotonic() + 20
    while audit.unchained():
        audit.chain()
        assert time.monotonic() < until


def written(folder: Path, *, anchored: int = 3, each: int = 4) -> Folder:
    """A log of several anchors with rows between them, and its head noted."""
    store = Folder(folder)
    for _ in range(anchored):
        happen(each)
        chained()
        anchoring.take(store)
    happen(2)
    chained()
    anchoring.note_head(store)
    return store


def codes(report: Report) -> list[str]:
    """What was found, by its codes."""
    return sorted({finding.code for finding in report.findings})


@contextmanager
def as_owner() -> Iterator[None]:
    """Whoever owns the tables switches the triggers off, and on again afterwards."""
    for what in ("DISABLE", "ENABLE"):
        with connections["owner"].cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"ALTER TABLE {table} {what} TRIGGER USER")
        if what == "DISABLE":
            yield


def sql(statement: str, *values: object, role: str = "owner") -> int:
    """Run one statement as a role; returns how many rows it touched."""
    with connections[role].cursor() as cursor:
        cursor.execute(statement, values or None)
        return int(cursor.rowcount)

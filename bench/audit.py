"""The audit log: rows appended by eight clients while the chainer follows, and a long log verified against its anchors.

    python -m bench.audit [--rows 1000000] [--clients 8] [--seconds 20]

Appending: each client is a process that records one row a transaction, as an action does. The floor is the same row inserted by
as many processes into a table without triggers, indexes or checks, by a prepared statement, one a transaction; both by the clock,
in the same run, one before and one after. Meanwhile one process chains each second and notes the head, as beat has it done; the
lag is the time from a row's own time to its link's. Verifying: a log of so many rows, chained and anchored, is examined as
`manage.py audit verify` does. The floor is the same rows read as text by COPY, each hashed once, by one process.
"""

import argparse
import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import django

_STRAIGHT = "CREATE TABLE bench_floor (LIKE safeguards_audit_event INCLUDING GENERATED INCLUDING IDENTITY)"
_COLUMNS = (
    "at, action, outcome, actor_kind, actor_id, actor_display, session_hash, method, factor, ip, user_agent,"
    " target_kind, target_id, patient, purpose, reason, details, request_id, version, xid"
)
_FILL = """
INSERT INTO safeguards_audit_event (at, action, outcome, actor_kind, actor_id, actor_display, session_hash, method, factor, ip,
    user_agent, target_kind, target_id, patient, purpose, reason, details, request_id, version)
SELECT now(), 'bench.revealed', 'success', 'user', (n %% 40)::text, 'Dana Kim', md5(n::text) || md5(n::text), 'password', 'totp',
    '192.0.2.7', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142', 'contacts.contact', n::text, md5(n::text),
    'people of a campaign', '', jsonb_build_object('count', n %% 500, 'table', 'contacts_contact', 'fields',
    '["email", "first_name", "last_name"]'::jsonb), md5(n::text), 2
FROM generate_series(1, %s) n
"""


def _ready(database: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketing.settings")
    django.setup()
    from tests import databases

    databases.point_at(database)


def _row() -> dict[str, Any]:
    from safeguards import audit
    from safeguards.actor import Actor

    audit.declare("bench.revealed", fields=audit.WORDS, count=int, table=audit.WORD)
    return {
        "actor": Actor(
            kind="user",
            id="7",
            display="Dana Kim",
            role="marketer",
            session_hash="a" * 64,
            method="password",
            factor="totp",
            ip="192.0.2.7",
            user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142",
            request_id="b" * 32,
        ),
        "patient": "c" * 32,
        "purpose": "people of a campaign",
        "details": {
            "fields": ["email", "first_name", "last_name"],
            "count": 50,
            "table": "contacts_contact",
        },
    }


def _append(database: str, seconds: float, ready: Any, done: Any) -> None:
    _ready(database)
    from safeguards import audit

    row = _row()
    audit.record("bench.revealed", **row)
    ready.wait()
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        audit.record("bench.revealed", **row)
        count += 1
    done.put(count)


def _floor(database: str, seconds: float, ready: Any, done: Any) -> None:
    _ready(database)
    from django.db import connections

    from safeguards.audit import verifying, walking

    connection = walking.connected(verifying._parameters())
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1")
    row = _row()
    actor = row["actor"]
    values = (
        "bench.revealed",
        "success",
        actor.kind,
        actor.id,
        actor.display,
        actor.session_hash,
        actor.method,
        actor.factor,
        actor.ip,
        actor.user_agent,
        row["patient"],
        row["purpose"],
        json.dumps(row["details"]),
        actor.request_id,
    )
    statement = (
        f"INSERT INTO bench_floor ({_COLUMNS}) VALUES (now(), %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '', '', %s, %s,"  # noqa: S608 - our own names
        " '', %s, %s, 2, pg_current_xact_id())"
    )
    connection.execute(statement, values, prepare=True)
    ready.wait()
    count, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        connection.execute(statement, values, prepare=True)
        count += 1
    done.put(count)


def _chain(database: str, folder: str, stop: Event) -> None:
    """What beat and a worker do: a wake-up a second."""
    _ready(database)
    from safeguards import anchoring
    from safeguards.audit.folder import Folder

    store = Folder(Path(folder))
    due = time.monotonic()
    while not stop.is_set():
        if anchoring.chain_all():
            anchoring.note_head(store)
        due += 1.0
        stop.wait(max(0.0, due - time.monotonic()))


def _by_clients(what: Any, database: str, clients: int, seconds: float) -> float:
    """Rows a second of so many processes together, from the moment that all of them are ready."""
    context = get_context("spawn")
    ready, done = context.Barrier(clients + 1), context.Queue()
    workers = [context.Process(target=what, args=(database, seconds, ready, done)) for _ in range(clients)]
    for worker in workers:
        worker.start()
    ready.wait(120)
    began = time.monotonic()
    count = sum(done.get(timeout=seconds + 60) for _ in workers)
    took = time.monotonic() - began
    for worker in workers:
        worker.join()
    return float(count) / took


@contextmanager
def _chaining(database: str, folder: Path) -> Iterator[None]:
    context = get_context("spawn")
    stop = context.Event()
    chainer = context.Process(target=_chain, args=(database, str(folder), stop))
    chainer.start()
    time.sleep(3)
    try:
        yield
    finally:
        time.sleep(2)
        stop.set()
        chainer.join()


def _lags() -> dict[str, float]:
    from django.db import connection

    with connection.cursor() as cursor:
        # The first row of each client was written while processes were still starting.
        cursor.execute(
            "SELECT percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM l.chained_at - e.at))"
            " FROM safeguards_audit_link l JOIN safeguards_audit_event e ON e.id = l.event_id"
        )
        middle, most, worst = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM safeguards_audit_event")
        events = cursor.fetchone()[0]
        cursor.execute("SELECT count(*) FROM safeguards_audit_link")
        assert cursor.fetchone()[0] == events, "the chainer kept up with all of it"
    return {"p50": round(middle, 2), "p95": round(most, 2), "max": round(worst, 2)}


def _fill(rows: int, folder: Path) -> float:
    """A long log, chained as it would be and anchored at its end; returns the rows a second that one chainer chains."""
    from django.db import connection

    from safeguards import anchoring, audit
    from safeguards.audit.folder import Folder

    for _ in range(0, rows, 50_000):
        with connection.cursor() as cursor:
            cursor.execute(_FILL, [min(50_000, rows)])
    began, chained = time.monotonic(), 0
    while done := audit.chain():
        chained += done
    took = time.monotonic() - began
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    anchoring.take(Folder(folder))
    return chained / took


def _read() -> float:
    """The floor of verifying: rows a second read and hashed once, and nothing else."""
    from safeguards.audit import canonical, verifying, walking

    began, count = time.monotonic(), 0
    with walking.connected(verifying._parameters()) as connection, connection.cursor() as cursor:
        query = (
            f"COPY (SELECT l.sequence, l.previous, l.hash, {canonical.SELECTED.format('e')} FROM safeguards_audit_link l"  # noqa: S608 - our own names
            " JOIN safeguards_audit_event e ON e.id = l.event_id ORDER BY l.sequence) TO STDOUT"
        )
        with cursor.copy(query) as rows:
            for block in rows:
                hashlib.sha256(block).digest()
                count += 1
    return count / (time.monotonic() - began)


def _measure(database: str, rows: int, clients: int, seconds: float, folder: Path) -> dict[str, object]:
    from django.db import connections

    from safeguards import audit
    from safeguards.audit.folder import Folder

    with connections["owner"].cursor() as cursor:
        cursor.execute(_STRAIGHT)
    floor = _by_clients(_floor, database, clients, seconds / 2)
    with _chaining(database, folder):
        appended = _by_clients(_append, database, clients, seconds)
    lag = _lags()
    floor = (floor + _by_clients(_floor, database, clients, seconds / 2)) / 2
    chained = _fill(rows, folder)
    read = _read()
    began = time.monotonic()
    report = audit.examine(Folder(folder))
    took = time.monotonic() - began
    assert not report.findings, report.findings[:5]
    began = time.monotonic()
    spent = time.process_time()
    alone = audit.examine(Folder(folder), processes=1)
    took_alone, spent = time.monotonic() - began, time.process_time() - spent
    assert alone.links == report.links
    read = (read + _read()) / 2
    return {
        "bench": "audit",
        "clients": clients,
        "rows_per_second": round(appended, 1),
        "floor_rows_per_second": round(floor, 1),
        "ratio_to_floor": round(appended / floor, 3),
        "lag_seconds": lag,
        "chain_rows_per_second": round(chained, 1),
        "verified_rows": report.links,
        "verify_seconds": round(took, 1),
        "verify_rows_per_second": round(report.links / took, 1),
        "verify_rows_per_second_of_one_process": round(report.links / took_alone, 1),
        "verify_rows_per_second_of_one_core": round(report.links / spent, 1),
        "read_rows_per_second": round(read, 1),
        "verify_ratio_to_read": round(report.links / took_alone / read, 3),
        "cores": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    from tests import ground

    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketing.settings")
        django.setup()
        from tests import databases

        databases.make_template()
        try:
            with (
                databases.cloned(databases.TEMPLATE) as name,
                tempfile.TemporaryDirectory(prefix="wellsent-anchors-") as folder,
            ):
                figures = _measure(name, options.rows, options.clients, options.seconds, Path(folder))
        finally:
            databases.drop(databases.TEMPLATE)
    finally:
        ground.pytest_unconfigure()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

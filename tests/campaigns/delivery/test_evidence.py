"""The evidence of delivery under the audit chain: a digest for each batch, and what is done to the rows afterwards shows."""

from pathlib import Path

import pytest
from django.db import DatabaseError, connections, transaction

from campaigns.delivery import evidence, tasks
from safeguards import audit
from safeguards.audit.folder import Folder
from safeguards.models import AuditEvent
from tests.safeguards.logs import INSERT, chained, codes, sql

ATTEMPT = (
    "INSERT INTO delivery_attempt (at, mailing_id, message_id, kind, source_address, mx_host, tls_version, tls_verified, code,"
    " reply) SELECT '2026-11-20T10:00Z'::timestamptz + n * interval '1 second', 1, n, 'accepted', '192.0.2.1', 'mx.example',"
    " 'TLSv1.3', true, 250, '2.0.0 Ok' FROM generate_series(1, %s) n"
)
EVENT = (
    "INSERT INTO delivery_message_event (at, mailing_id, message_id, kind, network) SELECT now(), 1, n, 'open', '192.0.2.0/24'"
    " FROM generate_series(1, %s) n"
)


def digested() -> list[tuple[str, int]]:
    """Digest until nothing is new; other databases on the server can keep a sweep from its turn."""
    found: list[evidence.Batch] = []
    for _ in range(3):
        found += evidence.digest_new()
    return [(batch.table, batch.rows) for batch in found]


def test_each_batch_has_one_row_in_the_log(own_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "BATCH", 4)
    monkeypatch.setattr(evidence, "_PAGE", 3)
    sql(ATTEMPT, 10, role="default")
    sql(EVENT, 2, role="default")
    assert digested() == [
        ("delivery_attempt", 4),
        ("delivery_attempt", 4),
        ("delivery_attempt", 2),
        ("delivery_message_event", 2),
    ]
    assert digested() == []
    sql(ATTEMPT, 1, role="default")
    tasks.digest()
    rows = AuditEvent.objects.filter(action="delivery.evidence_digested").order_by("pk")
    spans = [
        (row.details["after"], row.details["upto"])
        for row in rows
        if row.details["table"].endswith("attempt")
    ]
    assert [before for before, _ in spans[1:]] == [upto for _, upto in spans[:-1]], (
        "no row is between two batches"
    )
    assert spans[0][0] == 0
    chained()
    assert list(audit.verify()) == []


def test_the_digest_is_of_every_column_and_one_can_compute_it_elsewhere(own_database: str) -> None:
    import hashlib

    sql(ATTEMPT, 1, role="default")
    digested()
    [row] = AuditEvent.objects.filter(action="delivery.evidence_digested")
    line = (
        b'[1,"2026-11-20T10:00:01.000000+00:00",1,1,null,"accepted","192.0.2.1","mx.example",null,"TLSv1.3","",true,250,"",'
        b'"2.0.0 Ok"]\n'
    )
    assert row.details["sha256"] == hashlib.sha256(line).hexdigest()
    columns = sql("SELECT 1 FROM information_schema.columns WHERE table_name = 'delivery_attempt'")
    assert columns == 15, "a new column belongs into the digest, under another name for it"


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE delivery_attempt SET reply = '2.0.0 OK' WHERE id = 3",
        "UPDATE delivery_attempt SET tls_verified = false WHERE id = 3",
        "UPDATE delivery_attempt SET source_address = NULL WHERE id = 3",
        "DELETE FROM delivery_attempt WHERE id = 3",
        "DELETE FROM delivery_attempt",
        "INSERT INTO delivery_attempt (id, at, kind) OVERRIDING SYSTEM VALUE VALUES (3, now(), 'accepted')",
        "DELETE FROM delivery_message_event WHERE id = 2",
    ],
)
def test_what_is_done_to_the_evidence_shows(own_database: str, tmp_path: Path, attack: str) -> None:
    sql(ATTEMPT, 5, role="default")
    sql(EVENT, 3, role="default")
    assert len(digested()) == 2
    chained()
    store = Folder(tmp_path)
    assert audit.examine(store).findings == []
    if not attack.startswith("INSERT"):
        with pytest.raises(DatabaseError), transaction.atomic():
            sql(attack, role="default")
    _switch_off()
    assert sql(attack)
    report = audit.examine(store)
    assert codes(report) == ["evidence"]
    assert audit.examine(store, evidence=False).findings == []


def test_a_digest_taken_out_of_the_log_leaves_a_gap(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "BATCH", 2)
    sql(ATTEMPT, 6, role="default")
    assert len(digested()) == 3
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE safeguards_audit_event DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM safeguards_audit_event WHERE details->>'after' = '2'")
    assert [finding.what for finding in evidence.check(0)] == [
        "digests of delivery_attempt leave a gap before id"
    ]


@pytest.mark.parametrize(
    "details", ["{}", '{"table": "accounts_user", "after": 0}', '{"upto": 99999999999999999999}']
)
def test_a_digest_past_the_door_is_told_and_ends_nothing(own_database: str, details: str) -> None:
    forged = INSERT.replace("test.happened", "delivery.evidence_digested").replace("'{}'", f"'{details}'")
    sql(forged, role="default")
    assert [finding.code for finding in evidence.check(0)] == ["evidence"]
    sql(ATTEMPT, 1, role="default")
    assert digested() == [("delivery_attempt", 1)]


def test_a_row_that_is_still_to_be_committed_is_waited_for(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id is lower than that of a row which is there already: a batch that ended above it would be wrong for ever."""
    monkeypatch.setattr(evidence, "_PATIENCE", 0.5)
    late = connections.create_connection("default")
    late.set_autocommit(False)
    with late.cursor() as cursor:
        cursor.execute(ATTEMPT, [1])
    sql(ATTEMPT, 1, role="default")
    assert evidence.digest_new() == []
    late.commit()
    late.close()
    assert digested() == [("delivery_attempt", 2)]
    chained()
    assert list(audit.verify()) == []


def test_it_is_read_by_an_index(own_database: str) -> None:
    sql(ATTEMPT, 5000, role="default")
    sql("ANALYZE delivery_attempt")
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "EXPLAIN SELECT id FROM delivery_attempt WHERE id > 100 AND id <= 200 ORDER BY id LIMIT 50"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "by_id" in plan or "_id_idx" in plan, plan


def _switch_off() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent IN"
            " ('delivery_attempt'::regclass, 'delivery_message_event'::regclass)"
        )
        for table in ("delivery_attempt", "delivery_message_event", *(row[0] for row in cursor.fetchall())):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")

"""The audit door: declared names, append-only for everybody, a chain that shows every change."""

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from safeguards import audit
from safeguards.models import AuditEvent, AuditLink
from tests import cast

audit.declare("test.happened", count=int)


def happen(times: int = 1) -> None:
    for _ in range(times):
        audit.record("test.happened", actor=cast.actor(cast.dana()), details={"count": 1})


@pytest.mark.django_db
def test_an_undeclared_action_is_refused() -> None:
    with pytest.raises(audit.Undeclared):
        audit.record("test.hapened", actor=cast.actor(cast.dana()))


@pytest.mark.django_db
def test_an_undeclared_detail_is_refused() -> None:
    with pytest.raises(audit.Undeclared):
        audit.record("test.happened", actor=cast.actor(cast.dana()), details={"email": "x"})


@pytest.mark.parametrize("role", ["default", "owner"])
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE safeguards_audit_event SET actor_display = 'nobody'",
        "DELETE FROM safeguards_audit_event",
        "TRUNCATE safeguards_audit_event CASCADE",
        "UPDATE safeguards_audit_link SET hash = previous",
        "DELETE FROM safeguards_audit_link",
    ],
)
def test_neither_role_can_change_the_log(own_database: str, role: str, attack: str) -> None:
    happen()
    audit.chain()
    with pytest.raises(DatabaseError), transaction.atomic(using=role), connections[role].cursor() as cursor:
        cursor.execute(attack)
    assert AuditEvent.objects.count() == 1


def test_a_whole_chain_verifies(own_database: str) -> None:
    happen(7)
    assert audit.chain() == 7
    assert audit.chain() == 0
    assert list(audit.verify()) == []
    assert list(AuditLink.objects.order_by("sequence").values_list("sequence", flat=True)) == list(
        range(1, 8)
    )


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        (
            "UPDATE safeguards_audit_event SET actor_display = 'nobody' WHERE id = (SELECT min(id) + 2 FROM"
            " safeguards_audit_event)",
            "the event was changed at",
        ),
        ("DELETE FROM safeguards_audit_link WHERE sequence = 3", "a link is missing before"),
        ("UPDATE safeguards_audit_link SET hash = previous WHERE sequence = 3", "the chain is broken at"),
    ],
)
def test_tampering_by_a_superuser_is_found(own_database: str, tampering: str, finding: str) -> None:
    happen(5)
    audit.chain()
    with connections["owner"].cursor() as cursor:
        # Whoever owns the tables can switch the trigger off; the chain is what then tells.
        for table in ("safeguards_audit_event", "safeguards_audit_link"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        cursor.execute(tampering)
    assert finding in {found.what for found in audit.verify()}


def test_a_row_that_commits_late_is_chained_and_not_lost(own_database: str) -> None:
    late = connections.create_connection("default")
    late.set_autocommit(False)
    with late.cursor() as cursor:
        cursor.execute(
            "INSERT INTO safeguards_audit_event (at, action, outcome, actor_kind, actor_id, actor_display,"
            " session_hash, method, factor, user_agent, target_kind, target_id, patient, purpose, reason,"
            " details, request_id, version) VALUES (now(), 'test.happened', 'success', 'system', 'late', '',"
            " '', '', '', '', '', '', '', '', '', '{}', '', 1)"
        )
    happen(2)
    audit.chain()
    late.commit()
    late.close()
    audit.chain()
    assert set(AuditLink.objects.values_list("event_id", flat=True)) == set(
        AuditEvent.objects.values_list("id", flat=True)
    )
    assert list(audit.verify()) == []


def test_a_refusal_outlives_the_transaction_that_it_ends(own_database: str) -> None:
    class Failed(Exception):
        pass

    with pytest.raises(Failed), transaction.atomic():
        audit.record_apart(
            "access.denied", actor=cast.actor(cast.dana()), details={"permission": "view contacts"}
        )
        raise Failed
    assert AuditEvent.objects.filter(action="access.denied", outcome="denied").count() == 1


def test_the_application_role_has_no_ddl(own_database: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE sneaky (id int)")


def test_a_long_log_is_chained_by_a_look_at_its_end(own_database: str) -> None:
    """It is asked each second, and a log of six years has millions of rows."""
    with connections["owner"].cursor() as cursor:
        for _ in range(100):
            cursor.execute(
                "INSERT INTO safeguards_audit_event (at, action, outcome, actor_kind, actor_id, actor_display,"
                " session_hash, method, factor, user_agent, target_kind, target_id, patient, purpose, reason,"
                " details, request_id, version) SELECT now(), 'test.happened', 'success', 'system', 'old', '',"
                " '', '', '', '', '', '', '', '', '', '{}', '', 1 FROM generate_series(1, 200)"
            )
        while audit.chain():
            pass
        cursor.execute("ANALYZE safeguards_audit_event, safeguards_audit_link")
    happen(3)
    with CaptureQueriesContext(connection) as asked:
        assert audit.chain() == 3
    [look] = [query["sql"] for query in asked if "NOT EXISTS" in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {look}")
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan" not in plan, plan
    assert list(audit.verify()) == []


def test_rows_beyond_the_limit_are_chained_by_the_next_look(own_database: str) -> None:
    late = connections.create_connection("default")
    late.set_autocommit(False)
    with late.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")
        happen(5)
        assert audit.chain(limit=2) == 0, "somebody older still writes"
    late.rollback()
    late.close()
    with transaction.atomic():
        happen(4)
    assert [audit.chain(limit=2) for _ in range(6)] == [2, 2, 2, 2, 1, 0]
    assert list(audit.verify()) == []


def test_a_copy_that_counts_its_transactions_anew_is_chained_on(own_database: str) -> None:
    """A dump restored elsewhere keeps the old rows' transaction numbers, which are ahead of those that follow."""
    happen(2)
    audit.chain()
    with connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE safeguards_audit_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE safeguards_audit_event SET xid = '9000000000'")
        cursor.execute("ALTER TABLE safeguards_audit_event ENABLE TRIGGER USER")
    happen(3)
    assert (audit.chain(), audit.chain()) == (3, 0)
    happen(1)
    assert audit.chain() == 1

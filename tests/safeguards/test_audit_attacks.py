"""Attacks on the audit log: by the application's own role the database refuses them; by its owner, `verify` finds them."""

from pathlib import Path

import pytest
from django.db import DatabaseError, connections, transaction

from safeguards import audit
from safeguards.audit import canonical, chaining
from safeguards.audit.chaining import GENESIS, link_hash
from safeguards.models import AuditEvent, AuditLink
from tests.safeguards.logs import INSERT, as_owner, chained, codes, happen, sql, written

LINK = "INSERT INTO safeguards_audit_link (sequence, event_id, previous, hash, chained_at) VALUES (%s, %s, %s, %s, now())"


# --- The application's own role.


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE safeguards_audit_event SET actor_display = 'nobody'",
        "UPDATE safeguards_audit_link SET hash = previous",
        "DELETE FROM safeguards_audit_event",
        "DELETE FROM safeguards_audit_link",
        "TRUNCATE safeguards_audit_event CASCADE",
        "TRUNCATE safeguards_audit_link",
        "INSERT INTO safeguards_audit_event (id, at, action, outcome, actor_kind, actor_id, details, version)"
        " SELECT id, at, 'x', outcome, actor_kind, actor_id, details, version FROM safeguards_audit_event"
        " ON CONFLICT (id) DO UPDATE SET action = 'x'",
        "ALTER TABLE safeguards_audit_event DISABLE TRIGGER append_only",
        "ALTER TABLE safeguards_audit_link DISABLE TRIGGER ALL",
        "ALTER TABLE safeguards_audit_event DROP COLUMN actor_id",
        "ALTER TABLE safeguards_audit_event DROP CONSTRAINT audit_event_in_our_calendar",
        "DROP TRIGGER append_only ON safeguards_audit_event",
        "DROP TRIGGER follows ON safeguards_audit_link",
        "DROP TABLE safeguards_audit_link",
        "DROP FUNCTION safeguards_refuse_change() CASCADE",
        "CREATE OR REPLACE FUNCTION safeguards_refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NEW; END'",
        "CREATE OR REPLACE FUNCTION safeguards_stamp() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER mine BEFORE INSERT ON safeguards_audit_event FOR EACH ROW"
        " EXECUTE FUNCTION safeguards_refuse_change()",
        "CREATE RULE mine AS ON INSERT TO safeguards_audit_event DO INSTEAD NOTHING",
        "CREATE INDEX mine ON safeguards_audit_event (id)",
        "SELECT setval(pg_get_serial_sequence('safeguards_audit_event', 'id'), 1)",
        "ALTER SEQUENCE safeguards_audit_event_id_seq RESTART",
        "SET session_replication_role = 'replica'",
        "SET ROLE wellsent_owner",
        "GRANT wellsent_owner TO wellsent_app",
        "COPY safeguards_audit_event FROM PROGRAM 'true'",
        "LOCK TABLE safeguards_audit_event IN ACCESS EXCLUSIVE MODE",
    ],
)
def test_the_applications_role_is_refused(own_database: str, attack: str) -> None:
    happen(2)
    chained()
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        sql(attack, role="default")
    # Refused for want of a right, and not because the statement is nonsense.
    state = getattr(refused.value.__cause__, "sqlstate", "")
    assert state in {"42501", "42000"}, refused.value
    assert (AuditEvent.objects.count(), AuditLink.objects.count()) == (2, 2)
    assert list(audit.verify()) == []


def test_a_row_cant_be_written_under_an_old_transaction(own_database: str) -> None:
    """Chaining goes by the writing transaction: a row that could choose it would never be chained, or would be passed over."""
    happen(2)
    chained()
    columns, values = INSERT.split(" VALUES ")
    sql(f"{columns[:-1]}, xid) VALUES {values[:-1]}, '3'::xid8)", role="default")
    chained()
    assert list(audit.verify()) == []


@pytest.mark.parametrize("ahead", [0, 2, 10**12])
def test_a_link_stands_nowhere_but_at_the_end(own_database: str, ahead: int) -> None:
    happen(2)
    chained()
    happen(1)
    event = AuditEvent.objects.latest("pk")
    end = chaining.head()
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(LINK, end.sequence + ahead, event.pk, end.hash, b"x" * 32, role="default")
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(LINK, end.sequence + 1, event.pk, GENESIS, b"x" * 32, role="default")
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(LINK, -5, event.pk, GENESIS, b"x" * 32, role="default")
    chained()
    assert list(audit.verify()) == []


def test_the_first_link_names_the_beginning(own_database: str) -> None:
    happen(1)
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(LINK, 1, AuditEvent.objects.get().pk, b"x" * 32, b"x" * 32, role="default")
    chained()


def test_a_link_with_a_hash_of_ones_own_is_found(own_database: str) -> None:
    """The application's role may chain, since the chainer has it; what it chains wrongly, `verify` tells. See decision 25."""
    happen(1)
    end = chaining.head()
    sql(LINK, 1, AuditEvent.objects.get().pk, end.hash, b"x" * 32, role="default")
    assert [finding.code for finding in audit.verify()] == ["changed"]


@pytest.mark.parametrize(
    "values",
    ["'infinity', '{}'", "'4000-01-01', '{}'", "'1970-01-01', '{}'", "now(), '[]'", "now(), '\"x\"'"],
)
def test_a_row_that_would_stop_the_chain_is_refused(own_database: str, values: str) -> None:
    at, details = values.split(", ")
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(INSERT.replace("now()", at).replace("'{}'", details), role="default")


@pytest.mark.parametrize("details", ['{"n": 0.5}', '{"n": 1e5000}', '{"n": ' + "[" * 3000 + "]" * 3000 + "}"])
def test_a_row_past_the_door_is_chained_and_told(own_database: str, details: str) -> None:
    sql(INSERT.replace("'{}'", f"'{details}'"), role="default")
    happen(1)
    chained()  # one bad row must not stop the log
    assert [finding.code for finding in audit.verify()] == ["unfit"]


# --- The owner of the tables.


def test_an_untouched_log_agrees_with_its_anchors(own_database: str, tmp_path: Path) -> None:
    report = audit.examine(written(tmp_path))
    assert (report.findings, report.anchors, report.links) == ([], 3, 17)
    assert report.notes == []


@pytest.mark.parametrize(
    "column",
    [
        "actor_display = 'nobody'",
        "actor_id = '0'",
        "at = at - interval '1 second'",
        "outcome = 'denied'",
        "ip = '192.0.2.9'",
        "details = '{\"count\": 99}'",
        "reason = 'because'",
        "patient = 'ff'",
        "request_id = 'x'",
        "version = 1",
        "action = 'x'",
    ],
)
def test_an_edit_of_any_column_is_found_where_it_is(own_database: str, tmp_path: Path, column: str) -> None:
    store = written(tmp_path)
    link = AuditLink.objects.get(sequence=6)
    with as_owner():
        sql(f"UPDATE safeguards_audit_event SET {column} WHERE id = %s", link.event_id)  # noqa: S608 - attacks of ours
    found = audit.examine(store).findings
    assert [(each.code, each.where) for each in found] == [("changed", 6)]


def test_an_edit_with_its_link_recomputed_breaks_the_chain_behind_it(
    own_database: str, tmp_path: Path
) -> None:
    store = written(tmp_path)
    with as_owner():
        sql("UPDATE safeguards_audit_event SET actor_display = 'x' WHERE id = %s", _event_at(6))
        _rehash(6, 6)
    assert [(each.code, each.where) for each in audit.examine(store).findings] == [("broken", 7)]


def test_a_removed_row_is_found(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with as_owner():
        _remove("sequence = 6")
    found = audit.examine(store).findings
    assert [(each.code, each.where) for each in found] == [("missing", 7)]


def test_a_removed_row_is_found_though_all_behind_it_were_numbered_and_hashed_anew(
    own_database: str, tmp_path: Path
) -> None:
    store = written(tmp_path)
    last = chaining.head().sequence
    with as_owner():
        _remove("sequence = 6")
        sql("UPDATE safeguards_audit_link SET sequence = -sequence WHERE sequence > 6")
        sql("UPDATE safeguards_audit_link SET sequence = -sequence - 1 WHERE sequence < 0")
        _rehash(6, last - 1)
    assert list(audit.verify()) == [], "the chain alone can't tell"
    report = audit.examine(store)
    assert codes(report) == ["cut", "rewritten"]
    [rewritten] = [each for each in report.findings if each.code == "rewritten"]
    # Anchor 2 covers 9 rows; anchor 1, of 4, still agrees.
    assert (rewritten.where, "up to 4 it is as it was" in rewritten.more) == (9, True)


def test_a_removed_event_whose_link_was_left_is_found(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    event = _event_at(6)
    with as_owner():
        sql("ALTER TABLE safeguards_audit_link DISABLE TRIGGER ALL") if _is_superuser() else _drop_key()
        sql("DELETE FROM safeguards_audit_event WHERE id = %s", event)
    assert [(each.code, each.where) for each in audit.examine(store).findings] == [("missing", 6)]


def test_a_row_put_among_chained_ones_is_found_at_once(own_database: str, tmp_path: Path) -> None:
    """With the number and the transaction of then, no chainer ever takes it; that it is new, a minute's patience won't hide."""
    store = written(tmp_path)
    sql("SELECT nextval('safeguards_audit_event_id_seq')", role="default")
    happen(1)
    chained()
    free = AuditEvent.objects.latest("pk").pk - 1
    columns, values = INSERT.split(" VALUES ")
    with as_owner():
        sql(
            f"{columns[:-1]}, id, xid) VALUES {values[:-1]}, {free}, '700'::xid8)".replace(
                "now()", "now() + interval '1 day'"
            )
        )
    chained()
    assert [(each.code, each.where) for each in audit.examine(store).findings] == [("inserted", free)]


def test_a_row_squeezed_into_the_chain_is_found(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    happen(1)
    event = AuditEvent.objects.latest("pk").pk
    with as_owner():
        sql("UPDATE safeguards_audit_link SET sequence = -sequence WHERE sequence > 6")
        sql("UPDATE safeguards_audit_link SET sequence = -sequence + 1 WHERE sequence < 0")
        sql(LINK, 7, event, bytes(AuditLink.objects.get(sequence=6).hash), b"x" * 32)
        _rehash(7, 7)
    report = audit.examine(store)
    assert {"changed", "broken"} <= set(codes(report))
    assert min(each.where for each in report.findings if each.code == "broken") == 8


@pytest.mark.parametrize(("keep", "ends"), [(16, 16), (12, 12), (9, 9), (5, 5), (0, 0)])
def test_a_cut_tail_is_found_before_and_behind_the_last_anchor(
    own_database: str, tmp_path: Path, keep: int, ends: int
) -> None:
    """17 rows, the last anchor at 14: what was cut behind it shows by the note of the chain's head."""
    store = written(tmp_path)
    with as_owner():
        _remove(f"sequence > {keep}")
    assert list(audit.verify()) == [], "the chain alone can't tell"
    report = audit.examine(store)
    [cut] = [each for each in report.findings if each.code == "cut"]
    assert (cut.where, f"ends at {ends}" in cut.more) == (17, True)


def test_a_tail_cut_off_and_grown_again_is_found(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with as_owner():
        _remove("sequence > 12")
    happen(6)
    chained()
    report = audit.examine(store)
    assert codes(report) == ["rewritten"]
    assert report.findings[0].where == 14


def test_a_wholly_rewritten_chain_is_found(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    last = chaining.head().sequence
    with as_owner():
        sql("UPDATE safeguards_audit_event SET actor_display = 'nobody' WHERE id = %s", _event_at(1))
        _rehash(1, last)
    assert list(audit.verify()) == [], "the chain alone can't tell"
    report = audit.examine(store)
    assert codes(report) == ["rewritten"]
    assert "4 anchors disagree; up to 0 it is as it was" in report.findings[0].more


def test_an_emptied_log_is_found(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with as_owner():
        _remove("true")
    assert codes(audit.examine(store)) == ["cut"]


def test_a_log_emptied_and_begun_anew_is_found(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with as_owner():
        _remove("true")
    happen(40)
    chained()
    assert codes(audit.examine(store)) == ["rewritten"]


def test_a_row_unchained_for_over_a_minute_is_told(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    sql(INSERT.replace("now()", "now() - interval '61 seconds'"), role="default")
    event = AuditEvent.objects.latest("pk").pk
    assert [(each.code, each.where) for each in audit.examine(store).findings] == [("unchained", event)]
    chained()
    assert audit.examine(store).findings == []


def test_links_below_the_beginning_are_told(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    happen(1)
    event = AuditEvent.objects.latest("pk").pk
    with as_owner():
        sql(LINK, 0, event, GENESIS, b"x" * 32)
    assert "inserted" in codes(audit.examine(store))


def test_a_row_that_cant_be_read_ends_nothing_unseen(own_database: str, tmp_path: Path) -> None:
    store = written(tmp_path)
    with as_owner():
        sql("ALTER TABLE safeguards_audit_event DROP CONSTRAINT audit_event_in_our_calendar")
        sql("UPDATE safeguards_audit_event SET at = 'infinity' WHERE id = %s", _event_at(6))
    assert "unreadable" in codes(audit.examine(store))


def test_several_processes_find_what_one_finds(
    own_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = written(tmp_path)
    with as_owner():
        sql("UPDATE safeguards_audit_event SET actor_display = 'x' WHERE id = %s", _event_at(6))
        _remove("sequence = 9")
    alone = audit.examine(store, processes=1)
    monkeypatch.setattr("safeguards.audit.walking.STRETCH", 5)
    assert audit.examine(store, processes=2).findings == alone.findings
    assert {"changed", "missing"} <= set(codes(alone))


# --- What an owner can do.


def _event_at(sequence: int) -> int:
    return AuditLink.objects.get(sequence=sequence).event_id


def _remove(which: str) -> None:
    """Links and their events, with the triggers off."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"DELETE FROM safeguards_audit_link WHERE {which} RETURNING event_id")  # noqa: S608
        events = [row[0] for row in cursor.fetchall()]
        cursor.execute("DELETE FROM safeguards_audit_event WHERE id = ANY(%s)", [events])


def _rehash(first: int, last: int) -> None:
    """Compute links anew from `first` to `last`, as the chainer would have."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT hash FROM safeguards_audit_link WHERE sequence = %s", [first - 1])
        previous = bytes(found[0]) if (found := cursor.fetchone()) else GENESIS
        for sequence in range(first, last + 1):
            cursor.execute(
                f"SELECT {canonical.SELECTED.format('e')} FROM safeguards_audit_event e"  # noqa: S608
                " JOIN safeguards_audit_link l ON l.event_id = e.id WHERE l.sequence = %s",
                [sequence],
            )
            now = link_hash(previous, sequence, canonical.event(cursor.fetchone()))
            cursor.execute(
                "UPDATE safeguards_audit_link SET previous = %s, hash = %s WHERE sequence = %s",
                [previous, now, sequence],
            )
            previous = now


def _is_superuser() -> bool:
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


def _drop_key() -> None:
    """The foreign key, which an owner may drop."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'safeguards_audit_link'::regclass AND contype = 'f'"
        )
        [[name]] = cursor.fetchall()
        cursor.execute(f'ALTER TABLE safeguards_audit_link DROP CONSTRAINT "{name}"')

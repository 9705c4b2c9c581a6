"""Reading what is new: nothing that commits late is lost, nothing is passed over, however large a transaction was."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from safeguards import ledger

TABLE = "safeguards_audit_event"
INSERT = (
    "INSERT INTO safeguards_audit_event (at, action, outcome, actor_kind, actor_id, actor_display, session_hash, method,"
    " factor, user_agent, target_kind, target_id, patient, purpose, reason, details, request_id, version)"
    " SELECT now(), 'ledger.test', 'success', 'system', %s, '', '', '', '', '', '', '', '', '', '', '{}', '', 1"
    " FROM generate_series(1, %s)"
)


def write(name: str, times: int = 1, using: BaseDatabaseWrapper | None = None) -> None:
    """So many rows in one transaction, or in the open one of another connection."""
    with (using or connection).cursor() as cursor:
        cursor.execute(INSERT, [name, times])


@contextmanager
def another() -> Iterator[BaseDatabaseWrapper]:
    """A second connection with a transaction of its own."""
    other = connections.create_connection("default")
    other.set_autocommit(False)
    try:
        yield other
    finally:
        other.close()


class Reader:
    """A reader that comes back with its watermark, as the index and the reports do."""

    def __init__(self, limit: int = 5000) -> None:
        self.watermark, self.limit = 0, limit
        self.seen: dict[int, str] = {}
        self.rounds = 0

    def read(self) -> ledger.News:
        """One look."""
        news = ledger.since(TABLE, self.watermark, ["id", "actor_id"], limit=self.limit)
        assert news.watermark >= self.watermark, "it never goes back"
        self.watermark = news.watermark
        self.seen |= {row[0]: row[1] for row in news.rows}
        return news

    def read_all(self, most: int = 100) -> None:
        """Until it says that there is no more."""
        for _ in range(most):
            self.rounds += 1
            if self.read().complete:
                return
        raise AssertionError("it never came to an end")

    def count(self, name: str) -> int:
        """How many rows of this name it has seen."""
        return sum(1 for each in self.seen.values() if each == name)


def test_a_row_that_commits_after_later_ones_is_read(own_database: str) -> None:
    reader = Reader()
    with another() as late:
        write("late", using=late)
        write("early")
        reader.read_all()
        assert (reader.count("early"), reader.count("late")) == (1, 0)
        late.commit()
    reader.read_all()
    assert reader.count("late") == 1


def test_several_that_commit_in_the_other_order_are_all_read(own_database: str) -> None:
    reader = Reader(limit=3)
    with another() as one, another() as two, another() as three:
        for number, each in enumerate((one, two, three)):
            write(f"open{number}", 2, using=each)
        for each in (three, one, two):
            write("between")
            reader.read_all()
            each.commit()
            reader.read_all()
    assert [reader.count(f"open{number}") for number in range(3)] == [2, 2, 2]
    assert reader.count("between") == 3


def test_what_is_rolled_back_is_never_read(own_database: str) -> None:
    reader = Reader()
    with another() as other:
        write("never", using=other)
        reader.read_all()
        other.rollback()
    write("after")
    reader.read_all()
    assert (reader.count("never"), reader.count("after")) == (0, 1)


def test_a_transaction_larger_than_the_limit_is_read_whole(own_database: str) -> None:
    write("before")
    write("large", 500)
    write("after")
    reader = Reader(limit=10)
    reader.read_all()
    assert (reader.count("before"), reader.count("large"), reader.count("after")) == (1, 500, 1)


def test_large_transactions_one_after_the_other_come_to_an_end(own_database: str) -> None:
    for number in range(4):
        write(f"large{number}", 64)
    reader = Reader(limit=16)
    reader.read_all()
    assert [reader.count(f"large{number}") for number in range(4)] == [64] * 4


def test_a_large_transaction_beside_an_open_one(own_database: str) -> None:
    reader = Reader(limit=10)
    with another() as late:
        write("late", 30, using=late)
        write("large", 100)
        reader.read_all()
        assert reader.count("large") == 100
        late.commit()
    reader.read_all()
    assert reader.count("late") == 30


def test_the_number_of_rows_at_the_limit_exactly(own_database: str) -> None:
    for _ in range(10):
        write("single")
    reader = Reader(limit=10)
    reader.read_all()
    assert reader.count("single") == 10


def test_quiet_means_nothing_and_a_mark_that_stays_good(own_database: str) -> None:
    reader = Reader()
    first = reader.read()
    assert (first.rows, first.complete) == ([], True)
    write("one")
    reader.read_all()
    assert reader.count("one") == 1
    assert reader.read().rows == []


def test_an_updated_row_comes_again(own_database: str) -> None:
    """The trigger stamps it anew: a default alone would keep the first transaction's number."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE things (id int PRIMARY KEY, name text, xid xid8)")
        cursor.execute(
            "CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON things FOR EACH ROW EXECUTE FUNCTION safeguards_stamp()"
        )
        cursor.execute("INSERT INTO things VALUES (1, 'before')")

    def look(mark: int) -> tuple[list[tuple[Any, ...]], int]:
        news = ledger.since("things", mark, ["id", "name"])
        return news.rows, news.watermark

    rows, mark = look(0)
    assert rows == [(1, "before")]
    assert look(mark)[0] == []
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE things SET name = 'after'")
    assert look(mark)[0] == [(1, "after")]


def test_every_ledger_that_is_read_has_its_stamp_and_its_index(own_database: str) -> None:
    """Without the trigger rows would be lost, without the index each look would read the whole table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'xid' AND udt_name = 'xid8'"
            " AND table_schema = 'public'"
        )
        ledgers = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'stamp'")
        stamped = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT tablename FROM pg_indexes WHERE indexdef LIKE '%%(xid)%%'")
        indexed = {row[0] for row in cursor.fetchall()}
    assert {TABLE, "contacts_contact"} <= ledgers
    assert ledgers <= stamped
    assert ledgers <= indexed

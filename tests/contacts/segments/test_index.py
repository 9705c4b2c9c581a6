"""The index process as a real process: what it counts, how fresh it is, who may call it, and what it survives."""

import logging
import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone
from psycopg import connect, sql

from accounts.access import Denied
from accounts.organization.models import Brand
from contacts.consent.models import Topic
from contacts.models import Contact
from contacts.segments import queries, wire
from contacts.segments.client import IndexAway, ask
from contacts.segments.masking import exactly
from safeguards import phi, tokens
from safeguards.actor import Actor
from safeguards.fields import message_of
from safeguards.models import AuditEvent
from tests import cast, processes
from tests.contacts.segments import people
from tests.contacts.segments.test_rules import every, leaf
from tests.databases import url_of
from tests.processes import wait_until

EVERYBODY: dict[str, Any] = every()
DIABETES = every(leaf("conditions", "any_of", ["E11*"]))


@pytest.fixture
def clinic(own_database: str) -> Brand:
    """The clinic, committed."""
    return cast.clinic()


@pytest.fixture
def index(clinic: Brand, own_database: str) -> Iterator[str]:
    """An index process over the test's database; gives the database's name."""
    with processes.index(own_database):
        yield own_database


def dana() -> Actor:
    return cast.actor(cast.dana())


def ada() -> Actor:
    return cast.actor(cast.ada())


def matching(tree: dict[str, Any]) -> int:
    number = queries.count(ada(), tree).match.exact
    assert number is not None
    return number


def size() -> int:
    found = ask(wire.TellState(actor="tests", purpose="test")).result
    assert isinstance(found, int)
    return found


def test_a_new_contact_a_change_and_a_deletion_show_in_counts(index: str) -> None:
    assert matching(EVERYBODY) == 0
    ana = people.add("ana@mail.example", first_name="Ana", conditions=["E11.9"])
    wait_until(lambda: matching(DIABETES) == 1, "the new contact's arrival")
    people.change(ana, email="ana@mail.example", conditions=["I10"])
    wait_until(lambda: matching(DIABETES) == 0, "the change's arrival")
    assert matching(EVERYBODY) == 1
    Contact.objects.filter(pk=ana.pk).update(deleted_at=timezone.now())
    wait_until(lambda: matching(EVERYBODY) == 0, "the deletion's arrival")


def test_a_transaction_that_commits_late_is_not_passed_over(index: str) -> None:
    late = people.add("late@mail.example")
    values = (late.pk + 1000, bytes(late.address_hash), timezone.now())
    record = message_of(phi.seal(Contact, "record", values[0], {"email": "late@mail.example"}))
    wait_until(lambda: size() == 1, "the first contact's arrival")
    with closing(connections.create_connection("default")) as slow:
        slow.set_autocommit(False)
        with slow.cursor() as cursor:
            cursor.execute(
                "INSERT INTO contacts_contact (id, person_key, address_hash, record, version, created_at, updated_at)"
                " VALUES (%s, %s, %s, %s, 1, %s, %s)",
                [values[0], tokens.random_person_key(), values[1], record, values[2], values[2]],
            )
        # Younger transactions commit, and are seen, while the older one is still open.
        people.add("quick@mail.example")
        wait_until(lambda: size() == 2, "the younger transaction's arrival")
        slow.commit()
    wait_until(lambda: size() == 3, "the older transaction's arrival")


def test_the_breakdown_names_one_reason_for_each_person(index: str, clinic: Brand) -> None:
    topic = Topic.objects.get(slug="clinic-news")
    adult = people.years_ago(40)
    reachable = people.add("a@mail.example", birth_date=adult)
    suppressed = people.add("b@mail.example", birth_date=adult)
    child = people.add("c@mail.example", birth_date=people.years_ago(10))
    dead = people.add("d@mail.example", birth_date=adult, deceased_date="2025-01-01")
    withdrawn = people.add("e@mail.example")
    people.add("f@mail.example")
    for contact in (reachable, suppressed, child, dead, withdrawn):
        people.agree(contact, topic)
    stop = people.stop(suppressed)
    people.agree(withdrawn, topic, "opt_out")

    def parts() -> tuple[int | None, dict[str, int | None]]:
        count = queries.count(ada(), EVERYBODY, topic=topic, brand=clinic)
        assert count.reachable is not None
        return count.reachable.exact, {reason: figure.exact for reason, figure in count.reasons}

    expected = {"deceased": 1, "minor": 1, "no_consent": 2, "suppressed": 1}
    wait_until(lambda: parts() == (1, expected), "the whole breakdown")
    assert list(parts()[1]) == ["deceased", "minor", "no_consent", "suppressed"]
    # Who has died is health data, though this segment asks nothing of it.
    unread = queries.count(dana(), EVERYBODY, topic=topic, brand=clinic)
    assert (unread.reasons, unread.masked, unread.reachable) == ((), True, exactly(1))
    # A suppression that is lifted, and a new one, change what was counted before.
    stop.lifted_at = timezone.now()
    stop.save()
    wait_until(lambda: parts()[0] == 2, "the lifted suppression's arrival")
    people.stop(reachable)
    people.stop(suppressed, "complaint")
    wait_until(lambda: parts()[0] == 0, "the new suppressions' arrival")


def test_members_search_and_values(index: str) -> None:
    maria = people.add("m.garcia@mail.example", first_name="María", last_name="García", city="Boston")
    ben = people.add("ben@clinic.example", first_name="Ben", last_name="Adams", city="Salem")
    zoe = people.add("zoe@mail.example", first_name="Zoe", last_name="adams", city="Boston")
    wait_until(lambda: size() == 3, "three contacts' arrival")
    assert queries.members(dana(), every(leaf("city", "is", "boston"))) == [maria.pk, zoe.pk]
    assert queries.members(dana(), every(leaf("city", "is", "boston"), negated=True)) == [ben.pk]
    everyone = queries.search(dana(), "", page=1, per_page=2)
    assert (everyone.ids, everyone.total) == ([ben.pk, zoe.pk], 3)
    assert queries.search(dana(), "", page=2, per_page=2).ids == [maria.pk]
    assert queries.search(dana(), "garcia MARIA", page=1, per_page=10).ids == [maria.pk]
    assert queries.search(dana(), "adams mail", page=1, per_page=10).ids == [zoe.pk]
    assert queries.search(dana(), "nobody", page=1, per_page=10) == queries.SearchPage([], 0)
    assert queries.values(ada(), ["city"]) == {"city": [("Boston", 2), ("Salem", 1)]}


def test_who_may_not_open_charts_sees_no_small_numbers(index: str) -> None:
    for number in range(12):
        people.add(f"p{number}@mail.example", conditions=["E11.9"] if number < 3 else ["I10"])
    wait_until(lambda: size() == 12, "twelve contacts' arrival")
    masked = queries.count(dana(), DIABETES)
    assert (masked.match.exact, masked.masked) == (None, True)
    assert queries.count(ada(), DIABETES).match.exact == 3
    # A segment that says nothing about health is counted for everybody.
    assert queries.count(dana(), EVERYBODY).match.exact == 12
    assert queries.values(dana(), ["conditions"]) == {"conditions": [("I10", None), ("E11.9", None)]}
    assert queries.values(ada(), ["conditions"]) == {"conditions": [("I10", 9), ("E11.9", 3)]}


def test_each_answer_has_an_audit_row_without_rules_or_names(index: str) -> None:
    people.add("ana@mail.example", last_name="Lopez", conditions=["E11.9"])
    wait_until(lambda: size() == 1, "the contact's arrival")
    queries.count(dana(), DIABETES)
    queries.search(dana(), "lopez", page=1, per_page=10)
    queries.members(dana(), DIABETES)
    rows = AuditEvent.objects.filter(actor_display="Dana Kim").order_by("id")
    assert [row.action for row in rows] == ["segment.counted", "contacts.searched", "segment.listed"]
    assert rows[0].details["count"] == 1
    assert len(rows[0].details["digest"]) == 64
    for row in rows:
        assert "E11" not in str(row.details)
        assert "lopez" not in str(row.details).lower()


def test_roles_that_may_not_ask_are_refused(index: str) -> None:
    olive, ann = cast.actor(cast.olive()), cast.actor(cast.ann())
    with pytest.raises(Denied):
        queries.count(olive, EVERYBODY)
    with pytest.raises(Denied):
        queries.members(ann, EVERYBODY)
    with pytest.raises(Denied):
        queries.search(ann, "", page=1, per_page=10)
    with pytest.raises(Denied):
        queries.values(olive, ["city"])
    with pytest.raises(ValueError, match="email"):
        queries.values(dana(), ["email"])
    assert queries.count(ann, EVERYBODY).match.exact == 0


def test_a_record_whose_seal_is_broken_is_left_out_and_reported(index: str) -> None:
    good = people.add("good@mail.example")
    bad = people.add("bad@mail.example")
    Contact.objects.filter(pk=bad.pk).update(version=9)
    people.add("last@mail.example")
    wait_until(
        lambda: AuditEvent.objects.filter(action="phi.seal_broken", details__row=str(bad.pk)).exists(),
        "the report",
    )
    wait_until(lambda: size() == 2, "the other contacts' arrival")
    assert good.pk in queries.members(dana(), EVERYBODY)
    assert bad.pk not in queries.members(dana(), EVERYBODY)


def test_it_survives_losing_its_database_connection(index: str) -> None:
    people.add("before@mail.example")
    wait_until(lambda: size() == 1, "the first contact's arrival")
    with connect(url_of(os.environ["DATABASE_OWNER_URL"], "wellsent"), autocommit=True) as owner:
        for alias in ("default", "owner"):
            connections[alias].close()
        forbid = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        owner.execute(forbid.format(sql.Identifier(index), sql.SQL("false")))
        with connect(url_of(os.environ["DATABASE_URL"], "wellsent"), autocommit=True) as same_role:
            same_role.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [index]
            )
        wait_until(lambda: _age() > 0.6, "the process noticing")
        # What it knows it still tells, and says how old it is; an audience is not made from that.
        assert size() == 1
        with pytest.raises(IndexAway, match="stale"):
            ask(wire.ListMembers(actor="tests", purpose="test", tree=EVERYBODY), freshness=0.5)
        owner.execute(forbid.format(sql.Identifier(index), sql.SQL("true")))
    people.add("after@mail.example")
    wait_until(lambda: size() == 2, "the contact written after the loss")


def _age() -> float:
    return ask(wire.TellState(actor="tests", purpose="test")).age


def test_killed_and_started_again_it_knows_everything_again(clinic: Brand, own_database: str) -> None:
    people.add("ana@mail.example", conditions=["E11.9"])
    with processes.index(own_database) as first:
        first.send_signal(signal.SIGKILL)
        first.wait()
        with pytest.raises(IndexAway):
            queries.count(ada(), EVERYBODY)
        assert settings.INDEX_SOCKET.exists()
        with processes.index(own_database):
            assert matching(DIABETES) == 1
    assert not settings.INDEX_SOCKET.exists()


def test_a_second_process_does_not_take_the_socket_away(index: str) -> None:
    with (
        pytest.raises(AssertionError, match="already answers"),
        processes.running("manage.py", "index", database=index, ready=lambda: False),
    ):
        pass
    assert size() == 0


def test_without_the_process_nothing_is_answered(clinic: Brand) -> None:
    with pytest.raises(IndexAway):
        queries.count(dana(), EVERYBODY)
    assert not AuditEvent.objects.filter(action="segment.counted").exists()


def test_only_its_own_user_is_answered(index: str) -> None:
    path = settings.INDEX_SOCKET
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if os.geteuid() != 0:
        return  # nobody else than root can call as somebody else
    # Where the mode were wide open, the kernel would still tell who is calling.
    path.chmod(0o666)
    path.parent.chmod(0o755)
    caller = os.fork()
    if caller == 0:
        try:
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(str(path))
                connection.settimeout(5)
                hung_up = connection.recv(1) == b""
            os._exit(0 if hung_up else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(caller, 0)[1]) == 0
    path.parent.chmod(0o700)


def test_garbage_is_answered_or_cut_off_and_harms_nobody(
    index: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(str(settings.INDEX_SOCKET))
        for body in (b"\xc1", b"\x81\xa2op\xa5erase", b""):
            connection.sendall(len(body).to_bytes(4, "big") + body)
            reply = wire.receive(connection, wire.MAX_ANSWER)
            assert reply is not None
            assert wire.decode_answer(reply).refused == "unreadable"
        wrong = wire.CountPeople(actor="x", purpose="x", tree={"match": "all", "rules": [{"field": "ssn"}]})
        connection.sendall(wire.encode(wrong))
        reply = wire.receive(connection, wire.MAX_ANSWER)
        assert reply is not None
        assert wire.decode_answer(reply).refused == "rules"
        connection.sendall((1 << 31).to_bytes(4, "big"))
        assert wire.receive(connection, wire.MAX_ANSWER) is None
    with caplog.at_level(logging.INFO):
        assert size() == 0

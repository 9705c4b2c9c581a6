"""What is unusual in the log is raised once, mailed in batches, and closed by somebody with a word (BEHAVIOURS A8)."""

import importlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from accounts import access, actions, alerts
from accounts.access import Denied
from accounts.models import Alert, AlertMark, User
from accounts.unusual import Kind
from safeguards import audit
from safeguards.actor import Actor
from safeguards.models import AuditEvent, Notice
from tests import cast
from tests.accounts.sign_in import HOST
from tests.sessions import signed_in

# Declares what an officer takes away: a room above, which nothing here names otherwise.
importlib.import_module("marketing.compliance.actions")


@pytest.fixture
def ada(own_database: str) -> User:
    """Ada, an administrator of a deployment that has looked at its log before."""
    ada = cast.ada()
    assert alerts.look() == 0
    return ada


def did(user: User | None, action: str, *, outcome: str = "success", **given: Any) -> None:
    """As the product's own actions write it down."""
    ip = given.pop("ip", "198.51.100.23")
    target = given.pop("target", user)
    actor = (
        Actor(kind="user", id=str(user.pk), display=user.name, role=user.role, ip=ip)
        if user
        else Actor(kind="user", id="None", ip=ip)
    )
    audit.record(action, actor=actor, target=target, outcome=outcome, details=given)


def opened(user: User, count: int, *, chart: bool = True) -> None:
    did(
        user,
        "phi.revealed",
        fields=["conditions"] if chart else ["first_name", "email"],
        count=count,
        table="x",
    )


def raised() -> list[tuple[str, str, Mapping[str, int]]]:
    return [
        (each.kind, each.person.name if each.person else "", each.counts)
        for each in Alert.objects.order_by("pk")
    ]


def ago(**span: float) -> Any:
    return time_machine.travel(timezone.now() - timedelta(**span), tick=True)


def test_what_lies_before_the_first_look_is_no_news(own_database: str) -> None:
    opened(cast.dana(), 500)
    assert alerts.look() == 0
    opened(cast.marcus(), 500)
    assert alerts.look() == 1
    assert [who for _kind, who, _counts in raised()] == ["Marcus Ruiz"]


def test_charts_beyond_ones_own_past(ada: User) -> None:
    busy, quiet = cast.dana(), cast.marcus()
    for days in (2, 9, 40):
        with ago(days=days):
            opened(busy, 30)
    # The oldest was the first of its kind, and was forgotten by the next, which lies thirty-one days later.
    assert alerts.look() == 2
    Alert.objects.all().delete()
    opened(busy, 60)
    opened(quiet, 15)
    assert alerts.look() == 0
    opened(quiet, 6)
    assert alerts.look() == 1
    assert raised() == [("charts", "Marcus Ruiz", {"count": 21, "usual": 0})]
    # It goes on: the same alert says so, and there is no second one.
    opened(quiet, 9)
    opened(busy, 1)
    assert alerts.look() == 1
    assert raised()[0][2] == {"count": 30, "usual": 0}
    assert raised()[1] == ("charts", "Dana Kim", {"count": 61, "usual": 30})
    assert AuditEvent.objects.filter(action="alert.raised").count() == 2 + 2


def test_names_and_addresses_have_a_floor_of_their_own(ada: User) -> None:
    opened(cast.dana(), 1000, chart=False)
    assert alerts.look() == 0
    opened(cast.dana(), 1, chart=False)
    assert alerts.look() == 1
    assert raised()[0][0] == "records"


def test_what_the_system_opens_is_its_work(ada: User) -> None:
    audit.record(
        "phi.revealed",
        actor=access.system("delivery"),
        details={"fields": ["conditions"], "count": 100_000, "table": "x"},
    )
    assert alerts.look() == 0


def test_files_that_are_taken_are_one_alert_a_day(ada: User) -> None:
    olive = cast.olive()
    did(olive, "evidence.exported", kind="message log", rows=300)
    assert alerts.look() == 1
    did(olive, "evidence.exported", kind="consent ledger", rows=20)
    assert alerts.look() == 0
    assert raised() == [("taken", "Olive Okoro", {"count": 2, "rows": 320})]
    # Once somebody has looked, what comes later is not slipped in behind their word; it stands in the log.
    alert = Alert.objects.get()
    assert actions.close_alert(actor=cast.actor(ada), alert=alert, word="Her quarterly report")
    did(olive, "evidence.exported", kind="consent ledger", rows=1)
    assert alerts.look() == 0
    assert raised()[0][2]["count"] == 2


def test_an_odd_hour_by_ones_own_clock(ada: User) -> None:
    dana = cast.dana()
    noon = datetime(2026, 11, 25, 17, 5, tzinfo=ada.created_at.tzinfo)
    for days in range(1, 16):
        with time_machine.travel(noon - timedelta(days=days)):
            did(dana, "session.started")
    with time_machine.travel(noon):
        did(dana, "session.started")
        assert alerts.look() == 0
    with time_machine.travel(noon + timedelta(hours=15)):
        did(dana, "session.started", ip="203.0.113.87")
        assert alerts.look() == 1
    alert = Alert.objects.get()
    assert (alert.kind, alert.network) == ("hours", "203.0.113.0/24")
    assert alerts.words(alert) == "Dana Kim signed in at 03:05 by their own clock, which they hardly ever do"


def test_repeated_refusals(ada: User) -> None:
    dana = cast.dana()
    for action in ("session.refused",) * 4 + ("factor.refused",) * 3:
        did(dana, action, outcome="denied")
    assert alerts.look() == 0
    did(dana, "access.denied", outcome="denied", permission="manage people")
    assert alerts.look() == 1
    assert raised() == [("refusals", "Dana Kim", {"count": 8})]


def test_guesses_at_accounts_that_do_not_exist(ada: User) -> None:
    for number in range(29):
        did(None, "session.refused", outcome="denied", ip=f"203.0.113.{number}")
        did(None, "session.refused", outcome="denied", ip=f"192.0.{number}.1")
    assert alerts.look() == 0
    did(None, "session.refused", outcome="denied", ip="203.0.113.200")
    assert alerts.look() == 1
    alert = Alert.objects.get()
    assert (alert.kind, alert.person, alert.network) == ("guesses", None, "203.0.113.0/24")


def test_a_new_device_soon_after_a_reset(ada: User) -> None:
    dana, marcus = cast.dana(), cast.marcus()
    with ago(days=8):
        did(ada, "factor.reset", target=marcus, sessions=0)
    with ago(hours=5):
        did(ada, "factor.reset", target=dana, sessions=1)
    for person in (dana, marcus, ada):
        did(person, "session.new_device", known_device=False, known_network=False, ip="203.0.113.87")
    assert alerts.look() == 1
    assert raised() == [("reset", "Dana Kim", {"hours": 5})]


def test_looking_twice_or_from_the_beginning_raises_nothing_twice(ada: User) -> None:
    opened(cast.dana(), 50)
    did(cast.olive(), "evidence.exported", kind="message log", rows=3)
    assert alerts.look() == 2
    AlertMark.objects.update(watermark=0)
    assert alerts.look() == 0
    assert Alert.objects.count() == 2


def test_a_crash_between_leaves_the_mark_where_it_was(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    before = AlertMark.objects.get().watermark
    opened(cast.dana(), 50)
    with monkeypatch.context() as patch:
        patch.setattr(AlertMark, "save", _fails)
        with pytest.raises(RuntimeError):
            alerts.look()
    assert (AlertMark.objects.get().watermark, Alert.objects.count(), Notice.objects.count()) == (
        before,
        0,
        0,
    )
    assert alerts.look() == 1


def _fails(*_arguments: object, **_named: object) -> None:
    raise RuntimeError("the power went")


def test_a_row_that_commits_late_is_found(ada: User) -> None:
    dana = cast.dana()
    late = connections.create_connection("default")
    try:
        with late.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "INSERT INTO safeguards_audit_event (at, action, outcome, actor_kind, actor_id, actor_display, session_hash,"
                " method, factor, user_agent, target_kind, target_id, patient, purpose, reason, details, request_id, version)"
                " VALUES (now(), 'phi.revealed', 'success', 'user', %s, '', '', '', '', '', '', '', '', '', '',"
                """ '{"fields": ["conditions"], "count": 77, "table": "x"}', '', 1)""",
                [str(dana.pk)],
            )
            opened(cast.marcus(), 50)
            assert alerts.look() == 1
            assert alerts.look() == 0
            cursor.execute("COMMIT")
    finally:
        late.close()
    assert alerts.look() == 1
    assert raised()[1][2]["count"] == 77


def test_of_two_that_look_at_once_one_does(ada: User) -> None:
    opened(cast.dana(), 50)
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM accounts_alert_mark FOR UPDATE")
            assert alerts.look() == 0
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert alerts.look() == 1


def test_administrators_are_told_in_one_mail_and_at_most_once_an_hour(ada: User) -> None:
    cast.person("Ben Osei", "administrator")
    gone = cast.person("Cora Lund", "administrator")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    opened(cast.dana(), 50)
    did(cast.olive(), "evidence.exported", kind="message log", rows=3)
    assert alerts.look() == 2
    first, second = Notice.objects.filter(kind="staff.alerts")
    assert {first.parameters["name"], second.parameters["name"]} == {"Ada Lindqvist", "Ben Osei"}
    assert first.parameters["number"] == "2 alerts"
    assert "Dana Kim opened the charts of 50 people" in first.parameters["lines"]
    opened(cast.marcus(), 50)
    assert alerts.look() == 1
    assert Notice.objects.filter(kind="staff.alerts").count() == 2
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=True):
        assert alerts.look() == 0
        alerts.look()
    assert Notice.objects.filter(kind="staff.alerts").count() == 4
    assert "Marcus Ruiz" in Notice.objects.order_by("-created_at")[0].parameters["lines"]


def test_who_may_close_and_how(ada: User) -> None:
    opened(cast.dana(), 50)
    opened(ada, 50)
    alerts.look()
    about_dana, about_ada = (Alert.objects.get(person=person) for person in (cast.dana(), ada))
    with pytest.raises(Denied):
        actions.close_alert(actor=cast.actor(cast.dana()), alert=about_dana, word="it was me")
    for word in ("", "  ", "x" * 301):
        with pytest.raises(ValidationError):
            actions.close_alert(actor=cast.actor(ada), alert=about_dana, word=word)
    assert actions.close_alert(actor=cast.actor(ada), alert=about_dana, word=" Chart  review ")
    assert not actions.close_alert(actor=cast.actor(ada), alert=about_dana, word="again")
    row = AuditEvent.objects.get(action="alert.closed")
    assert (row.reason, row.actor_display, row.target_id) == (
        "Chart review",
        "Ada Lindqvist",
        str(cast.dana().pk),
    )
    # Alone there is nobody else; with a second administrator nobody looks at what is about themselves.
    ben = cast.person("Ben Osei", "administrator")
    with pytest.raises(ValidationError):
        actions.close_alert(actor=cast.actor(ada), alert=about_ada, word="fine")
    assert actions.close_alert(actor=cast.actor(ben), alert=about_ada, word="Asked her")


def test_the_pages(ada: User) -> None:
    client = signed_in(Client(headers={"host": HOST}), ada)
    assert "Nothing waits to be looked at" in client.get("/settings/access/alerts/").content.decode()
    opened(cast.dana(), 50)
    did(cast.olive(), "evidence.exported", kind="message log", rows=3)
    alerts.look()
    assert "2 alerts to look at" in client.get("/").content.decode()
    page = client.get("/settings/access/alerts/?kind=charts").content.decode()
    assert "Dana Kim opened the charts of 50 people" in page
    assert "took away" not in page
    assert f"/settings/people/{cast.dana().pk}/" in page
    assert f"={cast.dana().pk}&amp;" in page, "the rows behind it, by person and days"
    assert "Nothing matches" in client.get(f"/settings/access/alerts/?person={ada.pk}").content.decode()
    alert = Alert.objects.get(kind=Kind.CHARTS)
    where = f"/settings/access/alerts/{alert.pk}/close/"
    assert "Say what you found" in client.post(where, {"word": ""}, follow=True).content.decode()
    assert (
        "Looked at. What you found"
        in client.post(where, {"word": "<b>Review</b>"}, follow=True).content.decode()
    )
    assert "Somebody else has looked" in client.post(where, {"word": "x"}, follow=True).content.decode()
    page = client.get("/settings/access/alerts/?state=closed").content.decode()
    assert "&lt;b&gt;Review&lt;/b&gt;" in page
    assert "Ada Lindqvist" in page
    marketer = signed_in(Client(headers={"host": HOST}), cast.dana())
    assert "alerts to look at" not in marketer.get("/").content.decode()


def test_many_rows_are_read_page_by_page(ada: User) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO safeguards_audit_event (at, action, outcome, actor_kind, actor_id, actor_display, session_hash,"
            " method, factor, user_agent, target_kind, target_id, patient, purpose, reason, details, request_id, version)"
            " SELECT now(), 'phi.revealed', 'success', 'system', 'delivery', '', '', '', '', '', '', '', '', '', '', '{}', '', 1"
            " FROM generate_series(1, 6000)"
        )
    opened(cast.dana(), 50)
    assert alerts.look() == 1

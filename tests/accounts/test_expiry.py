"""Sessions that end by themselves: who is told, what is written down, and what an open page may ask (BEHAVIOURS A5)."""

import json
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone

from accounts import expiry, sessions
from accounts.models import SessionRecord, User
from marketing import environment
from safeguards.models import AuditEvent
from tests import cast
from tests.accounts.sign_in import HOST
from tests.sessions import signed_in

WHERE = "/account/session/"


@pytest.fixture
def dana(own_database: str) -> User:
    """Dana, who has an account."""
    return cast.dana()


@pytest.fixture
def client(dana: User) -> Client:
    """Dana's browser, signed in, which has opened a page."""
    client = signed_in(browser(), dana)
    assert client.get("/").status_code == 200
    return client


def browser() -> Client:
    return Client(headers={"host": HOST}, enforce_csrf_checks=True)


def grow_older(client: Client, seconds: int, key: str = "seen") -> None:
    """As if the session had been like this for so long."""
    session = client.session
    session[key] -= seconds
    session.save()
    record = SessionRecord.objects.filter(session_id=session.session_key)
    moment = timezone.now() - timedelta(seconds=seconds)
    record.update(**{"last_seen_at" if key == "seen" else "began_at": moment})


def mark(client: Client) -> str:
    """The value that a page was made with."""
    found = re.search(r'data-page="([^"]+)"', client.get("/").content.decode())
    assert found
    return found[1]


def asked(client: Client, page: str, **headers: str) -> dict[str, object]:
    """What a page hears that asks by itself."""
    answer = client.get(WHERE, headers={"x-page": page, "x-polling": "1", **headers})
    assert answer.status_code == 200
    heard: dict[str, object] = json.loads(answer.content)
    return heard


def expired() -> list[tuple[str, dict[str, str]]]:
    rows = AuditEvent.objects.filter(action="session.expired").order_by("pk")
    return [(row.actor_display, row.details) for row in rows]


@pytest.mark.parametrize(("key", "seconds", "why"), [("seen", 901, "idle"), ("began", 43201, "longest")])
def test_the_end_is_written_down_once_with_its_reason(
    client: Client, key: str, seconds: int, why: str
) -> None:
    other_tab = browser()
    name = settings.SESSION_COOKIE_NAME
    other_tab.cookies[name] = client.cookies[name].value
    grow_older(client, seconds, key)
    assert client.get("/")["Location"] == "/account/login/"
    assert other_tab.get("/campaigns/")["Location"].startswith("/account/login/")
    assert expired() == [("Dana Kim", {"why": why})]
    assert not AuditEvent.objects.filter(action="session.ended").exists(), "nobody pressed a button"
    assert not SessionRecord.objects.exists()


def test_a_session_that_never_comes_back_is_ended_and_written_down(client: Client, dana: User) -> None:
    assert expiry.end_overdue() == 0
    # Its record is old, but it was used a moment ago: records are written less often.
    SessionRecord.objects.update(last_seen_at=timezone.now() - timedelta(seconds=905))
    assert expiry.end_overdue() == 0
    grow_older(client, 930)
    assert expiry.end_overdue() == 1
    assert expiry.end_overdue() == 0
    assert expired() == [("Dana Kim", {"why": "idle"})]
    assert not Session.objects.exists()
    row = AuditEvent.objects.get(action="session.expired")
    assert (row.target_id, row.ip) == (str(dana.pk), "127.0.0.1")


def test_a_session_that_cannot_be_read_is_ended_too(client: Client) -> None:
    Session.objects.update(session_data="of another key")
    SessionRecord.objects.update(last_seen_at=timezone.now() - timedelta(seconds=905))
    assert expiry.end_overdue() == 1


def test_a_stranger_hears_nothing(client: Client) -> None:
    page = mark(client)
    for value in (page, "", "a.b", "." * 5000, "é"):
        assert asked(browser(), value) == {"who": "nobody"}


def test_a_page_hears_same_another_or_nobody(client: Client, dana: User) -> None:
    page = mark(client)
    assert mark(client) != page, "pages of one person can't be told to be so"
    said = asked(client, page)
    assert said["who"] == "same"
    assert said["token"]
    marcus = signed_in(browser(), cast.marcus())
    assert asked(marcus, page) == {"who": "another"}
    assert asked(marcus, "") == {"who": "another"}
    assert asked(marcus, page.replace(".", ".0")) == {"who": "another"}
    client.post("/account/logout/", headers={"x-csrftoken": str(said["token"])})
    assert asked(client, page) == {"who": "nobody"}


def test_asking_keeps_nobody_signed_in_and_staying_does(client: Client) -> None:
    page = mark(client)
    grow_older(client, 800)
    first = asked(client, page)
    assert 90 <= int(str(first["idle"])) <= 100
    assert asked(client, page)["idle"] == pytest.approx(first["idle"], abs=2)
    forged = client.post(WHERE, headers={"x-page": page})
    assert forged.status_code == 403, "a foreign page must not keep anybody signed in"
    grow_older(client, 50)
    answer = client.post(WHERE, headers={"x-page": page, "x-csrftoken": str(first["token"])})
    assert json.loads(answer.content)["idle"] >= 899
    # The longest time is not moved by it.
    grow_older(client, 43100, "began")
    client.post(WHERE, headers={"x-page": page, "x-csrftoken": str(first["token"])})
    assert int(str(asked(client, page)["longest"])) <= 100


def test_asking_after_the_end_ends_the_session(client: Client) -> None:
    page = mark(client)
    grow_older(client, 901)
    assert asked(client, page) == {"who": "nobody"}
    assert expired() == [("Dana Kim", {"why": "idle"})]


def test_a_fragment_says_how_long_there_is_left(client: Client) -> None:
    grow_older(client, 300)
    answer = client.get("/list-health/", headers={"hx-request": "true", "x-polling": "1"})
    idle, longest = map(int, answer["X-Session-Left"].split())
    assert 595 <= idle <= 600
    assert longest > 40_000
    assert not browser().get("/", headers={"hx-request": "true"}).has_header("X-Session-Left")


def test_the_page_that_waits_gets_tokens_that_work(client: Client, dana: User) -> None:
    """As when somebody was signed out over a long form, and signed in again in another tab."""
    page = mark(client)
    grow_older(client, 901)
    client.get("/")
    signed_in(client, dana)
    token = str(asked(client, page)["token"])
    answer = client.post(
        "/account/", {"name": "Dana K. Kim", "time_zone": "UTC", "csrfmiddlewaretoken": token}
    )
    assert answer.status_code == 302
    dana.refresh_from_db()
    assert dana.name == "Dana K. Kim"


def test_without_a_script_the_sign_in_page_says_that_typed_work_is_lost(client: Client) -> None:
    token = str(asked(client, mark(client))["token"])
    grow_older(client, 901)
    answer = client.post("/campaigns/new/", {"name": "Autumn", "csrfmiddlewaretoken": token})
    assert answer["Location"].startswith("/account/login/")
    page = client.get(answer["Location"]).content.decode()
    assert "What you sent from the last page could not be kept" in page
    # A stranger who posts is told nothing of the kind.
    stranger = Client(headers={"host": HOST})
    page = stranger.post("/campaigns/new/", follow=True).content.decode()
    assert "could not be kept" not in page


@pytest.mark.parametrize("value", ["901", "4", "0", "forever"])
def test_no_setting_makes_a_session_last_longer(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("WELLSENT_IDLE_SECONDS", value)
    with pytest.raises(ImproperlyConfigured):
        environment.number("WELLSENT_IDLE_SECONDS", 900, least=5, most=900)
    assert (sessions.IDLE_SECONDS, sessions.LONGEST_SECONDS) == (900, 43200)

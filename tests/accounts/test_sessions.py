"""Sessions end: by themselves, by their owner's hand, and with the account (BEHAVIOURS A5, A6)."""

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import Client

from accounts import access, actions, sessions
from accounts.models import User
from safeguards.models import AuditEvent
from tests.accounts.sign_in import browser, enrol, let_time_pass, secret_of, sign_in, somebody

pytestmark = pytest.mark.urls("tests.accounts.roof")


@pytest.fixture
def dana(own_database: str) -> User:
    """Dana, who has an account."""
    return somebody()


@pytest.fixture
def client(dana: User) -> Client:
    """Dana's browser, signed in."""
    client = browser()
    enrol(client, dana)
    assert client.get("/").status_code == 200
    return client


def grow_older(client: Client, seconds: int, key: str = "seen") -> None:
    """As if the session had been like this for so long."""
    session = client.session
    session[key] -= seconds
    session.save()


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_fifteen_idle_minutes_end_a_session(client: Client) -> None:
    grow_older(client, sessions.IDLE_SECONDS - 60)
    assert is_in(client)
    grow_older(client, sessions.IDLE_SECONDS + 5)
    answer = client.get("/campaigns/")
    assert answer["Location"] == "/account/login/?next=/campaigns/"
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert "You were signed out because nothing happened" in client.get("/account/login/").content.decode()
    assert not is_in(client)


def test_what_a_person_does_keeps_the_session(client: Client) -> None:
    for _ in range(3):
        grow_older(client, sessions.IDLE_SECONDS - 60)
        assert is_in(client)


def test_polling_fragments_keep_nobody_signed_in(client: Client) -> None:
    grow_older(client, sessions.IDLE_SECONDS - 60)
    polling = {"X-Polling": "1", "HX-Request": "true"}
    assert client.get("/", headers=polling).status_code == 200
    grow_older(client, 65)
    answer = client.get("/", headers=polling)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/account/login/")


def test_a_session_lasts_twelve_hours_at_most(client: Client) -> None:
    grow_older(client, sessions.LONGEST_SECONDS - 60, "began")
    grow_older(client, 60)
    assert is_in(client)
    grow_older(client, 65, "began")
    assert not is_in(client)


def test_signing_out_ends_the_session_on_the_server(client: Client) -> None:
    stolen = browser()
    stolen.cookies["wellsent-session"] = client.cookies["wellsent-session"].value
    assert is_in(stolen)
    assert "Sign out?" in client.get("/account/logout/").content.decode()
    answer = client.post("/account/logout/")
    assert answer["Location"] == "/account/login/"
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert not is_in(stolen)
    assert AuditEvent.objects.filter(action="session.ended").count() == 1


def test_signing_in_changes_the_session_key(own_database: str) -> None:
    dana = somebody()
    enrol(browser(), dana)
    let_time_pass(dana)
    cache.clear()
    planted = browser()
    planted.get("/account/login/")
    session = planted.session
    session["planted"] = True
    session.save()
    before = str(session.session_key)
    planted.cookies["wellsent-session"] = before
    sign_in(planted, dana)
    assert is_in(planted)
    assert planted.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_somebody_let_go_is_out_at_the_next_request(client: Client, dana: User) -> None:
    somebody("Ada Lindqvist", "administrator")
    second = browser()
    let_time_pass(dana)
    cache.clear()
    sign_in(second, dana)
    assert is_in(second)
    ended = actions.deactivate_person(actor=access.system("setup"), person=dana)
    assert ended == 2
    assert not is_in(client)
    assert not is_in(second)
    row = AuditEvent.objects.get(action="person.deactivated")
    assert (row.target_id, row.details) == (str(dana.pk), {"sessions": 2})


def test_an_account_closed_in_the_table_alone_is_out_as_well(client: Client, dana: User) -> None:
    User.objects.filter(pk=dana.pk).update(is_active=False)
    assert client.get("/")["Location"] == "/account/login/"


def test_a_lost_phone_is_replaced_by_another_hand(client: Client, dana: User) -> None:
    ada = somebody("Ada Lindqvist", "administrator")
    old = secret_of(dana)
    for refused in (
        {"actor": access.of_user(ada), "person": dana, "reason": " "},
        {"actor": access.of_user(ada), "person": ada, "reason": "it is me"},
    ):
        with pytest.raises(ValidationError):
            actions.reset_factor(**refused)  # type: ignore[arg-type]
    with pytest.raises(access.Denied):
        actions.reset_factor(actor=access.of_user(dana), person=ada, reason="please")
    assert is_in(client)
    ended = actions.reset_factor(actor=access.of_user(ada), person=dana, reason="came in with her badge")
    assert ended == 1
    assert not is_in(client)
    row = AuditEvent.objects.get(action="factor.reset")
    assert (row.actor_display, row.target_id, row.reason) == (
        "Ada Lindqvist",
        str(dana.pk),
        "came in with her badge",
    )
    cache.clear()
    assert enrol(client, dana) != old
    assert is_in(client)


def test_the_cookie_goes_to_this_host_alone(client: Client) -> None:
    cookie = client.cookies["wellsent-session"]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["domain"] == ""
    assert cookie["max-age"] == ""  # ends with the browser

"""One's own account: password, factor, sessions, clock (BEHAVIOURS A3, A5, A6, A10)."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts import access, actions, queries, sessions
from accounts.models import SessionRecord, User
from safeguards.models import AuditEvent
from tests import cast
from tests.accounts.sign_in import (
    PASSWORD,
    browser,
    code,
    enrol,
    let_time_pass,
    secret_of,
    shown_secret,
    sign_in,
    somebody,
    type_password,
)

NEW = "four geese walked past the barn"


@pytest.fixture
def dana(own_database: str) -> User:
    """Dana, who has an account."""
    cast.clinic()
    return somebody()


@pytest.fixture
def client(dana: User) -> Client:
    """Dana's browser, signed in."""
    client = browser()
    enrol(client, dana)
    assert client.get("/").status_code == 200
    return client


@pytest.fixture
def other(client: Client, dana: User) -> Client:
    """Another browser of Dana's, signed in as well."""
    let_time_pass(dana)
    cache.clear()
    other = browser()
    sign_in(other, dana)
    assert is_in(other)
    let_time_pass(dana)
    cache.clear()
    return other


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def change(client: Client, old: str = PASSWORD, new: str = NEW) -> str:
    return client.post("/account/password/", {"old": old, "new": new}, follow=True).content.decode()


def test_a_new_password_ends_every_other_session_and_keeps_this_one(
    client: Client, other: Client, dana: User
) -> None:
    assert "Your password is changed." in change(client)
    assert is_in(client)
    assert not is_in(other)
    assert SessionRecord.objects.filter(user=dana).count() == 1
    assert AuditEvent.objects.get(action="password.changed").details == {"sessions": 1}
    stranger = browser()
    assert type_password(stranger, dana).status_code == 200
    assert type_password(stranger, dana, NEW)["Location"] == "/account/factor/"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("not the password", NEW, "present password"),
        (PASSWORD, "elevenchars", "at least 12 characters"),
        (PASSWORD, "1qaz2wsx3edc", "too common"),
        (PASSWORD, PASSWORD, "the password that you have"),
    ],
)
def test_a_bad_new_password_changes_nothing(
    client: Client, other: Client, dana: User, old: str, new: str, words: str
) -> None:
    page = change(client, old, new)
    assert words in page
    assert new not in page
    assert User.objects.get(pk=dana.pk).check_password(PASSWORD)
    assert is_in(other)
    refused = AuditEvent.objects.filter(action="password.refused", outcome="denied").count()
    assert refused == (old != PASSWORD)


def test_the_old_password_is_not_guessed_at_an_unlocked_screen(client: Client, dana: User) -> None:
    for _ in range(5):
        change(client, "a wrong guess")
    assert "Too many tries" in change(client)
    assert User.objects.get(pk=dana.pk).check_password(PASSWORD)


def test_sessions_are_listed_and_ended_one_by_one(client: Client, other: Client, dana: User) -> None:
    page = client.get("/account/").content.decode()
    assert "This one" in page
    mine = {each.is_this: each.id for each in queries.sessions_of(dana, str(client.session.session_key))}
    assert set(mine) == {True, False}
    client.post("/account/sessions/", {"session": mine[False]})
    assert not is_in(other)
    # Not the present one, for which there is "Sign out".
    client.post("/account/sessions/", {"session": mine[True]})
    assert is_in(client)


def test_all_others_end_at_once(client: Client, other: Client) -> None:
    assert "1 session was ended." in client.post("/account/sessions/", follow=True).content.decode()
    assert is_in(client)
    assert not is_in(other)
    assert "no session left" in client.post("/account/sessions/", follow=True).content.decode()
    assert AuditEvent.objects.filter(action="sessions.ended").count() == 1


def test_somebody_elses_session_is_not_ended_by_its_number(client: Client) -> None:
    ada = somebody("Ada Lindqvist", "administrator")
    hers = browser()
    enrol(hers, ada)
    hers.get("/")
    client.post("/account/sessions/", {"session": SessionRecord.objects.get(user=ada).pk})
    assert is_in(hers)


def test_nobody_changes_another_persons_account_as_if_it_were_their_own(dana: User) -> None:
    actor, ada = cast.actor(dana), somebody("Ada Lindqvist", "administrator")
    for act in (
        lambda: actions.change_own(actor=actor, person=ada, name="X", time_zone="UTC"),
        lambda: actions.change_password(actor=actor, person=ada, old=PASSWORD, new=NEW),
        lambda: actions.end_own_sessions(actor=actor, person=ada),
        lambda: actions.replace_factor(actor=actor, person=ada, session=""),
        lambda: actions.end_own_sessions(actor=access.system("setup"), person=ada),
    ):
        with pytest.raises(access.Denied):
            act()


def test_an_app_is_replaced_after_a_code_of_the_old_one(client: Client, other: Client, dana: User) -> None:
    old = secret_of(dana)
    session = client.session
    session["factor_at"] -= sessions.FRESH_SECONDS
    session.save()
    assert "Confirm it\u2019s you" in client.get("/account/factor/replace/").content.decode()
    asked = {"step_up_code": code(old), "step_up_reading": "1"}
    assert client.post("/account/factor/replace/", asked)["Location"] == "/account/factor/replace/"
    new = _shown(client)
    assert new != old
    # Until the new one is proven the old one stays.
    assert client.post("/account/factor/replace/", {"code": "000000"}).status_code == 200
    assert secret_of(dana) == old
    new = _shown(client)
    answer = client.post("/account/factor/replace/", {"code": code(new)})
    assert answer["Location"] == "/account/"
    assert secret_of(dana) == new
    assert Authenticator.objects.filter(user=dana).count() == 1
    assert is_in(client)
    assert not is_in(other)
    assert AuditEvent.objects.get(action="factor.replaced").details == {"sessions": 1}
    # The code that proved it is used up.
    cache.clear()
    thief = browser()
    type_password(thief, dana)
    assert thief.post("/account/factor/", {"code": code(new)}).status_code == 200


def _shown(client: Client) -> str:
    return shown_secret(client, "/account/factor/replace/")


def test_name_and_clock_are_ones_own_to_change(client: Client, dana: User) -> None:
    assert client.post("/account/", {"name": " ", "time_zone": "UTC"}).status_code == 422
    client.post("/account/", {"name": "Dana K. Kim", "time_zone": "Asia/Tokyo"})
    dana.refresh_from_db()
    assert (dana.name, dana.time_zone) == ("Dana K. Kim", "Asia/Tokyo")
    assert "JST" in client.get("/account/").content.decode()


def test_the_last_sign_ins_stand_there_wrong_ones_too(client: Client, dana: User) -> None:
    type_password(browser(), dana, "not the password")
    assert [each.what for each in queries.sign_ins_of(dana)] == ["session.refused", "session.started"]
    page = client.get("/account/").content.decode()
    assert "Wrong password" in page
    assert "Signed in" in page


# The record of a session


def test_a_session_is_written_down_at_sign_in_and_once_a_minute(client: Client, dana: User) -> None:
    record = SessionRecord.objects.get(user=dana)
    assert record.ip == "127.0.0.1"
    first = record.last_seen_at

    def later(seconds: int) -> None:
        session = client.session
        session["seen"] -= seconds
        session.save()
        client.get("/")
        record.refresh_from_db()

    later(40)
    assert record.last_seen_at == first
    SessionRecord.objects.update(last_seen_at=first - timedelta(seconds=61))
    later(40)
    assert record.last_seen_at > first


def test_polling_is_not_written_down(client: Client, dana: User) -> None:
    early = timezone.now() - timedelta(minutes=5)
    SessionRecord.objects.update(last_seen_at=early)
    session = client.session
    session["seen"] -= 300
    session.save()
    client.get("/", headers={"X-Polling": "1"})
    assert SessionRecord.objects.get(user=dana).last_seen_at == early


def test_what_would_not_be_let_in_any_more_is_not_called_open(client: Client, dana: User) -> None:
    assert len(queries.sessions_of(dana)) == 1
    now = timezone.now()
    for late in (
        {"last_seen_at": now - timedelta(minutes=17)},
        {"last_seen_at": now, "began_at": now - timedelta(hours=12, seconds=1)},
    ):
        SessionRecord.objects.update(**late)
        assert queries.sessions_of(dana) == []
    SessionRecord.objects.update(last_seen_at=now, began_at=now)
    Session.objects.update(expire_date=now)
    assert queries.sessions_of(dana) == []


def test_signing_out_takes_the_record_along(client: Client) -> None:
    client.post("/account/logout/")
    assert not SessionRecord.objects.exists()

"""A fresh code before what is dangerous, and what was typed isn't lost over it (BEHAVIOURS A4)."""

import time

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from accounts import sessions
from accounts.models import Lockout, User
from safeguards.models import AuditEvent
from tests import cast
from tests.accounts.sign_in import (
    browser,
    code,
    enrol,
    let_time_pass,
    secret_of,
    sign_in,
    somebody,
    type_password,
    wrong,
)

ASKS = "Confirm it\u2019s you"


@pytest.fixture
def ada(own_database: str) -> User:
    """Ada, an administrator."""
    return somebody("Ada Lindqvist", "administrator")


@pytest.fixture
def dana(ada: User) -> User:
    """Dana, whom Ada looks after."""
    return somebody()


@pytest.fixture
def client(ada: User) -> Client:
    """Ada's browser, in which she typed a code a while ago."""
    client = browser()
    enrol(client, ada)
    grow_stale(client)
    let_time_pass(ada)
    cache.clear()
    return client


def grow_stale(client: Client) -> None:
    """As if the last code had been typed longer ago than it counts."""
    session = client.session
    session["factor_at"] -= sessions.FRESH_SECONDS
    session.save()


def role_of(person: User) -> str:
    return User.objects.get(pk=person.pk).role


def test_without_a_fresh_code_nothing_is_done_and_what_was_typed_comes_back(
    client: Client, dana: User
) -> None:
    page = client.post(f"/settings/people/{dana.pk}/role/", {"role": "approver"})
    assert page.status_code == 200
    words = page.content.decode()
    assert ASKS in words
    assert '<input type="hidden" name="role" value="approver">' in words
    assert role_of(dana) == "marketer"
    assert "approver" not in str(dict(client.session))


def test_with_the_code_it_is_done_at_once_and_for_five_minutes_no_other_is_asked(
    client: Client, ada: User, dana: User
) -> None:
    typed = {"role": "approver", "step_up_code": code(secret_of(ada))}
    answer = client.post(f"/settings/people/{dana.pk}/role/", typed)
    assert answer.status_code == 302
    assert role_of(dana) == "approver"
    assert AuditEvent.objects.filter(action="session.stepped_up", actor_id=str(ada.pk)).count() == 1
    client.post(f"/settings/people/{dana.pk}/role/", {"role": "analyst"})
    assert role_of(dana) == "analyst"
    grow_stale(client)
    client.post(f"/settings/people/{dana.pk}/role/", {"role": "marketer"})
    assert role_of(dana) == "analyst"


def test_a_code_used_for_it_is_used_up(client: Client, ada: User, dana: User) -> None:
    shown = code(secret_of(ada))
    client.post(f"/settings/people/{dana.pk}/role/", {"role": "approver", "step_up_code": shown})
    cache.clear()
    page = client.post(f"/settings/people/{dana.pk}/role/", {"role": "analyst", "step_up_code": shown})
    assert "was used before" in page.content.decode()
    assert role_of(dana) == "approver"
    thief = browser()
    type_password(thief, ada)
    assert thief.post("/account/factor/", {"code": shown}).status_code == 200


def test_a_wrong_code_is_told_counted_and_does_nothing(client: Client, ada: User, dana: User) -> None:
    guess = wrong(secret_of(ada))
    page = client.post(f"/settings/people/{dana.pk}/role/", {"role": "approver", "step_up_code": guess})
    words = page.content.decode()
    assert "That code isn&#x27;t right" in words
    assert 'name="role" value="approver"' in words
    assert guess not in words
    assert role_of(dana) == "marketer"
    assert Lockout.objects.get(kind="factor").failures == 1
    assert AuditEvent.objects.filter(action="factor.refused", outcome="denied").count() == 1


def test_a_password_typed_a_moment_ago_is_not_enough(client: Client, ada: User, dana: User) -> None:
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session.save()
    client.post(f"/settings/people/{dana.pk}/deactivate/")
    assert User.objects.get(pk=dana.pk).is_active


def test_the_code_of_signing_in_counts(ada: User, dana: User) -> None:
    enrol(browser(), ada)
    let_time_pass(ada)
    cache.clear()
    fresh = browser()
    sign_in(fresh, ada)
    fresh.post(f"/settings/people/{dana.pk}/deactivate/")
    assert not User.objects.get(pk=dana.pk).is_active


def test_whoever_may_not_gets_no_question(ada: User, dana: User) -> None:
    """Else the question would tell that there is something (A2)."""
    client = browser()
    enrol(client, dana)
    grow_stale(client)
    assert client.post(f"/settings/people/{ada.pk}/deactivate/").status_code == 404
    assert client.get("/compliance/messages.csv").status_code == 404


def test_what_is_dangerous_asks(client: Client, dana: User) -> None:
    at = f"/settings/people/{dana.pk}"
    Authenticator.objects.create(user=dana, type=Authenticator.Type.TOTP, data={"secret": ""})
    for path, typed in (
        (f"{at}/role/", {"role": "approver"}),
        (f"{at}/deactivate/", {}),
        (f"{at}/reactivate/", {}),
        (f"{at}/factor/", {"reason": "came in"}),
        (f"{at}/sessions/", {}),
    ):
        assert ASKS in client.post(path, typed).content.decode(), path
    dana.refresh_from_db()
    assert (dana.role, dana.is_active) == ("marketer", True)
    assert Authenticator.objects.filter(user=dana).exists()


def test_evidence_is_taken_away_after_a_code_with_its_filters(client: Client, ada: User) -> None:
    cast.clinic()
    address = "/compliance/access.csv?person=user"
    page = client.get(address)
    assert ASKS in page.content.decode()
    assert not AuditEvent.objects.filter(action="evidence.exported").exists()
    shown = code(secret_of(ada))
    answer = client.post(address, {"step_up_code": shown, "step_up_reading": "1"})
    assert answer["Location"] == address
    assert client.get(address)["Content-Type"].startswith("text/csv")


def test_cancelling_leads_back_to_a_page_of_ours_alone(client: Client, dana: User) -> None:
    at = f"/settings/people/{dana.pk}/deactivate/"
    host = client.defaults["HTTP_HOST"]
    ours = client.post(at, headers={"referer": f"http://{host}/settings/people/?words=x"}).content.decode()
    assert 'href="/settings/people/?words=x"' in ours
    for referer in ("https://evil.example/x", f"http://{host}//evil.example/x"):
        foreign = client.post(at, headers={"referer": referer}).content.decode()
        assert "evil.example" not in foreign, referer

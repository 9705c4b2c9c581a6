"""A passkey by hand, with Chromium's virtual authenticator: made, used, lost, recovered from, and reset by somebody else."""

from collections.abc import Iterator

import pytest
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Browser

from accounts import access, actions, recovery
from accounts.models import Role, SessionRecord, User
from safeguards.models import AuditEvent
from tests import cast
from tests.accounts.sign_in import PASSWORD
from tests.browser.colleague import Colleague
from tests.browser.visitor import Visitor
from tests.flows.stack import Stack


def _person(name: str, role: str) -> User:
    return actions.add_person(
        actor=access.system("setup"),
        email=f"{name.split()[0].lower()}@northfield.example",
        name=name,
        role=role,
        password=PASSWORD,
    )


@pytest.fixture
def ada(stack: Stack, browser: Browser) -> Iterator[Colleague]:
    """Ada, an administrator: her role needs a passkey."""
    cast.clinic()
    ada = Colleague(
        browser, "Ada Lindqvist", _person("Ada Lindqvist", Role.ADMINISTRATOR).email, stack.staff_url
    )
    yield ada
    ada.close()


@pytest.fixture
def olive(stack: Stack, browser: Browser) -> Iterator[Colleague]:
    """Olive, the compliance officer, in a browser of her own."""
    olive = Colleague(browser, "Olive Okoro", _person("Olive Okoro", Role.COMPLIANCE).email, stack.staff_url)
    yield olive
    olive.close()


def _grow_stale(person: User) -> None:
    """As if the last factor had been shown more than five minutes ago, in every session of this person."""
    for record in SessionRecord.objects.filter(user=person):
        session = SessionStore(record.session_id)
        session["factor_at"] -= 301
        session.save()


def test_a_passkey_from_its_making_to_its_reset(stack: Stack, ada: Colleague, olive: Colleague) -> None:
    page = olive.page
    olive.first_sign_in()
    olive.look("make a passkey")
    # The browser refuses: told in words, and nothing is lost.
    olive.refuse(True)
    olive.press("Make the passkey")
    page.locator(".passkey-state.is-bad").wait_for()
    assert olive.field("What do you call it?").input_value() == "Work laptop"
    olive.look("a passkey was refused")
    olive.refuse(False)
    olive.finish_enrolment()
    kept = list(olive.codes)
    assert len(kept) == 10

    olive.sign_out()
    olive.type_password()
    olive.look("use your passkey")
    olive.press("Use your passkey")
    page.wait_for_url(f"{stack.staff_url}/")

    # Step-up before files of evidence.
    person = User.objects.get(email=olive.email)
    _grow_stale(person)
    olive.go(f"{stack.staff_url}/account/recovery-codes/")
    olive.press("Make new codes")
    olive.sees("Confirm it\u2019s you")
    olive.look("step up by a passkey")
    olive.press("Use your passkey")
    olive.sees("Keep these codes")
    olive.look("recovery codes")
    assert AuditEvent.objects.get(action="session.stepped_up").factor == "webauthn"
    olive.go(f"{stack.staff_url}/account/")
    olive.look("sign-in and security")

    # Lost: a recovery code lets her in as far as the factor pages.
    olive.sign_out()
    olive.lose_the_key()
    olive.get_a_key()
    olive.type_password()
    olive.press("Use your passkey")
    page.locator(".passkey-state.is-bad").wait_for()
    olive.press("Use a recovery code", "link")
    olive.look("use a recovery code")
    olive.field("Recovery code").fill(kept[0])
    olive.press("Continue")
    olive.sees("You came in by a recovery code")
    olive.look("held after recovery")
    olive.go(f"{stack.staff_url}/compliance/")
    olive.sees("You came in by a recovery code")
    page.get_by_role("link", name="Make a passkey").click()
    olive.field("What do you call it?").fill("New laptop")
    olive.press("Make the passkey")
    olive.sees("Which of these did you lose?")
    olive.look("what is lost")
    page.get_by_label("Work laptop").check()
    olive.press("Go on")
    page.wait_for_url(f"{stack.staff_url}/")
    assert recovery.left(person) == 9

    # Everything is lost: Ada resets it.
    ada.first_sign_in()
    ada.finish_enrolment()
    ada.go(f"{stack.staff_url}/settings/people/{person.pk}/")
    ada.sees("New laptop")
    ada.look("a person with a passkey")
    ada.field("How did they prove who they are?").fill("Came to the office with her badge")
    ada.press("Reset second factors")
    ada.sees("The second factors and recovery codes are reset")
    ada.go(f"{stack.staff_url}/settings/roles/")
    ada.look("roles with passkeys")
    ada.press("See what would change")
    ada.look("no longer require passkeys")
    olive.go(f"{stack.staff_url}/compliance/")
    page.wait_for_url("**/account/login/**")
    olive.type_password()
    olive.sees("Set up a second factor")


def test_too_many_wrong_tries_count_down(stack: Stack, browser: Browser) -> None:
    """For an address that nobody has as for any other."""
    stranger = Visitor(browser, "a stranger")
    stranger.go(f"{stack.staff_url}/account/login/")
    button = stranger.page.get_by_role("button", name="Sign in")
    for _ in range(5):
        stranger.page.get_by_label("Email").fill("nobody@northfield.example")
        stranger.field("Password").fill("not the password")
        with stranger.page.expect_navigation():
            button.click()
    stranger.sees("Too many wrong tries")
    stranger.look("waiting")
    assert button.is_disabled()
    stranger.sees("You can try again now.")
    assert button.is_enabled()
    stranger.close()

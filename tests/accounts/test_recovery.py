"""Recovery codes: once each, for the factor pages alone, never as a step-up; and what becomes of the lost factors (A3, A4)."""

import json

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts import access, actions, recovery, rules
from accounts.models import Lockout, RecoveryCode, RecoveryDevice, User
from safeguards import notices
from safeguards.models import AuditEvent, Notice
from tests import cast
from tests.accounts.sign_in import (
    browser,
    code,
    keep_codes,
    let_time_pass,
    secret_of,
    shown_secret,
    somebody,
    type_password,
)
from tests.accounts.test_passkeys import ADD, CHOOSE, enrol_key, is_in, make, refused
from tests.passkeys import SoftKey

RECOVER = "/account/factor/recovery/"
LOST = "/account/factor/lost/"


@pytest.fixture
def dana(own_database: str) -> User:
    """Dana, who has an account."""
    cast.clinic()
    return somebody()


@pytest.fixture
def codes(dana: User) -> list[str]:
    """What she kept after her first sign-in with an app."""
    client = browser()
    type_password(client, dana)
    client.post("/account/factor/set-up/", {"code": code(shown_secret(client))})
    kept = keep_codes(client)
    assert is_in(client)
    let_time_pass(dana)
    cache.clear()
    return kept


def come_in(user: User, typed: str) -> Client:
    client = browser()
    type_password(client, user)
    client.post(RECOVER, {"code": typed})
    return client


def test_codes_are_long_and_kept_as_hashes(codes: list[str]) -> None:
    assert len(set(codes)) == 10
    assert rules.RECOVERY_BITS >= 112
    with connection.cursor() as cursor:
        cursor.execute("SELECT encode(code_hash, 'hex') FROM accounts_recovery_code")
        stored = [row[0] for row in cursor.fetchall()]
    assert len(stored) == 10
    assert not any(code.replace("-", "") in row for code in codes for row in stored)


def test_each_number_has_one_spelling() -> None:
    words = rules.recovery_words(2**125 - 1)
    assert words == "-".join(["zzzzz"] * 5)
    assert rules.recovery_normal(" 0O1iL-a ") == "00111a"
    assert rules.recovery_words(0) == "-".join(["00000"] * 5)
    for wrong in (-1, 2**125):
        with pytest.raises(ValueError):
            rules.recovery_words(wrong)


def test_from_a_lost_phone_to_a_new_passkey(dana: User, codes: list[str]) -> None:
    client = come_in(dana, codes[3].upper().replace("-", " "))
    # Held to the factor pages, which is in the log once.
    for page in ("/", "/campaigns/", "/account/", "/account/recovery-codes/"):
        assert client.get(page)["Location"] == CHOOSE
    held = AuditEvent.objects.get(action="session.held")
    assert (held.outcome, held.reason, held.factor) == ("denied", "entered by a recovery code", "recovery")
    used = AuditEvent.objects.get(action="recovery.used")
    assert (used.actor_id, used.details) == (str(dana.pk), {"left": 9})
    started = AuditEvent.objects.filter(action="session.started").latest("id")
    assert (started.method, started.factor) == ("password", "recovery")
    mail = Notice.objects.get(kind="staff.recovery_used")
    assert notices.opened(mail)[0] == dana.email
    assert mail.parameters["left"] == "9"
    assert "came in by a recovery code" in client.get(CHOOSE).content.decode()

    assert make(client, SoftKey())["Location"] == LOST
    page = client.get(LOST).content.decode()
    assert "Authenticator app" in page
    assert page.count('name="lost"') == 1
    app = Authenticator.objects.get(user=dana, type="totp")
    assert client.post(LOST, {"lost": str(app.pk)})["Location"] == "/"
    assert not Authenticator.objects.filter(pk=app.pk).exists()
    assert is_in(client)
    assert recovery.left(dana) == 9


def test_what_is_not_lost_stays_and_the_page_is_there_once(dana: User, codes: list[str]) -> None:
    client = come_in(dana, codes[0])
    make(client, SoftKey())
    assert client.post(LOST, {})["Location"] == "/account/"
    assert Authenticator.objects.filter(user=dana).count() == 2
    assert client.get(LOST)["Location"] == "/account/"


def test_a_new_app_takes_the_place_of_the_lost_one(dana: User, codes: list[str]) -> None:
    old = secret_of(dana)
    client = come_in(dana, codes[0])
    assert client.post("/account/factor/set-up/", {"code": code(shown_secret(client))})["Location"] == "/"
    assert secret_of(dana) != old
    assert is_in(client)


def test_a_code_works_once(dana: User, codes: list[str]) -> None:
    come_in(dana, codes[0])
    thief = come_in(dana, codes[0])
    assert thief.get(CHOOSE)["Location"].startswith("/account/login/")
    assert refused("recovery code")


def test_somebody_elses_code_and_a_made_up_one_open_nothing(dana: User, codes: list[str]) -> None:
    marcus = somebody("Marcus Ruiz", "approver")
    enrol_key(browser(), marcus, SoftKey())
    for typed in (codes[0], "00000-00000-00000-00000-00000", codes[1][:-1], ""):
        assert come_in(marcus, typed).get("/")["Location"].startswith("/account/login/"), typed
    assert RecoveryCode.objects.filter(used_at=None).count() == 20
    assert refused("recovery code")


def test_a_recovery_code_without_the_password_is_nothing(dana: User, codes: list[str]) -> None:
    stranger = browser()
    assert stranger.post(RECOVER, {"code": codes[0]})["Location"] == "/account/login/"
    assert recovery.left(dana) == 10


def test_a_recovery_code_is_no_step_up(dana: User, codes: list[str]) -> None:
    ada = somebody("Ada Lindqvist", "administrator")
    client = browser()
    enrol_key(client, ada, SoftKey())
    theirs = actions.make_recovery_codes(actor=access.of_user(ada), person=ada)
    actions.keep_recovery_codes(actor=access.of_user(ada), person=ada)
    Authenticator.objects.create(
        user=ada, type="totp", data=Authenticator.objects.get(user=dana, type="totp").data
    )
    session = client.session
    session["factor_at"] -= 301
    session.save()
    at = f"/settings/people/{dana.pk}/deactivate/"
    for typed in ({"step_up_code": theirs[0]}, {"step_up_passkey": theirs[0]}):
        page = client.post(at, typed)
        assert "Confirm it\u2019s you" in page.content.decode()
        assert AuditEvent.objects.filter(action="factor.refused").latest("id").outcome == "denied"
    assert User.objects.get(pk=dana.pk).is_active
    assert recovery.left(ada) == 10
    # Nor does a session that one has opened.
    by_code = come_in(ada, theirs[1])
    assert by_code.post(at)["Location"] == CHOOSE
    assert AuditEvent.objects.filter(action="session.held", actor_id=str(ada.pk)).count() == 1
    assert "factor_at" not in by_code.session
    assert User.objects.get(pk=dana.pk).is_active


def test_new_codes_count_once_they_are_kept_and_the_old_ones_end(dana: User, codes: list[str]) -> None:
    client = browser()
    type_password(client, dana)
    client.post("/account/factor/", {"code": code(secret_of(dana))})
    shown = client.post("/account/recovery-codes/").content.decode()
    # Closed without keeping them: the old ones still work.
    assert recovery.left(dana) == 10
    assert codes[0] not in shown
    come_in(dana, codes[0])
    assert recovery.left(dana) == 9
    assert client.post("/account/recovery-codes/kept/", {}).status_code == 302
    assert recovery.left(dana) == 9
    new = keep_codes(client)
    assert recovery.left(dana) == 10
    assert come_in(dana, codes[1]).get(CHOOSE).status_code == 302
    assert come_in(dana, new[0]).get(CHOOSE).status_code == 200
    assert RecoveryDevice.objects.count() == 1
    assert AuditEvent.objects.filter(action="recovery.kept").count() == 2


def test_codes_that_were_never_shown_cannot_be_kept(dana: User, codes: list[str]) -> None:
    client = browser()
    type_password(client, dana)
    client.post("/account/factor/", {"code": code(secret_of(dana))})
    assert (
        client.post("/account/recovery-codes/kept/", {"kept": "on"})["Location"] == "/account/recovery-codes/"
    )
    assert recovery.left(dana) == 10


def test_making_new_ones_asks_for_a_factor(dana: User, codes: list[str]) -> None:
    client = browser()
    type_password(client, dana)
    client.post("/account/factor/", {"code": code(secret_of(dana))})
    session = client.session
    session["factor_at"] -= 301
    session.save()
    assert "Confirm it\u2019s you" in client.post("/account/recovery-codes/").content.decode()
    assert not RecoveryDevice.objects.filter(confirmed=False).exists()


def test_nobody_makes_or_keeps_somebody_elses(dana: User, codes: list[str]) -> None:
    marcus = access.of_user(somebody("Marcus Ruiz", "approver"))
    with pytest.raises(access.Denied):
        actions.make_recovery_codes(actor=marcus, person=dana)
    with pytest.raises(access.Denied):
        actions.keep_recovery_codes(actor=marcus, person=dana)


def test_long_after_the_recovery_the_password_is_asked_again(dana: User, codes: list[str]) -> None:
    client = come_in(dana, codes[0])
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 301
    session.save()
    assert client.get(ADD)["Location"].startswith("/account/reauthenticate/")
    assert client.get("/account/reauthenticate/").status_code == 200


def test_guessing_recovery_codes_waits_like_any_factor(dana: User, codes: list[str]) -> None:
    client = browser()
    type_password(client, dana)
    for _ in range(5):
        page = client.post(RECOVER, {"code": "nope"}).content.decode()
    assert "Too many wrong tries. Wait 15 seconds" in page
    assert "data-waits-until" in page
    # Even the right one, and the app's.
    client.post(RECOVER, {"code": codes[0]})
    assert refused("locked")
    client.post("/account/factor/", {"code": code(secret_of(dana))})
    assert refused("locked")
    client.post("/account/factor/", {"passkey": json.dumps({})})
    assert refused("locked")
    assert not is_in(client)
    assert recovery.left(dana) == 10
    assert Lockout.objects.get(kind="factor").failures == 5


def test_a_reset_by_an_administrator_ends_codes_and_passkeys_too(dana: User, codes: list[str]) -> None:
    ada = somebody("Ada Lindqvist", "administrator")
    client = come_in(dana, codes[0])
    make(client, SoftKey())
    client.post(LOST, {})
    actions.reset_factor(actor=access.of_user(ada), person=dana, reason="came in with her badge")
    assert not Authenticator.objects.filter(user=dana).exists()
    assert recovery.left(dana) is None
    assert not is_in(client)
    anew = browser()
    assert type_password(anew, dana)["Location"] == "/"
    assert anew.get("/")["Location"] == CHOOSE
    assert anew.post(RECOVER, {"code": codes[1]}).status_code == 302
    assert make(anew, SoftKey())["Location"] == "/account/recovery-codes/"

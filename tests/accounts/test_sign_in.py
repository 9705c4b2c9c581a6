"""Password, then code: through the very pages that people use (BEHAVIOURS A2, A3, A10)."""

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Lockout, User
from safeguards.models import AuditEvent
from tests.accounts.sign_in import (
    PASSWORD,
    browser,
    code,
    enrol,
    keep_codes,
    let_time_pass,
    secret_of,
    shown_secret,
    sign_in,
    somebody,
    type_password,
    wrong,
)

pytestmark = pytest.mark.urls("tests.accounts.roof")


@pytest.fixture
def dana(own_database: str) -> User:
    """Dana, in a database that commits: enrolment finishes after the commit."""
    return somebody()


@pytest.fixture
def client(dana: User) -> Client:
    """Dana's browser."""
    return browser()


@pytest.fixture
def enrolled(dana: User) -> User:
    """Dana, who set up her app some minutes ago, in another browser."""
    enrol(browser(), dana)
    let_time_pass(dana)
    cache.clear()
    return dana


def refusals(action: str) -> int:
    return AuditEvent.objects.filter(action=action, outcome="denied").count()


def test_the_first_sign_in_leads_to_enrolment_and_to_nothing_else(client: Client, dana: User) -> None:
    assert type_password(client, dana)["Location"] == "/"
    for page in ("/", "/campaigns/", "/contacts/", "/account/"):
        assert client.get(page)["Location"] == "/account/factor/choose/"
    assert client.get("/account/recovery-codes/")["Location"] == "/account/factor/choose/"
    answer = client.post("/account/factor/set-up/", {"code": code(shown_secret(client))})
    assert answer["Location"] == "/account/recovery-codes/"
    assert client.get("/")["Location"] == "/account/factor/choose/"
    keep_codes(client)
    assert client.get("/").content == b"working as Dana Kim"
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"person.added", "session.started", "factor.added"} <= actions


def test_a_code_of_two_groups_is_the_same_code(client: Client, dana: User) -> None:
    type_password(client, dana)
    shown = code(shown_secret(client))
    assert client.post("/account/factor/set-up/", {"code": f" {shown[:3]} {shown[3:]} "}).status_code == 302


def test_a_wrong_first_code_enrols_nothing_and_keeps_the_secret(client: Client, dana: User) -> None:
    type_password(client, dana)
    secret = shown_secret(client)
    page = client.post("/account/factor/set-up/", {"code": wrong(secret)})
    assert page.status_code == 200
    assert secret in page.content.decode()
    assert "Look whether your phone shows the right time" in page.content.decode()
    assert not Authenticator.objects.exists()
    assert client.get("/")["Location"] == "/account/factor/choose/"


def test_later_sign_ins_ask_for_the_code(client: Client, enrolled: User) -> None:
    assert type_password(client, enrolled)["Location"] == "/account/factor/"
    assert client.get("/")["Location"] == "/account/login/"
    answer = client.post("/account/factor/", {"code": code(secret_of(enrolled))})
    assert answer["Location"] == "/"
    assert client.get("/").content == b"working as Dana Kim"


def test_the_secret_is_sealed_before_and_after_enrolment(client: Client, dana: User) -> None:
    type_password(client, dana)
    secret = shown_secret(client)
    during = [str(session.get_decoded()) for session in Session.objects.all()]
    assert during
    assert not any(secret in held for held in during)
    client.post("/account/factor/set-up/", {"code": code(secret)})
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        [(stored,)] = cursor.fetchall()
    assert secret not in stored
    assert secret_of(dana) == secret


def test_a_code_works_once_even_when_the_cache_has_forgotten_it(client: Client, enrolled: User) -> None:
    shown = code(secret_of(enrolled))
    type_password(client, enrolled)
    assert client.post("/account/factor/", {"code": shown}).status_code == 302
    cache.clear()
    thief = browser()
    type_password(thief, enrolled)
    page = thief.post("/account/factor/", {"code": shown})
    assert page.status_code == 200
    assert "was used before" in page.content.decode()
    assert thief.get("/")["Location"] == "/account/login/"
    assert refusals("factor.refused") == 1


def test_the_code_of_enrolment_does_not_sign_in_as_well(client: Client, dana: User) -> None:
    type_password(client, dana)
    shown = code(shown_secret(client))
    client.post("/account/factor/set-up/", {"code": shown})
    cache.clear()
    thief = browser()
    type_password(thief, dana)
    assert thief.post("/account/factor/", {"code": shown}).status_code == 200
    assert thief.get("/")["Location"] == "/account/login/"


def test_an_older_code_than_the_last_used_is_refused(client: Client, enrolled: User) -> None:
    secret = secret_of(enrolled)
    type_password(client, enrolled)
    assert client.post("/account/factor/", {"code": code(secret, 1)}).status_code == 302
    other = browser()
    type_password(other, enrolled)
    assert other.post("/account/factor/", {"code": code(secret)}).status_code == 200


def test_wrong_codes_are_slowed_visibly_and_the_count_is_kept(client: Client, enrolled: User) -> None:
    secret = secret_of(enrolled)
    type_password(client, enrolled)
    page = client.post("/account/factor/", {"code": wrong(secret)}).content.decode()
    assert "That code isn&#x27;t right" in page
    # Seen by a connection of its own: it was committed although the form was refused.
    connection.close()
    assert Lockout.objects.get(kind="factor").failures == 1
    Lockout.objects.update(failures=8, until=timezone.now() + timedelta(minutes=4))
    page = client.post("/account/factor/", {"code": code(secret)}).content.decode()
    assert "Too many wrong tries. Wait 4 minutes, then try again." in page
    assert client.get("/")["Location"] == "/account/login/"
    let_time_pass(enrolled)
    assert client.post("/account/factor/", {"code": code(secret)}).status_code == 302
    assert not Lockout.objects.filter(kind="factor").exists()
    assert refusals("factor.refused") == 2
    row = AuditEvent.objects.filter(action="factor.refused").latest("id")
    assert (row.actor_id, row.ip) == (str(enrolled.pk), "127.0.0.1")


def test_somebody_elses_code_is_refused(client: Client, enrolled: User) -> None:
    ada = somebody("Ada Lindqvist", "administrator")
    enrol(browser(), ada)
    type_password(client, enrolled)
    assert client.post("/account/factor/", {"code": code(secret_of(ada), 1)}).status_code == 200
    assert client.get("/")["Location"] == "/account/login/"


def test_the_code_alone_is_not_enough(client: Client, enrolled: User) -> None:
    assert client.get("/account/factor/")["Location"] == "/account/login/"
    answer = client.post("/account/factor/", {"code": code(secret_of(enrolled))})
    assert answer["Location"] == "/account/login/"


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_password_tells_nobody_who_has_an_account(client: Client, dana: User, known: bool) -> None:
    typed = dana.email if known else "nobody@northfield.example"
    page = client.post("/account/login/", {"login": typed, "password": "not the password"})
    assert page.status_code == 200
    assert "correct" in page.content.decode()
    row = AuditEvent.objects.get(action="session.refused")
    assert row.target_id == (str(dana.pk) if known else "")
    assert "northfield" not in f"{row.reason} {row.details} {row.actor_display}"


def test_somebody_let_go_hears_what_a_wrong_password_hears(client: Client, dana: User) -> None:
    wrong_page = type_password(client, dana, "not the password").content.decode()
    User.objects.update(is_active=False)
    right_page = type_password(client, dana).content.decode()
    hidden = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    assert hidden.sub("", right_page) == hidden.sub("", wrong_page)


def test_somebody_let_go_between_password_and_code_stays_out(client: Client, enrolled: User) -> None:
    type_password(client, enrolled)
    User.objects.update(is_active=False)
    client.post("/account/factor/", {"code": code(secret_of(enrolled))})
    assert client.get("/")["Location"] == "/account/login/"


def test_guessed_passwords_are_slowed(client: Client, dana: User) -> None:
    for _ in range(5):
        type_password(client, dana, "not the password")
    page = type_password(client, dana).content.decode()
    assert "Too many wrong tries. Wait 15 seconds, then try again." in page
    assert client.get("/")["Location"] == "/account/login/"


@pytest.mark.parametrize(
    "next_page",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "http://localhost:8001/u/x/",
        "//localhost:8000@evil.example/",
        "\t//evil.example/",
    ],
)
def test_next_never_leads_off_the_site(client: Client, enrolled: User, next_page: str) -> None:
    type_password(client, enrolled, next_page=next_page)
    answer = client.post(
        f"/account/factor/?next={next_page}", {"code": code(secret_of(enrolled)), "next": next_page}
    )
    assert answer["Location"] == "/"
    client.post("/account/logout/", {"next": next_page})
    assert client.post("/account/logout/", {"next": next_page})["Location"] == "/account/login/"


def test_next_leads_to_the_page_that_was_asked_for(client: Client, enrolled: User) -> None:
    assert client.get("/campaigns/?q=smith")["Location"] == "/account/login/?next=/campaigns/"
    type_password(client, enrolled, next_page="/campaigns/")
    answer = client.post("/account/factor/", {"code": code(secret_of(enrolled))})
    assert answer["Location"] == "/campaigns/"


def test_a_second_app_is_not_enrolled(client: Client, enrolled: User) -> None:
    sign_in(client, enrolled)
    secret = secret_of(enrolled)
    assert client.get("/account/factor/set-up/")["Location"] == "/account/factor/replace/"
    assert (
        client.post("/account/factor/set-up/", {"code": code(secret, 1)})["Location"]
        == "/account/factor/replace/"
    )
    assert Authenticator.objects.count() == 1


def test_step_up_asks_for_the_code_and_not_for_the_password(client: Client, enrolled: User) -> None:
    type_password(client, enrolled)
    secret = secret_of(enrolled)
    # One code for both: asked for again, the app may show the next one.
    shown = code(secret)
    client.post("/account/factor/", {"code": shown})
    assert client.get("/account/reauthenticate/")["Location"] == "/account/factor/again/"
    assert client.get("/account/factor/again/")["Location"] == "/"
    session = client.session
    session["factor_at"] -= 301
    session.save()
    page = client.post("/account/factor/again/", {"step_up_code": shown})
    assert page.status_code == 200  # used at sign-in
    let_time_pass(enrolled)
    cache.clear()
    answer = client.post("/account/factor/again/?next=/campaigns/", {"step_up_code": code(secret)})
    assert answer["Location"] == "/campaigns/"


def test_enrolling_long_after_the_password_asks_for_it_again(client: Client, dana: User) -> None:
    type_password(client, dana)
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 301
    session.save()
    assert client.get("/account/factor/set-up/")["Location"].startswith("/account/reauthenticate/")
    answer = client.post(
        "/account/reauthenticate/", {"password": PASSWORD, "next": "/account/factor/set-up/"}
    )
    assert answer["Location"] == "/account/factor/set-up/"
    assert client.get("/account/factor/set-up/").status_code == 200


def test_forms_of_sign_in_need_their_token(enrolled: User) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"host": "localhost:8000"})
    assert strict.post("/account/login/", {"login": enrolled.email, "password": PASSWORD}).status_code == 403


@pytest.fixture
def secure_settings() -> dict[str, str]:
    """What the settings say of cookies where the site has https."""
    question = (
        "from django.conf import settings as s; import json; print(json.dumps({n: str(getattr(s, n)) for n in"
        " dir(s) if n.startswith(('SESSION_COOKIE', 'CSRF_COOKIE', 'SECURE_HSTS_SECONDS', 'DEBUG'))}))"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "marketing.settings",
        "WELLSENT_STAFF_URL": "https://staff.northfield.example",
        "WELLSENT_PUBLIC_URL": "https://mail.northfield.example",
    }
    answer = subprocess.run(
        [sys.executable, "-c", question],
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(answer.stdout)
    return found


def test_cookies_under_https_stay_with_the_host(secure_settings: dict[str, str]) -> None:
    for cookie in ("SESSION_COOKIE", "CSRF_COOKIE"):
        assert secure_settings[f"{cookie}_SECURE"] == "True"
        assert secure_settings[f"{cookie}_HTTPONLY"] == "True"
        assert secure_settings[f"{cookie}_NAME"].startswith("__Host-")
        assert secure_settings[f"{cookie}_PATH"] == "/"
        assert secure_settings[f"{cookie}_DOMAIN"] == "None"
    assert secure_settings["SESSION_COOKIE_SAMESITE"] == "Lax"
    assert int(secure_settings["SECURE_HSTS_SECONDS"]) >= 31_536_000
    assert secure_settings["DEBUG"] == "False"

"""Passkeys: made for this host alone, shown by their person alone, each time anew; and who must have one (BEHAVIOURS A3, A4)."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from accounts import access, actions, passkeys
from accounts.models import FactorDevice, FactorPolicy, User
from safeguards.models import AuditEvent, Notice
from tests import cast
from tests.accounts.sign_in import (
    browser,
    code,
    enrol,
    keep_codes,
    let_time_pass,
    secret_of,
    sign_in,
    somebody,
    type_password,
)
from tests.passkeys import SoftKey, given

CHOOSE = "/account/factor/choose/"
ADD = "/account/factor/passkey/"
FACTOR = "/account/factor/"


@pytest.fixture
def dana(own_database: str) -> User:
    """Dana, who has an account and no factor yet."""
    cast.clinic()
    return somebody()


@pytest.fixture
def key() -> SoftKey:
    """Her key."""
    return SoftKey()


def challenge(client: Client, at: str = FACTOR) -> str:
    """What the page asks the browser to have signed."""
    page = client.get(at).content.decode()
    found = re.search(r'data-options="([^"]+)"', page)
    assert found, page
    return str(json.loads(html.unescape(found[1]))["challenge"])


def make(client: Client, key: SoftKey, name: str = "Work laptop") -> HttpResponse:
    answer = client.post(ADD, {"name": name, "passkey": json.dumps(key.create(challenge(client, ADD)))})
    assert isinstance(answer, HttpResponse)
    return answer


def show(client: Client, key: SoftKey) -> HttpResponse:
    answer = client.post(FACTOR, {"passkey": json.dumps(key.get(challenge(client)))})
    assert isinstance(answer, HttpResponse)
    return answer


def enrol_key(client: Client, user: User, key: SoftKey) -> None:
    """First sign-in to the end, with a passkey."""
    type_password(client, user)
    assert make(client, key)["Location"] == "/account/recovery-codes/"
    keep_codes(client)


def is_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def refused(reason: str) -> bool:
    row = AuditEvent.objects.filter(action="factor.refused").latest("id")
    return (row.outcome, row.reason) == ("denied", reason)


def test_from_enrolment_to_signing_in_and_stepping_up(dana: User, key: SoftKey) -> None:
    client = browser()
    type_password(client, dana)
    page = client.get(CHOOSE).content.decode()
    assert "Make a passkey" in page
    assert "Use an authenticator app" in page
    assert make(client, key)["Location"] == "/account/recovery-codes/"
    assert client.get("/")["Location"] == CHOOSE
    keep_codes(client)
    assert is_in(client)
    assert AuditEvent.objects.get(action="factor.added").details == {"kind": "webauthn"}
    device = FactorDevice.objects.get(user=dana)
    assert device.phishing_resistant

    later = browser()
    assert type_password(later, dana)["Location"] == FACTOR
    assert show(later, key)["Location"] == "/"
    assert is_in(later)
    device.refresh_from_db()
    assert device.sign_count == 1
    row = AuditEvent.objects.filter(action="session.started").latest("id")
    assert (row.method, row.factor) == ("password", "webauthn")

    session = later.session
    session["factor_at"] -= 301
    session.save()
    other = given(dana, name="Old key")
    at = f"/account/factor/{other.pk}/remove/"
    page = later.post(at).content.decode()
    assert "Confirm it\u2019s you" in page
    asked = json.loads(html.unescape(re.findall(r'data-options="([^"]+)"', page)[0]))["challenge"]
    later.post(at, {"step_up_passkey": json.dumps(key.get(asked))})
    assert not Authenticator.objects.filter(pk=other.pk).exists()
    row = AuditEvent.objects.get(action="session.stepped_up")
    assert (row.actor_id, row.factor) == (str(dana.pk), "webauthn")
    assert AuditEvent.objects.filter(action="factor.removed").count() == 1


@pytest.mark.parametrize(
    ("bend", "reason"),
    [
        (lambda key: setattr(key, "origin", "https://evil.example"), "origin"),
        (lambda key: setattr(key, "origin", "http://evil.localhost:8000"), "origin"),
        (lambda key: setattr(key, "origin", "http://localhost:8001"), "origin"),
        (lambda key: setattr(key, "origin", "https://localhost:8000"), "origin"),
        (lambda key: setattr(key, "origin", "http://localhost:8000@evil.example"), "origin"),
        (lambda key: setattr(key, "cross_origin", True), "frame"),
        (lambda key: setattr(key, "host", "example.com"), "passkey"),
        (lambda key: setattr(key, "verified", False), "passkey"),
        (lambda key: setattr(key, "key", SoftKey().key), "passkey"),
        (lambda key: setattr(key, "id", b"somebody else's"), "passkey"),
    ],
)
def test_what_is_not_hers_here_and_now_is_refused_and_audited(
    dana: User, key: SoftKey, bend: Callable[[SoftKey], None], reason: str
) -> None:
    enrol_key(browser(), dana, key)
    client = browser()
    type_password(client, dana)
    bend(key)
    assert show(client, key).status_code == 200
    assert refused(reason)
    assert not is_in(client)


def test_a_passkey_made_for_another_page_is_not_enrolled(dana: User) -> None:
    client = browser()
    type_password(client, dana)
    for bent, reason in (
        (SoftKey(origin="https://evil.example"), "origin"),
        (SoftKey(host="evil.example"), "garbled"),
        (SoftKey(verified=False), "garbled"),
    ):
        assert make(client, bent).status_code == 422
        assert refused(reason)
    assert not Authenticator.objects.exists()
    assert client.get("/")["Location"] == CHOOSE


@pytest.mark.parametrize("typed", ["", "{", "[]", "null", "{}", '{"id": 7}', "[" * 9000, "x" * 30_000])
def test_bytes_that_make_no_sense_are_refused_in_words(dana: User, key: SoftKey, typed: str) -> None:
    enrol_key(browser(), dana, key)
    client = browser()
    type_password(client, dana)
    page = client.post(FACTOR, {"passkey": typed})
    assert page.status_code == 200
    assert "accepted" in page.content.decode()
    assert not is_in(client)


def test_an_answer_works_once_and_for_the_session_that_asked(dana: User, key: SoftKey) -> None:
    enrol_key(browser(), dana, key)
    client, thief = browser(), browser()
    type_password(client, dana)
    type_password(thief, dana)
    answer = {"passkey": json.dumps(key.get(challenge(client)))}
    assert thief.post(FACTOR, answer).status_code == 200
    assert refused("challenge")
    assert client.post(FACTOR, answer)["Location"] == "/"
    again = browser()
    type_password(again, dana)
    assert again.post(FACTOR, answer).status_code == 200
    assert refused("challenge")


def test_a_challenge_ends_after_five_minutes(dana: User, key: SoftKey) -> None:
    enrol_key(browser(), dana, key)
    client = browser()
    type_password(client, dana)
    asked = challenge(client)
    session = client.session
    for each in session["passkey_challenges"]:
        each["at"] -= passkeys.LIVES
    session.save()
    assert client.post(FACTOR, {"passkey": json.dumps(key.get(asked))}).status_code == 200
    assert refused("challenge")


def test_two_tabs_can_both_be_used(dana: User, key: SoftKey) -> None:
    enrol_key(browser(), dana, key)
    client = browser()
    type_password(client, dana)
    first, _second = challenge(client), challenge(client)
    assert client.post(FACTOR, {"passkey": json.dumps(key.get(first))})["Location"] == "/"


def test_a_counter_that_does_not_grow_is_refused_and_the_person_told(dana: User, key: SoftKey) -> None:
    key.count = 5
    enrol_key(browser(), dana, key)
    client = browser()
    type_password(client, dana)
    assert show(client, key)["Location"] == "/"
    copy = browser()
    type_password(copy, dana)
    key.count = 5
    page = show(copy, key)
    assert "may have been copied" in page.content.decode()
    assert refused("counter")
    assert Notice.objects.get(kind="staff.passkey_counter").parameters["passkey"] == "Work laptop"
    assert FactorDevice.objects.get(user=dana).sign_count == 6


def test_a_key_without_a_counter_is_none_the_worse(dana: User, key: SoftKey) -> None:
    enrol_key(browser(), dana, key)
    for _ in range(2):
        client = browser()
        type_password(client, dana)
        key.count = -1
        assert show(client, key)["Location"] == "/"


def test_somebody_elses_passkey_opens_nothing(dana: User, key: SoftKey) -> None:
    enrol_key(browser(), dana, key)
    his = SoftKey()
    enrol_key(browser(), somebody("Marcus Ruiz", "approver"), his)
    client = browser()
    type_password(client, dana)
    assert show(client, his).status_code == 200
    assert refused("passkey")


def test_several_are_named_renamed_and_removed_but_never_the_last(dana: User, key: SoftKey) -> None:
    client = browser()
    enrol_key(client, dana, key)
    assert make(client, SoftKey(), "Key on my ring")["Location"] == "/account/"
    assert make(client, key).status_code == 422
    first, second = Authenticator.objects.order_by("pk")
    client.post(f"/account/factor/{second.pk}/name/", {"name": "  Spare   key "})
    page = client.get("/account/").content.decode()
    assert "Spare key" in page
    assert "Work laptop" in page
    assert AuditEvent.objects.filter(action="factor.renamed").count() == 1
    client.post(f"/account/factor/{second.pk}/remove/")
    client.post(f"/account/factor/{first.pk}/remove/")
    assert list(Authenticator.objects.values_list("pk", flat=True)) == [first.pk]
    assert is_in(client)


def test_removing_the_one_that_the_session_stands_on_ends_it(dana: User, key: SoftKey) -> None:
    client = browser()
    enrol_key(client, dana, key)
    given(dana, name="Spare")
    first = Authenticator.objects.order_by("pk")[0]
    assert client.post(f"/account/factor/{first.pk}/remove/")["Location"] == "/account/login/"
    assert not is_in(client)


def test_nobody_touches_somebody_elses(dana: User, key: SoftKey) -> None:
    client = browser()
    enrol_key(client, dana, key)
    theirs = given(somebody("Marcus Ruiz", "approver"))
    for verb in ("name", "remove"):
        assert client.post(f"/account/factor/{theirs.pk}/{verb}/", {"name": "Mine"}).status_code == 404
    with pytest.raises(access.Denied):
        actions.remove_factor(actor=access.of_user(dana), person=theirs.user, factor=theirs)
    with pytest.raises(access.Denied):
        actions.rename_passkey(actor=access.of_user(dana), person=dana, passkey=theirs, name="Mine")
    theirs.refresh_from_db()
    assert theirs.data["name"] == "Work laptop"


def test_an_empty_name_and_an_eleventh_passkey_are_refused(dana: User) -> None:
    def add(name: str) -> None:
        actions.add_passkey(
            actor=access.of_user(dana), person=dana, name=name, credential=SoftKey().create("x"), sign_count=0
        )

    with pytest.raises(ValidationError):
        add("  ")
    for number in range(10):
        add(f"key {number}")
    with pytest.raises(ValidationError, match="ten passkeys"):
        add("one more")


def test_the_password_alone_adds_nothing_to_factors_enrolled_elsewhere(dana: User, key: SoftKey) -> None:
    """Somebody who knows the password opens a session before the first factor is there, and waits."""
    waiting = browser()
    type_password(waiting, dana)
    enrol_key(browser(), dana, key)
    for page in (ADD, "/account/factor/set-up/"):
        assert waiting.get(page)["Location"] == CHOOSE
    assert waiting.post(ADD, {"name": "Mine", "passkey": "{}"})["Location"] == CHOOSE
    assert waiting.get(CHOOSE)["Location"] == "/account/login/"
    assert Authenticator.objects.count() == 1


@pytest.mark.parametrize(
    ("staff_url", "obstacle"),
    [
        ("http://127.0.0.1:8000", "address"),
        ("https://192.0.2.7", "address"),
        ("https://[2001:db8::1]", "address"),
        ("http://staff.northfield.example", "insecure"),
        ("https://staff.northfield.example", ""),
        ("http://localhost:8000", ""),
    ],
)
def test_passkeys_are_offered_only_where_they_can_work(
    dana: User, settings: Settings, staff_url: str, obstacle: str
) -> None:
    settings.STAFF_URL, settings.PASSKEYS_REQUIRED = staff_url, True
    assert passkeys.place().obstacle == obstacle
    # Where they can't, nobody is held to one, and whoever sets the server up is told.
    assert access.needs_passkey("administrator") == (not obstacle)
    found = [each for each in run_checks() if each.id == "accounts.W001"]
    assert len(found) == bool(obstacle)
    if obstacle:
        settings.PUBLIC_URL = "https://mail.northfield.example"
        client = browser()
        type_password(client, dana)
        page = client.get(CHOOSE).content.decode()
        assert "Make a passkey" not in page
        assert "Use an authenticator app" in page
        assert ("by a number" if obstacle == "address" else "need https") in page
        with pytest.raises(ValidationError):
            actions.require_passkeys(actor=access.system("setup"), required=True)


def test_in_the_demo_the_host_in_use_counts(settings: Settings, rf: Any) -> None:
    settings.DEMO, settings.ALLOWED_HOSTS = True, ["*"]
    for host, scheme, obstacle in (
        ("localhost:8123", "http", ""),
        ("127.0.0.1:8123", "http", "address"),
        ("demo.example", "http", "insecure"),
        ("demo.example", "https", ""),
    ):
        here = passkeys.place(rf.get("/", headers={"host": host}, secure=scheme == "https"))
        assert (here.host, here.obstacle) == (host.partition(":")[0], obstacle)
    there = passkeys.place(rf.get("/", headers={"host": "demo.example"}, secure=True))
    assert there.is_origin("https://demo.example:8443")
    for foreign in (
        "https://evil.example",
        "https://a.demo.example",
        "http://demo.example",
        "https://demo.example/x",
    ):
        assert not there.is_origin(foreign)


def test_outside_the_demo_the_named_host_counts_whatever_the_request_says(
    settings: Settings, rf: Any
) -> None:
    settings.STAFF_URL, settings.ALLOWED_HOSTS = "https://staff.northfield.example", ["*"]
    here = passkeys.place(rf.get("/", headers={"host": "mail.northfield.example"}))
    assert here.host == "staff.northfield.example"
    assert here.is_origin("https://staff.northfield.example")
    for foreign in ("https://x.staff.northfield.example", "https://northfield.example", "null", ""):
        assert not here.is_origin(foreign)


# --- Roles that work with a passkey alone.


@pytest.fixture
def required(settings: Settings) -> None:
    """As outside the demo."""
    settings.PASSKEYS_REQUIRED = True


@pytest.mark.parametrize("role", ["administrator", "compliance"])
def test_an_app_alone_leads_such_a_role_to_the_page_that_says_why(
    dana: User, settings: Settings, role: str
) -> None:
    person = somebody("Olive Okoro", role)
    client = browser()
    enrol(client, person)
    assert is_in(client)
    settings.PASSKEYS_REQUIRED = True
    # At the next request, in the open session.
    for page in ("/", "/campaigns/", "/account/", "/settings/people/"):
        assert client.get(page)["Location"] == CHOOSE
    rows = AuditEvent.objects.filter(action="session.held", actor_id=str(person.pk))
    assert [(row.outcome, row.reason, row.factor) for row in rows] == [
        ("denied", "role needs a passkey", "totp")
    ]
    words = client.get(CHOOSE).content.decode()
    assert "A passkey is needed" in words
    assert "Use an authenticator app" not in words
    answer = client.get("/campaigns/", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (403, {"code": "passkey"})
    assert make(client, SoftKey())["Location"] == "/account/"
    assert is_in(client)


def test_with_app_and_passkey_the_passkey_lifts_the_session(dana: User, key: SoftKey, required: None) -> None:
    ada = somebody("Ada Lindqvist", "administrator")
    enrol_key(browser(), ada, key)
    client = browser()
    type_password(client, ada)
    show(client, key)
    client.get("/account/factor/replace/")
    # An app beside it doesn't take the session down.
    page = client.get("/account/factor/replace/").content.decode()
    secret = re.search(r">([A-Z2-7]{32})<", page)
    assert secret
    assert client.post("/account/factor/replace/", {"code": code(secret[1])})["Location"] == "/account/"
    assert is_in(client)
    let_time_pass(ada)
    cache.clear()
    by_app = browser()
    sign_in(by_app, ada)
    assert by_app.get("/")["Location"] == CHOOSE
    # The code doesn't add a passkey where there is one: that one is asked for.
    let_time_pass(ada)
    session = by_app.session
    session["factor_at"] -= 301
    session.save()
    answer = by_app.post(ADD, {"name": "Mine", "step_up_code": code(secret_of(ada))})
    assert "Your role confirms with a passkey" in answer.content.decode()
    assert refused("role needs a passkey")
    asked = challenge(by_app, "/account/factor/again/?next=/campaigns/")
    answer = by_app.post(
        "/account/factor/again/?next=/campaigns/",
        {"step_up_passkey": json.dumps(key.get(asked)), "step_up_reading": "1"},
    )
    assert answer.status_code == 302
    assert is_in(by_app)


def test_the_last_passkey_of_such_a_role_stays(dana: User, key: SoftKey, required: None) -> None:
    ada = somebody("Ada Lindqvist", "administrator")
    enrol_key(browser(), ada, key)
    Authenticator.objects.create(user=ada, type=Authenticator.Type.TOTP, data={"secret": ""})
    passkey = Authenticator.objects.get(user=ada, type=Authenticator.Type.WEBAUTHN)
    with pytest.raises(ValidationError, match="role needs a passkey"):
        actions.remove_factor(actor=access.of_user(ada), person=ada, factor=passkey)


def test_others_work_with_an_app(dana: User, required: None) -> None:
    client = browser()
    enrol(client, dana)
    assert is_in(client)


def test_another_role_holds_an_open_session(dana: User, required: None) -> None:
    somebody("Ada Lindqvist", "administrator")
    client = browser()
    enrol(client, dana)
    actions.change_role(actor=access.system("setup"), person=dana, role="compliance")
    assert client.get("/")["Location"] == CHOOSE
    actions.change_role(actor=access.system("setup"), person=dana, role="analyst")
    assert is_in(client)


def test_the_requirement_is_shown_before_it_is_saved_and_audited(dana: User, key: SoftKey) -> None:
    ada = somebody("Ada Lindqvist", "administrator")
    somebody("Olive Okoro", "compliance")
    client = browser()
    enrol_key(client, ada, key)
    page = client.get("/settings/roles/passkeys/?required=yes").content.decode()
    assert "Olive Okoro" in page
    assert "Ada Lindqvist, Administrator" not in page
    assert not FactorPolicy.objects.exists()
    session = client.session
    session["factor_at"] -= 301
    session.save()
    assert (
        "Confirm it\u2019s you"
        in client.post("/settings/roles/passkeys/", {"required": "yes"}).content.decode()
    )
    session = client.session
    session["factor_at"] += 301
    session.save()
    for _ in range(2):
        client.post("/settings/roles/passkeys/", {"required": "yes"})
    assert access.needs_passkey("compliance")
    row = AuditEvent.objects.get(action="policy.passkeys_changed")
    assert (row.actor_id, row.details) == (str(ada.pk), {"required": True})
    client.post("/settings/roles/passkeys/", {"required": "no"})
    assert not access.needs_passkey("compliance")


@pytest.mark.parametrize("who", [cast.dana, cast.marcus, cast.olive, cast.ann])
def test_nobody_else_changes_the_requirement_or_lifts_a_lockout(
    own_database: str, who: Callable[[], User]
) -> None:
    with pytest.raises(access.Denied):
        actions.require_passkeys(actor=cast.actor(who()), required=False)
    with pytest.raises(access.Denied):
        actions.lift_lockout(actor=cast.actor(who()), person=cast.ada())

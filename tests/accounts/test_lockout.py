"""Guesses wait, alike for addresses that nobody has; and what becomes of sessions that aren't what they seem (A2, A8, A10)."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts import access, actions, lockouts, rules, sessions
from accounts.models import Lockout, User
from safeguards import notices
from safeguards.models import AuditEvent, Notice
from tests import cast
from tests.accounts.sign_in import (
    PASSWORD,
    browser,
    code,
    enrol,
    let_time_pass,
    secret_of,
    somebody,
    type_password,
    wait_over,
    wrong,
)

NOBODY = "nobody@northfield.example"


@pytest.fixture
def dana(own_database: str) -> User:
    """Dana, who has an account."""
    cast.clinic()
    return somebody()


def guess(client: Client, address: str, times: int = 1, password: str = "not the password") -> str:
    """Guess so often, each time after the wait; gives the last page."""
    page = ""
    for _ in range(times):
        wait_over(address)
        cache.clear()
        page = client.post("/account/login/", {"login": address, "password": password}).content.decode()
    return page


def plain(page: str) -> str:
    """A page without what differs each time."""
    page = re.sub(r'datetime="[^"]+"|title="[^"]+"', "", page)
    page = re.sub(
        r'(csrfmiddlewaretoken" value="|data-waits-until=")[^"]+|<strong>\d[^<]+</strong>', "", page
    )
    return re.sub(r"\b\d+ (seconds|minutes)|value=\"[^\"]+@[^\"]+\"|Nov \d.*?(?=<)", "", page)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (4, 0), (5, 15), (6, 30), (10, 480), (11, 900), (12, 900), (10**9, 900)]
)
def test_the_wait_doubles_up_to_a_quarter_of_an_hour(failures: int, seconds: int) -> None:
    assert rules.wait_after(failures) == seconds


def test_the_eleventh_guess_is_refused_even_with_the_right_password(dana: User) -> None:
    client = browser()
    page = guess(client, dana.email, 10)
    assert "Too many wrong tries. Wait 8 minutes, then try again." in page
    assert "data-waits-until" in page
    cache.clear()
    page = type_password(client, dana).content.decode()
    assert "Too many wrong tries" in page
    row = AuditEvent.objects.filter(action="session.refused").latest("id")
    assert (row.outcome, row.reason, row.target_id) == ("denied", "locked", str(dana.pk))
    began = AuditEvent.objects.filter(action="lockout.began").latest("id")
    assert began.details == {"kind": "password", "failures": 10, "seconds": 480}
    assert client.get("/")["Location"] == "/account/login/"
    wait_over(dana.email)
    cache.clear()
    assert type_password(client, dana)["Location"] == "/"
    assert not Lockout.objects.exists()


def test_the_eleventh_code_is_refused_even_if_it_is_right(dana: User) -> None:
    enrol(browser(), dana)
    let_time_pass(dana)
    client = browser()
    type_password(client, dana)
    for _ in range(10):
        wait_over(dana.email)
        cache.clear()
        client.post("/account/factor/", {"code": wrong(secret_of(dana))})
    page = client.post("/account/factor/", {"code": code(secret_of(dana))}).content.decode()
    assert "Wait 8 minutes" in page
    assert AuditEvent.objects.filter(action="factor.refused").latest("id").reason == "locked"
    assert client.get("/")["Location"] == "/account/login/"


def test_an_address_that_nobody_has_waits_in_the_same_words(dana: User) -> None:
    for times in (1, 4, 1, 5):
        known, unknown = guess(browser(), dana.email, times), guess(browser(), NOBODY, times)
        assert plain(known) == plain(unknown), times
    assert "Too many wrong tries" in known
    rows = AuditEvent.objects.filter(action="lockout.began", target_id="")
    assert rows.count() == 7
    assert not any("nobody@" in f"{row.details}{row.reason}{row.actor_display}" for row in rows)


@contextmanager
def hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is hashed meanwhile."""
    done: list[str] = []
    real = MD5PasswordHasher.encode

    def encode(self: MD5PasswordHasher, password: str, salt: str) -> str:
        done.append(password)
        return str(real(self, password, salt))

    with monkeypatch.context() as patch:
        patch.setattr(MD5PasswordHasher, "encode", encode)
        yield done


def test_every_answer_costs_the_same_hashing(dana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    eve = somebody("Eve Brandt", "analyst")
    User.objects.filter(pk=eve.pk).update(is_active=False)
    asked = {
        "wrong": (dana.email, "not the password"),
        "right": (dana.email, PASSWORD),
        "nobody's": (NOBODY, "not the password"),
        "let go": (eve.email, PASSWORD),
    }
    for name, (address, password) in asked.items():
        with hashing(monkeypatch) as done:
            guess(browser(), address, 1, password)
        assert done == [password], name
    for address in (dana.email, NOBODY, eve.email):
        guess(browser(), address, 6)
        for password in ("not the password", PASSWORD):
            with hashing(monkeypatch) as done:
                browser().post("/account/login/", {"login": address, "password": password})
            assert done == [password], f"{address} while it waits"


def test_the_person_gets_one_mail_and_nobody_gets_none(dana: User) -> None:
    guess(browser(), dana.email, 4)
    assert not Notice.objects.filter(kind="staff.lockout").exists()
    guess(browser(), dana.email, 4)
    guess(browser(), NOBODY, 8)
    notice = Notice.objects.get(kind="staff.lockout")
    assert notices.opened(notice)[0] == dana.email
    assert notice.parameters == {"name": "Dana Kim", "failures": "5"}


def test_guesses_at_the_same_moment_are_all_counted(dana: User) -> None:
    ready, waits = threading.Barrier(8), []

    def try_it() -> None:
        ready.wait()
        try:
            waits.append(lockouts.attempt(dana.email, Lockout.Kind.PASSWORD))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Four are taken for typing mistakes, the fifth begins the wait, and the others meet it.
    assert len([each for each in waits if each is None]) == 5


def test_case_and_spaces_make_no_other_account(dana: User) -> None:
    assert lockouts.key_of(f" {dana.email.upper()} ") == lockouts.key_of(dana.email)
    assert lockouts.key_of(NOBODY) != lockouts.key_of(dana.email)


def test_a_day_later_it_begins_anew_and_old_rows_go(dana: User) -> None:
    guess(browser(), dana.email, 8)
    Lockout.objects.update(last_at=timezone.now() - timedelta(hours=25), until=None)
    assert lockouts.attempt(dana.email, Lockout.Kind.PASSWORD) is None
    assert Lockout.objects.get().failures == 1
    Lockout.objects.update(last_at=timezone.now() - timedelta(hours=25))
    lockouts.attempt(NOBODY, Lockout.Kind.PASSWORD)
    assert [bytes(each.key) for each in Lockout.objects.all()] == [lockouts.key_of(NOBODY)]


def test_an_administrator_sees_the_wait_and_lifts_it(dana: User) -> None:
    ada = somebody("Ada Lindqvist", "administrator")
    client = browser()
    enrol(client, ada)
    at = f"/settings/people/{dana.pk}/"
    assert "Wrong tries" not in client.get(at).content.decode()
    guess(browser(), dana.email, 7)
    page = client.get(at).content.decode()
    assert "7 wrong passwords in a row." in page
    assert "Locked" in page
    for _ in range(2):
        client.post(f"{at}unlock/")
    row = AuditEvent.objects.get(action="lockout.lifted")
    assert (row.actor_id, row.target_id) == (str(ada.pk), str(dana.pk))
    cache.clear()
    assert type_password(browser(), dana)["Location"] == "/"


# --- Sessions that aren't what they seem.


@pytest.fixture
def client(dana: User) -> Client:
    """Dana's browser, signed in."""
    client = browser()
    enrol(client, dana)
    return client


@pytest.mark.parametrize(
    ("key", "by"), [("seen", sessions.IDLE_SECONDS + 5), ("began", sessions.LONGEST_SECONDS + 5)]
)
def test_a_backdated_session_is_ended_and_audited(client: Client, dana: User, key: str, by: int) -> None:
    session = client.session
    session[key] -= by
    session.save()
    assert client.get("/campaigns/")["Location"] == "/account/login/?next=/campaigns/"
    row = AuditEvent.objects.get(action="session.expired")
    assert (row.actor_id, row.target_id, row.factor) == (str(dana.pk), str(dana.pk), "totp")
    # It didn't end by her hand.
    assert not AuditEvent.objects.filter(action="session.ended").exists()


@pytest.mark.parametrize(
    ("cookie", "reason"),
    [("a" * 32, "ended or made up"), ("../../etc/passwd", "malformed"), ("A" * 32, "malformed")],
)
def test_a_tampered_cookie_opens_nothing_and_is_audited_once(
    own_database: str, cookie: str, reason: str
) -> None:
    for _ in range(3):
        forged = browser()
        forged.cookies["wellsent-session"] = cookie
        assert forged.get("/campaigns/")["Location"] == "/account/login/?next=/campaigns/"
    row = AuditEvent.objects.get(action="session.unknown")
    assert (row.outcome, row.reason, row.ip) == ("denied", reason, "127.0.0.1")
    assert cookie not in f"{row.details}{row.reason}{row.session_hash}"


def test_a_session_whose_content_was_changed_opens_nothing(client: Client) -> None:
    """Its content is signed: whoever can write the table alone makes no session."""
    found = Session.objects.get(pk=client.session.session_key)
    Session.objects.filter(pk=found.pk).update(session_data=found.session_data[:-4] + "AAAA")
    assert client.get("/campaigns/")["Location"] == "/account/login/?next=/campaigns/"
    assert AuditEvent.objects.get(action="session.unknown").reason == "unreadable"


def test_a_flood_of_cookies_does_not_fill_the_log(own_database: str) -> None:
    for number in range(120):
        forged = browser()
        forged.cookies["wellsent-session"] = "b" * 32
        forged.get("/", REMOTE_ADDR=f"192.0.2.{number}")
    assert AuditEvent.objects.filter(action="session.unknown").count() == 100


def test_whoever_signs_out_and_in_leaves_no_such_row(client: Client, dana: User) -> None:
    client.post("/account/logout/")
    client.get("/account/login/")
    let_time_pass(dana)
    type_password(client, dana)
    assert not AuditEvent.objects.filter(action="session.unknown").exists()


def test_a_role_that_was_taken_away_is_refused_at_the_next_request_and_audited(dana: User) -> None:
    somebody("Ada Lindqvist", "administrator")
    eve = somebody("Eve Brandt", "administrator")
    client = browser()
    enrol(client, eve)
    assert client.get("/settings/people/").status_code == 200
    actions.change_role(actor=access.system("setup"), person=eve, role="analyst")
    assert client.get("/settings/people/").status_code == 404
    row = AuditEvent.objects.get(action="access.denied")
    assert (row.actor_id, row.outcome, row.details) == (
        str(eve.pk),
        "denied",
        {"permission": "manage people"},
    )


@pytest.mark.parametrize(
    "headers", [{"accept": "application/json"}, {"accept": "application/json, */*;q=0.1"}]
)
def test_a_program_gets_a_status_and_a_word(dana: User, headers: dict[str, str]) -> None:
    client = browser()
    answer = client.get("/campaigns/", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"code": "sign_in"})
    type_password(client, dana)
    answer = client.get("/campaigns/", headers=headers)
    assert (answer.status_code, answer.json()) == (403, {"code": "enrol"})
    assert "no-store" in answer["Cache-Control"]


def test_a_browser_that_takes_anything_gets_the_page(dana: User) -> None:
    answer = browser().get("/campaigns/", headers={"accept": "text/html,application/json;q=0.9,*/*;q=0.8"})
    assert answer.status_code == 302

"""A forgotten password: a link that sets a new one, once, and lets nobody past the second factor (BEHAVIOURS A10)."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import access, actions, sessions
from accounts.access import Denied
from accounts.actions import LinkGone
from accounts.models import PasswordLink, User
from accounts.organization.models import Brand
from safeguards import notices
from safeguards.models import AuditEvent, Notice
from tests import cast
from tests.accounts.sign_in import PASSWORD, browser, enrol, let_time_pass, somebody, type_password
from tests.sessions import signed_in

SETUP = access.system("setup")
NEW = "seven geese crossed the pond"
FORGOTTEN = "/account/password/forgotten/"
GONE = "This link doesn\u2019t work"


@pytest.fixture(autouse=True)
def no_limits_left() -> None:
    """Each test begins with nobody having asked for anything."""
    cache.clear()


@pytest.fixture
def dana(own_database: str) -> User:
    """Dana, who has a password and no factor yet."""
    cast.clinic()
    return somebody()


def ask(email: str) -> str:
    answer = browser().post(FORGOTTEN, {"email": email})
    assert answer.status_code == 200
    return str(answer.content.decode()).replace(email, "ADDRESS")


def token() -> str:
    """The token of the newest link's mail."""
    notice = Notice.objects.filter(kind="staff.password_link").latest("created_at")
    return notices.opened(notice)[1].rstrip("/").rsplit("/", 1)[1]


def follow(token: str, password: str = NEW, client: Client | None = None) -> str:
    answer = (client or browser()).post(f"/account/password/new/{token}/", {"new": password}, follow=True)
    return str(answer.content.decode())


def test_from_the_forgotten_password_to_work(dana: User) -> None:
    secret_browser = browser()
    enrol(secret_browser, dana)
    elsewhere = signed_in(browser(), dana)
    ask("Dana@Northfield.example")
    notice = Notice.objects.get(kind="staff.password_link")
    assert notices.opened(notice)[0] == dana.email
    link = token()
    # A scanner that looks changes nothing.
    shown = browser().get(f"/account/password/new/{link}/").content.decode()
    assert "Dana Kim, choose a new password" in shown
    assert "sign in with it" in shown
    hers = browser()
    assert "Your new password is set" in follow(link, client=hers)
    assert elsewhere.get("/").status_code == 302, "every session has ended"
    # The link is no way in: the password is typed and the factor shown, as ever.
    assert hers.get("/").status_code == 302
    type_password(hers, dana)
    assert hers.get("/").status_code == 302, "the old password opens nothing"
    let_time_pass(dana)
    dana.refresh_from_db()
    type_password(hers, dana, password=NEW)
    assert hers.get("/account/").status_code == 302, "without the factor nobody is in"
    fresh = browser()
    type_password(fresh, dana, password=NEW)
    assert Notice.objects.filter(kind="staff.password_changed").count() == 1, "the person is told"
    names = list(AuditEvent.objects.filter(action__startswith="password.").values_list("action", "actor_id"))
    assert names == [("password.link_asked", str(dana.pk)), ("password.reset", str(dana.pk))]


def test_a_link_works_once_and_for_an_hour_and_not_after_another_change(dana: User) -> None:
    ask(dana.email)
    first = token()
    assert "Your new password is set" in follow(first)
    assert GONE in follow(first, "nine swans slept on the lake")
    assert GONE in browser().get(f"/account/password/new/{first}/").content.decode()
    ask(dana.email)
    second = token()
    dana.refresh_from_db()
    actor = cast.actor(dana)
    actions.change_password(actor=actor, person=dana, old=NEW, new=PASSWORD)
    assert GONE in follow(second), "changed meanwhile: whoever still has the mail has nothing"
    ask(dana.email)
    third = token()
    PasswordLink.objects.filter(ended_at=None).update(expires_at=timezone.now())
    assert GONE in follow(third)
    assert GONE in follow("never-ours")


def test_all_links_end_with_the_one_that_is_used(dana: User) -> None:
    ask(dana.email)
    first = token()
    ask(dana.email)
    assert "Your new password is set" in follow(token())
    assert GONE in follow(first, "nine swans slept on the lake")


def test_two_at_once_set_one_password(dana: User) -> None:
    ask(dana.email)
    link, outcomes = token(), []

    def use(password: str) -> None:
        try:
            actions.set_password_by_link(actor=SETUP, token=link, password=password)
            outcomes.append(password)
        except LinkGone:
            outcomes.append("")
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=use, args=[password]) for password in (NEW, "nine swans slept on the lake")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, outcomes)) == [False, True]
    dana.refresh_from_db()
    assert dana.check_password(max(outcomes))


def test_a_weak_password_is_refused_and_leaves_the_link(dana: User) -> None:
    ask(dana.email)
    link = token()
    answer = browser().post(f"/account/password/new/{link}/", {"new": "short"})
    assert answer.status_code == 422
    assert "at least 12 characters" in answer.content.decode()
    assert "Your new password is set" in follow(link)


def _work(email: str) -> list[str]:
    """What the database is asked when somebody asks for a link: the statements without their values."""
    with CaptureQueriesContext(connection) as seen:
        actions.ask_password_link(actor=SETUP, email=email)
    asked = [query["sql"][:60] for query in seen.captured_queries]
    return [sql for sql in asked if "SAVEPOINT" not in sql]


def test_who_asks_learns_nothing_of_who_has_an_account(dana: User) -> None:
    gone = somebody("Mia Torres")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    assert ask(dana.email) == ask("nobody@northfield.example") == ask(gone.email)
    assert Notice.objects.filter(kind="staff.password_link").count() == 1
    assert PasswordLink.objects.count() == 1
    outcomes = dict(
        AuditEvent.objects.filter(action="password.link_asked").values_list("target_id", "outcome")
    )
    assert outcomes == {str(dana.pk): "success", "": "denied"}
    # The same is sealed and written either way, only that one is taken back: the clock tells no more than the words.
    known, unknown = _work(dana.email), _work("nobody@northfield.example")
    for statement in ('INSERT INTO "accounts_password_link"', 'INSERT INTO "safeguards_notice"'):
        assert sum(each.startswith(statement) for each in known) == 1
        assert sum(each.startswith(statement) for each in unknown) == 1
    assert len(known) == len(unknown)


def test_nobody_fills_a_colleagues_inbox(dana: User) -> None:
    words = {ask(dana.email) for _ in range(5)}
    assert len(words) == 1
    assert Notice.objects.filter(kind="staff.password_link").count() == 3
    PasswordLink.objects.update(created_at=timezone.now() - timedelta(hours=1, seconds=1))
    ask(dana.email)
    assert Notice.objects.filter(kind="staff.password_link").count() == 4
    for _ in range(10):
        last = browser().post(FORGOTTEN, {"email": "x@northfield.example"})
    assert last.status_code == 429


def test_an_administrator_sends_a_link_and_learns_nothing(dana: User) -> None:
    ada = cast.ada()
    client = signed_in(browser(), ada)
    page = client.post(f"/settings/people/{dana.pk}/password/", follow=True).content.decode()
    assert "is on its way to dana@northfield.example" in page
    link = token()
    assert link not in page
    assert Notice.objects.get(kind="staff.password_link").parameters["by"] == "Ada Lindqvist"
    assert dana.check_password(PASSWORD), "the present one works until then"
    assert "Your new password is set" in follow(link)
    User.objects.filter(pk=dana.pk).update(is_active=False)
    page = client.post(f"/settings/people/{dana.pk}/password/", follow=True).content.decode()
    assert "Reactivate it first" in page
    with pytest.raises(Denied):
        actions.send_password_link(actor=cast.actor(cast.marcus()), person=dana)


def test_sending_a_link_asks_for_a_fresh_code(dana: User) -> None:
    client = signed_in(browser(), cast.ada())
    session = client.session
    session["factor_at"] = 0
    session.save()
    assert "code" in client.post(f"/settings/people/{dana.pk}/password/").content.decode()
    assert not PasswordLink.objects.exists()


@pytest.fixture
def clinic(db: None) -> Iterator[Brand]:
    """Northfield Health."""
    yield cast.clinic()


@pytest.mark.parametrize(
    "password",
    [
        "NorthfieldHealth2026!",
        "wellsent-wellsent",
        "dana.kim.northfield",
        "Password12345!",
        "northfield....2026",
    ],
)
def test_what_anybody_who_knows_the_place_would_try_is_refused(clinic: Brand, password: str) -> None:
    person = User(email="dana@northfield.example", name="Dana Kim")
    with pytest.raises(ValidationError, match="anybody who knows you"):
        validate_password(password, person)


@pytest.mark.parametrize("password", [PASSWORD, NEW, "our dana loves a northfield rainbow", "zxkwpvqjhmtr"])
def test_such_words_beside_enough_of_ones_own_are_welcome(clinic: Brand, password: str) -> None:
    validate_password(password, User(email="dana@northfield.example", name="Dana Kim"))


def test_sessions_of_others_stay(dana: User) -> None:
    other = signed_in(browser(), cast.marcus())
    ask(dana.email)
    follow(token())
    assert other.get("/account/").status_code == 200
    assert sessions.open_sessions([dana.pk]).count() == 0

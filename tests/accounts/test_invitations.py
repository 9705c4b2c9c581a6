"""Invitations: a link in a mail that opens one account, once (BEHAVIOURS A1, A10)."""

import json
import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from psycopg import sql

from accounts import access, actions
from accounts.actions import InvitationGone
from accounts.models import Invitation, Role, User
from safeguards import notices, redact
from safeguards.models import AuditEvent, Notice
from tests import cast
from tests.accounts.sign_in import PASSWORD, browser, code, keep_codes, shown_secret, type_password
from tests.sessions import signed_in

SETUP = access.system("setup")
NOOR = "noor@northfield.example"
ASKED = {"name": "Noor Haddad", "email": NOOR, "role": "analyst"}
GONE = "This link doesn\u2019t work"


@pytest.fixture
def ada(own_database: str) -> User:
    """Ada, an administrator."""
    cast.clinic()
    return cast.ada()


@pytest.fixture
def client(ada: User) -> Client:
    """Ada's browser, in which she has just typed a code."""
    return signed_in(browser(), ada)


def invited(by: User, **changed: str) -> tuple[Invitation, str]:
    """An invitation, and the token that stands in its mail."""
    found = actions.invite_person(actor=cast.actor(by), **(ASKED | changed))
    return found, last_token()


def last_token() -> str:
    """The token of the newest invitation's mail."""
    notice = Notice.objects.filter(kind="staff.invitation").latest("created_at")
    return notices.opened(notice)[1].rstrip("/").rsplit("/", 1)[1]


def follow(token: str) -> int:
    """What the link answers a stranger with."""
    return browser().get(f"/account/invitation/{token}/").status_code


def accept(token: str, password: str = PASSWORD) -> User:
    return actions.accept_invitation(actor=SETUP, token=token, password=password)


def test_from_the_mail_to_a_verified_session(client: Client) -> None:
    page = client.post("/settings/people/invite/", ASKED, follow=True).content.decode()
    assert NOOR in page
    assert "on its way" in page
    address, link = notices.opened(Notice.objects.get(kind="staff.invitation"))
    assert address == NOOR
    path = link.partition("//")[2].partition("/")[2]
    hers = browser()
    shown = hers.get(f"/{path}").content.decode()
    for words in ("Ada Lindqvist has invited you", "Noor Haddad", "Analyst", NOOR):
        assert words in shown
    # Looking has used nothing up.
    assert not User.objects.filter(email=NOOR).exists()
    hers.post(f"/{path}", {"new": PASSWORD})
    # Signed in by the password alone, she gets nowhere but to the second factor.
    assert hers.get("/campaigns/")["Location"] == "/account/factor/choose/"
    hers.post("/account/factor/set-up/", {"code": code(shown_secret(hers))})
    keep_codes(hers)
    assert hers.get("/segments/").status_code == 200
    noor = User.objects.get(email=NOOR)
    assert (noor.name, noor.role, noor.time_zone) == ("Noor Haddad", "analyst", "America/New_York")
    assert "Noor Haddad" in client.get("/settings/people/").content.decode()


def test_a_link_works_once(ada: User) -> None:
    _, token = invited(ada)
    accept(token)
    with pytest.raises(InvitationGone):
        accept(token, "four geese walked past the barn")
    answer = browser().post(f"/account/invitation/{token}/", {"new": "four geese walked past the barn"})
    assert answer.status_code == 404
    assert GONE in answer.content.decode()
    assert User.objects.get(email=NOOR).check_password(PASSWORD)


def test_two_at_once_open_one_account(ada: User) -> None:
    _, token = invited(ada)
    ready = threading.Barrier(2)
    refused: list[str] = []

    def open_it() -> None:
        ready.wait()
        try:
            accept(token)
        except InvitationGone:
            refused.append("gone")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=open_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["gone"]
    assert User.objects.filter(email=NOOR).count() == 1


def test_after_seven_days_it_is_too_old_and_can_be_sent_again(client: Client, ada: User) -> None:
    found, token = invited(ada)
    assert found.expires_at - found.sent_at == timedelta(days=7)
    Invitation.objects.update(expires_at=timezone.now())
    assert follow(token) == 404
    with pytest.raises(InvitationGone):
        accept(token)
    assert "Expired" in client.get("/settings/people/").content.decode()
    client.post(f"/settings/people/invitations/{found.pk}/again/")
    new = last_token()
    assert new != token
    assert (follow(token), follow(new)) == (404, 200)
    assert AuditEvent.objects.filter(action="invitation.sent_again", target_id=str(found.pk)).count() == 1


def test_a_newer_invitation_supersedes_the_one_before(ada: User) -> None:
    _, first = invited(ada)
    _, second = invited(ada, email=NOOR.upper(), role="marketer")
    assert (follow(first), follow(second)) == (404, 200)
    assert accept(second).role == Role.MARKETER
    rows = AuditEvent.objects.filter(action="invitation.sent").order_by("pk")
    assert [row.details for row in rows] == [
        {"role": "analyst", "superseded": 0},
        {"role": "marketer", "superseded": 1},
    ]


def test_withdrawn_and_restored(client: Client, ada: User) -> None:
    found, token = invited(ada)
    page = client.post(f"/settings/people/invitations/{found.pk}/withdraw/", follow=True).content.decode()
    assert f'action="/settings/people/invitations/{found.pk}/restore/"' in page
    assert follow(token) == 404
    client.post(f"/settings/people/invitations/{found.pk}/restore/")
    assert follow(token) == 200
    actions_of = AuditEvent.objects.filter(action__startswith="invitation.").order_by("pk")
    assert [row.action for row in actions_of] == [
        "invitation.sent",
        "invitation.withdrawn",
        "invitation.restored",
    ]


def test_what_is_over_is_not_restored_or_sent_again(client: Client, ada: User) -> None:
    first, _ = invited(ada)
    second, _token = invited(ada)
    # There is a newer one.
    with pytest.raises(InvitationGone):
        actions.restore_invitation(actor=SETUP, invitation=first)
    with pytest.raises(InvitationGone):
        actions.resend_invitation(actor=SETUP, invitation=first)
    # One that isn't withdrawn has nothing to be taken back; one that is too old would be of no use.
    with pytest.raises(InvitationGone):
        actions.restore_invitation(actor=SETUP, invitation=second)
    actions.withdraw_invitation(actor=SETUP, invitation=second)
    Invitation.objects.update(expires_at=timezone.now())
    with pytest.raises(InvitationGone):
        actions.restore_invitation(actor=SETUP, invitation=second)
    with pytest.raises(InvitationGone):
        actions.withdraw_invitation(actor=SETUP, invitation=second)
    page = client.post(f"/settings/people/invitations/{second.pk}/again/", follow=True).content.decode()
    assert "open any more" in page
    # Nor one whose account is open.
    third, token = invited(ada)
    accept(token)
    for act in (actions.restore_invitation, actions.resend_invitation, actions.withdraw_invitation):
        with pytest.raises(InvitationGone):
            act(actor=SETUP, invitation=third)


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "marketer"}])
def test_a_sender_who_no_longer_manages_people_lets_nobody_in(ada: User, change: dict[str, object]) -> None:
    eve = cast.person("Eve Brandt", Role.ADMINISTRATOR)
    found, token = invited(eve)
    User.objects.filter(pk=eve.pk).update(**change)
    assert follow(token) == 404
    with pytest.raises(InvitationGone):
        accept(token)
    # Another administrator answers for it by sending it again.
    actions.resend_invitation(actor=cast.actor(ada), invitation=found)
    assert follow(last_token()) == 200


def test_a_known_address_is_not_invited(client: Client, ada: User) -> None:
    dana = cast.dana()
    answer = client.post("/settings/people/invite/", ASKED | {"email": dana.email.upper()})
    assert answer.status_code == 422
    assert "Somebody has an account with this address already" in answer.content.decode()
    actions.deactivate_person(actor=SETUP, person=dana)
    with pytest.raises(ValidationError, match="Reactivate"):
        invited(ada, email=dana.email)
    assert not Notice.objects.filter(kind="staff.invitation").exists()


def test_an_address_that_got_an_account_meanwhile_is_not_opened_twice(ada: User) -> None:
    _, token = invited(ada)
    actions.add_person(actor=SETUP, email=NOOR, name="Noor", role="analyst", password=PASSWORD)
    answer = browser().post(f"/account/invitation/{token}/", {"new": "four geese walked past the barn"})
    assert answer.status_code == 422
    assert User.objects.get(email=NOOR).check_password(PASSWORD)


@pytest.mark.parametrize(
    "typed",
    [{"email": "noor"}, {"email": ""}, {"name": "  "}, {"role": "delivery"}, {"role": "owner"}, {"role": ""}],
)
def test_what_makes_no_sense_invites_nobody(client: Client, typed: dict[str, str]) -> None:
    assert client.post("/settings/people/invite/", ASKED | typed).status_code == 422
    with pytest.raises(ValidationError):
        actions.invite_person(actor=SETUP, **(ASKED | typed))
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    ("password", "words"),
    [("elevenchars", "at least 12 characters"), ("1qaz2wsx3edc", "too common")],
)
def test_a_weak_password_leaves_the_link_as_it_was(ada: User, password: str, words: str) -> None:
    _, token = invited(ada)
    answer = browser().post(f"/account/invitation/{token}/", {"new": password})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert password not in answer.content.decode()
    assert not User.objects.filter(email=NOOR).exists()
    assert follow(token) == 200


def test_whoever_was_signed_in_in_the_browser_is_signed_out(client: Client, ada: User) -> None:
    _, token = invited(ada)
    at = f"/account/invitation/{token}/"
    assert "Ada Lindqvist is signed in in this browser" in client.get(at).content.decode()
    client.post(at, {"new": PASSWORD})
    assert client.session["_auth_user_id"] == str(User.objects.get(email=NOOR).pk)
    # Her second factor is none of the new person's.
    assert client.get("/settings/people/")["Location"] == "/account/factor/choose/"


def test_inviting_asks_for_a_fresh_code_and_withdrawing_does_not(client: Client, ada: User) -> None:
    found, _ = invited(ada)
    session = client.session
    session["factor_at"] -= 600
    session.save()
    for at, typed in (
        ("invite/", ASKED | {"email": "new@northfield.example"}),
        (f"invitations/{found.pk}/again/", {}),
    ):
        assert "Confirm it\u2019s you" in client.post(f"/settings/people/{at}", typed).content.decode()
    assert Notice.objects.filter(kind="staff.invitation").count() == 1
    client.post(f"/settings/people/invitations/{found.pk}/withdraw/")
    assert Invitation.objects.get(pk=found.pk).withdrawn_at


@pytest.mark.parametrize("who", [cast.dana, cast.marcus, cast.olive, cast.ann])
def test_nobody_else_invites(ada: User, who: Callable[[], User]) -> None:
    found, _ = invited(ada)
    actor = cast.actor(who())
    with pytest.raises(access.Denied):
        actions.invite_person(actor=actor, **ASKED)
    for act in (actions.resend_invitation, actions.withdraw_invitation, actions.restore_invitation):
        with pytest.raises(access.Denied):
            act(actor=actor, invitation=found)


def test_the_token_stands_in_no_table_and_in_no_line_of_the_log(
    ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        _, token = invited(ada)
        assert follow(token) == 200
        accept(token)
        assert follow(token) == 404
        lines = [redact.Lines().format(record) for record in caplog.records]
    assert any("/account/invitation/" in line for line in lines)
    assert not any(token in line for line in lines if json.loads(line)["logger"] != "django.db.backends")
    assert tables_with(token) == tables_with(token.encode().hex()) == []
    # What stands there is found by the same search.
    assert tables_with(NOOR) == ["accounts_invitation", "accounts_user"]


def tables_with(text: str) -> list[str]:
    """The tables in which a row holds the text somewhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [table for (table,) in cursor.fetchall()]
        found = []
        for table in tables:
            query = sql.SQL("SELECT count(*) FROM {} AS each WHERE each::text LIKE %s")
            cursor.execute(query.format(sql.Identifier(table)), [f"%{text}%"])
            found += [table] * bool(cursor.fetchone()[0])
        return sorted(found)


def test_opening_an_account_is_in_the_log_as_its_persons_own_doing(ada: User) -> None:
    found, token = invited(ada)
    browser().post(f"/account/invitation/{token}/", {"new": PASSWORD})
    noor = User.objects.get(email=NOOR)
    row = AuditEvent.objects.get(action="invitation.accepted")
    assert (row.actor_id, row.actor_display, row.target_id) == (str(noor.pk), "Noor Haddad", str(noor.pk))
    assert row.details == {"invitation": found.pk, "role": "analyst"}
    assert AuditEvent.objects.filter(action="person.added", target_id=str(noor.pk)).count() == 1


def test_passwords_are_not_posted_at_links_for_long(ada: User) -> None:
    cache.clear()
    stranger = browser()
    answers = [
        stranger.post(f"/account/invitation/guess-{number}/", {"new": PASSWORD}).status_code
        for number in range(31)
    ]
    assert answers == [404] * 30 + [429]


def test_somebody_invited_can_sign_in_again_later(ada: User) -> None:
    _, token = invited(ada)
    noor = accept(token)
    assert type_password(browser(), noor)["Location"] in {"/account/factor/set-up/", "/"}

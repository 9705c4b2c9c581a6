"""Settings, People: roles, deactivation, factors and sessions of others, through the pages (BEHAVIOURS A3, A6, A7)."""

import threading

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import connections
from django.test import Client

from accounts import access, actions
from accounts.models import Role, SessionRecord, User
from safeguards import notices
from safeguards.models import AuditEvent, Notice
from tests import cast
from tests.accounts.sign_in import HOST
from tests.sessions import signed_in

SETUP = access.system("setup")
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"


def browser_of(user: User, user_agent: str = CHROME) -> Client:
    """A browser in which somebody is signed in and has looked at a page."""
    client = signed_in(Client(headers={"host": HOST, "user-agent": user_agent}), user)
    assert client.get("/").status_code == 200
    return client


@pytest.fixture
def ada(db: None) -> User:
    """Ada, an administrator."""
    return cast.ada()


@pytest.fixture
def client(ada: User) -> Client:
    """Ada's browser."""
    return browser_of(ada)


def test_the_list_says_who_can_sign_in_and_how(client: Client) -> None:
    dana = cast.dana()
    browser_of(dana)
    cast.ann()
    page = client.get("/settings/people/").content.decode()
    for words in (
        "Dana Kim",
        "dana@northfield.example",
        "Marketer",
        "Authenticator app",
        "None yet",
        "Never",
    ):
        assert words in page
    assert "Dana Kim" in client.get("/settings/people/?words=kim+dan").content.decode()
    assert "Dana Kim" not in client.get("/settings/people/?role=analyst").content.decode()
    assert "Nobody matches" in client.get("/settings/people/?state=deactivated").content.decode()
    # What makes no sense asks for all.
    assert "Dana Kim" in client.get("/settings/people/?role=owner").content.decode()


def test_a_long_list_is_paged_in_few_queries(client: Client, django_assert_max_num_queries: object) -> None:
    User.objects.bulk_create(
        User(email=f"p{number}@northfield.example", name=f"Person {number:03}", role=Role.ANALYST)
        for number in range(60)
    )
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        page = client.get("/settings/people/?page=2").content.decode()
    assert "Person 030" in page
    assert "Person 001" not in page


def test_another_role_is_shown_before_it_is_given(client: Client) -> None:
    dana = cast.dana()
    page = client.get(f"/settings/people/{dana.pk}/role/?role=approver").content.decode()
    gained, lost = page.partition("Will no longer be able to")[::2]
    assert "Approve campaigns of others" in gained
    assert "Import contacts from a file" in lost
    assert "Read reports" not in page
    assert User.objects.get(pk=dana.pk).role == Role.MARKETER


def test_another_role_holds_at_the_next_request_of_an_open_session(client: Client) -> None:
    marcus = cast.marcus()
    his = browser_of(marcus)
    assert his.get("/approvals/").status_code == 200
    client.post(f"/settings/people/{marcus.pk}/role/", {"role": "analyst"})
    assert his.get("/approvals/").status_code == 404
    assert his.get("/segments/").status_code == 200
    row = AuditEvent.objects.get(action="person.role_changed")
    assert (row.target_id, row.details) == (str(marcus.pk), {"before": "approver", "after": "analyst"})


@pytest.mark.parametrize("role", ["owner", "delivery", ""])
def test_an_unknown_role_is_refused(client: Client, role: str) -> None:
    dana = cast.dana()
    assert client.post(f"/settings/people/{dana.pk}/role/", {"role": role}).status_code == 422
    assert User.objects.get(pk=dana.pk).role == Role.MARKETER
    with pytest.raises(ValidationError):
        actions.change_role(actor=SETUP, person=dana, role=role)


def test_the_last_administrator_keeps_the_role(client: Client, ada: User) -> None:
    page = client.post(f"/settings/people/{ada.pk}/role/", {"role": "marketer"})
    assert page.status_code == 422
    assert "last administrator" in page.content.decode()
    # The same role over again is nothing to refuse, and leaves no row.
    actions.change_role(actor=SETUP, person=ada, role="administrator")
    assert not AuditEvent.objects.filter(action="person.role_changed").exists()
    other = cast.person("Eve Brandt", Role.ADMINISTRATOR)
    actions.deactivate_person(actor=SETUP, person=other)
    with pytest.raises(ValidationError, match="last administrator"):
        actions.change_role(actor=SETUP, person=ada, role="marketer")
    # A deactivated administrator may become something else: nobody counts on them.
    actions.change_role(actor=SETUP, person=other, role="analyst")


def test_two_administrators_cannot_unseat_each_other_at_once(own_database: str) -> None:
    both = [cast.ada(), cast.person("Eve Brandt", Role.ADMINISTRATOR)]
    ready = threading.Barrier(2)
    refused: list[str] = []

    def unseat(person: User, deactivate: bool) -> None:
        ready.wait()
        try:
            if deactivate:
                actions.deactivate_person(actor=SETUP, person=person)
            else:
                actions.change_role(actor=SETUP, person=person, role="analyst")
        except ValidationError as error:
            refused.extend(error.messages)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=unseat, args=pair) for pair in zip(both, (True, False), strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).count() == 1


def test_an_administrator_who_steps_down_is_led_to_a_page_that_is_theirs(client: Client, ada: User) -> None:
    cast.person("Eve Brandt", Role.ADMINISTRATOR)
    answer = client.post(f"/settings/people/{ada.pk}/role/", {"role": "analyst"})
    assert answer["Location"] == "/"
    assert client.get("/settings/people/").status_code == 404


def test_deactivating_ends_sessions_at_once_and_can_be_undone(client: Client) -> None:
    dana = cast.dana()
    hers = browser_of(dana)
    page = client.post(f"/settings/people/{dana.pk}/deactivate/", follow=True).content.decode()
    assert "1 session was ended" in page
    assert f'action="/settings/people/{dana.pk}/reactivate/"' in page
    assert hers.get("/")["Location"] == "/account/login/"
    client.post(f"/settings/people/{dana.pk}/reactivate/")
    client.post(f"/settings/people/{dana.pk}/reactivate/")
    assert User.objects.get(pk=dana.pk).is_active
    assert AuditEvent.objects.filter(action="person.reactivated").count() == 1
    # The old session is not brought back.
    assert hers.get("/")["Location"] == "/account/login/"


def test_a_factor_is_reset_with_a_reason_and_the_person_gets_a_mail(client: Client, ada: User) -> None:
    dana = cast.dana()
    hers = browser_of(dana)
    assert client.post(f"/settings/people/{dana.pk}/factor/", {"reason": "  "}).status_code == 422
    assert Authenticator.objects.filter(user=dana).exists()
    client.post(f"/settings/people/{dana.pk}/factor/", {"reason": "came with her badge"})
    assert not Authenticator.objects.filter(user=dana).exists()
    assert hers.get("/")["Location"] == "/account/login/"
    notice = Notice.objects.get(kind="staff.factor_reset")
    assert notices.opened(notice) == (dana.email, "")
    assert notice.parameters == {"name": "Dana Kim", "by": "Ada Lindqvist"}
    own = client.post(f"/settings/people/{ada.pk}/factor/", {"reason": "it is me"})
    assert own.status_code == 422
    assert Authenticator.objects.filter(user=ada).exists()


def test_one_session_of_somebody_is_ended_and_the_other_goes_on(client: Client) -> None:
    dana = cast.dana()
    one, other = browser_of(dana), browser_of(dana, "Mozilla/5.0 (iPhone) Safari/604.1")
    page = client.get(f"/settings/people/{dana.pk}/").content.decode()
    assert "Chrome on Linux" in page
    assert "Safari on iPhone" in page
    assert "127.0.0.…" in page
    record = SessionRecord.objects.get(session_id=one.session.session_key)
    client.post(f"/settings/people/{dana.pk}/sessions/", {"session": record.pk})
    assert one.get("/")["Location"] == "/account/login/"
    assert other.get("/").status_code == 200
    row = AuditEvent.objects.get(action="sessions.ended")
    assert (row.target_id, row.details) == (str(dana.pk), {"sessions": 1})


@pytest.mark.parametrize("session", ["0", "-1", "all", "9" * 30, "\u0661"])
def test_a_session_that_makes_no_sense_ends_none(client: Client, session: str) -> None:
    dana = cast.dana()
    hers = browser_of(dana)
    client.post(f"/settings/people/{dana.pk}/sessions/", {"session": session})
    assert hers.get("/").status_code == 200


def test_somebody_elses_session_is_not_ended_under_a_name(client: Client, ada: User) -> None:
    dana, marcus = cast.dana(), cast.marcus()
    his = browser_of(marcus)
    record = SessionRecord.objects.get(user=marcus)
    assert actions.end_sessions(actor=SETUP, person=dana, only=record.pk) == 0
    assert his.get("/").status_code == 200


def test_name_and_zone_are_changed_and_the_row_names_fields_only(client: Client) -> None:
    dana = cast.dana()
    at = f"/settings/people/{dana.pk}/"
    assert client.post(at, {"name": "", "time_zone": "America/Chicago"}).status_code == 422
    assert client.post(at, {"name": "Dana", "time_zone": "Mars/Olympus"}).status_code == 422
    client.post(at, {"name": " Dana  Kim-Ruiz ", "time_zone": "America/Chicago"})
    dana.refresh_from_db()
    assert (dana.name, dana.time_zone) == ("Dana Kim-Ruiz", "America/Chicago")
    told = AuditEvent.objects.get(action="person.changed").details
    assert list(told["fields"]) == ["name", "time_zone"]
    assert "Ruiz" not in str(told)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "/etc/localtime"])
def test_a_zone_that_is_none_is_refused_by_the_action_too(ada: User, zone: str) -> None:
    with pytest.raises(ValidationError):
        actions.rename_person(actor=SETUP, person=ada, name="Ada", time_zone=zone)


@pytest.mark.parametrize("who", [cast.dana, cast.marcus, cast.olive, cast.ann])
def test_nobody_else_changes_anybody(own_database: str, who: object) -> None:
    actor, ada = cast.actor(who()), cast.ada()  # type: ignore[operator]
    for act in (
        lambda: actions.change_role(actor=actor, person=ada, role="analyst"),
        lambda: actions.reactivate_person(actor=actor, person=ada),
        lambda: actions.rename_person(actor=actor, person=ada, name="X", time_zone="UTC"),
        lambda: actions.end_sessions(actor=actor, person=ada),
    ):
        with pytest.raises(access.Denied):
            act()


def test_somebody_who_is_not_there_is_no_page(client: Client) -> None:
    assert client.get("/settings/people/999999/").status_code == 404


def test_settings_lead_to_the_first_tab_and_mark_it(client: Client) -> None:
    assert client.get("/settings/")["Location"] == "/settings/people/"
    page = client.get("/settings/people/").content.decode()
    assert 'href="/settings/people/" aria-current="page">People' in page
    assert 'href="/settings/" aria-current="page"' in page
    assert "/settings/" not in browser_of(cast.olive()).get("/").content.decode()

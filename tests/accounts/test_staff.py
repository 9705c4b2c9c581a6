"""Accounts are made and closed by an administrator, or from the command line (BEHAVIOURS A6, A10)."""

import getpass
import threading
from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connections

from accounts import access, actions
from accounts.models import User
from safeguards.models import AuditEvent
from tests import cast

PASSWORD = "three hens sat on the wall"
SETUP = access.system("setup")


def add(**changes: str) -> User:
    """Eve Brandt, with changes."""
    return actions.add_person(
        actor=SETUP,
        **{
            "email": "Eve@Northfield.example",
            "name": " Eve  Brandt ",
            "role": "marketer",
            "password": PASSWORD,
        }
        | changes,
    )


@pytest.mark.django_db
def test_a_new_account_can_sign_in_and_is_on_record() -> None:
    eve = add()
    assert (eve.email, eve.name, eve.role) == ("eve@northfield.example", "Eve Brandt", "marketer")
    assert User.objects.get(pk=eve.pk).check_password(PASSWORD)
    row = AuditEvent.objects.get(action="person.added")
    assert (row.target_id, row.details, row.actor_id) == (str(eve.pk), {"role": "marketer"}, "setup")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "elevenchars"}, "at least 12 characters"),
        ({"password": "1qaz2wsx3edc"}, "too common"),
        ({"password": ""}, "at least 12 characters"),
        ({"email": "eve at northfield"}, "@-sign"),
        ({"name": "   "}, "blank"),
        ({"role": "owner"}, "not a valid choice"),
    ],
)
def test_a_bad_account_is_refused_in_words(changes: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        add(**changes)
    assert not User.objects.exists()
    # Rows that outlive a transaction may stand here from a test before.
    assert not AuditEvent.objects.filter(action="person.added").exists()


@pytest.mark.django_db
def test_a_long_password_without_digits_is_welcome() -> None:
    assert add(password="correct horse battery staple " * 4).check_password(
        "correct horse battery staple " * 4
    )


@pytest.mark.django_db
def test_one_address_one_account_whatever_its_case() -> None:
    User.objects.create(email="EVE@northfield.example", name="Eve", role="analyst")
    with pytest.raises(ValidationError, match="already"):
        add()


@pytest.mark.parametrize("who", [cast.dana, cast.marcus, cast.olive, cast.ann])
def test_only_administrators_manage_people(own_database: str, who: Callable[[], User]) -> None:
    actor, ada = cast.actor(who()), cast.ada()
    with pytest.raises(access.Denied):
        actions.add_person(
            actor=actor, email="x@northfield.example", name="X", role="administrator", password=PASSWORD
        )
    with pytest.raises(access.Denied):
        actions.deactivate_person(actor=actor, person=ada)
    ada.refresh_from_db()
    assert ada.is_active


@pytest.mark.django_db
def test_closing_an_account_twice_changes_nothing() -> None:
    cast.ada()
    eve = add()
    actions.deactivate_person(actor=SETUP, person=eve)
    assert not User.objects.get(pk=eve.pk).is_active
    assert actions.deactivate_person(actor=SETUP, person=eve) == 0
    assert AuditEvent.objects.filter(action="person.deactivated").count() == 1
    assert authenticate(email=eve.email, password=PASSWORD) is None


@pytest.mark.django_db
def test_the_last_administrator_stays() -> None:
    ada = cast.ada()
    with pytest.raises(ValidationError, match="last administrator"):
        actions.deactivate_person(actor=cast.actor(ada), person=ada)
    other = add(role="administrator")
    actions.deactivate_person(actor=cast.actor(ada), person=other)
    with pytest.raises(ValidationError, match="last administrator"):
        actions.deactivate_person(actor=SETUP, person=ada)


def test_two_administrators_cannot_let_each_other_go(own_database: str) -> None:
    ada, eve = cast.ada(), add(role="administrator")
    ready = threading.Barrier(2)
    refused: list[str] = []

    def let_go(person: User) -> None:
        ready.wait()
        try:
            actions.deactivate_person(actor=SETUP, person=person)
        except ValidationError as error:
            refused.extend(error.messages)
        finally:
            connections.close_all()

    both = [threading.Thread(target=let_go, args=(person,)) for person in (ada, eve)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(refused) == 1
    assert User.objects.filter(role="administrator", is_active=True).count() == 1


def run(*words: str) -> str:
    out = StringIO()
    call_command("staff", *words, stdout=out)
    return out.getvalue()


ADD = ("add", "--email", "eve@northfield.example", "--name", "Eve Brandt", "--role", "administrator")


@pytest.mark.django_db
def test_the_command_adds_lists_and_deactivates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLSENT_PASSWORD", PASSWORD)
    cast.ada()
    assert "Administrator" in run(*ADD)
    assert "eve@northfield.example\tEve Brandt\tAdministrator\tactive" in run("list")
    assert "sessions ended: 0" in run("deactivate", "--email", "EVE@northfield.example")
    assert "eve@northfield.example\tEve Brandt\tAdministrator\tdeactivated" in run("list")
    with pytest.raises(CommandError, match="staff list"):
        run("deactivate", "--email", "nobody@northfield.example")


@pytest.mark.django_db
def test_the_command_asks_for_the_password_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WELLSENT_PASSWORD", raising=False)
    typed = iter([PASSWORD, "something else here", PASSWORD, PASSWORD])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(typed))
    with pytest.raises(CommandError, match="differ"):
        run(*ADD)
    assert not User.objects.exists()
    run(*ADD)
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.django_db
def test_the_command_tells_what_is_wrong_with_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLSENT_PASSWORD", "short")
    with pytest.raises(CommandError, match="at least 12 characters"):
        run(*ADD)


@pytest.mark.django_db
def test_the_command_requires_passkeys_and_lets_go_of_them() -> None:
    assert "work with a passkey from now on" in run("passkeys", "required")
    assert access.needs_passkey("administrator")
    assert "or an authenticator app" in run("passkeys", "optional")
    assert not access.needs_passkey("administrator")
    rows = AuditEvent.objects.filter(action="policy.passkeys_changed").order_by("id")
    assert [(row.actor_kind, row.details) for row in rows] == [
        ("system", {"required": True}),
        ("system", {"required": False}),
    ]

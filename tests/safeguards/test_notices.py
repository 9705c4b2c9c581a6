"""The outbox: sealed, declared, left in the caller's transaction, and opened for delivery alone."""

import json
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from safeguards import notices
from safeguards.fields import message_of
from safeguards.models import Notice

notices.declare("test.code", "brand")


def leave(secret: str = "839 201") -> Notice:
    """A notice with a code for Ana."""
    return notices.leave(
        "test.code",
        address="ana@mail.example",
        language="es",
        parameters={"brand": "Northfield"},
        secret=secret,
    )


@pytest.mark.django_db
def test_what_was_left_is_opened_again() -> None:
    found = Notice.objects.get(pk=leave().pk)
    assert notices.opened(found) == ("ana@mail.example", "839 201")
    assert (found.kind, found.language, found.parameters) == ("test.code", "es", {"brand": "Northfield"})
    assert found.state == Notice.State.QUEUED
    assert timezone.now() - found.due < timedelta(minutes=1)


@pytest.mark.django_db
def test_neither_address_nor_secret_stands_in_the_row() -> None:
    made = leave()
    with connection.cursor() as cursor:
        cursor.execute("SELECT n::text FROM safeguards_notice n WHERE id = %s", [made.pk])
        row = cursor.fetchone()[0]
    assert made.sealed is not None
    for told in (row, str(made), repr(made.sealed), json.dumps(made.parameters)):
        assert "ana" not in told
        assert "839 201" not in told
    assert b"ana" not in message_of(made.sealed)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("test.unheard_of", {"brand": "x"}),
        ("test.code", {}),
        ("test.code", {"brand": "x", "first_name": "Ana"}),
        ("test.code", {"first_name": "Ana"}),
    ],
)
def test_only_declared_kinds_with_their_own_parameters(kind: str, parameters: dict[str, str]) -> None:
    with pytest.raises(notices.UnknownNotice) as refused:
        notices.leave(kind, address="ana@mail.example", language="en", parameters=parameters)
    assert "Ana" not in str(refused.value)
    assert not Notice.objects.exists()


def test_a_seal_put_into_another_notice_does_not_open(own_database: str) -> None:
    """Else whoever can write the table could have one person's code sent to another."""
    one, two = leave("111"), leave("222")
    two.sealed = one.sealed
    with pytest.raises(notices.Unreadable):
        notices.opened(two)


@pytest.mark.django_db
def test_a_notice_that_was_emptied_says_so() -> None:
    made = leave()
    made.sealed = None
    with pytest.raises(notices.UnknownNotice):
        notices.opened(made)


def test_a_notice_is_undone_with_what_it_was_for(own_database: str) -> None:
    class Failed(Exception):
        pass

    with pytest.raises(Failed), transaction.atomic():
        leave()
        raise Failed
    assert not Notice.objects.exists()

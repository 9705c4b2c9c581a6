"""Settings, Fields: what stands there is what the rules and roles say, and the empty file is one that an import knows."""

import csv
import io
from collections.abc import Callable

import pytest
from django.test import Client

from accounts import access
from accounts.access import IDENTITY_FIELDS
from accounts.models import User
from contacts import queries
from contacts.rules import fields, mapping
from tests import cast
from tests.accounts.sign_in import HOST
from tests.sessions import signed_in


@pytest.mark.parametrize("who", [cast.ann, cast.olive])
def test_who_sees_no_contact_sees_no_field(own_database: str, who: Callable[[], User]) -> None:
    actor = cast.actor(who())
    for ask in (queries.field_groups, queries.consent_columns, queries.headers):
        with pytest.raises(access.Denied):
            ask(actor)


def test_who_sees_a_field_is_what_a_grant_opens(db: None) -> None:
    listed = {
        each.label: each for _group, found in queries.field_groups(cast.actor(cast.dana())) for each in found
    }
    for field in fields.FIELDS:
        each = listed[field.label]
        assert each.clinical == field.clinical
        assert ("Marketer" in each.roles) == (field.key in IDENTITY_FIELDS), field.key
        assert "Administrator" in each.roles
        assert "Analyst" not in each.roles
    assert not any(each.clinical and "Marketer" in each.roles for each in listed.values())


def test_the_page_marks_health_and_names_headers(db: None) -> None:
    page = signed_in(Client(headers={"host": HOST}), cast.dana()).get("/settings/fields/").content.decode()
    assert page.count("tag-phi") == sum(field.clinical for field in fields.FIELDS)
    assert "diagnoses, icd10" in page
    assert "{{ first_name }}" in page
    assert "opt in" in page


def test_an_import_recognises_every_column_of_the_empty_file(db: None) -> None:
    answer = signed_in(Client(headers={"host": HOST}), cast.dana()).get("/settings/fields/contacts.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="contacts.csv"'
    [line] = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    guessed = mapping.guess(line, [], has_header=True)
    assert list(guessed.values()) == [*fields.BY_KEY, *fields.EVIDENCE]
    assert not mapping.faults(guessed, len(line))

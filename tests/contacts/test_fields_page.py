"""Settings, Fields: what stands there is what the rules and roles say, and the empty file is one that an import knows."""

import csv
import io
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts import access
from accounts.access import IDENTITY_FIELDS
from accounts.models import FieldGrant, User
from contacts import actions, queries
from contacts.models import Contact
from contacts.rules import fields, mapping
from safeguards import phi
from safeguards.models import AuditEvent
from safeguards.phi import Refused
from tests import cast
from tests.accounts.sign_in import HOST
from tests.contacts.segments import people
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


def open_chart(user: User, contact: Contact) -> str:
    """What somebody sees of a chart who gives a reason; empty where they may open nothing."""
    client = signed_in(Client(headers={"host": HOST}), user)
    answer = client.post(f"/contacts/{contact.pk}/clinical/", {"purpose": "correct a mistake"})
    return str(answer.content.decode()) if answer.status_code == 200 else ""


def granted(*keys: str, role: str = "marketer") -> actions.Change:
    return actions.grant_fields(actor=cast.actor(cast.ada()), role=role, wanted=keys)


@pytest.fixture
def pia(own_database: str) -> Contact:
    """A patient with a chart."""
    cast.clinic()
    return people.add("pia@goodmail.example", first_name="Pia", conditions=["E11.9"], provider="Dr. Osei")


def test_a_role_opens_what_it_was_granted_and_nothing_else(pia: Contact) -> None:
    dana = cast.dana()
    page = f"/contacts/{pia.pk}/"
    assert open_chart(dana, pia) == ""
    granted("provider")
    shown = signed_in(Client(headers={"host": HOST}), dana).get(page).content.decode()
    assert "Your role may open some of them" in shown
    assert "Dr. Osei" not in shown, "closed until a reason is given"
    opened = open_chart(dana, pia)
    assert "Dr. Osei" in opened
    assert "E11.9" not in opened
    row = AuditEvent.objects.filter(action="phi.revealed", actor_id=str(dana.pk)).latest("pk")
    assert "provider" in row.details["fields"]
    assert "conditions" not in row.details["fields"]
    assert (row.purpose, bool(row.patient)) == ("correct a mistake", True)
    assert open_chart(cast.marcus(), pia) == "", "another role has nothing of it"
    assert "E11.9" in open_chart(cast.ada(), pia)
    # Taken back, it holds from the next page on.
    granted()
    assert open_chart(dana, pia) == ""


def test_a_grant_opens_no_count_and_no_list(pia: Contact) -> None:
    granted("conditions")
    actor = cast.actor(cast.dana())
    assert not access.allowed(actor, access.Permission.VIEW_CLINICAL)
    with pytest.raises(Refused):
        phi.reveal(
            [pia], ["conditions"], grant=access.grant(actor, access.Permission.VIEW_CONTACTS), purpose="x"
        )


@pytest.mark.parametrize(
    ("role", "key"),
    [
        ("analyst", "provider"),
        ("compliance", "provider"),
        ("administrator", "provider"),
        ("marketer", "email"),
        ("marketer", "*"),
    ],
)
def test_what_cannot_be_granted_is_refused(db: None, role: str, key: str) -> None:
    with pytest.raises(ValidationError):
        granted(key, role=role)
    assert not FieldGrant.objects.exists()


def test_only_administrators_grant(own_database: str) -> None:
    for who in (cast.dana, cast.marcus, cast.olive):
        with pytest.raises(access.Denied):
            actions.grant_fields(actor=cast.actor(who()), role="marketer", wanted=["provider"])


def test_the_effect_is_shown_before_it_is_saved_after_a_fresh_code(db: None) -> None:
    client = signed_in(Client(headers={"host": HOST}), cast.ada())
    cast.dana()
    asked = "/settings/fields/grants/marketer/?field=provider&field=last_visit"
    shown = client.get(asked).content.decode()
    assert "1 person has this role" in shown
    assert shown.index("Will be able to open") < shown.index("Last visit")
    assert not FieldGrant.objects.exists()
    session = client.session
    session["factor_at"] = 0
    session.save()
    wanted = {"field": ["provider", "last_visit"]}
    client.post("/settings/fields/grants/marketer/", wanted)
    assert not FieldGrant.objects.exists(), "without a fresh code nothing is granted"
    signed_in(client, cast.ada())
    client.post("/settings/fields/grants/marketer/", wanted)
    assert set(FieldGrant.objects.values_list("role", "field")) == {
        ("marketer", "provider"),
        ("marketer", "last_visit"),
    }
    [row] = AuditEvent.objects.filter(action="access.fields_granted")
    assert set(row.details["granted"]) == {"provider", "last_visit"}
    assert row.details["taken"] == []
    assert "nothing would change" in client.get(asked).content.decode()
    listed = {
        each.label: each.roles
        for _group, found in queries.field_groups(cast.actor(cast.dana()))
        for each in found
    }
    assert "Marketer" in listed[fields.BY_KEY["provider"].label]

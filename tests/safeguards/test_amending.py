"""Laying new values over a sealed record: what isn't named stays in the door, and a role changes no more than it may see."""

import pytest

from accounts.access import Permission, grant
from contacts.models import Contact
from contacts.rules import fields
from safeguards import phi
from safeguards.models import AuditEvent
from tests import cast, factories


def test_fields_outside_the_grant_are_refused_and_the_refusal_outlives_it(own_database: str) -> None:
    ana = factories.contact("ana@mail.example", conditions=["E11.9"], opted_in=False)
    may = grant(cast.actor(cast.dana()), Permission.EDIT_CONTACTS)
    with pytest.raises(phi.Refused):
        phi.amend(ana, {"first_name": "A", "conditions": []}, grant=may, purpose="test")
    row = AuditEvent.objects.get(action="phi.refused")
    assert (row.actor_display, row.patient) == ("Dana Kim", bytes(ana.person_key).hex())
    assert row.details["fields"] == ["conditions", "first_name"]


@pytest.mark.django_db
def test_what_is_not_named_stays_and_the_row_names_what_differs() -> None:
    ana = factories.contact("ana@mail.example", first_name="Ana", conditions=["E11.9"], opted_in=False)
    may = grant(cast.actor(cast.dana()), Permission.EDIT_CONTACTS)
    ana.record, changed = phi.amend(
        ana, {"first_name": "Anna", "city": None, "email": "ana@mail.example"}, grant=may, purpose="edit"
    )
    ana.version += 1
    ana.save()
    assert list(changed) == ["first_name"]
    assert "Ana" not in str(changed)
    assert AuditEvent.objects.get(action="phi.amended").details == {
        "fields": changed,
        "table": "contacts_contact",
    }
    all_of_it = grant(cast.actor(cast.ada()), Permission.VIEW_CONTACTS)
    (values,) = phi.reveal(
        [Contact.objects.get()], list(fields.BY_KEY), grant=all_of_it, purpose="what is there"
    )
    assert (values["first_name"], values["conditions"]) == ("Anna", ["E11.9"])


def test_a_broken_seal_is_not_written_over(own_database: str) -> None:
    ana = factories.contact("ana@mail.example", opted_in=False)
    ana.version = 9
    may = grant(cast.actor(cast.dana()), Permission.EDIT_CONTACTS)
    with pytest.raises(phi.SealBroken):
        phi.amend(ana, {"city": "Lynn"}, grant=may, purpose="test")
    assert AuditEvent.objects.filter(action="phi.seal_broken").exists()

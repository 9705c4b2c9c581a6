"""Who looked at one person's record, as colleagues see it: who, when, at what, and reasons only for those who may read them."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts import access
from accounts.models import User
from campaigns.queries import messages_of
from contacts import queries
from contacts.models import Contact
from safeguards.models import AuditEvent
from tests import cast, factories
from tests.sessions import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Contact:
    """Somebody whose page Ada opened for a reason, and who stood on a page of the list with Bo that Dana opened."""
    cast.clinic()
    person = factories.contact("ana@goodmail.example", first_name="Anastasia")
    factories.contact("bo@goodmail.example")
    queries.newest_contacts(cast.actor(cast.dana()))
    queries.chart(cast.actor(cast.ada()), person, brand=None, purpose="asks about her diabetes")
    return person


def looked(user: User, person: Contact, **query: str) -> str:
    response = signed_in(Client(), user).get(reverse("contact_looked", args=[person.pk]), query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_colleagues_see_who_looked_and_at_what_without_reasons(ana: Contact) -> None:
    text = looked(cast.dana(), ana)
    assert "Opened health fields" in text
    assert "Saw them on a page of a list, one of 2 people" in text
    assert "Ada Lindqvist" in text
    assert "diabetes" not in text
    assert "Anastasia" not in text
    assert reverse("audit_patient", args=[ana.pk]) not in text


def test_who_may_read_the_log_sees_reasons_and_the_way_to_all_of_it(ana: Contact) -> None:
    text = looked(cast.ada(), ana)
    assert "asks about her diabetes" in text
    assert reverse("audit_patient", args=[ana.pk]) in text


def test_looking_is_logged_and_no_look_at_the_record(ana: Contact) -> None:
    looked(cast.dana(), ana)
    row = AuditEvent.objects.get(action="lookers.viewed")
    assert (row.patient, row.details) == (bytes(ana.person_key).hex(), {"count": 2})
    assert queries.looks(cast.actor(cast.dana()), ana, after=None).rows[0].action == "phi.revealed"


def test_looks_come_in_pages(ana: Contact) -> None:
    for _ in range(queries.looked.PER_PAGE):
        queries.chart(cast.actor(cast.dana()), ana, brand=None)
    first = queries.looks(cast.actor(cast.dana()), ana, after=None)
    assert len(first.rows) == queries.looked.PER_PAGE
    rest = queries.looks(cast.actor(cast.dana()), ana, after=first.next)
    assert (len(rest.rows), rest.next) == (2, None)
    assert "Newest" in looked(cast.dana(), ana, after=str(first.next))


def test_reading_somebodys_messages_is_a_look(ana: Contact) -> None:
    messages_of(cast.actor(cast.dana()), ana.pk)
    assert AuditEvent.objects.get(action="messages.viewed").patient == bytes(ana.person_key).hex()
    assert "Looked at the messages sent to them" in looked(cast.dana(), ana)


def test_the_contact_page_says_how_many_and_leads_there(ana: Contact) -> None:
    response = signed_in(Client(), cast.dana()).get(reverse("contact", args=[ana.pk]))
    text = " ".join(response.content.decode().split())
    assert "2 colleagues opened this record in the last 30 days" in text
    assert reverse("contact_looked", args=[ana.pk]) in text


def test_a_record_that_nobody_opened_says_so() -> None:
    cast.clinic()
    assert "Nobody has opened this record yet" in looked(
        cast.dana(), factories.contact("ana@goodmail.example")
    )


def test_who_may_not_see_contacts_finds_no_page(ana: Contact) -> None:
    for user in (cast.olive(), cast.ann()):
        answer = signed_in(Client(), user).get(reverse("contact_looked", args=[ana.pk]))
        assert answer.status_code == 404
    with pytest.raises(access.Denied):
        queries.looks(cast.actor(cast.ann()), ana, after=None)

"""One contact by hand: what is refused first, then what it does, races of two hands, and who sees and changes what."""

import threading
from collections.abc import Callable
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.access import Denied, Permission, grant
from accounts.models import User
from contacts import actions, queries
from contacts.actions.people import take_in
from contacts.consent.models import ConsentRecord, Suppression
from contacts.consent.queries import standings_by_topic
from contacts.consent.rules import Standing
from contacts.models import Contact
from contacts.rules import fields
from contacts.rules.rows import Parsed, as_typed, read_fields
from safeguards import phi, tokens
from safeguards.models import AuditEvent
from tests import cast, factories
from tests.sessions import signed_in

ANA = {"email": "ana@mail.example", "first_name": "Ana", "last_name": "Lopez"}


def typed(**values: str) -> Parsed:
    read = read_fields(values, today=timezone.now().date(), normalise=tokens.normalise)
    assert isinstance(read, Parsed), read
    return read


def dana() -> Any:
    return cast.actor(cast.dana())


def ada() -> Any:
    return cast.actor(cast.ada())


def as_user(user: User) -> Client:
    return signed_in(Client(), user)


def added(**values: str) -> Contact:
    return actions.add_contact(actor=dana(), parsed=typed(**(ANA | values)))


def opened(contact: Contact) -> dict[str, Any]:
    contact.refresh_from_db()
    may = grant(ada(), Permission.VIEW_CONTACTS)
    return phi.reveal([contact], list(fields.BY_KEY), grant=may, purpose="test")[0]


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


# Refusals


@pytest.mark.parametrize("who", ["marcus", "olive", "ann"])
def test_roles_that_may_not_edit_do_nothing(own_database: str, who: str) -> None:
    cast.clinic()
    there = added()
    actor = cast.actor(getattr(cast, who)())
    for attempt in (
        lambda: actions.add_contact(actor=actor, parsed=typed(email="b@mail.example")),
        lambda: actions.edit_contact(actor=actor, contact=there, record={"city": "X"}, seen_version=1),
        lambda: actions.delete_contact(actor=actor, contact=there),
        lambda: actions.restore_contact(actor=actor, contact=there),
        lambda: queries.values_to_edit(actor, there),
    ):
        with pytest.raises(Denied):
            attempt()
    assert Contact.objects.get().version == 1


def test_a_marketer_types_no_health_field(own_database: str) -> None:
    cast.clinic()
    with pytest.raises(Denied):
        actions.add_contact(actor=dana(), parsed=typed(**ANA, conditions="E11.9"))
    there = added()
    for hidden in ("conditions", "birth_date"):
        with pytest.raises(phi.Refused):
            actions.edit_contact(actor=dana(), contact=there, record={hidden: None}, seen_version=1)
    assert Contact.objects.get().version == 1
    assert AuditEvent.objects.filter(action="phi.refused").count() == 2
    assert actions.add_contact(actor=ada(), parsed=typed(email="b@mail.example", conditions="I10"))


@pytest.mark.django_db
def test_somebody_known_is_not_added_again() -> None:
    cast.clinic()
    there = added(external_id="N1")
    with pytest.raises(actions.Known) as known:
        added(external_id="N1", email="other@mail.example")
    assert (known.value.by, known.value.contact, known.value.may_share) == ("record_number", there, False)
    with pytest.raises(actions.Known) as known:
        added(external_id="N2")
    assert (known.value.by, known.value.may_share) == ("address", True)
    shared = actions.add_contact(actor=dana(), parsed=typed(**ANA, external_id="N2"), shares_address=True)
    assert bytes(shared.address_hash) == bytes(there.address_hash)
    assert Contact.objects.count() == 2


@pytest.mark.django_db
def test_two_people_without_a_record_number_cannot_share_an_address() -> None:
    """The next import could not tell them apart."""
    cast.clinic()
    added()
    with pytest.raises(actions.Known) as known:
        actions.add_contact(actor=dana(), parsed=typed(**ANA), shares_address=True)
    assert not known.value.may_share
    other = added(email="b@mail.example")
    with pytest.raises(actions.Known):
        actions.edit_contact(
            actor=dana(),
            contact=other,
            record={"email": "ana@mail.example"},
            seen_version=1,
            shares_address=True,
        )
    assert Contact.objects.count() == 2


@pytest.mark.django_db
def test_of_two_who_edit_at_once_the_second_is_told() -> None:
    cast.clinic()
    there = added()
    actions.edit_contact(actor=dana(), contact=there, record={"city": "Salem"}, seen_version=1)
    with pytest.raises(actions.Changed) as changed:
        actions.edit_contact(actor=ada(), contact=there, record={"city": "Lynn"}, seen_version=1)
    assert changed.value.contact.version == 2
    assert opened(there)["city"] == "Salem"


@pytest.mark.django_db
def test_a_record_number_is_never_changed() -> None:
    cast.clinic()
    there = added(external_id="N1")
    with pytest.raises(ValueError, match="record number"):
        actions.edit_contact(actor=ada(), contact=there, record={"external_id": "N2"}, seen_version=1)


def race(*acts: Callable[[], object]) -> list[BaseException]:
    """Do these at once, each on a connection of its own; returns what they raised."""
    ready = threading.Barrier(len(acts))
    raised: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        ready.wait()
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever came is what the test asks about
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


@pytest.mark.parametrize("number", [{}, {"external_id": "N1"}])
def test_of_two_who_add_one_person_at_once_one_is_told(own_database: str, number: dict[str, str]) -> None:
    cast.clinic()
    one, other = dana(), ada()
    for _round in range(3):
        Contact.objects.all().delete()
        raised = race(
            lambda: actions.add_contact(actor=one, parsed=typed(**ANA, **number)),
            lambda: actions.add_contact(actor=other, parsed=typed(**ANA, **number)),
        )
        assert [type(error) for error in raised] == [actions.Known]
        assert Contact.objects.count() == 1


def test_a_hand_and_an_import_that_bring_one_person_at_once_bring_them_once(own_database: str) -> None:
    cast.clinic()
    hand = dana()
    source = actions.upload_file(actor=hand, name="p.csv", chunks=[b"email\na@b.example\n"], size=18)

    def bring() -> None:
        with transaction.atomic():
            take_in(actor=hand, rows=[(2, typed(**ANA))], source=source, zone=ZoneInfo("UTC"))

    raised = race(bring, lambda: actions.add_contact(actor=hand, parsed=typed(**ANA)))
    assert [type(error) for error in raised] in ([], [actions.Known])
    assert Contact.objects.count() == 1


# What it does


@pytest.mark.django_db
def test_added_by_hand_carries_no_consent_and_leaves_a_row() -> None:
    brand = cast.clinic()
    there = added(phone="555-0100")
    assert opened(there)["first_name"] == "Ana"
    assert not ConsentRecord.objects.exists()
    standings = standings_by_topic(bytes(there.address_hash), bytes(there.person_key), brand.pk)
    assert {standing for _topic, standing in standings} == {Standing.NO_CONSENT}
    row = AuditEvent.objects.get(action="contact.added")
    assert row.patient == bytes(there.person_key).hex()
    assert row.details == {"fields": ["email", "first_name", "last_name", "phone"], "returned": False}


@pytest.mark.django_db
def test_an_edit_leaves_what_it_does_not_name_sealed_as_it_was() -> None:
    cast.clinic()
    there = factories.contact("ana@mail.example", first_name="Ana", conditions=["E11.9"], external_id="N1")
    changed = actions.edit_contact(
        actor=dana(), contact=there, record={"first_name": "Anna", "city": None}, seen_version=1
    )
    assert changed == ["first_name"]
    values = opened(there)
    assert (values["first_name"], values["conditions"], values["external_id"]) == ("Anna", ["E11.9"], "N1")
    told = AuditEvent.objects.get(action="contact.edited").details
    assert list(told["fields"]) == ["first_name"]
    assert "Ann" not in str(told), "hashes, not values"
    # Nobody's diagnosis was opened for it.
    opening = AuditEvent.objects.filter(action="phi.revealed", actor_display="Dana Kim")
    assert not any("conditions" in row.details["fields"] for row in opening)


@pytest.mark.django_db
def test_an_edit_that_changes_nothing_writes_nothing() -> None:
    cast.clinic()
    there = added()
    assert (
        actions.edit_contact(actor=dana(), contact=there, record={"first_name": "Ana"}, seen_version=1) == []
    )
    there.refresh_from_db()
    assert there.version == 1
    assert not AuditEvent.objects.filter(action="contact.edited").exists()


@pytest.mark.django_db
def test_a_new_address_takes_along_what_was_agreed_and_refused() -> None:
    brand = cast.clinic()
    there = factories.contact("ana@mail.example", first_name="Ana", external_id="N1")
    Suppression.objects.create(
        address_hash=there.address_hash, scope="marketing", source="one-click", at=timezone.now()
    )
    actions.edit_contact(actor=dana(), contact=there, record={"email": "new@mail.example"}, seen_version=1)
    there.refresh_from_db()
    assert bytes(there.address_hash) == tokens.address_key("new@mail.example")
    standings = standings_by_topic(bytes(there.address_hash), bytes(there.person_key), brand.pk)
    assert {standing for _topic, standing in standings} == {Standing.SUPPRESSED}
    assert ConsentRecord.objects.filter(address_hash=there.address_hash).exists()
    assert AuditEvent.objects.get(action="contact.address_changed").details == {}


@pytest.mark.django_db
def test_deleted_somebody_is_nowhere_their_ledger_stays_and_undo_brings_them_back() -> None:
    cast.clinic()
    there = factories.contact("ana@mail.example", first_name="Ana")
    page = as_user(cast.dana())
    response = page.post(f"/contacts/{there.pk}/delete/", follow=True)
    assert f'action="/contacts/{there.pk}/restore/"' in response.content.decode()
    assert "ana@mail.example" not in response.content.decode()
    assert page.get(f"/contacts/{there.pk}/").status_code == 404
    assert page.get(f"/contacts/{there.pk}/edit/").status_code == 404
    assert ConsentRecord.objects.filter(address_hash=there.address_hash).exists()
    assert page.post(f"/contacts/{there.pk}/restore/")["Location"] == f"/contacts/{there.pk}/"
    assert "ana@mail.example" in page.get("/contacts/").content.decode()
    rows = AuditEvent.objects.filter(action__in=["contact.deleted", "contact.restored"])
    assert rows.count() == 2


@pytest.mark.django_db
def test_a_deletion_is_not_undone_over_somebody_who_came_meanwhile() -> None:
    cast.clinic()
    there = added()
    actions.delete_contact(actor=dana(), contact=there)
    actions.delete_contact(actor=dana(), contact=there)
    newer = added(first_name="Anabel")
    with pytest.raises(actions.Known) as known:
        actions.restore_contact(actor=dana(), contact=there)
    assert known.value.contact == newer
    there.refresh_from_db()
    assert there.deleted_at is not None


@pytest.mark.django_db
def test_somebody_deleted_comes_back_by_record_number_with_every_no_and_no_yes() -> None:
    brand = cast.clinic()
    there = factories.contact("ana@mail.example", first_name="Ana", conditions=["E11.9"], external_id="N1")
    Suppression.objects.create(
        address_hash=there.address_hash, scope="marketing", source="one-click", at=timezone.now()
    )
    actions.delete_contact(actor=dana(), contact=there)
    back = added(external_id="N1", email="new@mail.example")
    assert back.pk == there.pk
    assert opened(back)["conditions"] is None
    standings = standings_by_topic(bytes(back.address_hash), bytes(back.person_key), brand.pk)
    assert {standing for _topic, standing in standings} == {Standing.SUPPRESSED}
    agreed = ConsentRecord.objects.filter(address_hash=back.address_hash, act="opt_in")
    assert not agreed.exists()


@pytest.mark.parametrize(
    ("key", "cell"),
    [
        ("zip", "02110"),
        ("birth_date", "1980-05-12"),
        ("next_appointment", "2026-12-01T09:30"),
        ("conditions", "E11.9|I10"),
        ("last_a1c", "7.5"),
        ("visits_last_year", "3"),
        ("portal_enrolled", "no"),
        ("language", "es"),
    ],
)
def test_what_is_stored_is_typed_back_as_the_same(key: str, cell: str) -> None:
    once = typed(email="a@mail.example", **{key: cell}).record[key]
    again = typed(email="a@mail.example", **{key: as_typed(fields.BY_KEY[key], once)}).record[key]
    assert once == again


# The pages


@pytest.mark.django_db
def test_the_page_says_at_the_field_what_is_wrong_and_keeps_what_was_typed() -> None:
    cast.clinic()
    page = as_user(cast.dana())
    assert "Adding somebody is not consent" in page.get("/contacts/new/").content.decode()
    refused = page.post("/contacts/new/", {"email": "no address", "birth_date": "2199-01-01", "city": "Lynn"})
    words = text_of(refused)
    assert refused.status_code == 422
    assert "This is not an e-mail address." in words
    assert "lies in the future" in words
    assert 'value="Lynn"' in words
    assert "Conditions" not in words
    assert not Contact.objects.exists()
    assert "Conditions" in text_of(as_user(cast.ada()).get("/contacts/new/"))


@pytest.mark.django_db
def test_the_page_leads_to_who_is_there_already_and_loses_nothing() -> None:
    cast.clinic()
    there = added(external_id="N1")
    page = as_user(cast.dana())
    terms = {"email": "ana@mail.example", "first_name": "Ben", "external_id": "N2"}
    refused = page.post("/contacts/new/", terms)
    words = text_of(refused)
    assert refused.status_code == 422
    assert f'href="/contacts/{there.pk}/"' in words
    assert 'value="Ben"' in words
    assert "This is somebody else, who shares the address" in words
    made = page.post("/contacts/new/", terms | {"shares_address": "on"})
    assert made.status_code == 302
    new = Contact.objects.latest("pk")
    assert made["Location"] == f"/contacts/{new.pk}/?added"
    assert "<details open>" in page.get(made["Location"]).content.decode()


@pytest.mark.django_db
def test_the_second_of_two_editors_sees_what_changed_and_can_save_over_it() -> None:
    cast.clinic()
    there = added(city="Boston")
    first, second = as_user(cast.dana()), as_user(cast.ada())
    form = {"version": "1", **ANA, "city": "Salem"}
    assert first.post(f"/contacts/{there.pk}/edit/", form).status_code == 302
    refused = second.post(f"/contacts/{there.pk}/edit/", form | {"city": "Lynn", "phone": "555-0177"})
    words = text_of(refused)
    assert refused.status_code == 422
    assert "Dana Kim changed this contact since you opened the page: City." in words
    assert "now “Salem”, you typed “Lynn”" in words
    assert 'value="555-0177"' in words
    assert 'name="version" value="2"' in words
    assert opened(there)["city"] == "Salem"
    again = form | {"city": "Lynn", "version": "2"}
    assert second.post(f"/contacts/{there.pk}/edit/", again).status_code == 302
    assert opened(there)["city"] == "Lynn"


def test_health_fields_are_edited_by_those_who_may_for_a_reason(own_database: str) -> None:
    cast.clinic()
    there = factories.contact(
        "ana@mail.example", first_name="Ana", conditions=["E11.9"], birth_date="1980-05-12", external_id="N1"
    )
    dana_, ada_ = as_user(cast.dana()), as_user(cast.ada())
    address = f"/contacts/{there.pk}/edit/"
    for client in (dana_, ada_):
        words = text_of(client.get(address))
        assert "E11.9" not in words and "1980" not in words
    assert dana_.post(address, {"open": "1", "purpose": "correct a mistake"}).status_code == 404
    assert ada_.post(address, {"open": "1", "purpose": "curiosity"}).status_code == 422
    words = text_of(ada_.post(address, {"open": "1", "purpose": "correct a mistake"}))
    assert 'value="E11.9"' in words and 'value="1980-05-12"' in words
    assert AuditEvent.objects.filter(action="phi.revealed", purpose="correct a mistake").exists()
    form = {
        "version": "1",
        "purpose": "correct a mistake",
        "email": "ana@mail.example",
        "first_name": "Ana",
        "conditions": "E11.9; I10",
    }
    assert dana_.post(address, form).status_code == 404
    assert ada_.post(address, form).status_code == 302
    values = opened(there)
    assert (values["conditions"], values["birth_date"]) == (["E11.9", "I10"], None)
    assert values["external_id"] == "N1"


def test_a_damaged_record_is_not_written_over(own_database: str) -> None:
    cast.clinic()
    there = added()
    Contact.objects.update(version=9)
    page = as_user(cast.dana())
    assert page.get(f"/contacts/{there.pk}/edit/").status_code == 302
    response = page.post(f"/contacts/{there.pk}/edit/", {"version": "9", **ANA})
    assert response["Location"] == "/contacts/"
    assert Contact.objects.get().version == 9
    with pytest.raises(actions.Known):
        actions.add_contact(actor=dana(), parsed=typed(**ANA, external_id="N5"), shares_address=True)


# The timeline


@pytest.mark.django_db
def test_the_timeline_tells_who_did_what_by_names_of_fields_alone() -> None:
    cast.clinic()
    there = added(city="Boston")
    actions.edit_contact(actor=ada(), contact=there, record={"city": "Salem"}, seen_version=1)
    made = actions.create_list(actor=dana(), name="Walkers")
    actions.add_people(actor=dana(), contact_list=made, contact_ids=[there.pk])
    actions.remove_person(actor=dana(), contact_list=made, contact=there)
    page = as_user(cast.dana())
    words = text_of(page.get(f"/contacts/{there.pk}/timeline/"))
    told = ["Removed from a list", "Added to a list", "Edited", "Added by hand"]
    places = [words.index(each) for each in told]
    assert places == sorted(places)
    assert "Ada Lindqvist" in words and "City" in words and "Walkers" in words
    assert "Salem" not in words and "Boston" not in words
    assert "Walkers" not in text_of(page.get(f"/contacts/{there.pk}/timeline/?show=changes"))
    lists = text_of(page.get(f"/contacts/{there.pk}/timeline/?show=lists"))
    assert "Walkers" in lists and "Edited" not in lists
    whole = text_of(page.get(f"/contacts/{there.pk}/?show=consent"))
    assert "Nothing is recorded." in whole
    assert f"/contacts/{there.pk}/messages/" in text_of(page.get(f"/contacts/{there.pk}/?show=messages"))
    assert page.get(f"/contacts/{there.pk}/timeline/?show=nonsense").status_code == 200


@pytest.mark.django_db
def test_a_long_timeline_pages_and_costs_the_same_few_queries(django_assert_max_num_queries: Any) -> None:
    cast.clinic()
    there = added()
    for number in range(25):
        actions.edit_contact(
            actor=dana(), contact=there, record={"city": f"Town {number}"}, seen_version=number + 1
        )
    page = as_user(cast.dana())
    page.get("/account/")  # the first page of a session also writes down where it was begun
    with django_assert_max_num_queries(16):
        words = text_of(page.get(f"/contacts/{there.pk}/timeline/"))
    assert words.count("<h3>") == 20
    assert "Added by hand" in text_of(page.get(f"/contacts/{there.pk}/timeline/?page=2"))

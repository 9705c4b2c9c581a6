"""Lists: what is refused, counts that stay true, imports that bring people onto one, and the pages."""

import re
import time
from functools import partial
from html import unescape
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import Count, Q
from django.test import Client

from accounts.access import Denied
from accounts.models import User
from contacts import actions, queries
from contacts.actions import imports as running
from contacts.models import Contact, ContactList, Import, Membership
from contacts.segments import actions as segments
from contacts.segments import queries as segment_queries
from safeguards.models import AuditEvent
from tests import cast, factories, processes
from tests.contacts.test_by_hand import race
from tests.contacts.test_pages import IMPORTER, upload
from tests.processes import wait_until
from tests.sessions import signed_in


def dana() -> Any:
    return cast.actor(cast.dana())


def as_user(user: User) -> Client:
    return signed_in(Client(), user)


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def walkers(*people: Contact, clinical: bool = False) -> ContactList:
    made = actions.create_list(actor=dana(), name="Walkers", description="On Sundays", clinical=clinical)
    if people:
        actions.add_people(actor=dana(), contact_list=made, contact_ids=[person.pk for person in people])
    made.refresh_from_db()
    return made


def person(number: int, **record: Any) -> Contact:
    return factories.contact(
        f"p{number}@mail.example", opted_in=False, first_name=f"Person{number}", **record
    )


def is_true(made: ContactList) -> bool:
    """Whether the count that the list keeps is what counting its living people gives."""
    made.refresh_from_db()
    standing = Q(memberships__removed_at=None, memberships__contact__deleted_at=None)
    counted = ContactList.objects.annotate(counted=Count("memberships", filter=standing)).get(pk=made.pk)
    return bool(made.people == counted.counted)


def on_list(tree_list: ContactList, op: str = "any_of") -> dict[str, Any]:
    rule = {"field": "lists", "op": op, "value": [str(tree_list.pk)]}
    return {"match": "all", "rules": [rule]}


# Refusals


@pytest.mark.parametrize("who", ["marcus", "olive", "ann"])
def test_roles_that_may_not_edit_change_no_list(own_database: str, who: str) -> None:
    cast.clinic()
    made = walkers(person(1))
    actor = cast.actor(getattr(cast, who)())
    membership = Membership.objects.get()
    for attempt in (
        lambda: actions.create_list(actor=actor, name="X"),
        lambda: actions.edit_list(actor=actor, contact_list=made, name="X", description="", seen_version=1),
        lambda: actions.archive_list(actor=actor, contact_list=made),
        lambda: actions.restore_list(actor=actor, contact_list=made),
        lambda: actions.add_people(actor=actor, contact_list=made, contact_ids=[1]),
        lambda: actions.take_back(actor=actor, contact_list=made, batch=membership.batch),
        lambda: actions.remove_person(actor=actor, contact_list=made, contact=membership.contact),
        lambda: actions.put_person_back(actor=actor, contact_list=made, membership_id=membership.pk),
    ):
        with pytest.raises(Denied):
            attempt()
    made.refresh_from_db()
    assert (made.people, made.version, made.archived_at) == (1, 1, None)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_list_needs_a_name(name: str) -> None:
    with pytest.raises(actions.NameMissing):
        actions.create_list(actor=dana(), name=name)
    assert not ContactList.objects.exists()


@pytest.mark.django_db
def test_nobody_is_added_to_an_archived_list_nor_too_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cast.clinic()
    made = walkers()
    with pytest.raises(actions.TooMany):
        actions.add_people(actor=dana(), contact_list=made, contact_ids=range(1, actions.MOST_AT_ONCE + 2))
    actions.archive_list(actor=dana(), contact_list=made)
    with pytest.raises(actions.Archived):
        actions.add_people(actor=dana(), contact_list=made, contact_ids=[person(1).pk])
    assert not Membership.objects.exists()


def test_nobody_gets_onto_a_list_that_is_being_archived(own_database: str) -> None:
    cast.clinic()
    made, somebody = walkers(), person(1)

    def archive() -> None:
        with transaction.atomic():
            actions.archive_list(actor=dana(), contact_list=made)
            # Long enough for the other hand to look, and to wait if it does as it should.
            time.sleep(1)

    def add() -> None:
        time.sleep(0.4)
        actions.add_people(actor=dana(), contact_list=made, contact_ids=[somebody.pk])

    assert [type(each) for each in race(archive, add)] == [actions.Archived]
    assert not Membership.objects.exists()


@pytest.mark.django_db
def test_of_two_who_rename_a_list_the_second_is_told() -> None:
    made = walkers()
    actions.edit_list(actor=dana(), contact_list=made, name="A", description="", seen_version=1)
    with pytest.raises(actions.ListChanged):
        actions.edit_list(actor=dana(), contact_list=made, name="B", description="", seen_version=1)


# Who is on it


@pytest.mark.django_db
def test_adding_twice_is_once_and_says_so() -> None:
    cast.clinic()
    one, other = person(1), person(2)
    made = walkers(one)
    gone = person(3)
    actions.delete_contact(actor=dana(), contact=gone)
    added = actions.add_people(
        actor=dana(), contact_list=made, contact_ids=[one.pk, other.pk, other.pk, gone.pk, 10**9]
    )
    assert (added.added, added.known) == (1, 1)
    assert is_true(made) and made.people == 2
    row = AuditEvent.objects.filter(action="list.people_added").latest("pk")
    assert row.details == {"added": 1, "known": 1, "batch": str(added.batch)}
    assert actions.take_back(actor=dana(), contact_list=made, batch=added.batch) == 1
    assert is_true(made) and made.people == 1


@pytest.mark.django_db
def test_the_count_stays_true_through_removal_deletion_and_undo() -> None:
    cast.clinic()
    one, other = person(1), person(2)
    made = walkers(one, other)
    left = actions.remove_person(actor=dana(), contact_list=made, contact=one)
    assert left is not None and is_true(made) and made.people == 1
    assert actions.remove_person(actor=dana(), contact_list=made, contact=one) is None
    actions.put_person_back(actor=dana(), contact_list=made, membership_id=left.pk)
    actions.put_person_back(actor=dana(), contact_list=made, membership_id=left.pk)
    assert is_true(made) and made.people == 2
    actions.delete_contact(actor=dana(), contact=other)
    assert is_true(made) and made.people == 1
    removed = actions.remove_person(actor=dana(), contact_list=made, contact=other)
    assert removed is not None and is_true(made)
    actions.put_person_back(actor=dana(), contact_list=made, membership_id=removed.pk)
    actions.restore_contact(actor=dana(), contact=other)
    assert is_true(made) and made.people == 2


@pytest.mark.django_db
def test_a_removal_is_not_undone_over_a_newer_time_on_the_list() -> None:
    cast.clinic()
    one = person(1)
    made = walkers(one)
    left = actions.remove_person(actor=dana(), contact_list=made, contact=one)
    assert left is not None
    actions.add_people(actor=dana(), contact_list=made, contact_ids=[one.pk])
    actions.put_person_back(actor=dana(), contact_list=made, membership_id=left.pk)
    assert is_true(made) and made.people == 1
    assert Membership.objects.count() == 2


def test_a_deletion_that_races_an_adding_leaves_a_true_count(own_database: str) -> None:
    cast.clinic()
    actor = dana()
    made = walkers()
    for number in range(4):
        one = person(number)
        raised = race(
            partial(actions.add_people, actor=actor, contact_list=made, contact_ids=[one.pk]),
            partial(actions.delete_contact, actor=actor, contact=one),
        )
        assert raised == []
        assert is_true(made)


# Imports


def into(content: bytes, *, new_list: str = "", made: ContactList | None = None) -> Import:
    source = actions.upload_file(actor=dana(), name="p.csv", chunks=[content], size=len(content))
    header = content.splitlines()[0].decode().split(",")
    actions.map_columns(
        actor=dana(),
        import_id=source.pk,
        mapping={int(column): key for column, key in source.mapping.items()},
        has_header=True,
        first=tuple(header),
        into_list=made,
        new_list=new_list,
    )
    actions.check_import(actor=IMPORTER, import_id=source.pk)
    actions.start_import(actor=dana(), import_id=source.pk)
    source.refresh_from_db()
    return source


FILE = (
    "mrn,email,first name\n"
    + "".join(f"N{n},n{n}@mail.example,Name{n}\n" for n in range(7))
    + "N9,nobody,X\n"
)


@pytest.mark.django_db
def test_everybody_in_a_file_goes_on_the_list_also_who_was_known() -> None:
    cast.clinic()
    factories.contact("n3@mail.example", first_name="Old", external_id="N3")
    source = into(FILE.encode(), new_list="Open day")
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    made = ContactList.objects.get()
    assert is_true(made) and made.people == 7
    assert set(Membership.objects.values_list("imported_by", "added_by__name")) == {(source.pk, "Dana Kim")}
    again = into(FILE.encode(), made=made)
    actions.run_import(actor=IMPORTER, import_id=again.pk)
    assert is_true(made) and made.people == 7


def test_a_crash_in_an_import_loses_nobody_from_the_list(
    own_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and the list are written in one transaction, batch by batch: what is imported is on the list, and the rest comes."""
    cast.clinic()
    monkeypatch.setattr(running, "BATCH", 2)
    source = into(FILE.encode(), new_list="Open day")
    real, calls = running._renew, []

    def crashes(held: Import) -> None:
        calls.append(held.rows_done)
        if len(calls) == 3:
            raise MemoryError
        real(held)

    monkeypatch.setattr(running, "_renew", crashes)
    with pytest.raises(MemoryError):
        actions.run_import(actor=IMPORTER, import_id=source.pk)
    monkeypatch.setattr(running, "_renew", real)
    made = ContactList.objects.get()
    assert Contact.objects.count() == Membership.objects.count() == 4
    assert is_true(made) and made.people == 4
    Import.objects.update(lease_until=None)
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    assert is_true(made) and made.people == 7


@pytest.mark.django_db
def test_somebody_deleted_whom_a_file_brings_back_is_on_no_list() -> None:
    cast.clinic()
    there = factories.contact("n1@mail.example", external_id="N1")
    made = walkers(there)
    actions.delete_contact(actor=dana(), contact=there)
    source = into(b"mrn,email\nN1,n1@mail.example\n")
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    there.refresh_from_db()
    assert there.deleted_at is None
    assert is_true(made) and made.people == 0


@pytest.mark.django_db
def test_the_wizard_asks_for_the_list_and_says_it() -> None:
    cast.clinic()
    made = walkers()
    page = as_user(cast.dana())
    source = upload(page, b"email\na@mail.example\n")
    base = f"/contacts/import/{source.pk}/"
    assert "Add everybody in this file to a list" in text_of(page.get(base))
    terms = {"column_0": "email", "has_header": "on", "into_list": str(made.pk)}
    assert page.post(f"{base}map/", terms | {"into_list": "999"}).status_code == 422
    assert page.post(f"{base}map/", terms).status_code == 302
    actions.check_import(actor=IMPORTER, import_id=source.pk)
    assert "Everybody who is imported goes on the list “Walkers”." in text_of(page.get(base))
    page.post(f"{base}run/")
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    words = text_of(page.get(base))
    assert "Everybody who was imported is on the list “Walkers”." in words
    assert f"/lists/{made.pk}/" in words


# Segments


def test_rules_about_lists_follow_who_is_on_them(own_database: str) -> None:
    cast.clinic()
    one, other, third = person(1), person(2), person(3)
    made = walkers(one)
    actor = cast.actor(cast.ada())

    def members(op: str = "any_of") -> list[int]:
        return segment_queries.members(actor, on_list(made, op))

    with processes.index(own_database):
        assert members() == [one.pk]
        assert members("none_of") == [other.pk, third.pk]
        actions.add_people(actor=dana(), contact_list=made, contact_ids=[other.pk])
        wait_until(lambda: members() == [one.pk, other.pk], "the addition's arrival")
        actions.remove_person(actor=dana(), contact_list=made, contact=one)
        wait_until(lambda: members() == [other.pk], "the removal's arrival")
        actions.add_people(actor=dana(), contact_list=made, contact_ids=[one.pk])
        wait_until(lambda: members() == [one.pk, other.pk], "the second addition's arrival")
        actions.archive_list(actor=dana(), contact_list=made)
        actions.delete_contact(actor=dana(), contact=other)
        wait_until(lambda: members() == [one.pk], "the deletion's arrival")
        assert members("none_of") == [third.pk]
        found = queries.members(dana(), made, text="person1")
        assert [row.person.pk for row in found.rows] == [one.pk]
        assert queries.members(dana(), made, text="person3").total == 0


def test_an_import_onto_a_list_reaches_the_index(own_database: str) -> None:
    cast.clinic()
    with processes.index(own_database):
        source = into(FILE.encode(), new_list="Open day")
        actions.run_import(actor=IMPORTER, import_id=source.pk)
        made = ContactList.objects.get()
        wait_until(
            lambda: segment_queries.count(dana(), on_list(made)).match.exact == 7, "the import's arrival"
        )


@pytest.mark.django_db
def test_words_name_the_list_and_say_that_it_is_archived() -> None:
    cast.clinic()
    made = walkers()
    for who in (cast.dana(), cast.ann()):
        words = segment_queries.plain_words(cast.actor(who), on_list(made))
        assert words == "People for whom they are on the list “Walkers”."
    actions.archive_list(actor=dana(), contact_list=made)
    words = segment_queries.plain_words(dana(), on_list(made, "none_of"))
    assert words == "People for whom they are not on the list “Walkers” (archived)."
    gone = on_list(made) | {"rules": [{"field": "lists", "op": "any_of", "value": ["999999"]}]}
    assert "a list that isn't there any more" in segment_queries.plain_words(dana(), gone)


def test_a_damaged_list_is_told_of_and_breaks_no_page(own_database: str) -> None:
    cast.clinic()
    made = walkers(person(1))
    segment = segments.save_segment(actor=dana(), segment=None, name="W", tree=on_list(made))
    ContactList.objects.update(version=9)
    page = as_user(cast.dana())
    one = Contact.objects.get()
    for address in ("/lists/", f"/lists/{made.pk}/", f"/lists/{made.pk}/edit/"):
        response = page.get(address)
        assert response.status_code == 200
    assert "name can't be opened" in text_of(page.get("/lists/"))
    for address in ("/segments/", f"/segments/{segment.pk}/edit/", f"/contacts/{one.pk}/", "/contacts/"):
        assert "a list whose name can't be opened" in text_of(page.get(address)), address
    assert page.post("/search/", {"text": "walkers"}).status_code == 200


@pytest.mark.django_db
def test_a_list_that_says_something_of_health_makes_its_segments_clinical() -> None:
    cast.clinic()
    plain, health = walkers(), walkers(clinical=True)
    assert not segments.save_segment(actor=dana(), segment=None, name="A", tree=on_list(plain)).clinical
    saved = segments.save_segment(actor=dana(), segment=None, name="B", tree=on_list(health))
    assert saved.clinical
    assert list(saved.lists.all()) == [health]
    page = as_user(cast.dana())
    assert "This segment uses health information" in text_of(page.get(f"/segments/{saved.pk}/edit/"))
    assert "says something about somebody's health" not in text_of(page.get(f"/lists/{health.pk}/edit/"))


@pytest.mark.django_db
def test_the_builder_offers_lists_to_tick_and_keeps_the_ticked() -> None:
    cast.clinic()
    made, archived = walkers(), actions.create_list(actor=dana(), name="Old guests")
    actions.archive_list(actor=dana(), contact_list=archived)
    page = as_user(cast.dana())
    begun = text_of(page.get(f"/segments/new/?list={made.pk}"))
    assert re.search(rf'value="{made.pk}"[^>]*checked', begun)
    assert 'value="Walkers"' in begun and "Old guests" not in begun
    form = {"node": ["0::group", "1:0:rule"], "m0": "all", "f1": "lists", "b1": "lists", "o1": "none_of"}
    refused = page.post("/segments/new/", form | {"name": "Not walking", "save": "1"})
    assert refused.status_code == 422
    assert "Choose at least one list." in text_of(refused)
    kept = page.post(
        "/segments/new/",
        form | {"name": "Not walking", "save": "1", "v1": [str(made.pk), str(archived.pk)]},
    )
    assert kept.status_code == 302
    [definition] = segment_queries.segment_list(dana())
    assert definition.tree["rules"][0]["value"] == [str(made.pk), str(archived.pk)]
    assert "Old guests (archived)" in text_of(page.get(f"/segments/{definition.segment.pk}/edit/"))


# The pages


@pytest.mark.django_db
def test_the_pages_teach_make_and_show_a_list() -> None:
    cast.clinic()
    page = as_user(cast.dana())
    assert "No lists yet" in text_of(page.get("/lists/"))
    assert page.post("/lists/new/", {"name": " "}).status_code == 422
    made = page.post("/lists/new/", {"name": "Walkers", "description": "On Sundays"})
    there = ContactList.objects.get()
    assert made["Location"] == f"/lists/{there.pk}/"
    words = text_of(page.get(made["Location"]))
    assert "Walkers" in words and "Nobody is on this list yet" in words
    assert "Being on a list is not consent" in words
    assert "Walkers" in text_of(page.get("/lists/"))
    stale = {"name": "Walking", "version": "0"}
    assert page.post(f"/lists/{there.pk}/edit/", stale).status_code == 422
    assert page.post(f"/lists/{there.pk}/edit/", stale | {"version": "1"}).status_code == 302
    assert "Walking" in text_of(page.get("/lists/"))
    assert "Walking" in text_of(page.post("/search/", {"text": "walki"}))
    archived = page.post(f"/lists/{there.pk}/archive/", follow=True)
    assert f'action="/lists/{there.pk}/restore/"' in text_of(archived)
    assert "1 archived list" in text_of(archived)
    assert "Walking" in text_of(page.get("/lists/?archived=1"))
    page.post(f"/lists/{there.pk}/restore/")
    assert "Walking" in text_of(page.get("/lists/"))


@pytest.mark.django_db
def test_ticked_people_and_a_whole_page_go_on_a_list_and_undo_takes_them_off() -> None:
    cast.clinic()
    people = [person(number) for number in range(3)]
    page = as_user(cast.dana())
    words = page.get("/contacts/").content.decode()
    assert words.count('name="contact"') == 3 and 'id="selection"' in words
    nobody = page.post("/lists/add/", {"who": "ticked", "name": "Walkers"}, follow=True)
    assert "Nobody was chosen" in text_of(nobody)
    nowhere = page.post("/lists/add/", {"who": "ticked", "contact": people[0].pk}, follow=True)
    assert "Choose a list" in text_of(nowhere)
    assert not ContactList.objects.exists()
    page.post(
        "/lists/add/", {"who": "ticked", "contact": [people[0].pk, "x"], "name": "Walkers"}, follow=True
    )
    made = ContactList.objects.get()
    assert made.people == 1
    terms = {"who": "page", "on_page": [each.pk for each in people], "list": made.pk}
    response = page.post("/lists/add/", terms, follow=True)
    words = text_of(response)
    assert "2 added; 1 were on the list already." in words
    assert made.people == 1 and is_true(made)
    undo = re.search(r'action="(/lists/\d+/undo/[0-9a-f-]+/)"', words)
    assert undo
    page.post(undo[1])
    made.refresh_from_db()
    assert made.people == 1


def test_everybody_whom_a_search_finds_goes_on_a_list(own_database: str) -> None:
    cast.clinic()
    for number in range(60):
        person(number)
    other = factories.contact("zoe@mail.example", opted_in=False, first_name="Zoe")
    page = as_user(cast.dana())
    terms = {"who": "found", "text": "person", "name": "Walkers"}
    away = page.post("/lists/add/", terms, follow=True)
    assert "Searching is not possible right now" in text_of(away)
    assert not ContactList.objects.exists()
    with processes.index(own_database):
        found = text_of(page.post("/contacts/", {"text": "person"}))
        assert "All 60 that were found" in found
        page.post("/lists/add/", terms)
        made = ContactList.objects.get()
        assert made.people == 60
        on = text_of(page.post(f"/lists/{made.pk}/", {"find": "zoe"}, headers={"HX-Request": "true"}))
        assert "Zoe" in on and f'name="contact" value="{other.pk}"' in on
        on = text_of(page.post(f"/lists/{made.pk}/", {"find": "person1"}, headers={"HX-Request": "true"}))
        assert "On it" in on
        assert "Clinic news" in text_of(page.get(f"/lists/{made.pk}/reach/"))


@pytest.mark.django_db
def test_from_somebodys_page_onto_a_list_and_off_again() -> None:
    cast.clinic()
    one = person(1)
    made = walkers()
    page = as_user(cast.dana())
    back = page.post("/lists/add/", {"from": "contact", "contact": one.pk, "list": made.pk})
    assert back["Location"] == f"/contacts/{one.pk}/"
    words = text_of(page.get(f"/contacts/{one.pk}/"))
    assert "Take off the list Walkers" in words
    off = page.post(f"/lists/{made.pk}/remove/", {"from": "contact", "contact": one.pk}, follow=True)
    assert "On no list." in text_of(off)
    undo = re.search(r'action="(/lists/\d+/back/\d+/)"', text_of(off))
    assert undo
    page.post(undo[1])
    assert is_true(made) and made.people == 1


@pytest.mark.django_db
def test_no_name_of_a_person_or_a_list_stands_in_a_message_that_is_kept() -> None:
    cast.clinic()
    one = person(1)
    page = as_user(cast.dana())
    page.post("/lists/add/", {"from": "contact", "contact": one.pk, "name": "Zqxlist"})
    page.post(f"/contacts/{one.pk}/delete/")
    kept = page.session.items(), page.cookies["messages"].value if "messages" in page.cookies else ""
    assert "Zqxlist" not in str(kept) and "Person1" not in str(kept)


@pytest.mark.django_db
def test_a_list_pages_by_key_and_costs_the_same_few_queries(django_assert_max_num_queries: Any) -> None:
    cast.clinic()
    people = [person(number) for number in range(120)]
    made = walkers(*people)
    for number in range(30):
        other = actions.create_list(actor=dana(), name=f"List {number}")
        segments.save_segment(actor=dana(), segment=None, name=f"S{number}", tree=on_list(other))
    page = as_user(cast.dana())
    page.get("/account/")  # the first page of a session also writes down where it was begun
    with django_assert_max_num_queries(14):
        first = text_of(page.get(f"/lists/{made.pk}/"))
    assert "Person119" in first and "Person69 " not in first
    older = re.search(r'href="(\?before=\d+)" rel="next"', first)
    assert older
    second = text_of(page.get(f"/lists/{made.pk}/{older[1]}"))
    assert "Person69" in second and "Person119" not in second
    newer = re.search(r'href="(\?after=\d+)" rel="prev"', second)
    assert newer and "Person119" in text_of(page.get(f"/lists/{made.pk}/{newer[1]}"))
    with django_assert_max_num_queries(12):
        page.get("/lists/")
    with django_assert_max_num_queries(14):
        page.get("/segments/")


def test_a_page_of_a_list_is_read_by_its_index(own_database: str) -> None:
    """However many are on other lists, and whoever was on this one before."""
    cast.clinic()
    walkers(person(1))
    with connections["default"].cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM contacts_membership WHERE contact_list_id = 1 AND removed_at IS NULL"
            " AND id < 1000 ORDER BY id DESC LIMIT 51"
        )
        plan = " ".join(row[0] for row in cursor.fetchall())
    assert "membership_page" in plan
    assert "Sort" not in plan


@pytest.mark.django_db
def test_who_is_on_a_list_about_health_is_told_to_those_who_open_charts_alone() -> None:
    cast.clinic()
    wanda, tom = person(1), person(2)
    made = walkers(wanda, clinical=True)
    marketer, administrator = as_user(cast.dana()), as_user(cast.ada())
    for address in (f"/lists/{made.pk}/", "/lists/"):
        shown = text_of(marketer.get(address))
        assert "Person1" not in shown and "1 person" not in shown
    assert "who is on it, and how many, is shown to those" in text_of(marketer.get(f"/lists/{made.pk}/"))
    assert "Walkers" not in text_of(marketer.get(f"/contacts/{wanda.pk}/timeline/"))
    assert queries.lists_of(dana(), wanda) == []
    assert queries.members(dana(), made).rows == []
    assert "Person1" in text_of(administrator.get(f"/lists/{made.pk}/"))
    assert "Walkers" in text_of(administrator.get(f"/contacts/{wanda.pk}/timeline/"))
    # People are put on it all the same, and nobody hears whether they were on it already.
    told = set()
    for each in (wanda, tom):
        response = marketer.post(
            "/lists/add/", {"from": "list", "list": made.pk, "contact": each.pk}, follow=True
        )
        told.add(re.sub(r"\s+", " ", str(next(iter(response.context["messages"])))))
    assert told == {"Whom you chose is on the list."}
    assert made.memberships.filter(removed_at=None).count() == 2

"""The pages of contacts, through a browser's eyes: the wizard from file to result, the list, one person's page."""

import csv
import io
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts import access
from accounts.models import User
from contacts import actions
from contacts.consent.models import Confirmation, Topic
from contacts.models import Contact, Import, ImportProblem
from safeguards import tokens
from safeguards.models import AuditEvent, Notice
from tests import cast, processes
from tests.sessions import signed_in

CLINIC25 = Path(__file__).parent.parent / "data" / "clinic25.csv"
IMPORTER = access.system("importer")


def as_user(user: User) -> Client:
    return signed_in(Client(), user)


def upload(client: Client, content: bytes) -> Import:
    response = client.post("/contacts/import/", {"file": SimpleUploadedFile("patients.csv", content)})
    assert response.status_code == 302, response.content.decode()
    return Import.objects.get(pk=response["Location"].strip("/").rpartition("/")[2])


def mapped(client: Client, source: Import) -> str:
    """Send the form as the page shows it; returns where that leads."""
    page = client.get(f"/contacts/import/{source.pk}/").content.decode()
    selects = re.findall(r'<select name="(column_\d+)".*?</select>', page, re.DOTALL)
    chosen = {
        name: (re.search(rf'name="{name}".*?<option value="(\w*)" selected', page, re.DOTALL) or [""] * 2)[1]
        for name in selects
    }
    assert len(chosen) == source.columns
    response = client.post(f"/contacts/import/{source.pk}/map/", chosen | {"has_header": "on"})
    assert response.status_code == 302, response.content.decode()
    return response["Location"]


def imported(client: Client, content: bytes) -> Import:
    source = upload(client, content)
    mapped(client, source)
    actions.check_import(actor=IMPORTER, import_id=source.pk)
    client.post(f"/contacts/import/{source.pk}/run/")
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    source.refresh_from_db()
    assert source.state == "done", source.problem
    return source


@pytest.mark.django_db
def test_the_wizard_leads_from_a_file_to_contacts() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    source = upload(client, CLINIC25.read_bytes())
    address = f"/contacts/import/{source.pk}/"
    page = client.get(address).content.decode()
    assert "Which column is what?" in page
    assert "Marisol" in page
    assert mapped(client, source) == address
    page = client.get(address).content.decode()
    assert "The file is being checked" in page
    assert 'hx-trigger="every 1s"' in page
    running = client.get(f"{address}progress/", headers={"X-Polling": "1"})
    assert "HX-Refresh" not in running
    actions.check_import(actor=IMPORTER, import_id=source.pk)
    assert client.get(f"{address}progress/")["HX-Refresh"] == "true"
    page = client.get(address).content.decode()
    assert "Import 23 rows" in page
    # Problems are told without the values that they quote.
    assert "ł•••" in page
    assert "at riverbend" not in page
    assert client.post(f"{address}run/")["Location"] == address
    assert "The contacts are being imported" in client.get(address).content.decode()
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    page = client.get(address).content.decode()
    assert "All 25 rows were read" in page
    assert Contact.objects.count() == 23


@pytest.mark.django_db
def test_the_columns_can_be_changed_after_the_check() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    source = upload(client, b"email,first name\na@mail.example,Ana\n")
    mapped(client, source)
    actions.check_import(actor=IMPORTER, import_id=source.pk)
    assert "Which column is what?" in client.get(f"/contacts/import/{source.pk}/?map").content.decode()
    refused = client.post(f"/contacts/import/{source.pk}/map/", {"column_0": "email", "column_1": "email"})
    assert refused.status_code == 422
    assert "is chosen for two columns" in refused.content.decode()
    refused = client.post(f"/contacts/import/{source.pk}/map/", {"column_1": "first_name"})
    assert "Choose the column that holds the e-mail address." in refused.content.decode()
    source.refresh_from_db()
    assert source.state == "checked"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04", "This is a spreadsheet."),
        (b"email,name,name\na@b.example,x,y\n", "Two columns are called “name”."),
    ],
)
def test_a_refused_file_is_answered_at_the_field(content: bytes, words: str) -> None:
    client = as_user(cast.dana())
    response = client.post("/contacts/import/", {"file": SimpleUploadedFile("p.csv", content)})
    assert response.status_code == 422
    assert words in response.content.decode()


@pytest.mark.django_db
def test_a_stop_is_shown_and_gone_on_from() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    source = upload(client, b"email,first name\na@mail.example,Ana\n")
    mapped(client, source)
    actions.check_import(actor=IMPORTER, import_id=source.pk)
    client.post(f"/contacts/import/{source.pk}/run/")
    client.post(f"/contacts/import/{source.pk}/stop/")
    page = client.get(f"/contacts/import/{source.pk}/").content.decode()
    assert "Stopped after 0 of 1 rows." in page
    assert "Go on" in page
    again = client.post(f"/contacts/import/{source.pk}/stop/", follow=True)
    assert "be done any more" in again.content.decode()


@pytest.mark.django_db
def test_the_problems_file_is_safe_in_a_spreadsheet_and_audited() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    content = b'email,first name,city\n=HYPERLINK("x"),+Ana,-Boston\nb@mail.example,Bea,Boston\n'
    source = imported(client, content)
    response = client.post(f"/contacts/import/{source.pk}/problems/")
    text = response.getvalue().decode("utf-8-sig")
    header, row = csv.reader(io.StringIO(text))
    assert header == ["Row", "Problems", "email", "first name", "city"]
    assert row[0] == "2"
    assert row[2:] == ['\'=HYPERLINK("x")', "'+Ana", "'-Boston"]
    assert "is not an e-mail address" in row[1]
    opened = AuditEvent.objects.get(action="import.problems_opened")
    assert (opened.actor_display, opened.details) == ("Dana Kim", {"rows": 1})


@pytest.mark.django_db
def test_how_dates_are_written_is_asked_on_the_mapping_page_and_told_after_the_check() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    source = upload(client, b"email,dob,last visit\na@mail.example,05/12/1980,2025-01-02\n")
    base = f"/contacts/import/{source.pk}/"
    page = client.get(base).content.decode()
    assert "How are the dates of “dob” written?" in page
    assert 'name="dates_1"' in page
    assert 'name="dates_2"' not in page
    terms = {"column_0": "email", "column_1": "birth_date", "column_2": "last_visit", "has_header": "on"}
    client.post(f"{base}map/", terms | {"dates_1": "day_first"})
    actions.check_import(actor=IMPORTER, import_id=source.pk)
    page = client.get(base).content.decode()
    assert "The dates of “dob” are read with the day first" in page
    Import.objects.update(dates={"1": {"form": "month_first", "by": "nobody"}})
    page = client.get(base).content.decode()
    assert "until then nothing can be imported" in page
    assert "Import 1 row" not in page


@pytest.mark.django_db
def test_the_page_says_until_when_refused_rows_are_kept_and_then_that_they_are_gone() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    source = imported(client, b"email\nnobody\nb@mail.example\n")
    page = client.get(f"/contacts/import/{source.pk}/").content.decode()
    assert "and are deleted on" in page
    assert "Download rows with problems" in page
    Import.objects.update(finished_at=timezone.now() - timedelta(days=8))
    actions.sweep_imports(actor=IMPORTER)
    page = client.get(f"/contacts/import/{source.pk}/").content.decode()
    assert "were kept for seven days, and are deleted" in page
    assert "Download rows with problems" not in page


@pytest.mark.django_db
def test_the_list_shows_people_and_pages_by_key() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    assert "No contacts yet" in client.get("/contacts/").content.decode()
    rows = "".join(f"P{number},p{number}@mail.example,Person{number}\n" for number in range(120))
    imported(client, f"mrn,email,first name\n{rows}".encode())
    first = client.get("/contacts/").content.decode()
    assert "Person119" in first and "Person69" not in first
    older = re.search(r'href="(\?before=\d+)" rel="next"', first)
    assert older and 'rel="prev"' not in first
    second = client.get(f"/contacts/{older[1]}").content.decode()
    assert "Person69" in second and "Person119" not in second
    newer = re.search(r'href="(\?after=\d+)" rel="prev"', second)
    assert newer
    assert "Person119" in client.get(f"/contacts/{newer[1]}").content.decode()
    row = AuditEvent.objects.filter(action="phi.revealed", purpose="contact list").order_by("id")[0]
    assert row.details["count"] == 50


@pytest.mark.django_db
def test_the_list_costs_the_same_few_queries_however_long(django_assert_max_num_queries: object) -> None:
    cast.clinic()
    client = as_user(cast.dana())
    rows = "".join(f"P{number},p{number}@mail.example\n" for number in range(60))
    imported(client, f"mrn,email\n{rows}".encode())
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get("/contacts/")


@pytest.mark.django_db
def test_without_the_index_a_search_says_so_and_still_lists() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    imported(client, b"email,first name\na@mail.example,Ana\n")
    page = client.post("/contacts/", {"text": "Ana"}).content.decode()
    assert "the index does not answer" in page
    assert "a@mail.example" in page
    fragment = client.post("/contacts/", {"text": "Ana"}, headers={"HX-Request": "true"}).content.decode()
    assert fragment.lstrip().startswith('<div id="people"')


def test_a_search_finds_people_by_name_and_names_nobody_in_the_address(own_database: str) -> None:
    cast.clinic()
    client = as_user(cast.dana())
    imported(client, CLINIC25.read_bytes())
    with processes.index(own_database):
        page = client.post("/contacts/", {"text": "quint"}).content.decode()
        assert "1 person found." in page and "Marisol Quintero" in page
        assert "Engström" not in page and "quint" not in "".join(
            re.findall(r'(?:href|action)="([^"]*)"', page)
        )
        page = client.post("/contacts/", {"text": "e11.9"}).content.decode()
        assert "Nobody found" in page


@pytest.mark.django_db
def test_a_marketer_sees_who_somebody_is_and_nothing_of_their_health() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    imported(client, CLINIC25.read_bytes())
    person = Contact.objects.get(person_key=tokens.person_key("LK-1001"))
    page = client.get(f"/contacts/{person.pk}/").content.decode()
    assert "Marisol Quintero" in page and "01602" in page
    for hidden in ("E11.9", "Metformin", "8.2", "Pinecone", "1971"):
        assert hidden not in page
    assert "Show hidden fields" not in page
    assert page.count(">Agreed</span>") == 2 and "Not agreed" in page
    assert "web form" in page
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert title and "Marisol" not in title[1]


def test_opening_the_clinical_fields_takes_a_role_and_a_reason(own_database: str) -> None:
    cast.clinic()
    dana, ada = as_user(cast.dana()), as_user(cast.ada())
    imported(dana, CLINIC25.read_bytes())
    person = Contact.objects.get(person_key=tokens.person_key("LK-1001"))
    address = f"/contacts/{person.pk}/clinical/"
    reason = {"purpose": "compliance review"}
    assert dana.post(address, reason).status_code == 404
    assert "E11.9" not in ada.get(f"/contacts/{person.pk}/").content.decode()
    assert ada.post(address, {"purpose": "curiosity"}).status_code == 422
    page = ada.post(address, reason).content.decode()
    assert "E11.9, I10" in page and "March 14, 1971" in page and "9:30" in page
    row = AuditEvent.objects.get(action="phi.revealed", purpose="compliance review")
    assert (row.actor_display, row.patient) == ("Ada Lindqvist", bytes(person.person_key).hex())


@pytest.mark.django_db
def test_asking_for_confirmation_leaves_a_notice_to_the_person() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    imported(client, CLINIC25.read_bytes())
    person = Contact.objects.get(person_key=tokens.person_key("LK-1008"))
    refused = client.post(f"/contacts/{person.pk}/ask/", {"source": "asked by telephone"})
    assert refused.status_code == 422
    topic = Topic.objects.get(slug="clinic-news")
    client.post(f"/contacts/{person.pk}/ask/", {"source": "asked by telephone", "topics": [topic.pk]})
    confirmation = Confirmation.objects.get()
    assert bytes(confirmation.person_key) == bytes(person.person_key)
    assert confirmation.source == "asked by telephone"
    assert Notice.objects.get().kind == "consent.confirm"


def test_one_damaged_record_is_told_of_and_breaks_no_page(own_database: str) -> None:
    cast.clinic()
    client = as_user(cast.ada())
    source = imported(client, b"email,first name\nana@mail.example,Ana\nb@mail.example,Bea\nnobody,Cy\n")
    other = upload(client, b"email\nx@mail.example\n")
    ana = Contact.objects.order_by("pk")[0]
    Contact.objects.filter(pk=ana.pk).update(version=9)
    Import.objects.filter(pk=source.pk).update(about=other.about)
    ImportProblem.objects.update(record=other.about)
    words = "damaged or tampered with"
    people = client.get("/contacts/").content.decode()
    assert words in people
    assert "Bea" in people
    person = client.get(f"/contacts/{ana.pk}/").content.decode()
    assert words in person
    assert "Show hidden fields" not in person
    assert "Timeline" in person
    assert (
        words
        in client.post(f"/contacts/{ana.pk}/clinical/", {"purpose": "compliance review"}).content.decode()
    )
    topic = Topic.objects.get(slug="clinic-news")
    asked = client.post(f"/contacts/{ana.pk}/ask/", {"source": "asked by telephone", "topics": [topic.pk]})
    assert (asked.status_code, Confirmation.objects.count()) == (302, 0)
    imports = client.get("/contacts/import/").content.decode()
    assert words in imports
    assert "patients.csv" in imports
    assert words in client.get(f"/contacts/import/{source.pk}/").content.decode()
    assert words in client.post(f"/contacts/import/{source.pk}/problems/").getvalue().decode()
    assert AuditEvent.objects.filter(action="phi.seal_broken", details__row=str(ana.pk)).exists()


def test_those_without_the_permission_see_no_page(own_database: str) -> None:
    cast.clinic()
    source = imported(as_user(cast.dana()), b"email\nx\na@mail.example\n")
    person = Contact.objects.get()
    base = f"/contacts/import/{source.pk}/"
    pages = ["/contacts/", f"/contacts/{person.pk}/", "/contacts/import/", base, f"{base}progress/"]
    posts = [f"{base}{verb}/" for verb in ("map", "run", "stop", "problems")] + [
        f"/contacts/{person.pk}/ask/"
    ]
    analyst = as_user(cast.ann())
    assert {analyst.get(page).status_code for page in pages} == {404}
    assert {analyst.post(page).status_code for page in posts} == {404}
    approver = as_user(cast.marcus())
    assert [approver.get(page).status_code for page in pages] == [200, 200, 404, 404, 404]
    assert {approver.post(page).status_code for page in posts} == {404}
    stranger = Client()
    assert {stranger.get(page).status_code for page in pages} == {302}


@pytest.mark.django_db
def test_another_importer_sees_first_letters_of_the_samples_only() -> None:
    cast.clinic()
    source = upload(as_user(cast.dana()), b"email,conditions\na@mail.example,E11.9\n")
    other = cast.person("Priya Nair", "marketer")
    page = as_user(other).get(f"/contacts/import/{source.pk}/").content.decode()
    assert "E•••" in page and "E11.9" not in page


@pytest.mark.django_db
def test_an_absent_import_and_contact_are_not_found() -> None:
    client = as_user(cast.dana())
    assert client.get("/contacts/999999/").status_code == 404
    assert client.get("/contacts/import/00000000-0000-4000-8000-000000000000/").status_code == 404


@pytest.mark.django_db
def test_the_problems_file_mended_comes_in_as_it_was_meant() -> None:
    client = as_user(cast.dana())
    cast.clinic()
    source = imported(client, b"mrn,email,phone,conditions\nA1,ana at mail.example,+1 555 0100,E11.9\n")
    text = client.post(f"/contacts/import/{source.pk}/problems/").getvalue().decode()
    again = imported(client, text.replace("A1,ana at mail", "A1,ana@mail").encode())
    assert (again.created, again.rejected) == (1, 0)
    person = Contact.objects.get(person_key=tokens.person_key("A1"))
    page = as_user(cast.ada()).post(f"/contacts/{person.pk}/clinical/", {"purpose": "compliance review"})
    assert "E11.9" in page.content.decode()
    assert "+1 555 0100" in page.content.decode() and "&#x27;+1" not in page.content.decode()
    assert "is not an e-mail address" not in page.content.decode()


@pytest.mark.django_db
def test_a_problems_file_with_problems_again_has_our_columns_once() -> None:
    cast.clinic()
    client = as_user(cast.dana())
    content = b"email,first name\nnobody,Ana\nb@mail.example,Bea\n"
    for _round in range(3):
        source = imported(client, content)
        content = client.post(f"/contacts/import/{source.pk}/problems/").getvalue()
        header, row = csv.reader(io.StringIO(content.decode("utf-8-sig")))
        assert header == ["Row", "Problems", "email", "first name"]
        assert row[2:] == ["nobody", "Ana"]


def test_refused_rows_are_for_who_uploaded_them_and_who_may_open_charts(own_database: str) -> None:
    cast.clinic()
    source = imported(as_user(cast.dana()), b"email,conditions\nx,E11.9\na@mail.example,I10\n")
    address = f"/contacts/import/{source.pk}/"
    other = as_user(cast.person("Priya Nair", "marketer"))
    assert "Download rows" not in other.get(address).content.decode()
    assert other.post(f"{address}problems/").status_code == 404
    assert as_user(cast.ada()).post(f"{address}problems/").status_code == 200

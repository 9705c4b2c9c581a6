"""Imports, from the upload to the last row: what is counted, what is recorded, and what a crash leaves."""

import dataclasses
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import InternalError, connections, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from accounts import access
from accounts.access import Denied, Permission
from contacts import actions
from contacts.consent import actions as consent
from contacts.consent.models import ConsentRecord, Suppression, Topic
from contacts.consent.queries import standings_by_topic, unsubscribed_by_mailings
from contacts.consent.rules import Standing
from contacts.models import Contact, Import, ImportPart, ImportProblem
from contacts.rules import fields
from contacts.rules.dates import Form
from contacts.rules.problems import Unreadable
from marketing.demo import sample
from safeguards import phi, tokens
from safeguards.actor import Actor
from safeguards.fields import message_of
from safeguards.models import AuditEvent
from safeguards.tokens import LinkToken
from tests import cast
from tests.sessions import signed_in

CLINIC25 = Path(__file__).parent.parent / "data" / "clinic25.csv"
IMPORTER = access.system("importer")


def upload(content: bytes | str, name: str = "patients.csv") -> Import:
    content = content.encode() if isinstance(content, str) else content
    return actions.upload_file(actor=cast.actor(cast.dana()), name=name, chunks=[content], size=len(content))


def first_row(source: Import) -> tuple[str, ...]:
    grant = access.grant(IMPORTER, Permission.IMPORT_CONTACTS)
    (about,) = phi.reveal([source], ["first"], grant=grant, purpose="test", sealed_field="about")
    return tuple(about["first"])


def check(source: Import, dates: dict[int, Form] | None = None) -> Import:
    """Map by the guess, and check."""
    actions.map_columns(
        actor=cast.actor(cast.dana()),
        import_id=source.pk,
        mapping={int(column): key for column, key in source.mapping.items()},
        has_header=source.has_header,
        first=first_row(source),
        dates=dates,
    )
    actions.check_import(actor=IMPORTER, import_id=source.pk)
    source.refresh_from_db()
    return source


def run(content: bytes | str) -> Import:
    """Upload, check, start, import."""
    source = check(upload(content))
    actions.start_import(actor=cast.actor(cast.dana()), import_id=source.pk)
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    source.refresh_from_db()
    return source


def opened(contact: Contact) -> dict[str, Any]:
    grant = access.grant(IMPORTER, Permission.IMPORT_CONTACTS)
    return phi.reveal([contact], list(fields.BY_KEY), grant=grant, purpose="test")[0]


def by_mrn(external_id: str) -> Contact:
    return Contact.objects.get(person_key=tokens.person_key(external_id))


def counts(source: Import) -> tuple[int, int, int, int, int]:
    return source.rows_done, source.created, source.updated, source.rejected, source.warned


@pytest.mark.django_db
def test_a_file_with_other_headers_becomes_contacts_and_evidence() -> None:
    cast.clinic()
    source = check(upload(CLINIC25.read_bytes()))
    assert (source.state, source.rows_total, source.rows_good, source.rejected) == ("checked", 25, 23, 2)
    assert not Contact.objects.exists()
    assert not ConsentRecord.objects.exists()
    actions.start_import(actor=cast.actor(cast.dana()), import_id=source.pk)
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    source.refresh_from_db()
    assert source.state == "done"
    assert counts(source) == (25, 23, 0, 2, 0)
    assert Contact.objects.count() == 23
    marisol = by_mrn("LK-1001")
    record = opened(marisol)
    assert record["birth_date"] == "1971-03-14"
    assert record["next_appointment"] == "2026-12-01T09:30"
    assert (record["zip"], record["language"], record["gender"]) == ("01602", "es", "female")
    assert record["conditions"] == ["E11.9", "I10"]
    acts = ConsentRecord.objects.filter(person_key=tokens.person_key("LK-1001"), subject="marketing")
    assert {act.topic.slug for act in acts if act.topic} == {"clinic-news", "wellness-programmes"}
    # The day is the clinic's: midnight in New York.
    assert {act.given_at for act in acts} == {datetime(2024, 5, 6, 4, tzinfo=UTC)}
    assert {act.source for act in acts} == {"web form"}
    refusal = ConsentRecord.objects.get(person_key=tokens.person_key("LK-1016"), subject="marketing")
    assert (refusal.act, refusal.topic) == ("opt_out", None)
    assert not ConsentRecord.objects.filter(person_key=tokens.person_key("LK-1008")).exists()
    june, renata = by_mrn("LK-1007"), by_mrn("LK-1022")
    assert june.address_hash == renata.address_hash
    assert sorted(source.problems.values_list("row_number", flat=True)) == [4, 22]


@pytest.mark.django_db
def test_the_sample_of_patients_comes_in_whole() -> None:
    cast.clinic()
    source = run(sample.FILE.read_bytes())
    assert source.state == "done", source.problem
    assert counts(source) == (600, 600, 0, 0, 0)
    batches = AuditEvent.objects.filter(action="contact.imported").order_by("id")
    assert [row.details["rows_done"] for row in batches] == [500, 600]


@pytest.mark.django_db
def test_nothing_of_the_file_is_left_when_it_is_done() -> None:
    cast.clinic()
    source = upload(CLINIC25.read_bytes())
    part = ImportPart.objects.get(source=source)
    assert b"marisol" not in message_of(part.sealed)
    source = run(CLINIC25.read_bytes())
    assert not source.parts.exists()


@pytest.mark.django_db
def test_a_file_larger_than_a_part_is_read_across_parts() -> None:
    cast.clinic()
    row = "long.street.{0}@mail.example,Ana," + "x" * 400 + "\r\n"
    content = "email,first name,street\r\n" + "".join(row.format(number) for number in range(2600))
    source = check(upload(content))
    assert source.parts.count() == 2
    assert (source.rows_total, source.rows_good) == (2600, 2600)


@pytest.mark.django_db
def test_importing_a_file_again_updates_and_says_nothing_twice() -> None:
    cast.clinic()
    run(CLINIC25.read_bytes())
    people, acts = Contact.objects.count(), ConsentRecord.objects.count()
    versions = set(Contact.objects.values_list("version", flat=True))
    source = run(CLINIC25.read_bytes())
    assert counts(source) == (25, 0, 23, 2, 0)
    assert (Contact.objects.count(), ConsentRecord.objects.count()) == (people, acts)
    # What didn't change isn't sealed again, and so is no news to the index.
    assert set(Contact.objects.values_list("version", flat=True)) == versions == {1}


@pytest.mark.django_db
def test_a_later_row_of_the_same_person_updates() -> None:
    cast.clinic()
    source = run(
        "mrn,email,first name,city\n"
        "A1,ana@mail.example,Ana,Boston\n"
        "A2,ana@mail.example,Bea,Boston\n"
        "A1,ana@mail.example,Ana Lucía,\n"
    )
    assert counts(source) == (3, 2, 1, 0, 0)
    record = opened(by_mrn("A1"))
    assert (record["first_name"], record["city"]) == ("Ana Lucía", None)


@pytest.mark.django_db
def test_without_external_id_the_address_tells_who_it_is_whatever_its_case() -> None:
    cast.clinic()
    run("mrn,email,first name\nA1,ana@mail.example,Ana\n")
    source = run("email,first name\nAna@Mail.Example,Someone\n ana@mail.example ,Somebody\n")
    # Ana has an external id, so the address alone isn't she.
    assert counts(source) == (2, 1, 1, 0, 0)
    assert opened(by_mrn("A1"))["first_name"] == "Ana"
    source = run("email,city\nANA@mail.example,Boston\n")
    assert counts(source) == (1, 0, 1, 0, 0)
    newest = Contact.objects.order_by("-pk")[0]
    assert newest.version == 2
    assert (opened(newest)["first_name"], opened(newest)["city"]) == ("Somebody", "Boston")


@pytest.mark.django_db
def test_consent_without_evidence_leaves_the_contact_unreachable_and_is_counted() -> None:
    brand = cast.clinic()
    source = run(
        "mrn,email,subscribed,opt in source,opt in date\n"
        "A1,ana@mail.example,yes,web form,\n"
        "A2,bea@mail.example,yes,,2025-01-01\n"
        "A3,cy@mail.example,yes,web form,2025-01-01\n"
        "A4,di@mail.example,no,,\n"
    )
    assert counts(source) == (4, 4, 0, 0, 2)
    assert [problem.codes for problem in source.problems.order_by("row_number")] == [
        ["consent_incomplete"]
    ] * 2
    standing = {
        mrn: {
            s
            for _topic, s in standings_by_topic(
                bytes(by_mrn(mrn).address_hash), tokens.person_key(mrn), brand.pk
            )
        }
        for mrn in ("A1", "A2", "A3", "A4")
    }
    assert standing == {
        "A1": {Standing.NO_CONSENT},
        "A2": {Standing.NO_CONSENT},
        "A3": {Standing.REACHABLE},
        "A4": {Standing.NO_CONSENT},
    }
    assert ConsentRecord.objects.get(person_key=tokens.person_key("A4")).act == "opt_out"


@pytest.mark.django_db
def test_a_changed_address_is_rebound_with_what_was_said_and_stopped_and_is_audited() -> None:
    brand = cast.clinic()
    evidence = "subscribed,opt in source,opt in date"
    run(f"mrn,email,{evidence}\nA1,ana@mail.example,yes,web form,2024-01-01\n")
    consent.suppress(
        actor=IMPORTER,
        address_hash=tokens.address_key("ana@mail.example"),
        scope=Suppression.Scope.BRAND,
        brand=brand,
        source="unsubscribe page",
    )
    run(f"mrn,email,{evidence}\nA1,ana@new.example,yes,web form,2024-01-01\n")
    ana = by_mrn("A1")
    assert bytes(ana.address_hash) == tokens.address_key("ana@new.example")
    assert opened(ana)["email"] == "ana@new.example"
    standings = standings_by_topic(bytes(ana.address_hash), bytes(ana.person_key), brand.pk)
    assert {standing for _topic, standing in standings} == {Standing.SUPPRESSED}
    row = AuditEvent.objects.get(action="contact.address_changed")
    assert (row.target_id, row.patient) == (str(ana.pk), bytes(ana.person_key).hex())
    assert "ana" not in json.dumps(row.details)


@pytest.mark.django_db
def test_a_no_under_the_old_address_is_not_undone_by_an_older_yes_under_the_new() -> None:
    brand = cast.clinic()
    evidence = "subscribed,opt in source,opt in date"
    run(f"mrn,email,{evidence}\nA1,ana@mail.example,no,telephone,2025-01-01\n")
    run(f"mrn,email,{evidence}\nA1,ana@new.example,yes,web form,2024-01-01\n")
    ana = by_mrn("A1")
    standings = standings_by_topic(bytes(ana.address_hash), bytes(ana.person_key), brand.pk)
    assert {standing for _topic, standing in standings} == {Standing.NO_CONSENT}


AGREED = "mrn,email,subscribed,opt in source,opt in date\nA1,{0},yes,web form,2024-01-01\n"


def reaches(external_id: str) -> set[Standing]:
    """What the gate would hear of somebody now, over all topics."""
    contact = by_mrn(external_id)
    standings = standings_by_topic(bytes(contact.address_hash), bytes(contact.person_key), cast.clinic().pk)
    return {standing for _topic, standing in standings}


def old_mail(external_id: str) -> tuple[Actor, LinkToken]:
    """The link in a mail that somebody got at the address that they have now, and themselves following it."""
    contact = by_mrn(external_id)
    address_hash, key = bytes(contact.address_hash), bytes(contact.person_key)
    return Actor(kind="patient", id=key.hex()), LinkToken(address_hash, key, cast.clinic().pk, 41, 977)


@pytest.mark.django_db
def test_a_stop_by_an_old_mail_holds_at_the_new_address_and_undo_brings_it_back() -> None:
    cast.clinic()
    run(AGREED.format("ana@mail.example"))
    ana, link = old_mail("A1")
    run(AGREED.format("ana@new.example"))
    run(AGREED.format("ana@newer.example"))
    assert reaches("A1") == {Standing.REACHABLE}
    consent.unsubscribe(actor=ana, token=link, source="one-click")
    assert reaches("A1") == {Standing.SUPPRESSED}
    assert Suppression.objects.filter(lifted_at=None).count() == 3
    assert unsubscribed_by_mailings([41]) == {41: 1}
    consent.undo_unsubscribe(actor=ana, token=link)
    assert reaches("A1") == {Standing.REACHABLE}
    consent.choose_topics(actor=ana, token=link, topic_ids=[])
    assert Standing.REACHABLE not in reaches("A1")


@pytest.mark.django_db
def test_a_link_to_an_old_address_takes_back_nothing_that_was_said_under_the_new() -> None:
    cast.clinic()
    run(AGREED.format("ana@mail.example"))
    ana, link = old_mail("A1")
    run(AGREED.format("ana@new.example"))
    _ana, newer = old_mail("A1")
    consent.unsubscribe(
        actor=ana, token=dataclasses.replace(newer, mailing_id=42, message_id=978), source="one-click"
    )
    consent.undo_unsubscribe(actor=ana, token=link)
    consent.choose_topics(actor=ana, token=link, topic_ids=[topic.pk for topic in Topic.objects.all()])
    assert reaches("A1") == {Standing.SUPPRESSED}


@pytest.mark.django_db
@pytest.mark.parametrize("gone", ["erased", "unknown"])
def test_a_stop_outlives_erasure_and_finds_the_person_at_another_address(gone: str) -> None:
    cast.clinic()
    run(AGREED.format("ana@mail.example"))
    ana, link = old_mail("A1")
    consent.unsubscribe(actor=ana, token=link, source="one-click")
    if gone == "erased":
        Contact.objects.update(deleted_at=timezone.now())
    else:
        Contact.objects.all().delete()
    run(AGREED.format("ana@new.example"))
    assert reaches("A1") == {Standing.SUPPRESSED}


def test_a_stop_that_races_a_changed_address_holds(own_database: str) -> None:
    """The re-binding has read the ledger and not committed when the stop by the old mail comes: it waits, and finds both."""
    cast.clinic()
    run(AGREED.format("ana@mail.example"))
    ana, link = old_mail("A1")
    source = check(upload(AGREED.format("ana@new.example")))
    actions.start_import(actor=cast.actor(cast.dana()), import_id=source.pk)

    def stop() -> None:
        try:
            consent.unsubscribe(actor=ana, token=link, source="one-click")
        finally:
            connections.close_all()

    press = threading.Thread(target=stop)
    with transaction.atomic():
        actions.run_import(actor=IMPORTER, import_id=source.pk)
        press.start()
        waits_or_is_done(press)
    press.join()
    assert reaches("A1") == {Standing.SUPPRESSED}


def waits_or_is_done(thread: threading.Thread) -> None:
    """Until some other connection waits for a lock, or the thread has ended without."""
    for _ in range(1000):
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
                " WHERE NOT granted AND locktype = 'advisory' AND datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return
        thread.join(0.01)
        if not thread.is_alive():
            return


@contextmanager
def database_that_refuses(mrn: str) -> Iterator[None]:
    """Have the database itself break off the transaction that adds this person."""
    key = tokens.person_key(mrn).hex()
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the lights went out' USING ERRCODE = 'XX000'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER break_off BEFORE INSERT ON contacts_contact FOR EACH ROW"
            f" WHEN (NEW.person_key = '\\x{key}'::bytea) EXECUTE FUNCTION break_off()"
        )
    try:
        yield
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("DROP TRIGGER break_off ON contacts_contact")
            cursor.execute("DROP FUNCTION break_off")


def long_file(rows: int) -> str:
    header = "mrn,email,first name,subscribed,opt in source,opt in date\n"
    return header + "".join(
        f"M{number},person{number}@mail.example,Ana,yes,web form,2025-01-01\n"
        if number % 100
        else f"M{number},not an address,Ana,yes,web form,2025-01-01\n"
        for number in range(1, rows + 1)
    )


def test_an_import_that_broke_off_goes_on_where_it_was_and_does_nothing_twice(own_database: str) -> None:
    cast.clinic()
    source = check(upload(long_file(1200)))
    actions.start_import(actor=cast.actor(cast.dana()), import_id=source.pk)
    with database_that_refuses("M750"), pytest.raises(InternalError):
        actions.run_import(actor=IMPORTER, import_id=source.pk)
    source.refresh_from_db()
    assert counts(source) == (500, 495, 0, 5, 0)
    assert (Contact.objects.count(), ConsentRecord.objects.count()) == (495, 495)
    # The lease of the worker that died still stands, so nobody else begins…
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    assert actions.sweep_imports(actor=IMPORTER) == 0
    source.refresh_from_db()
    assert source.rows_done == 500
    # …until it is over.
    Import.objects.filter(pk=source.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert actions.sweep_imports(actor=IMPORTER) == 1
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    source.refresh_from_db()
    assert source.state == "done"
    assert counts(source) == (1200, 1188, 0, 12, 0)
    assert (Contact.objects.count(), ConsentRecord.objects.count()) == (1188, 1188)
    assert ImportProblem.objects.filter(source=source).count() == 12
    batches = AuditEvent.objects.filter(action="contact.imported").order_by("id")
    assert [row.details["rows_done"] for row in batches] == [500, 1000, 1200]


def test_an_import_that_breaks_off_each_time_is_given_up_with_words(own_database: str) -> None:
    cast.clinic()
    source = check(upload("mrn,email\nM1,a@mail.example\n"))
    actions.start_import(actor=cast.actor(cast.dana()), import_id=source.pk)
    with database_that_refuses("M1"):
        for _attempt in range(5):
            with pytest.raises(InternalError):
                actions.run_import(actor=IMPORTER, import_id=source.pk)
            Import.objects.filter(pk=source.pk).update(lease_until=None)
        actions.run_import(actor=IMPORTER, import_id=source.pk)
    source.refresh_from_db()
    assert (source.state, source.problem) == ("failed", {"code": "gave_up", "values": {}})
    assert AuditEvent.objects.filter(action="import.failed", outcome="failure").exists()


@pytest.mark.django_db
def test_a_stopped_import_keeps_what_is_in_and_can_go_on() -> None:
    cast.clinic()
    dana = cast.actor(cast.dana())
    source = check(upload(long_file(20)))
    actions.start_import(actor=dana, import_id=source.pk)
    actions.stop_import(actor=dana, import_id=source.pk)
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    assert not Contact.objects.exists()
    with pytest.raises(actions.NotNow):
        actions.stop_import(actor=dana, import_id=source.pk)
    actions.start_import(actor=dana, import_id=source.pk)
    actions.run_import(actor=IMPORTER, import_id=source.pk)
    source.refresh_from_db()
    assert (source.state, source.created) == ("done", 20)
    for again in (actions.start_import, actions.stop_import):
        with pytest.raises(actions.NotNow):
            again(actor=dana, import_id=source.pk)


def births(source: Import) -> list[str]:
    """The dates of birth that an import brought, in the order of the rows."""
    if source.state == "checked":
        actions.start_import(actor=cast.actor(cast.dana()), import_id=source.pk)
        actions.run_import(actor=IMPORTER, import_id=source.pk)
    return [opened(contact)["birth_date"] for contact in Contact.objects.order_by("pk")]


def born(*dates: str, more: str = "") -> str:
    rows = "".join(f"p{number}@mail.example,{date}{more}\n" for number, date in enumerate(dates))
    return "email,dob" + (",last visit" if more else "") + "\n" + rows


@pytest.mark.django_db
def test_a_column_of_dates_is_read_one_way_from_the_first_row_to_the_last() -> None:
    cast.clinic()
    source = check(upload(born("05/12/1980", *["1980-01-02"] * 30, "25/12/1980")))
    assert source.dates == {"1": {"form": "day_first", "by": "values"}}
    found = births(source)
    assert (found[0], found[-1]) == ("1980-12-05", "1980-12-25")
    Contact.objects.all().delete()
    assert births(check(upload(born("05/12/1980", "12/25/1980")))) == ["1980-05-12", "1980-12-25"]


@pytest.mark.django_db
def test_the_other_columns_of_the_file_say_how_an_open_one_is_read() -> None:
    cast.clinic()
    source = check(upload(born("05/12/1980", more=",25/11/2025")))
    assert source.dates["1"] == {"form": "day_first", "by": "values"}
    assert births(source) == ["1980-12-05"]


@pytest.mark.django_db
def test_dates_that_leave_it_open_are_not_imported_before_somebody_has_said() -> None:
    cast.clinic()
    source = check(upload(born("05/12/1980", "06/06/1990")))
    assert source.dates == {"1": {"form": "month_first", "by": "nobody"}}
    with pytest.raises(actions.NotNow):
        actions.start_import(actor=cast.actor(cast.dana()), import_id=source.pk)
    source = check(source, {1: Form.DAY_FIRST})
    assert births(source) == ["1980-12-05", "1990-06-06"]


@pytest.mark.django_db
def test_a_column_that_mixes_both_is_asked_about_and_its_other_rows_are_refused() -> None:
    cast.clinic()
    source = upload(born("25/12/1980", "26/12/1980", "12/27/1980", "05/12/1980"))
    assert check(source).dates == {"1": {"form": "day_first", "by": "nobody"}}
    checked = check(source, {1: Form.DAY_FIRST})
    assert checked.problems.get().codes == ["not_a_date"]
    assert births(checked) == ["1980-12-25", "1980-12-26", "1980-12-05"]


@pytest.mark.django_db
def test_rows_that_can_not_be_read_are_problems_with_their_numbers_and_the_others_come_in() -> None:
    cast.clinic()
    good = "a@mail.example,Peña\n".encode()
    content = b"email,last name\n" + b"".join(
        [
            good,
            b'b@mail.example,"open\n',
            good,
            b"c@mail.example," + b"x" * 70_000 + b"\n",
            b"d@mail.example,Pe\xf1a\n",
            b"e@mail.example,nul\0\n",
            good.replace(b"a@", b"f@"),
        ]
    )
    source = run(content)
    assert source.state == "done"
    assert counts(source) == (7, 2, 1, 4, 0)
    problems = source.problems.order_by("row_number").values_list("row_number", "codes")
    assert list(problems) == [(3, ["open_quote"]), (5, ["row_too_long"]), (6, ["letters"]), (7, ["no_text"])]
    assert {opened(contact)["last_name"] for contact in Contact.objects.all()} == {"Peña"}
    assert not source.parts.exists()


@pytest.mark.django_db
def test_a_check_that_meets_quotes_without_sense_fails_with_words_and_keeps_no_file() -> None:
    cast.clinic()
    content = (
        "email,first name\n"
        + "a@mail.example,Ana\n" * 8000
        + ('b@mail.example,"' + ("x" * 660 + "\n") * 100) * 70
    )
    source = check(upload(content))
    assert source.state == "failed"
    assert source.problem is not None
    assert source.problem["code"] == "unreadable_row"
    assert int(source.problem["values"]["row"]) > 8001
    assert not source.parts.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty"), (b"PK\x03\x04rest", "spreadsheet"), (b"email,Email\na,b\n", "header_twice")],
)
def test_a_refused_upload_leaves_nothing(content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        upload(content)
    assert refused.value.code == code
    assert not Import.objects.exists()
    assert not ImportPart.objects.exists()


@pytest.mark.django_db
@override_settings(IMPORT_MAX_BYTES=1024 * 1024)
def test_the_size_is_counted_and_not_believed() -> None:
    content = b"email\n" + b"a@mail.example\n" * 100_000
    with pytest.raises(Unreadable) as refused:
        actions.upload_file(actor=cast.actor(cast.dana()), name="f.csv", chunks=[content], size=5)
    assert (
        refused.value.message() == "The file is larger than 1 MB. Split it, and upload the parts one by one."
    )


@pytest.mark.django_db
def test_files_left_lying_are_deleted_after_seven_days() -> None:
    left, fresh = upload("email\na@mail.example\n"), upload("email\na@mail.example\n")
    Import.objects.filter(pk=left.pk).update(created_at=timezone.now() - timedelta(days=7, seconds=1))
    actions.sweep_imports(actor=IMPORTER)
    left.refresh_from_db()
    assert (left.state, left.parts.count(), fresh.parts.count()) == ("failed", 0, 1)
    assert left.problem == {"code": "expired", "values": {"days": "7"}}


def about(source: Import) -> str:
    """All that is known of the file, as text."""
    source.refresh_from_db()
    grant = access.grant(IMPORTER, Permission.IMPORT_CONTACTS)
    keys = ["name", "first", "samples"]
    return json.dumps(phi.reveal([source], keys, grant=grant, purpose="test", sealed_field="about"))


HEADED = "email,first name,born\nana@mail.example,Ana,1980-01-02\nb@mail.example,Bea,nonsense\n"
BARE = "ana@mail.example,Ana,1980-01-02\nb@mail.example,Bea,1980-02-02\n"


@pytest.mark.django_db
@pytest.mark.parametrize("content", [HEADED, BARE], ids=["header", "no header"])
def test_samples_of_patients_end_with_the_import(content: str) -> None:
    cast.clinic()
    waiting = upload(content)
    assert "ana@mail.example" in about(waiting)
    done = run(content)
    assert "ana" not in about(done).lower()
    assert "patients.csv" in about(done)
    assert ("first name" in about(done)) == (content == HEADED)
    Import.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(days=8))
    actions.sweep_imports(actor=IMPORTER)
    assert "ana" not in about(waiting).lower()


@pytest.mark.django_db
def test_refused_rows_are_deleted_seven_days_after_the_import_and_audited() -> None:
    cast.clinic()
    done = run(HEADED)
    checked = check(upload(HEADED))
    week = timezone.now() - timedelta(days=7)
    Import.objects.filter(pk=done.pk).update(created_at=week, finished_at=week + timedelta(minutes=1))
    actions.sweep_imports(actor=IMPORTER)
    assert (done.problems.count(), checked.problems.count()) == (1, 1)
    Import.objects.filter(pk=done.pk).update(finished_at=week - timedelta(minutes=1))
    Import.objects.filter(pk=checked.pk).update(created_at=week - timedelta(minutes=1))
    actions.sweep_imports(actor=IMPORTER)
    assert not ImportProblem.objects.exists()
    row = AuditEvent.objects.get(action="import.problems_deleted")
    assert (row.target_id, row.details) == (str(done.pk), {"rows": 1})
    assert AuditEvent.objects.get(action="import.expired").details == {"rows": 1}
    actions.sweep_imports(actor=IMPORTER)
    assert AuditEvent.objects.filter(action="import.problems_deleted").count() == 1


def test_only_those_who_may_import_do(own_database: str) -> None:
    source = upload("email\na@mail.example\n")
    for user in (cast.olive(), cast.ann(), cast.marcus()):
        actor = cast.actor(user)
        for attempt in (
            lambda actor=actor: actions.upload_file(
                actor=actor, name="x", chunks=[b"email\na@b.example"], size=9
            ),
            lambda actor=actor: actions.start_import(actor=actor, import_id=source.pk),
            lambda actor=actor: actions.stop_import(actor=actor, import_id=source.pk),
            lambda actor=actor: actions.check_import(actor=actor, import_id=source.pk),
            lambda actor=actor: actions.run_import(actor=actor, import_id=source.pk),
            lambda actor=actor: actions.sweep_imports(actor=actor),
            lambda actor=actor: actions.map_columns(
                actor=actor, import_id=source.pk, mapping={0: "email"}, has_header=True, first=("email",)
            ),
        ):
            with pytest.raises(Denied):
                attempt()
    assert Import.objects.count() == 1
    assert AuditEvent.objects.filter(action="access.denied").count() == 21


@pytest.mark.django_db
def test_topics_are_known_by_slug_and_in_both_languages() -> None:
    cast.clinic()
    source = run(
        "mrn,email,subscribed,opt in source,opt in date,interests\n"
        "A1,a@mail.example,yes,web form,2025-01-01,noticias de la clinica|new-services\n"
        "A2,b@mail.example,yes,web form,2025-01-01,cheese\n"
    )
    assert counts(source) == (2, 1, 0, 1, 0)
    chosen = ConsentRecord.objects.filter(person_key=tokens.person_key("A1")).values_list("topic", flat=True)
    assert set(chosen) == set(Topic.objects.exclude(slug="wellness-programmes").values_list("pk", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("nothing", ["NULL", "n/a", "None", "-", "unknown"])
def test_a_record_number_that_says_nothing_makes_nobody_the_same_person(nothing: str) -> None:
    cast.clinic()
    source = run(f"mrn,email,first name\n{nothing},ana@mail.example,Ana\n{nothing},bea@mail.example,Bea\n")
    assert counts(source) == (2, 2, 0, 0, 0)


@pytest.mark.django_db
def test_record_numbers_that_a_spreadsheet_rounded_make_nobody_the_same_person() -> None:
    cast.clinic()
    rounded = ("1.23457E+11", "1,23457e+11", "1E+12")
    rows = "".join(f'"{number}",p{number[-2:]}@mail.example\n' for number in rounded)
    source = run(f"mrn,email\n{rows}123456789012,a@mail.example\n1E5,b@mail.example\n")
    assert counts(source) == (5, 2, 0, 3, 0)
    assert {tuple(problem.codes) for problem in source.problems.all()} == {("rounded",)}


def test_a_record_that_cannot_be_opened_costs_its_own_row_and_not_the_import(own_database: str) -> None:
    cast.clinic()
    file = "mrn,email,city\nA1,ana@mail.example,{0}\nA2,bea@mail.example,{0}\n"
    run(file.format("Boston"))
    ana = by_mrn("A1")
    Contact.objects.filter(pk=ana.pk).update(version=9)
    source = run(file.format("Salem"))
    assert source.state == "done"
    assert counts(source) == (2, 0, 1, 1, 0)
    assert source.problems.get().codes == ["record_broken"]
    assert opened(by_mrn("A2"))["city"] == "Salem"
    assert message_of(by_mrn("A1").record) == message_of(ana.record)
    assert AuditEvent.objects.filter(action="phi.seal_broken", details__row=str(ana.pk)).exists()


@pytest.mark.django_db
def test_a_no_that_comes_with_a_new_address_is_not_undone_by_a_yes_of_the_same_day() -> None:
    brand = cast.clinic()
    evidence = "subscribed,opt in source,opt in date"
    run(f"mrn,email,{evidence}\nA1,ana@mail.example,yes,web form,2024-01-01\n")
    run(f"mrn,email,{evidence}\nA1,ana@new.example,no,web form,2024-01-01\n")
    ana = by_mrn("A1")
    standings = standings_by_topic(bytes(ana.address_hash), bytes(ana.person_key), brand.pk)
    assert {standing for _topic, standing in standings} == {Standing.NO_CONSENT}


@pytest.mark.django_db
def test_a_file_of_several_parts_is_deleted_once() -> None:
    left = upload("email\n" + "a@mail.example\n" * 100_000)
    assert left.parts.count() == 2
    Import.objects.filter(pk=left.pk).update(created_at=timezone.now() - timedelta(days=7, seconds=1))
    actions.sweep_imports(actor=IMPORTER)
    assert AuditEvent.objects.filter(action="import.expired").count() == 1


@pytest.mark.django_db
def test_the_number_added_leads_to_those_who_were_added_and_to_nobody_else() -> None:
    first = run("email,first name\nana@goodmail.example,Anastasia\nben@goodmail.example,Ben\n")
    second = run("email,first name\nben@goodmail.example,Benjamin\ncleo@goodmail.example,Cleo\n")
    client = signed_in(Client(), cast.dana())
    address = f"{reverse('contacts')}?import={second.pk}"
    for page in (reverse("imports"), reverse("import", args=[second.pk])):
        assert f'href="{address}"' in client.get(page).content.decode()
    shown = client.get(address).content.decode()
    assert "Cleo" in shown
    assert "Benjamin" not in shown, "who was updated wasn't added"
    assert "Anastasia" not in shown
    shown = client.get(f"{reverse('contacts')}?import={first.pk}").content.decode()
    assert "Benjamin" in shown
    assert "Cleo" not in shown
    assert "Cleo" in client.get(f"{reverse('contacts')}?import=nonsense").content.decode()


@pytest.mark.django_db
def test_the_number_updated_leads_to_those_who_were_known_already_and_to_nobody_else() -> None:
    first = run("email,first name\nana@goodmail.example,Anastasia\nben@goodmail.example,Ben\n")
    second = run(
        "email,first name\nben@goodmail.example,Benjamin\ncleo@goodmail.example,Cleo\nben@goodmail.example,Benno\n"
    )
    client = signed_in(Client(), cast.dana())
    address = f"{reverse('contacts')}?updated={second.pk}"
    for page in (reverse("imports"), reverse("import", args=[second.pk])):
        assert f'href="{address}"' in client.get(page).content.decode()
    shown = client.get(address).content.decode()
    assert shown.count("ben@goodmail.example") == 1, "two rows of one person are one person"
    assert "Cleo" not in shown, "who was added wasn't known before"
    assert "Anastasia" not in shown
    nobody = f"{reverse('contacts')}?updated={first.pk}"
    assert nobody not in client.get(reverse("imports")).content.decode(), "a nought leads nowhere"

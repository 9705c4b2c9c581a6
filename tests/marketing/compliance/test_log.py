"""The audit log through the whole stack: filters, words, one patient, and that looking is logged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import access
from accounts.models import User
from contacts import queries as contacts
from contacts.consent import actions as consent
from marketing.compliance import queries
from marketing.compliance.acts import GROUPS, WORDS, chosen
from marketing.compliance.forms import LogForm
from marketing.compliance.queries.log import COUNTED
from safeguards import audit, log, phi
from safeguards.actor import Actor
from safeguards.log import RowFilter
from safeguards.models import AuditEvent
from tests import cast, factories
from tests.marketing.compliance.test_reports import ask, page
from tests.sessions import signed_in

pytestmark = pytest.mark.django_db


def did(
    action: str = "contacts.searched",
    *,
    user: User | None = None,
    details: dict[str, Any] | None = None,
    outcome: str = "success",
    **more: Any,
) -> AuditEvent:
    """One row of somebody's, with a session, a request and an address of its own."""
    about = {name: more.pop(name) for name in ("target", "patient", "purpose") if name in more}
    actor = replace(
        cast.actor(user or cast.dana()),
        **{"session_hash": "5e55", "request_id": "4e9", "ip": "198.51.100.7", **more},
    )
    return audit.record(action, actor=actor, outcome=outcome, details=details or {}, **about)


def numbers(**query: str) -> list[int]:
    """The rows that the page shows, by number, without what looking at it leaves."""
    form = LogForm(query)
    assert form.is_valid(), form.errors
    asked = form.asked().filter
    assert isinstance(asked, RowFilter)
    return [event.pk for event in log.page_of_rows(asked, after=None, limit=50)]


# Filters


def test_each_filter_finds_its_rows_and_they_combine() -> None:
    cast.clinic()
    mine, refused = did(), did("access.denied", outcome="denied", details={"permission": "view contacts"})
    other = did("phi.revealed", user=cast.ada(), session_hash="0ff", request_id="a1", ip="203.0.113.9")
    list_of = did("session.started", target=cast.dana(), session_hash="b2", request_id="b2", ip="203.0.113.1")
    with_system = audit.record("audit.verified", actor=access.system("delivery"))
    dana, ada = str(cast.dana().pk), str(cast.ada().pk)

    def found(**query: str) -> list[AuditEvent]:
        return [AuditEvent.objects.get(pk=pk) for pk in numbers(**query)]

    assert found(action="contacts.searched") == [mine]
    assert found(action="group:records", person=dana) == [refused, mine]
    assert found(action="group:records", person=dana, outcome="denied") == [refused]
    assert found(outcome="not success", session="5e55") == [refused]
    assert found(person=ada) == [other]
    assert found(session="0ff") == found(request="a1") == found(ip="203.0.113.9") == [other]
    assert found(object="accounts.user", object_id=dana, action="session.started") == [list_of]
    assert found(person="delivery") == [with_system]
    assert with_system not in found()
    assert with_system in found(by="all")
    assert found(by="system", action="audit.verified") == [with_system]
    assert found(person=ada, outcome="denied") == []


def test_times_are_the_readers_and_a_day_is_whole() -> None:
    cast.clinic()
    row = did()
    AuditEvent.objects.filter(pk=row.pk)  # rows can't be moved: the clock of the filter is
    at = timezone.localtime(row.at)
    with timezone.override("Asia/Tokyo"):
        day = timezone.localtime(row.at).date()
        assert row.pk in numbers(since=f"{day}", until=f"{day}")
        assert row.pk not in numbers(until=f"{day - timedelta(days=1)}")
        hour = timezone.localtime(row.at).replace(tzinfo=None)
        assert row.pk in numbers(since=f"{hour:%Y-%m-%dT%H:%M}")
        assert row.pk not in numbers(until=f"{hour:%Y-%m-%dT%H:%M}")
    assert at.tzinfo is not None


@pytest.mark.parametrize(
    "query",
    [
        {"ip": "somewhere"},
        {"since": "last tuesday"},
        {"session": "no hash"},
        {"contact": "999999999"},
        {"action": "group:nothing"},
    ],
)
def test_a_filter_that_makes_no_sense_is_told_of_and_gives_no_file(query: dict[str, str]) -> None:
    cast.clinic()
    text = page(cast.olive(), "audit_log", **query)
    assert "field-error" in text or "errorlist" in text or "invalid" in text
    answer = ask(cast.olive(), "evidence_csv", "log", **query)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, reverse("audit_log"))
    assert not AuditEvent.objects.filter(action="evidence.exported").exists()


def test_pages_follow_one_another_without_a_gap_or_a_double() -> None:
    cast.clinic()
    made = [did().pk for _ in range(7)]
    asked = RowFilter(actor_kind="user", actions=("contacts.searched",))
    seen: list[int] = []
    after = None
    while found := log.page_of_rows(asked, after=after, limit=3):
        seen += [event.pk for event in found]
        after = seen[-1]
    assert seen == made[::-1]
    assert [event.pk for event in log.all_rows(asked)] == made
    assert log.page_of_rows(asked, after=10**9, limit=3) == []


def test_counts_stop_where_they_would_take_long() -> None:
    cast.clinic()
    for _ in range(3):
        did()
    asked = RowFilter(actions=("contacts.searched",))
    assert log.count_of_rows(asked, at_most=1) == 2
    assert log.count_of_rows(asked, at_most=COUNTED) == 3


def test_a_page_of_rows_costs_the_same_however_many_there_are() -> None:
    cast.clinic()
    olive = cast.actor(cast.olive())

    def queries_of() -> int:
        with CaptureQueriesContext(connection) as context:
            queries.log_rows(olive, RowFilter(actor_kind="user"), after=None, limit=50, named={"x": "y"})
        return len(context)

    for _ in range(2):
        did(patient="cd" * 16)
    queries_of()
    few = queries_of()
    for _ in range(30):
        did(patient="ab" * 16)
    assert queries_of() <= few
    assert few <= 6


# Words


def test_every_act_is_in_words_and_every_group_can_be_chosen() -> None:
    for slug, (_label, acts) in GROUPS.items():
        assert set(chosen(f"group:{slug}")) == set(acts)
    assert sum(len(acts) for _label, acts in GROUPS.values()) == len(WORDS)
    assert chosen("no.such") == chosen("group:no") == ()


# Looking is logged


def test_a_look_leaves_one_row_and_turning_pages_none() -> None:
    cast.clinic()
    for _ in range(40):
        did()
    client = signed_in(Client(), cast.olive())
    client.get(reverse("audit_log"))
    looks = AuditEvent.objects.filter(action="audit.viewed")
    assert looks.count() == 1
    assert looks.get().details["filters"] == {}
    last = AuditEvent.objects.filter(action="contacts.searched").earliest("pk").pk
    client.get(reverse("audit_log"), {"after": str(last)})
    assert looks.count() == 1
    client.get(reverse("audit_log"), {"outcome": "denied", "person": str(cast.dana().pk)})
    assert looks.count() == 2
    # Whom somebody looked for stands there by name alone.
    assert looks.latest("pk").details["filters"] == {"outcome": "denied", "person": ""}
    # Nobody gets by without a row by asking for an old page at once.
    other = signed_in(Client(), cast.olive())
    other.get(reverse("audit_log"), {"after": str(last)})
    assert looks.count() == 3


def test_who_looks_at_a_patients_rows_is_found_among_them() -> None:
    cast.clinic()
    person = factories.contact("ana@goodmail.example")
    key = bytes(person.person_key).hex()
    ask(cast.olive(), "audit_log", contact=str(person.pk), by="all")
    look = AuditEvent.objects.get(action="audit.viewed")
    assert (look.patient, look.details["filters"]) == (key, {"contact": "", "by": "all"})


def test_a_file_of_a_patients_rows_is_told_among_them() -> None:
    cast.clinic()
    person = factories.contact("ana@goodmail.example")
    answer = ask(cast.olive(), "evidence_csv", "log", contact=str(person.pk), by="all")
    assert b"".join(answer.streaming_content).count(b"consent.recorded") == 1
    row = AuditEvent.objects.get(action="evidence.exported")
    assert (row.patient, row.details["filters"]) == (
        bytes(person.person_key).hex(),
        {"contact": "", "by": "all"},
    )


# One row


def test_what_an_officer_may_not_open_is_no_link() -> None:
    cast.clinic()
    person = factories.contact("ana@goodmail.example")
    row = did("contact.edited", target=person, patient=bytes(person.person_key).hex(), details={})
    link = reverse("contact", args=[person.pk])
    assert f'"{link}"' not in page(cast.olive(), "audit_row", row.pk)
    assert f'"{link}"' in page(cast.ada(), "audit_row", row.pk)


# The file


def test_a_long_log_is_read_in_pages_and_never_whole() -> None:
    cast.clinic()
    log_size, log._PAGE = log._PAGE, 3
    try:
        made = [did().pk for _ in range(8)]
        with CaptureQueriesContext(connection) as context:
            found = [event.pk for event in log.all_rows(RowFilter(actions=("contacts.searched",)))]
        assert found == made
        assert len(context) == 4
    finally:
        log._PAGE = log_size


# One patient


def view_of(pk: int, **more: Any) -> queries.log.PatientView:
    found = queries.patient_view(cast.actor(cast.olive()), pk, by="", after=None, limit=50, **more)
    assert found is not None
    return found


def test_a_page_of_a_list_names_those_who_stood_on_it_and_each_finds_it() -> None:
    cast.clinic()
    ana, bo = factories.contact("ana@goodmail.example"), factories.contact("bo@goodmail.example")
    contacts.newest_contacts(cast.actor(cast.dana()))
    row = AuditEvent.objects.get(action="phi.revealed", details__count=2)
    assert row.details["patients"] == sorted(bytes(each.person_key).hex() for each in (ana, bo))
    for person in (ana, bo):
        found = view_of(person.pk)
        assert row.pk in [each.event.pk for each in found.rows.rows]
        assert found.openers == [("Dana Kim", 1)]
        assert found.unnamed == 0
    late = factories.contact("late@goodmail.example")
    assert view_of(late.pk).openers == []


def test_a_refused_page_names_them_too_and_the_systems_batches_nobody() -> None:
    cast.clinic()
    people = [factories.contact(f"{name}@goodmail.example") for name in ("ana", "bo")]
    dana = access.grant(cast.actor(cast.dana()), access.Permission.VIEW_CONTACTS)
    with pytest.raises(phi.Refused):
        phi.reveal(people, ["diagnoses"], grant=dana, purpose="curious")
    delivery = access.grant(access.system("delivery"), access.Permission.DELIVER)
    phi.reveal(people, ["email"], grant=delivery, purpose="deliver a mailing")
    assert len(AuditEvent.objects.filter(action="phi.refused").latest("pk").details["patients"]) == 2
    assert "patients" not in AuditEvent.objects.get(action="phi.revealed").details
    found = view_of(people[0].pk)
    assert [each.event.action for each in found.rows.rows] == ["phi.refused", "consent.recorded"]
    assert found.carried == 1


def test_what_happened_before_rows_named_anybody_is_said() -> None:
    cast.clinic()
    person = factories.contact("ana@goodmail.example")
    did("phi.revealed", details={"count": 50, "fields": ["email"], "table": "contacts_contact"})
    assert view_of(person.pk).unnamed == 1
    assert "This patient may have been among them" in page(cast.olive(), "audit_patient", person.pk)


def test_what_the_patient_did_stands_among_their_rows() -> None:
    cast.clinic()
    person = factories.contact("ana@goodmail.example")
    patient = Actor(kind="patient", id=bytes(person.person_key).hex())
    consent.suppress(
        actor=patient, address_hash=bytes(person.address_hash), scope="marketing", source="one-click"
    )
    assert "consent.suppressed" in [each.event.action for each in view_of(person.pk).rows.rows]


def test_somebody_is_looked_up_by_post_and_what_was_typed_stays_nowhere() -> None:
    cast.clinic()
    person = factories.contact("ana@goodmail.example", external_id="770011")
    client = signed_in(Client(), cast.olive())
    for typed in (" Ana@Goodmail.example", "770011"):
        answer = client.post(reverse("audit_patients"), {"text": typed})
        assert answer["Location"] == reverse("audit_patient", args=[person.pk])
    factories.contact("ana@goodmail.example", external_id="770012")
    shared = client.post(reverse("audit_patients"), {"text": "ana@goodmail.example"}).content.decode()
    assert "2 people share this address" in " ".join(shared.split())
    assert "goodmail" not in shared
    nobody = client.post(reverse("audit_patients"), {"text": "no@goodmail.example"}).content.decode()
    assert "Nobody has this address" in nobody
    assert "no@goodmail" not in nobody
    looked = AuditEvent.objects.filter(action="audit.patient_looked_up")
    assert [each.details for each in looked.order_by("pk")] == [{"found": n} for n in (1, 1, 2, 0)]
    assert client.get(reverse("audit_patients"), {"text": "ana@goodmail.example"}).status_code == 200
    assert looked.count() == 4


def test_the_officers_view_of_a_patient_names_nobody() -> None:
    cast.clinic()
    person = factories.contact("ana@goodmail.example", first_name="Anastasia", external_id="770011")
    contacts.chart(cast.actor(cast.dana()), person, brand=None)
    text = page(cast.olive(), "audit_patient", person.pk)
    assert "Dana Kim" in text
    assert "Anastasia" not in text
    assert "ana@goodmail" not in text
    assert "770011" not in text
    with pytest.raises(access.Denied):
        queries.patient_view(cast.actor(cast.dana()), person.pk, by="", after=None, limit=5)


def test_openings_outside_of_hours_are_found_by_the_clinics_clocks() -> None:
    cast.clinic()
    row = did("session.started")
    hours = log.Hours(0, 24, "America/New_York")
    sunday = row.at.astimezone(UTC).isoweekday() == 7
    asked = RowFilter(actions=("session.started",), outside=hours)
    if not sunday:
        assert log.page_of_rows(asked, after=None, limit=5) == []
    local = row.at.astimezone(ZoneInfo("America/New_York"))
    late = replace(asked, outside=log.Hours(local.hour + 1, 24, "America/New_York"))
    assert log.page_of_rows(late, after=None, limit=5) == [row]
    assert datetime.now(UTC) >= row.at

"""The officer's pages through the whole stack: what they show and to whom, what they leave out, and what is taken away."""

import csv
import hashlib
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import FileResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import access
from accounts.models import Role, User
from campaigns.delivery.message_log import (
    LogFilter,
    page_of_log,
    page_query,
    sent_after_each,
    sent_after_opt_outs,
)
from campaigns.delivery.models import Mailing, Message
from campaigns.models import Campaign
from contacts.consent import actions as consent
from contacts.consent.models import Suppression, Topic
from contacts.consent.rules import Evidence
from contacts.models import Contact
from marketing.compliance import actions, queries
from marketing.compliance.queries import messages_of_mailing
from marketing.compliance.rules import COLUMNS, Kind
from marketing.compliance.views import evidence as views
from safeguards import audit, phi
from safeguards.models import AuditEvent
from tests import cast, factories
from tests.marketing.compliance.test_reports import FORMULA, ask, page, sent
from tests.sessions import signed_in

pytestmark = pytest.mark.django_db
PAGES = {kind: "audit_log" if kind is Kind.LOG else f"evidence_{kind.name.lower()}" for kind in Kind}
ADDRESS = bytes([2]) * 16


def taken(
    kind: Kind, user: User | None = None, **query: str
) -> tuple[FileResponse, list[dict[str, str]], str]:
    """The file of a kind: the response, its rows, and its closing block."""
    response = ask(user or cast.olive(), "evidence_csv", kind.value, **query)
    assert isinstance(response, FileResponse), response.status_code
    content = b"".join(response.streaming_content)  # type: ignore[arg-type]
    assert response["X-Content-SHA256"] == hashlib.sha256(content).hexdigest()
    lines, closing = content.decode().split("\r\n\r\n")
    return response, list(csv.DictReader(io.StringIO(lines, newline=""))), closing


def suppressed(at: datetime, scope: str = "marketing", **more: Any) -> Suppression:
    stop = consent.suppress(
        actor=access.system("delivery"), address_hash=ADDRESS, scope=scope, source="one-click", **more
    )
    Suppression.objects.filter(pk=stop.pk).update(at=at)
    return stop


def agreed(campaign: Campaign, number: int = 2, *, act: str = "opt_in", days: int = 9) -> None:
    assert campaign.topic_id is not None
    consent.record(
        actor=access.system("importer"),
        evidence=[
            Evidence(
                address_hash=bytes([number]) * 16,
                person_key=bytes([number]) * 16,
                subject="marketing",
                topic_id=campaign.topic_id,
                act=act,
                source="paper form",
                given_at=timezone.now() - timedelta(days=days),
                text_version="form-3",
                evidence={"import": 7},
            )
        ],
    )


# Who may


@pytest.mark.parametrize("role", [Role.MARKETER, Role.APPROVER, Role.ANALYST, Role.DEVELOPER])
def test_others_find_no_page_no_file_and_no_name_in_the_navigation(role: str) -> None:
    campaign = sent()
    user = cast.person(f"Robin {role}", role)
    for name in ("compliance", *PAGES.values()):
        assert ask(user, name).status_code == 404
    for kind in Kind:
        assert ask(user, "evidence_csv", kind.value).status_code == 404
        assert ask(user, "evidence_taken", kind.value).status_code == 404
    assert ask(user, "evidence_message", campaign.mailing_id or 0, 2).status_code == 404
    assert 'href="/compliance/"' not in ask(user, "home").content.decode()
    with pytest.raises(access.Denied):
        actions.export_evidence(actor=cast.actor(user), asked=messages_of_mailing(1))
    assert not AuditEvent.objects.filter(action="evidence.exported").exists()


@pytest.mark.parametrize("who", [cast.olive, cast.ada])
def test_the_officer_and_an_administrator_find_all_of_it(who: Any) -> None:
    sent()
    assert 'href="/compliance/"' in page(who(), "home")
    for name in ("compliance", *PAGES.values()):
        assert ask(who(), name).status_code == 200
    for kind in Kind:
        taken(kind, who())


def test_a_kind_that_is_not_there_has_no_file() -> None:
    cast.clinic()
    assert ask(cast.olive(), "evidence_csv", "secrets").status_code == 404
    assert ask(cast.olive(), "evidence_message", 1, 1).status_code == 404
    assert ask(cast.olive(), "evidence_message", 2**63, 1).status_code == 404


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.MESSAGES, "No message yet"),
        (Kind.CONSENT, "No consent recorded yet"),
        (Kind.OPT_OUTS, "Nobody has opted out yet"),
    ],
)
def test_an_empty_ledger_says_how_it_fills(kind: Kind, words: str) -> None:
    cast.clinic()
    assert words in page(cast.olive(), PAGES[kind])


# Sends after an opt-out


def test_a_send_after_an_opt_out_is_counted_and_shown() -> None:
    campaign = sent()
    assert sent_after_opt_outs() == 0
    assert re.search(r'id="sent-after">0<', page(cast.olive(), "compliance"))
    stop = suppressed(timezone.now() - timedelta(minutes=5))
    assert sent_after_opt_outs() == 1
    assert sent_after_each([stop.pk]) == {stop.pk: 1}
    assert re.search(r'id="sent-after">1<', page(cast.olive(), "compliance"))
    assert '<strong class="worse">1</strong>' in page(cast.olive(), "evidence_opt_outs")
    _, rows, closing = taken(Kind.OPT_OUTS)
    assert [row["sends after"] for row in rows] == ["1"]
    assert '"sends after, all rows",1' in closing
    assert campaign.mailing_id is not None


def test_what_was_sent_before_or_is_not_covered_is_no_send_after() -> None:
    campaign = sent()
    assert campaign.topic is not None
    early, late = timezone.now() - timedelta(minutes=5), timezone.now() + timedelta(minutes=5)
    other = Topic.objects.exclude(pk=campaign.topic.pk).first()
    suppressed(late)
    suppressed(early, "topic", topic=other)
    assert sent_after_opt_outs() == 0
    suppressed(early, "topic", topic=campaign.topic)
    assert sent_after_opt_outs() == 1
    Suppression.objects.filter(topic=campaign.topic).update(lifted_at=early + timedelta(minutes=1))
    assert sent_after_opt_outs() == 0


def test_an_opt_out_says_what_it_stops() -> None:
    brand = cast.clinic()
    suppressed(timezone.now(), "all")
    suppressed(timezone.now(), "brand", brand=brand)
    suppressed(timezone.now(), "topic", topic=Topic.objects.get(slug="clinic-news"))
    shown = page(cast.olive(), "evidence_opt_outs")
    for words in ("Every message", "Everything commercial of the brand", "Northfield Health", "Clinic news"):
        assert words in shown, words
    assert page(cast.olive(), "evidence_opt_outs", scope="topic").count('data-label="Sends after"') == 1
    _, rows, closing = taken(Kind.OPT_OUTS)
    assert [row["scope"] for row in rows] == ["all", "brand", "topic"]
    assert "scope: brand,1" in closing


def test_an_opt_out_says_when_it_was_asked_for_and_when_it_began_to_hold() -> None:
    cast.clinic()
    asked = timezone.now() - timedelta(seconds=3)
    stop = consent.suppress(
        actor=access.system("delivery"), address_hash=ADDRESS, scope="all", source="one-click", asked_at=asked
    )
    assert stop.asked_at == asked
    assert re.search(r"after [34]\.\d\d s", page(cast.olive(), "evidence_opt_outs"))
    _, [row], _ = taken(Kind.OPT_OUTS)
    assert 3 <= float(row["seconds between"]) < 30
    assert row["asked (UTC)"] < row["effective (UTC)"]
    # Those written before anybody asked.
    Suppression.objects.update(asked_at=None)
    assert "after " not in page(cast.olive(), "evidence_opt_outs").split("<tbody>")[1].split("</tbody>")[0]
    _, [row], _ = taken(Kind.OPT_OUTS)
    assert row["asked (UTC)"] == row["seconds between"] == ""


# The message log


def test_the_log_is_filtered_by_all_that_it_offers() -> None:
    first, second = sent(), sent()

    def numbers(**query: str) -> list[tuple[str, str]]:
        return re.findall(
            r"/compliance/messages/(\d+)/(\d+)/", page(cast.olive(), "evidence_messages", **query)
        )

    one, two = str(first.mailing_id), str(second.mailing_id)
    assert numbers() == [(two, "3"), (two, "2"), (two, "1"), (one, "3"), (one, "2"), (one, "1")]
    assert numbers(campaign=str(first.pk)) == [(one, "3"), (one, "2"), (one, "1")]
    assert numbers(state="withheld") == numbers(reason="deceased") == [(two, "1"), (one, "1")]
    assert numbers(tls="TLSv1.3", state="sent") == [(two, "3"), (two, "2"), (one, "3"), (one, "2")]
    assert numbers(tls="TLSv1.2") == []
    today = timezone.localdate(timezone=timezone.get_fixed_timezone(-300))
    assert len(numbers(since=f"{today - timedelta(days=1)}", until=f"{today + timedelta(days=1)}")) == 6
    assert numbers(until=f"{today - timedelta(days=2)}") == []
    assert len(numbers(state="nonsense", after="x' OR 1=1")) == 6
    assert "Select a valid choice" in page(cast.olive(), "evidence_messages", state="nonsense")


def test_the_source_address_of_the_last_attempt_is_a_filter() -> None:
    campaign = sent()
    assert campaign.mailing_id is not None
    for address, found in (("127.0.2.1", 2), ("127.0.2.2", 0)):
        asked = LogFilter(campaign.mailing_id, source_address=address)
        assert len(page_of_log(asked, after=None, limit=10)) == found


def test_the_log_pages_by_key_and_asks_as_often_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "PAGE", 2)
    sent(messages=2)
    client = signed_in(Client(), cast.olive())
    client.get("/")
    with CaptureQueriesContext(connection) as before:
        client.get(reverse("evidence_messages"))
    second = sent(messages=3)
    with CaptureQueriesContext(connection) as after:
        newest = client.get(reverse("evidence_messages")).content.decode()
    assert len(after) == len(before) < 20
    assert not any("OFFSET" in query["sql"] for query in after.captured_queries)
    assert f"?after={second.mailing_id}-2" in newest
    seen, url = [], reverse("evidence_messages")
    while url:
        shown = client.get(url).content.decode()
        seen += re.findall(r"/compliance/messages/(\d+)/(\d+)/", shown)
        following = re.search(r'href="(\?after=[\d-]+)" rel="next"', shown)
        url = f"{reverse('evidence_messages')}{following[1]}" if following else ""
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize("kind", [Kind.CONSENT, Kind.OPT_OUTS, Kind.ACCESS, Kind.STAFF])
def test_the_other_lists_ask_as_often_however_long_they_are(kind: Kind) -> None:
    campaign = sent()
    client = signed_in(Client(), cast.olive())
    agreed(campaign)
    suppressed(timezone.now())
    client.get("/")
    client.get(reverse(PAGES[kind]))
    with CaptureQueriesContext(connection) as before:
        client.get(reverse(PAGES[kind]))
    for number in range(3, 8):
        agreed(campaign, number)
        cast.person(f"Robin{number} Extra", Role.ANALYST)
        consent.suppress(
            actor=access.system("delivery"),
            address_hash=bytes([number]) * 16,
            scope="all",
            source="one-click",
        )
    with CaptureQueriesContext(connection) as after:
        client.get(reverse(PAGES[kind]))
    assert len(after) == len(before) < 20


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for each in plan.get("Plans", []) for node in _nodes(each))]


@pytest.mark.parametrize("mailing_id", [None, 7])
def test_a_page_of_the_log_is_read_by_the_primary_key(mailing_id: int | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_message (mailing_id, id, occurrence, address_hash, person_key, state, source_id,"
            " provider_id, due, first_due, updated_at) SELECT 1 + n / 1000, n, n, '\\x01', '\\x01', 'sent', 1, 1, now(),"
            " now(), now() FROM generate_series(1, 20000) n"
        )
        cursor.execute("ANALYZE delivery_message")
        sql, values = page_query(LogFilter(mailing_id), after=(9, 8500), limit=26)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
        nodes = _nodes(cursor.fetchone()[0][0]["Plan"])
    scans = [node for node in nodes if node.get("Relation Name", "").startswith("delivery_message")]
    assert scans
    assert all(node["Node Type"].startswith("Index") for node in scans), scans
    assert not any(node["Node Type"] == "Sort" and node["Plan Rows"] > 26 for node in nodes)


# A message's history


def test_the_history_tells_all_of_a_message_but_whose_it_is() -> None:
    campaign = sent()
    agreed(campaign)
    stop = suppressed(timezone.now())
    assert campaign.mailing is not None
    shown = page(cast.olive(), "evidence_message", campaign.mailing.pk, 2)
    for words in (
        "Agreed to: Clinic news",
        "paper form",
        "form-3",
        "Approved by Marcus Ruiz",
        campaign.mailing.content_digest,
        "Taken in hand for the first time",
        "Tried, not accepted",
        "Handed over",
        "TLSv1.3 · TLS_AES_256_GCM_SHA384 · certificate verified",
        "127.0.2.1",
        "mx.riverbend.example",
        "Opted out of",
        "no open or click is tied to this message",
        ("02" * 16)[:12],
    ):
        assert words in shown, words
    assert stop.pk
    assert "02" * 16 not in shown
    event = AuditEvent.objects.get(action="evidence.viewed")
    assert event.patient == "02" * 16
    assert event.details == {"mailing": campaign.mailing.pk, "message": 2}


def test_the_history_of_a_withheld_message_gives_the_reason_and_one_without_consent_says_so() -> None:
    campaign = sent()
    shown = page(cast.olive(), "evidence_message", campaign.mailing_id or 0, 1)
    assert "Have died" in shown
    assert "No agreement on record" in shown


def test_what_came_back_stands_in_the_history_where_people_are_counted() -> None:
    campaign = sent()
    Mailing.objects.update(tracking="person")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_message_event (at, mailing_id, message_id, kind) VALUES (now(), %s, 2, 'click'),"
            " (now(), %s, 3, 'open')",
            [campaign.mailing_id, campaign.mailing_id],
        )
    shown = page(cast.olive(), "evidence_message", campaign.mailing_id or 0, 2)
    assert "<h3>Clicked</h3>" in shown
    assert "<h3>Opened</h3>" not in shown


def test_the_report_leads_to_the_history_for_those_who_may() -> None:
    campaign = sent()
    link = f"/compliance/messages/{campaign.mailing_id}/2/"
    assert link in page(cast.olive(), "report", campaign.pk)
    assert link not in page(cast.dana(), "report", campaign.pk)


# Consent, access, staff


def test_the_consent_ledger_is_filtered() -> None:
    campaign = sent()
    agreed(campaign)
    agreed(campaign, 3, act="opt_out")

    def people(**query: str) -> list[str]:
        return re.findall(
            r'<code class="small">(\w+)</code>', page(cast.olive(), "evidence_consent", **query)
        )

    second, third = ("02" * 16)[:12], ("03" * 16)[:12]
    assert people() == [third, second]
    assert people(act="opt_in") == [second]
    assert people(source="PAPER", topic=str(campaign.topic_id)) == [third, second]
    assert people(source="telephone") == []
    assert people(since="2099-01-01") == []
    _, rows, closing = taken(Kind.CONSENT, act="opt_out")
    assert [row["act"] for row in rows] == ["opt_out"]
    assert rows[0]["evidence"] == "import: 7"
    assert "filters,Act: withdrew" in closing


def test_the_access_log_shows_who_opened_what_and_never_a_value() -> None:
    cast.clinic()
    ana = factories.contact("ana@goodmail.example", first_name="Ana", conditions=["E11.9"])
    grant = access.grant(cast.actor(cast.ada()), access.Permission.VIEW_CONTACTS)
    phi.reveal([ana], ["first_name", "conditions"], grant=grant, purpose="compliance review")
    shown = page(cast.olive(), "evidence_access")
    for words in ("Ada Lindqvist", "Administrator", "compliance review", "conditions, first_name"):
        assert words in shown, words
    assert bytes(ana.person_key).hex()[:12] in shown
    assert not re.search(r"Ana\b|E11|goodmail", shown)
    # Reading it is in it.
    assert "Read the access log" in page(cast.olive(), "evidence_access")
    only = page(cast.olive(), "evidence_access", person=str(cast.ada().pk), action="phi.revealed")
    assert len(re.findall(r"<tr>", only)) == 2
    assert "Nothing matches" in page(cast.olive(), "evidence_access", outcome="failure")


def test_a_segments_rules_are_no_patients_record() -> None:
    sent()
    shown = page(cast.olive(), "evidence_access", person="user", action="phi.revealed")
    assert "Opened a segment&#x27;s rules" in shown
    assert shown.count("Opened records") == 1, "the filter's own word alone"


def test_a_refusal_stands_in_the_access_log() -> None:
    cast.clinic()
    assert ask(cast.dana(), "compliance").status_code == 404
    shown = page(cast.olive(), "evidence_access", action="access.denied")
    assert "Dana Kim" in shown
    assert "export evidence" in shown


def test_the_audit_rows_of_reading_and_taking_name_the_filter_and_no_person() -> None:
    cast.clinic()
    page(cast.olive(), "evidence_access", person=str(cast.ada().pk), outcome="denied")
    taken(Kind.ACCESS, person=str(cast.ada().pk), outcome="denied")
    for action in ("audit.viewed", "evidence.exported"):
        assert AuditEvent.objects.get(action=action).details["filters"] == {"person": "", "outcome": "denied"}


def test_the_staff_stand_there_with_factor_and_sessions() -> None:
    cast.clinic()
    cast.dana()
    cast.ann()
    User.objects.filter(pk=cast.ann().pk).update(is_active=False)
    shown = page(cast.olive(), "evidence_staff")
    assert "Passkey" in shown
    assert "None yet" in shown
    _, rows, _ = taken(Kind.STAFF)
    by_name = {row["name"]: row for row in rows}
    assert by_name["Olive Okoro"]["second factor"] == "Passkey"
    assert int(by_name["Olive Okoro"]["open sessions"]) >= 1
    assert by_name["Dana Kim"]["second factor"] == "none"
    assert by_name["Ann Patel"]["active"] == "no"
    assert "Dana Kim" not in page(cast.olive(), "evidence_staff", active="no")


# What is taken away


def test_a_file_says_at_its_end_what_it_is() -> None:
    campaign = sent()
    audit.chain()
    _, rows, closing = taken(Kind.MESSAGES, state="sent", campaign=str(campaign.pk))
    assert tuple(rows[0]) == COLUMNS[Kind.MESSAGES]
    assert [row["message"] for row in rows] == ["2", "3"]
    assert rows[0]["reply"] == f"'{FORMULA}"
    told = dict(csv.reader(io.StringIO(closing)))
    assert told["report"] == "message log"
    assert told["organisation"] == "Northfield Health"
    assert told["by"] == "Olive Okoro (compliance)"
    assert told["filters"] == "Campaign: June news; State: Sent"
    assert told["rows"] == told["state: sent"] == "2"
    assert int(told["audit log, rows chained"]) > 0
    at = datetime.fromisoformat(told["generated (UTC)"])
    assert at.tzinfo == UTC
    assert datetime.fromisoformat(told["generated (America/New_York)"]) == at


def test_the_number_of_a_file_stands_on_the_page_afterwards() -> None:
    sent()
    assert "Nobody has taken this away yet" in page(cast.olive(), "evidence_messages")
    response, _, _ = taken(Kind.MESSAGES, state="sent")
    for name, arguments in (("evidence_messages", ()), ("evidence_taken", ("messages",))):
        shown = page(cast.olive(), name, *arguments)
        assert response["X-Content-SHA256"] in shown
        assert "state sent" in shown
    assert "Nobody has taken this away yet" in page(cast.olive(), "evidence_consent")


@pytest.mark.parametrize("query", [{"state": "nonsense"}, {"since": "yesterday"}, {"campaign": "999999"}])
def test_a_filter_that_makes_no_sense_gives_no_file(query: dict[str, str]) -> None:
    sent()
    response = ask(cast.olive(), "evidence_csv", "messages", **query)
    assert response.status_code == 302
    assert response["Location"].startswith("/compliance/messages/?")
    assert not AuditEvent.objects.filter(action="evidence.exported").exists()


def test_the_overview_counts_the_last_thirty_days() -> None:
    campaign = sent()
    agreed(campaign)
    suppressed(timezone.now() + timedelta(minutes=5))
    seen = queries.overview(cast.actor(cast.olive()))
    assert (seen.messages, seen.acts, seen.opt_outs, seen.sent_after) == (3, 1, 1, 0)
    assert seen.chain.waiting > 0
    audit.chain()
    assert queries.chain(cast.actor(cast.olive())).chained > 0
    Mailing.objects.update(started_at=timezone.now() - timedelta(days=31))
    assert queries.overview(cast.actor(cast.olive())).messages == 0
    assert Message.objects.count() == 3
    assert not Contact.objects.exists()

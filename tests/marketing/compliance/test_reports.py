"""Reports through the whole stack: what they show, to whom, and what is taken away."""

import csv
import hashlib
import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import FileResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from psycopg import sql

from accounts.models import Role, User
from campaigns import actions
from campaigns.delivery.models import Mailing, Message
from campaigns.models import Campaign
from marketing.compliance.views import campaign_reports as views
from safeguards.models import AuditEvent
from tests import cast
from tests.campaigns import plans
from tests.sessions import signed_in

pytestmark = pytest.mark.django_db
FORMULA = '=HYPERLINK("https://evil.example")'


def attempted(mailing: Mailing, message_id: int, at: datetime, code: int) -> None:
    """One attempt; the database numbers these rows by itself, which the ORM can't leave to it with a key of two columns."""
    columns: dict[str, str | int | bool | datetime] = {
        "at": at,
        "mailing_id": mailing.pk,
        "message_id": message_id,
        "kind": "message",
        "source_address": "127.0.2.1",
        "mx_host": "mx.riverbend.example",
        "tls_version": "TLSv1.3",
        "tls_cipher": "TLS_AES_256_GCM_SHA384",
        "tls_verified": True,
        "code": code,
        "reply": FORMULA,
    }
    insert = sql.SQL("INSERT INTO delivery_attempt ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
    )
    with connection.cursor() as cursor:
        cursor.execute(insert, list(columns.values()))


def sent(tree: dict[str, Any] = plans.EVERYBODY, *, messages: int = 3) -> Campaign:
    """A campaign that has been sent: the first message withheld, the others sent with a reply that is a formula."""
    campaign = plans.campaign(tree)
    mailing = actions.request_approval(actor=cast.actor(cast.dana()), campaign=campaign)
    actions.approve_campaign(actor=cast.actor(cast.marcus()), mailing=mailing, comment="")
    now = timezone.now()
    Mailing.objects.filter(pk=mailing.pk).update(
        state=Mailing.State.FINISHED, started_at=now, finished_at=now, audience_size=messages
    )
    for number in range(1, messages + 1):
        withheld = number == 1
        Message.objects.create(
            id=number,
            mailing_id=mailing.pk,
            occurrence=number,
            address_hash=bytes([number]) * 16,
            person_key=bytes([number]) * 16,
            state=Message.State.WITHHELD if withheld else Message.State.SENT,
            reason="deceased" if withheld else "",
            source_id=1,
            provider_id=1,
            due=now,
            first_due=now,
            updated_at=now,
        )
        if not withheld:
            for seconds, code in ((0, 451), (1, 250)):
                attempted(mailing, number, now + timedelta(seconds=seconds), code)
    campaign.refresh_from_db()
    return campaign


def ask(user: User, name: str, *arguments: int | str, **query: str) -> Any:
    return signed_in(Client(), user).get(reverse(name, args=arguments), query)


def page(user: User, name: str, *arguments: int | str, **query: str) -> str:
    response = ask(user, name, *arguments, **query)
    assert response.status_code == 200, (name, response.status_code)
    return " ".join(response.content.decode().split())


def download(user: User, campaign: Campaign) -> tuple[FileResponse, bytes]:
    response = ask(user, "evidence_csv", "messages", campaign=str(campaign.pk))
    assert isinstance(response, FileResponse)
    return response, b"".join(response.streaming_content)  # type: ignore[arg-type]


def test_a_list_without_reports_says_when_there_will_be_one() -> None:
    cast.clinic()
    assert "A report appears here as soon as" in page(cast.olive(), "reports")


def test_a_campaign_that_has_not_begun_to_leave_has_no_report() -> None:
    campaign = plans.campaign()
    assert "A report appears here as soon as" in page(cast.olive(), "reports")
    assert ask(cast.olive(), "report", campaign.pk).status_code == 404
    assert ask(cast.olive(), "evidence_csv", "messages", campaign=str(campaign.pk)).status_code == 302
    assert not AuditEvent.objects.filter(action="evidence.exported").exists()


def test_the_list_leads_to_the_report_and_the_report_counts() -> None:
    campaign = sent()
    assert f'href="/reports/{campaign.pk}/"' in page(cast.olive(), "reports")
    shown = page(cast.olive(), "report", campaign.pk)
    figure = re.search(
        r'Sent over verified TLS</div> <div class="kpi-value"> ?<a class="counted" href="([^"]+)">2</a>',
        shown,
    )
    assert figure
    assert f"campaign={campaign.pk}" in figure[1], "an officer is led to the messages that it counts"
    assert "Have died" in shown
    assert "Approved by</dt> <dd> Marcus Ruiz </dd>" in shown


def test_the_list_pages_and_asks_the_database_as_often_however_long_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(views, "REPORTS_PAGE", 1)
    first = sent()
    client = signed_in(Client(), cast.olive())
    client.get("/")  # the first page of a session also writes when it was last used
    with CaptureQueriesContext(connection) as before:
        client.get(reverse("reports"))
    second = sent()
    with CaptureQueriesContext(connection) as after:
        newest = client.get(reverse("reports")).content.decode()
    assert len(after) == len(before)
    assert f"/reports/{second.pk}/" in newest
    assert f"/reports/{first.pk}/" not in newest
    assert f"/reports/{first.pk}/" in client.get(reverse("reports"), {"page": "2"}).content.decode()


@pytest.mark.parametrize(
    ("role", "status"),
    [
        (Role.ADMINISTRATOR, 200),
        (Role.MARKETER, 200),
        (Role.APPROVER, 200),
        (Role.ANALYST, 200),
        (Role.COMPLIANCE, 200),
        (Role.DEVELOPER, 404),
    ],
)
def test_reports_by_role(role: str, status: int) -> None:
    campaign = sent()
    user = cast.person(f"Robin {role}", role)
    assert ask(user, "reports").status_code == status
    assert ask(user, "report", campaign.pk).status_code == status


@pytest.mark.parametrize("role", [Role.MARKETER, Role.APPROVER, Role.ANALYST, Role.DEVELOPER])
def test_nobody_but_the_officer_and_an_administrator_gets_the_log(role: str) -> None:
    campaign = sent()
    user = cast.person(f"Robin {role}", role)
    assert ask(user, "evidence_csv", "messages", campaign=str(campaign.pk)).status_code == 404
    assert "messages.csv" not in ask(user, "report", campaign.pk).content.decode()
    assert "mx.riverbend.example" not in ask(user, "report", campaign.pk).content.decode()
    assert not AuditEvent.objects.filter(action="evidence.exported").exists()


def test_a_stranger_is_led_to_the_sign_in() -> None:
    campaign = sent()
    for name, arguments in (("reports", []), ("report", [campaign.pk]), ("evidence_csv", ["messages"])):
        response = Client().get(reverse(name, args=arguments))
        assert response.status_code == 302
        assert response["Location"].startswith("/account/login/")


def test_few_people_of_a_clinical_segment_are_covered_for_those_who_take_no_evidence() -> None:
    campaign = sent(plans.DIABETES)
    for user in (cast.dana(), cast.ann(), cast.marcus()):
        shown = page(user, "report", campaign.pk)
        assert "Have died" not in shown
        assert "few people could be known by it" in shown
    for user in (cast.olive(), cast.ada()):
        assert "Have died" in page(user, "report", campaign.pk)


def test_the_log_pages_by_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "LOG_PAGE", 2)
    campaign = sent(messages=5)

    def listed(**query: str) -> list[str]:
        shown = page(cast.olive(), "report", campaign.pk, **query)
        return re.findall(rf'/compliance/messages/{campaign.mailing_id}/(\d+)/">', shown)

    assert listed() == ["1", "2"]
    assert listed(after="2") == ["3", "4"]
    assert listed(after="4") == ["5"]
    assert listed(after="x' OR 1=1") == ["1", "2"]
    assert listed(after="9" * 30) == ["1", "2"]
    assert "?after=2#log" in page(cast.olive(), "report", campaign.pk)
    assert "?after=" not in page(cast.olive(), "report", campaign.pk, after="4")


def test_the_file_is_the_one_whose_hash_stands_in_the_header_and_in_the_audit_log() -> None:
    campaign = sent()
    response, content = download(cast.olive(), campaign)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert re.search(
        r'attachment; filename="message-log-\d{8}T\d{6}Z\.csv"',
        response["Content-Disposition"],
    )
    assert response["X-Content-SHA256"] == hashlib.sha256(content).hexdigest()
    event = AuditEvent.objects.get(action="evidence.exported")
    assert event.details == {
        "kind": "message log",
        "rows": 3,
        "sha256": response["X-Content-SHA256"],
        "filters": {"campaign": str(campaign.pk)},
    }
    assert event.actor_id == str(cast.olive().pk)


def test_the_file_has_a_line_a_message_with_its_last_attempt_and_no_formula() -> None:
    _response, content = download(cast.olive(), sent())
    lines, _closing = content.decode().split("\r\n\r\n")
    rows = list(csv.DictReader(io.StringIO(lines, newline="")))
    assert [row["state"] for row in rows] == ["withheld", "sent", "sent"]
    assert [row["reason"] for row in rows] == ["deceased", "", ""]
    assert [row["reply code"] for row in rows] == ["", "250", "250"]
    assert rows[1]["certificate verified"] == "yes"
    assert rows[1]["reply"] == f"'{FORMULA}"
    assert rows[1]["person (pseudonym)"] == "02" * 16
    assert b"@" not in content

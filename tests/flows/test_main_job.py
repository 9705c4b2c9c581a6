"""The main job, end to end, on a file that isn't the sample: import, segment, approve, send, answer, report.

Every part is a process of its own: PostgreSQL, Valkey, workers, beat, web, index, SMTP and DNS servers.
"""

import hashlib
import http.client
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from accounts import access
from campaigns import actions as campaigns
from campaigns.delivery.message_log import whole_message_log
from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.queries import progress
from campaigns.designs.blocks import Button, Heading, Text
from campaigns.models import Campaign
from contacts.consent.models import ConsentRecord, Suppression
from contacts.models import Contact, Import
from marketing import founding
from marketing.compliance import actions as compliance
from marketing.compliance.queries import messages_of_mailing
from marketing.demo import patients
from safeguards import audit
from safeguards.models import AuditEvent
from tests import cast
from tests.flows.job import describe, import_file, plan, send
from tests.flows.stack import Stack, eventually

FILE = Path(__file__).parent.parent / "data" / "clinic25.csv"
TREE = {
    "match": "any",
    "rules": [{"field": field, "op": "known"} for field in ("conditions", "payer", "last_visit")],
}


def ask(method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    connection.request(method, parts.path, urlencode(form) if form else None, headers)
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, body


@pytest.fixture(scope="module")
def job(stack: Stack) -> tuple[Import, Mailing, Campaign]:
    """The job done as far as the mailboxes."""
    founding.set_up(
        name="Lakeside Clinic",
        phone="555-0199",
        time_zone="America/Chicago",
        from_address="news@lakeside.example",
        postal_address="1 Lake Road, Worcester, MA 01602",
        marketing=["127.0.2.1", "127.0.2.2"],
        transactional=["127.0.2.9"],
    )
    source = import_file(FILE.name, FILE.read_bytes())
    campaign = plan(
        "Winter at the clinic",
        describe("In care", TREE),
        [
            Heading("Winter hours"),
            Text("Hello {{ first_name|there }}, we are open till seven."),
            Button("See our hours", "https://lakeside.example/hours"),
        ],
    )
    # Nobody sends what uses health information by themselves.
    with pytest.raises(campaigns.NotPossible):
        campaigns.launch_campaign(actor=cast.actor(cast.dana()), campaign=campaign)
    mailing = send(campaign)
    return source, mailing, campaign


Job = tuple[Import, Mailing, Campaign]


def test_good_rows_are_imported_and_bad_ones_kept_with_why(job: Job) -> None:
    source, _, _ = job
    assert source.rows_total == 25
    assert source.rejected == 2
    assert source.created + source.updated == 23
    assert Contact.objects.count() == source.created
    assert source.problems.filter(codes__contains=["bad_email"]).exists() or source.problems.count() >= 2
    assert not source.parts.exists(), "the sealed file is gone once it is imported"
    assert ConsentRecord.objects.filter(act="opt_in").exists()


def test_everybody_in_the_audience_is_sent_to_or_withheld_with_a_reason(job: Job, stack: Stack) -> None:
    _, mailing, _ = job
    counted = progress(mailing.pk)
    assert counted.audience == counted.sent + counted.withheld_total > 0
    assert {"no_consent", "deceased", "minor", "cannot_receive_securely"} <= set(counted.withheld)
    arrived = stack.sandbox.mailbox.entries()
    assert len(arrived) == counted.sent
    assert len({entry.recipient for entry in arrived}) == counted.sent, "nobody got two"
    assert {entry.peer for entry in arrived} <= {"127.0.2.1", "127.0.2.2"}
    log = list(whole_message_log(mailing.pk))
    assert all(line.tls_version >= "TLSv1.2" and line.tls_verified for line in log if line.state == "sent")


def test_patients_open_click_and_unsubscribe_and_it_counts(job: Job, stack: Stack) -> None:
    _, mailing, campaign = job
    mails = list(patients.mails_in(stack.sandbox.mailbox, mailing.version.subject))
    reader, leaver = mails[0], mails[1]
    assert ask("GET", reader.pixel)[0] == 200
    assert ask("GET", reader.links[0])[0] == 302
    assert ask("GET", leaver.one_click)[0] == 200
    assert Suppression.objects.count() == 0, "looking at the page changes nothing"
    for _ in range(2):
        assert ask("POST", leaver.one_click, {"List-Unsubscribe": "One-Click"}) == (200, "OK")
    counted = progress(mailing.pk)
    assert (counted.opened, counted.clicked, counted.unsubscribed) == (1, 1, 1)
    # The next campaign doesn't reach the one who left.
    assert campaign.segment is not None
    second = send(
        plan("Spring news", campaign.segment, [Text("Spring is here.")], tracking=Mailing.Tracking.NONE)
    )
    assert progress(second.pk).sent == counted.sent - 1
    left = Message.objects.get(mailing_id=second.pk, state="withheld", reason="suppressed")
    assert bytes(left.address_hash) == bytes(Suppression.objects.get().address_hash)


def test_the_officer_downloads_a_log_that_names_nobody(job: Job) -> None:
    _, mailing, _ = job
    evidence = compliance.export_evidence(
        actor=cast.actor(cast.olive()), asked=messages_of_mailing(mailing.pk)
    )
    content = evidence.file.read()
    assert hashlib.sha256(content).hexdigest() == evidence.sha256
    assert evidence.rows == progress(mailing.pk).audience == content.split(b"\r\n\r\n")[0].count(b"\r\n")
    assert b"@" not in content
    row = AuditEvent.objects.get(action="evidence.exported")
    assert row.details["sha256"] == evidence.sha256
    with pytest.raises(access.Denied):
        compliance.export_evidence(actor=cast.actor(cast.dana()), asked=messages_of_mailing(mailing.pk))


def test_the_whole_job_stands_in_a_chain_that_verifies(job: Job) -> None:
    eventually(lambda: not AuditEvent.objects.filter(link=None).exists(), "the chainer", 20)
    assert list(audit.verify()) == []
    told = set(AuditEvent.objects.values_list("action", flat=True))
    assert {
        "import.started",
        "segment.saved",
        "mailing.approved",
        "mailing.launched",
        "mailing.finished",
    } <= told

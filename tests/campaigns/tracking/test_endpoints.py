"""The pixel and the redirect: they count, and lead nowhere but where the mail had said (BEHAVIOURS E1, E2)."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from campaigns.delivery import rules
from campaigns.delivery.models import Link, Mailing, MessageEvent
from contacts.models import Contact
from safeguards import tokens
from safeguards.models import AuditEvent
from safeguards.tokens import LinkToken
from tests import cast, factories

pytestmark = pytest.mark.django_db
STORED = "https://northfield.example/flu"


@pytest.fixture
def mailing(db: None) -> Mailing:
    """A mailing with one link."""
    made = factories.mailing()
    Link.objects.get_or_create(mailing=made, number=0, defaults={"url": STORED})
    return made


@pytest.fixture
def ana(mailing: Mailing) -> Contact:
    """Ana, who agreed to be counted as a person."""
    return factories.contact("ana@goodmail.example", tracking=True)


def token(mailing: Mailing, ana: Contact, number: int = 0) -> LinkToken:
    return LinkToken(
        bytes(ana.address_hash),
        bytes(ana.person_key),
        cast.clinic().pk,
        mailing.pk,
        message_id=977,
        number=number,
    )


def visit(path: str, method: str = "get", ip: str = "203.0.113.77") -> HttpResponse:
    browser = Client(headers={"host": urlsplit(settings.PUBLIC_URL).netloc}, REMOTE_ADDR=ip)
    answer = getattr(browser, method)(path)
    assert isinstance(answer, HttpResponse)
    return answer


def test_a_click_of_a_person_is_theirs(mailing: Mailing, ana: Contact) -> None:
    answer = visit(f"/c/{tokens.seal_link('c', token(mailing, ana))}/")
    assert (answer.status_code, answer["Location"]) == (302, STORED)
    event = MessageEvent.objects.get()
    assert (event.kind, event.mailing_id, event.message_id, event.link_number, event.network) == (
        "click",
        mailing.pk,
        977,
        0,
        "203.0.113.0",
    )
    # The ledger is its own evidence, and nobody's address stands in the log for having read their mail.
    assert not AuditEvent.objects.filter(actor_kind="patient").exists()


def test_a_click_for_totals_names_nobody(mailing: Mailing) -> None:
    answer = visit(f"/c/{tokens.totals_link('c', mailing.pk, 0)}/")
    assert answer["Location"] == STORED
    event = MessageEvent.objects.get()
    assert (event.kind, event.mailing_id, event.message_id, event.link_number) == (
        "click",
        mailing.pk,
        None,
        0,
    )


def test_the_totals_link_is_the_same_for_all(mailing: Mailing) -> None:
    assert tokens.totals_link("c", mailing.pk, 0) == tokens.totals_link("c", mailing.pk, 0)
    assert tokens.totals_link("c", mailing.pk, 0) != tokens.totals_link("o", mailing.pk, 0)


@pytest.mark.parametrize("person", [True, False])
def test_an_open_is_one_pixel_and_one_event(mailing: Mailing, ana: Contact, person: bool) -> None:
    sealed = tokens.seal_link("o", token(mailing, ana)) if person else tokens.totals_link("o", mailing.pk)
    answer = visit(f"/o/{sealed}.gif")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert answer.content.startswith(b"GIF89a\x01\x00\x01\x00")
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    event = MessageEvent.objects.get()
    assert (event.kind, event.message_id, event.link_number) == ("open", 977 if person else None, None)


def test_asking_whether_a_link_is_alive_counts_nothing(mailing: Mailing, ana: Contact) -> None:
    assert visit(f"/c/{tokens.seal_link('c', token(mailing, ana))}/", "head")["Location"] == STORED
    assert visit(f"/o/{tokens.totals_link('o', mailing.pk)}.gif", "head").status_code == 200
    assert not MessageEvent.objects.exists()


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_nothing_can_be_sent_here(mailing: Mailing, ana: Contact, method: str) -> None:
    assert visit(f"/c/{tokens.seal_link('c', token(mailing, ana))}/", method).status_code == 405
    assert visit(f"/o/{tokens.totals_link('o', mailing.pk)}.gif", method).status_code == 405
    assert not MessageEvent.objects.exists()


def bad_clicks(mailing: Mailing, ana: Contact) -> dict[str, str]:
    good = tokens.seal_link("c", token(mailing, ana))
    return {
        "cut": good[:-7],
        "altered": good[:60] + ("A" if good[60] != "A" else "B") + good[61:],
        "an unsubscribe link's": tokens.seal_link("u", token(mailing, ana)),
        "an open's": tokens.totals_link("o", mailing.pk, 0),
        "a link the mail hadn't": tokens.seal_link("c", token(mailing, ana, number=9)),
        "another mailing's": tokens.seal_link("c", replace(token(mailing, ana), mailing_id=mailing.pk + 999)),
        "totals without the link": tokens.totals_link("c", mailing.pk, 9),
        "an address": "https:%2F%2Fevil.example",
    }


def test_any_other_token_leads_to_the_page_that_says_whom_to_call(mailing: Mailing, ana: Contact) -> None:
    for why, bad in bad_clicks(mailing, ana).items():
        answer = visit(f"/c/{bad}/?url=https://evil.example/&next=//evil.example")
        assert answer.status_code == 404, why
        assert "Location" not in answer
        assert "evil" not in answer.content.decode()
    assert not MessageEvent.objects.exists()


def test_a_bad_pixel_is_a_pixel_that_counts_nothing(mailing: Mailing, ana: Contact) -> None:
    good = visit(f"/o/{tokens.totals_link('o', mailing.pk)}.gif")
    for bad in ("x", tokens.totals_link("c", mailing.pk), tokens.seal_link("u", token(mailing, ana))):
        answer = visit(f"/o/{bad}.gif")
        assert (answer.status_code, answer.content) == (200, good.content)
    assert MessageEvent.objects.count() == 1


def test_what_follows_the_link_is_not_passed_on(mailing: Mailing) -> None:
    answer = visit(f"/c/{tokens.totals_link('c', mailing.pk, 0)}/?utm_source=x&email=ana@goodmail.example")
    assert answer["Location"] == STORED
    assert answer["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1234:5678::9", "2001:db8:1234::"),
        ("2001::5:6:7:8:9", "2001::"),
        ("::1", "::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("", ""),
        ("unknown", ""),
        ("999.1.1.1", ""),
    ],
)
def test_only_the_network_of_an_address_is_kept(ip: str, network: str) -> None:
    assert rules.shorten(ip) == network

"""Ana, who gets the clinic's mail, and the links that stand in it."""

from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client

from contacts.consent import actions
from contacts.consent.gate import standings
from contacts.consent.models import Topic
from contacts.consent.rules import Standing
from contacts.models import Contact
from safeguards import notices, tokens
from safeguards.actor import Actor
from safeguards.models import Notice
from safeguards.tokens import LinkToken
from tests import cast

HOST = urlsplit(settings.PUBLIC_URL).netloc
EMAIL = "ana.lopez@goodmail.example"


def phone(**headers: str) -> Client:
    """A patient's browser, in which cookies don't matter."""
    return Client(enforce_csrf_checks=True, headers={"host": HOST, **headers})


def link(ana: Contact, **changes: int) -> LinkToken:
    """What a link in Ana's mail says."""
    terms = {"brand_id": cast.clinic().pk, "mailing_id": 41, "message_id": 977} | changes
    return LinkToken(bytes(ana.address_hash), bytes(ana.person_key), **terms)


def page(kind: str, ana: Contact) -> str:
    """The path of Ana's unsubscribe (`u`) or preferences (`p`) page."""
    return f"/{kind}/{tokens.seal_link(kind, link(ana))}/"


def actor(ana: Contact) -> Actor:
    """Ana, following a link."""
    return Actor(kind="patient", id=bytes(ana.person_key).hex())


def topic(slug: str = "clinic-news") -> Topic:
    """One of the clinic's topics."""
    return Topic.objects.get(slug=slug)


def reach(ana: Contact, slug: str = "clinic-news") -> Standing:
    """What the gate would hear of Ana now."""
    person = (bytes(ana.address_hash), bytes(ana.person_key))
    [(standing, _tracking)] = standings([person], topic=topic(slug), brand=cast.clinic())
    return standing


def ask(who: Contact) -> str:
    """Dana asks for a confirmation; returns the token in the mail."""
    actions.ask_confirmation(
        actor=cast.actor(cast.dana()),
        address=EMAIL,
        person_key=bytes(who.person_key),
        brand=cast.clinic(),
        topics=[topic()],
        source="front desk",
        language="en",
    )
    _address, secret = notices.opened(Notice.objects.latest("created_at"))
    return secret.rstrip("/").rpartition("/")[2]

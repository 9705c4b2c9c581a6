"""Invented patients, and what becomes of them: what the rooms below segments would have written."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from contacts.consent.models import ConsentRecord, Suppression, Topic
from contacts.models import Contact
from safeguards import phi
from tests import factories


def years_ago(years: int) -> str:
    """A birthday that makes somebody clearly that many years old today."""
    return (timezone.now().date() - timedelta(days=round(years * 365.25) + 30)).isoformat()


def add(email: str, **record: Any) -> Contact:
    """One contact who has agreed to nothing yet."""
    return factories.contact(email, opted_in=False, **record)


def change(contact: Contact, **record: Any) -> None:
    """New details for a contact, sealed as the next version."""
    contact.version += 1
    contact.record = phi.seal(Contact, "record", contact.pk, record, version=contact.version)
    contact.save()


def agree(contact: Contact, topic: Topic, act: str = "opt_in") -> None:
    """An act of consent, given now."""
    now = timezone.now()
    ConsentRecord.objects.create(
        address_hash=contact.address_hash,
        person_key=contact.person_key,
        subject="marketing",
        topic=topic,
        act=act,
        source="test",
        given_at=now,
        recorded_at=now,
    )


def stop(contact: Contact, scope: str = "all") -> Suppression:
    """A suppression of the contact's address."""
    return Suppression.objects.create(
        address_hash=contact.address_hash, scope=scope, source="test", at=timezone.now()
    )

"""Invented patients, written straight into the tables: what the rooms below segments would have written."""

from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from contacts.consent.models import ConsentRecord, Suppression, Topic
from contacts.models import Contact
from safeguards import phi, tokens

TODAY = date(2026, 11, 22)


def years_ago(years: int) -> str:
    """A birthday that makes somebody clearly that many years old today."""
    return (timezone.now().date() - timedelta(days=round(years * 365.25) + 30)).isoformat()


def add(email: str, **record: Any) -> Contact:
    """One contact."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('contacts_contact', 'id'))")
        number = int(cursor.fetchone()[0])
    now = timezone.now()
    return Contact.objects.create(
        pk=number,
        person_key=tokens.random_person_key(),
        address_hash=tokens.address_key(email),
        record=phi.seal(Contact, "record", number, {"email": email, **record}),
        created_at=now,
        updated_at=now,
    )


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

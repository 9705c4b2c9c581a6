"""One contact at a time, by hand: added, corrected, deleted, and brought back.

Values are read as a row of a file is (contacts.rules.rows), and one batch or one hand at a time decides who is new, by the same
lock: so two who add one person at once add them once. A contact added by hand carries no consent.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from contacts.actions import lists
from contacts.actions.people import one_at_a_time
from contacts.consent import actions as consent
from contacts.consent.queries import last_addresses
from contacts.consent.rules import Move
from contacts.models import Contact
from contacts.rules import fields
from contacts.rules.rows import Parsed
from safeguards import audit, phi, tokens
from safeguards.actor import Actor

audit.declare("contact.added", fields=audit.WORDS, returned=bool)
audit.declare("contact.edited", fields=audit.CHANGED)
audit.declare("contact.deleted")
audit.declare("contact.restored")

AT_ONE_ADDRESS = 20  # people; a family, or a home's office


class Known(Exception):
    """Somebody is there already. `by` is "record_number" or "address"; `may_share` where it may be two people at one address."""

    def __init__(self, contact: Contact, *, by: str, may_share: bool = False) -> None:
        super().__init__(by)
        self.contact, self.by, self.may_share = contact, by, may_share


class Changed(Exception):
    """Somebody else has changed the contact since the page was opened; `contact` is how they stand now."""

    def __init__(self, contact: Contact) -> None:
        super().__init__("changed")
        self.contact = contact


class Gone(Exception):
    """The contact was deleted meanwhile."""


def add_contact(*, actor: Actor, parsed: Parsed, shares_address: bool = False) -> Contact:
    """Add a person. `shares_address` says that they are another one than who has this address already.

    Somebody of that record number who was deleted comes back with what is typed now, on no list, and with every "no" that they
    ever said (C8). Raises Denied, also for clinical values by a role that may not see them, and Known.
    """
    access.require(actor, Permission.EDIT_CONTACTS)
    if any(parsed.record[key] is not None for key in parsed.record if fields.BY_KEY[key].clinical):
        access.require(actor, Permission.VIEW_CLINICAL)
    now = timezone.now()
    key = tokens.person_key(parsed.external_id) if parsed.external_id else None
    address = tokens.normal_address_key(parsed.email)
    with transaction.atomic():
        one_at_a_time()
        same = Contact.objects.select_for_update().filter(person_key=key).first() if key else None
        if same is not None and same.deleted_at is None:
            raise Known(same, by="record_number")
        _refuse_known(actor, address, numbered=key is not None, shares=shares_address)
        if same is None:
            [number] = phi.allot(Contact, 1)
            contact = Contact(pk=number, person_key=key or tokens.random_person_key(), created_at=now)
        else:
            contact = same
            contact.version += 1
            lists.forget_lists([contact], now)
        contact.address_hash, contact.updated_at, contact.deleted_at = address, now, None
        contact.record = phi.seal(Contact, "record", contact.pk, dict(parsed.record), version=contact.version)
        contact.save(force_insert=same is None)
        if key and (old := last_addresses([key]).get(key, address)) != address:
            consent.rebind(actor=actor, moves=[Move(key, old, address, _evidence(actor), only_refusals=True)])
        audit.record(
            "contact.added",
            actor=actor,
            target=contact,
            patient=bytes(contact.person_key).hex(),
            details={
                "fields": sorted(name for name, value in parsed.record.items() if value is not None),
                "returned": same is not None,
            },
        )
    return contact


def edit_contact(
    *,
    actor: Actor,
    contact: Contact,
    record: Mapping[str, Any],
    seen_version: int,
    shares_address: bool = False,
) -> list[str]:
    """Write these fields over what is known of a person, and leave the others sealed as they are; returns what differed.

    A new address takes along what the person agreed to and refused (C8). The record number stays: proof of consent is bound to
    it. Raises Denied, phi.Refused for fields that the role may not see, Changed, Known (by the new address), Gone, SealBroken.
    """
    access.require(actor, Permission.EDIT_CONTACTS)
    if "external_id" in record:
        raise ValueError("a record number isn't changed")
    grant = access.grant(actor, Permission.EDIT_CONTACTS)
    with transaction.atomic():
        one_at_a_time()
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        if held.deleted_at is not None:
            raise Gone
        if held.version != seen_version:
            raise Changed(held)
        old = bytes(held.address_hash)
        new = tokens.normal_address_key(record["email"]) if "email" in record else old
        if new != old:
            _refuse_known(
                actor, new, numbered=_is_numbered(actor, held), shares=shares_address, except_for=held
            )
        sealed, changed = phi.amend(held, record, grant=grant, purpose="edit contact")
        if not changed:
            return []
        held.record, held.version = sealed, held.version + 1
        held.address_hash, held.updated_at = new, timezone.now()
        held.save(update_fields=["record", "version", "address_hash", "updated_at"])
        patient = bytes(held.person_key).hex()
        audit.record("contact.edited", actor=actor, target=held, patient=patient, details={"fields": changed})
        if new != old:
            consent.rebind(actor=actor, moves=[Move(bytes(held.person_key), old, new, _evidence(actor))])
            audit.record("contact.address_changed", actor=actor, target=held, patient=patient)
    return list(changed)


def delete_contact(*, actor: Actor, contact: Contact) -> None:
    """Delete a person from contacts, segments and lists. What they agreed to and refused stays, as proof. Can be undone.

    Deleting twice changes nothing. Raises Denied.
    """
    access.require(actor, Permission.EDIT_CONTACTS)
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        if held.deleted_at is not None:
            return
        held.deleted_at = held.updated_at = timezone.now()
        held.save(update_fields=["deleted_at", "updated_at"])
        lists.count_out(held)
        audit.record("contact.deleted", actor=actor, target=held, patient=bytes(held.person_key).hex())


def restore_contact(*, actor: Actor, contact: Contact) -> None:
    """Undo a deletion. Raises Denied, and Known where somebody else was added meanwhile who would be the same person."""
    access.require(actor, Permission.EDIT_CONTACTS)
    with transaction.atomic():
        one_at_a_time()
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        if held.deleted_at is None:
            return
        if not _is_numbered(actor, held):
            _refuse_known(actor, bytes(held.address_hash), numbered=False, shares=True)
        held.deleted_at, held.updated_at = None, timezone.now()
        held.save(update_fields=["deleted_at", "updated_at"])
        lists.count_in(held)
        audit.record("contact.restored", actor=actor, target=held, patient=bytes(held.person_key).hex())


def _refuse_known(
    actor: Actor, address: bytes, *, numbered: bool, shares: bool, except_for: Contact | None = None
) -> None:
    """Raise Known where somebody has this address. Two people without a record number can't share one: the next import could
    not tell them apart. Neither is one added beside a record that can't be opened."""
    living = Contact.objects.filter(address_hash=address, deleted_at=None)
    if except_for is not None:
        living = living.exclude(pk=except_for.pk)
    there = list(living.order_by("pk")[:AT_ONE_ADDRESS])
    grant = access.grant(actor, Permission.VIEW_CONTACTS)
    opened = phi.reveal_sound(there, ["external_id"], grant=grant, purpose="who has this address")
    for contact, values in zip(there, opened, strict=True):
        if values is None or not (numbered or values["external_id"]):
            raise Known(contact, by="address")
    if there and not shares:
        raise Known(there[0], by="address", may_share=True)


def _is_numbered(actor: Actor, contact: Contact) -> bool:
    grant = access.grant(actor, Permission.VIEW_CONTACTS)
    (values,) = phi.reveal([contact], ["external_id"], grant=grant, purpose="who has this address")
    return bool(values["external_id"])


def _evidence(actor: Actor) -> dict[str, str]:
    return {"by_hand": actor.id}

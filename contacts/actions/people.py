"""Bringing parsed rows into contacts and the consent ledger: who is known is updated, who isn't is added.

A person is known by the external id; without one, by the address among contacts who have no external id. Two people with
different external ids may share an address.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from accounts.access import Permission, grant
from contacts.actions.lists import enlist, forget_lists
from contacts.consent import actions as consent
from contacts.consent.queries import last_addresses, ledgers_of
from contacts.consent.rules import Act, Evidence, Move
from contacts.models import Contact, Import, ImportedAgain
from contacts.rules import fields
from contacts.rules.rows import Declared, Parsed
from safeguards import audit, phi, tokens
from safeguards.actor import Actor

audit.declare("contact.address_changed", import_=UUID)


def one_at_a_time() -> None:
    """Hold whoever else decides who is new to us, an import or a hand, until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('contacts.take_in'))")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many contacts a batch added and updated."""

    created: int
    updated: int
    refused: frozenset[int]  # numbers of rows whose person's record can't be opened


@dataclass(slots=True)
class _Person:
    contact: Contact
    values: dict[str, Any]
    is_new: bool
    changed: bool
    is_back: bool = False  # no contact of ours until now, and perhaps known to the ledger


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with the keys by which it is looked up; without a record number it has no person key."""

    number: int
    parsed: Parsed
    person_key: bytes | None
    address_hash: bytes


@dataclass(slots=True)
class _Batch:
    """What is gathered before anything is written."""

    by_key: dict[bytes, _Person] = field(default_factory=dict)
    by_address: dict[bytes, _Person] = field(default_factory=dict)  # people without an external id
    touched: list[_Person] = field(default_factory=list)
    declared: list[tuple[int, _Person, Declared]] = field(default_factory=list)  # with the row's number
    rebound: dict[int, tuple[bytes, _Person]] = field(
        default_factory=dict
    )  # by contact: the old address, whose
    broken: set[bytes] = field(
        default_factory=set
    )  # person keys and address hashes of records that can't be opened


def take_in(*, actor: Actor, rows: Sequence[tuple[int, Parsed]], source: Import, zone: ZoneInfo) -> Outcome:
    """Add or update the contacts of some rows, (row number, row) in order, inside the caller's transaction.

    Fields that the file has are overwritten, also by empty cells; others stay. A later row of the same person updates. Where the
    import names a list, everybody whom the rows mean is on it when the batch is.
    One batch at a time, whichever import it belongs to, so that two imports never add one person twice. A row of somebody whose
    record can't be opened is refused alone, and changes nothing.
    """
    one_at_a_time()
    now = timezone.now()
    keyed = [
        _Row(
            number,
            row,
            tokens.person_key(row.external_id) if row.external_id else None,
            tokens.normal_address_key(row.email),
        )
        for number, row in rows
    ]
    batch = _known(actor, keyed)
    ids = iter(phi.allot(Contact, len(rows)))
    created, refused, taken, again = 0, set(), set(), set()
    for row in keyed:
        if (row.person_key or row.address_hash) in batch.broken:
            refused.add(row.number)
            continue
        person = (
            batch.by_key.get(row.person_key) if row.person_key else batch.by_address.get(row.address_hash)
        )
        if person is None:
            person = _newcomer(next(ids), row, source, now)
            _remember(batch, person)
            created += 1
        else:
            _update(batch, person, row.parsed, row.address_hash)
            again.add(person.contact.pk)
        taken.add(person.contact.pk)
        batch.declared += [(row.number, person, declared) for declared in row.parsed.declared]
    _write(batch, now)
    ImportedAgain.objects.bulk_create(
        (ImportedAgain(source=source, contact_id=pk) for pk in sorted(again)), ignore_conflicts=True
    )
    if source.into_list_id:
        enlist(
            source.into_list_id,
            sorted(taken),
            batch=source.pk,
            added_by=source.created_by_id,
            source=source,
        )
    # What was said before comes before what the file says: of two words of one day the later recorded holds.
    moves = _moves(batch, source)
    if moves:
        consent.rebind(actor=actor, moves=moves)
    for move in moves:
        audit.record(
            "contact.address_changed",
            actor=actor,
            target=batch.by_key[move.person_key].contact,
            patient=move.person_key.hex(),
            details={"import": str(source.pk)},
        )
    evidence = [
        (_evidence(person, declared, zone, now, source, number), declared.on is not None)
        for number, person, declared in batch.declared
    ]
    consent.record(actor=actor, evidence=_not_yet_recorded(evidence))
    updated = len(rows) - created - len(refused)
    return Outcome(created=created, updated=updated, refused=frozenset(refused))


def _known(actor: Actor, rows: Sequence[_Row]) -> _Batch:
    """Everybody whom these rows may mean, opened."""
    keys = [row.person_key for row in rows if row.person_key]
    addresses = [row.address_hash for row in rows if not row.person_key]
    found = Contact.objects.select_for_update().order_by("id")
    contacts = {contact.pk: contact for contact in found.filter(person_key__in=keys)}
    contacts |= {c.pk: c for c in found.filter(address_hash__in=addresses, deleted_at=None)}
    alive = [contact for contact in contacts.values() if contact.deleted_at is None]
    opened = phi.reveal_sound(
        alive, list(fields.BY_KEY), grant=grant(actor, Permission.IMPORT_CONTACTS), purpose="import"
    )
    batch = _Batch()
    for contact, values in zip(alive, opened, strict=True):
        if values is None:
            batch.broken |= {bytes(contact.person_key), bytes(contact.address_hash)}
            continue
        _index(batch, _Person(contact, values, is_new=False, changed=False))
    for contact in contacts.values():
        if contact.deleted_at is not None:
            # Erased once, and back in the clinic's own list: nothing of the old record is taken up again.
            _index(batch, _Person(contact, {}, is_new=False, changed=True, is_back=True))
    return batch


def _index(batch: _Batch, person: _Person) -> None:
    batch.by_key[bytes(person.contact.person_key)] = person
    if not person.values.get("external_id") and person.contact.deleted_at is None:
        batch.by_address.setdefault(bytes(person.contact.address_hash), person)


def _newcomer(contact_id: int, row: _Row, source: Import, now: datetime) -> _Person:
    contact = Contact(
        id=contact_id,
        person_key=row.person_key or tokens.random_person_key(),
        address_hash=row.address_hash,
        created_at=now,
        updated_at=now,
        imported_by=source,
    )
    return _Person(
        contact, dict(row.parsed.record), is_new=True, changed=True, is_back=row.person_key is not None
    )


def _remember(batch: _Batch, person: _Person) -> None:
    _index(batch, person)
    batch.touched.append(person)


def _update(batch: _Batch, person: _Person, row: Parsed, address_hash: bytes) -> None:
    contact, old = person.contact, bytes(person.contact.address_hash)
    values = person.values | row.record
    if values == person.values and old == address_hash and contact.deleted_at is None:
        return
    if old != address_hash:
        contact.address_hash = address_hash
        if contact.deleted_at is None:
            batch.rebound.setdefault(contact.pk, (old, person))
    if not person.changed or contact.deleted_at is not None:
        batch.touched.append(person)
    person.values, person.changed, contact.deleted_at = values, True, None


def _write(batch: _Batch, now: datetime) -> None:
    forget_lists([person.contact for person in batch.touched if person.is_back and not person.is_new], now)
    for person in batch.touched:
        contact = person.contact
        if not person.is_new:
            contact.version += 1
        contact.updated_at = now
        contact.record = phi.seal(Contact, "record", contact.pk, person.values, version=contact.version)
    # One statement for new and known: only the id may clash, so a second contact with one person key still fails.
    Contact.objects.bulk_create(
        [person.contact for person in batch.touched],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["record", "version", "address_hash", "updated_at", "deleted_at"],
    )


def _evidence(
    person: _Person, declared: Declared, zone: ZoneInfo, now: datetime, source: Import, number: int
) -> Evidence:
    return Evidence(
        address_hash=bytes(person.contact.address_hash),
        person_key=bytes(person.contact.person_key),
        subject=declared.subject,
        topic_id=declared.topic_id,
        act="opt_in" if declared.agreed else "opt_out",
        source=declared.source,
        given_at=datetime.combine(declared.on, time.min, tzinfo=zone) if declared.on else now,
        evidence={"import": str(source.pk), "row": number},
    )


def _not_yet_recorded(evidence: Sequence[tuple[Evidence, bool]]) -> list[Evidence]:
    """Leave out what the ledger has already: a file imported every night proves nothing new by being imported again."""
    ledgers = ledgers_of([(act.address_hash, act.person_key) for act, _dated in evidence])
    seen: set[tuple[object, ...]] = set()
    fresh = []
    for act, dated in evidence:
        acts = ledgers.acts[(act.address_hash, act.person_key)]
        same = [a for a in acts if (a.subject, a.topic_id, a.act) == (act.subject, act.topic_id, act.act)]
        newest = max((a for a in acts if a.subject == act.subject), key=_age, default=None)
        is_known = any(a.given_at == act.given_at for a in same) if dated else newest in same
        word = (act.address_hash, act.person_key, act.subject, act.topic_id, act.act, act.given_at)
        if word not in seen and not is_known:
            fresh.append(act)
        seen.add(word)
    return fresh


def _age(act: Act) -> tuple[datetime, int]:
    return act.given_at, act.id


def _moves(batch: _Batch, source: Import) -> list[Move]:
    """Who has a new address. Of people who were gone, or are new to us and not to the ledger, only what they refused goes along:
    a "no" outlives the contact (C8), and a "yes" has to come with its own evidence."""
    evidence = {"import": str(source.pk)}
    moves = [
        Move(bytes(person.contact.person_key), old, bytes(person.contact.address_hash), evidence)
        for old, person in batch.rebound.values()
    ]
    back = {bytes(person.contact.person_key): person for person in batch.touched if person.is_back}
    for key, old in last_addresses(back).items():
        moves.append(Move(key, old, bytes(back[key].contact.address_hash), evidence, only_refusals=True))
    return [move for move in moves if move.old != move.new]

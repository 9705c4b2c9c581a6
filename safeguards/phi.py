"""The door to health data: seals records, and opens them only against a grant, leaving an audit row each time."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, models

from safeguards import audit, crypto, keyring
from safeguards.actor import Actor
from safeguards.fields import Sealed, message_of

_LABEL = b"phi"

audit.declare("phi.revealed", fields=audit.WORDS, count=int, table=audit.WORD, patients=audit.PATIENTS)
audit.declare("phi.refused", fields=audit.WORDS, count=int, table=audit.WORD, patients=audit.PATIENTS)
audit.declare("phi.amended", fields=audit.CHANGED, table=audit.WORD)
audit.declare("phi.seal_broken", table=audit.WORD, field=audit.WORD, row=audit.ROW)

NAMED_AT_MOST = 200
"""So many people of a batch are named in its audit row, where a person opens it: a page of a list has 50."""

SealBroken = crypto.SealBroken
"""A record isn't what was sealed, or stands where it wasn't sealed for."""

ALL_FIELDS: frozenset[str] = frozenset({"*"})


class Refused(Exception):
    """The grant doesn't cover what was asked for."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to open certain fields, given to one actor. Minted by accounts.access alone."""

    actor: Actor
    fields: frozenset[str]

    def covers(self, fields: Collection[str]) -> bool:
        """Whether every one of the fields may be opened."""
        return self.fields == ALL_FIELDS or set(fields) <= self.fields


def _context(table: str, field: str, row: int | UUID, version: int) -> bytes:
    return f"{table}|{field}|{row}|{version}".encode()


def seal(
    model: type[models.Model], field: str, row: int | UUID, value: Mapping[str, Any], *, version: int = 1
) -> Sealed:
    """Seal a mapping for one field of one row; moved to another row, field or version it no longer opens.

    Values are JSON: text, numbers, booleans, lists and null; dates as ISO 8601 text.
    """
    plaintext = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    context = _context(model._meta.db_table, field, row, version)
    return Sealed(keyring.seal(keyring.Purpose.RECORD, _LABEL, plaintext, context))


def allot(model: type[models.Model], count: int) -> list[int]:
    """Take ids from the table's sequence before the rows exist, since a seal binds the id."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [int(row[0]) for row in cursor.fetchall()]


def _open(record: models.Model, field: str) -> dict[str, Any]:
    sealed: Sealed = getattr(record, field)
    version: int = getattr(record, "version", 1)
    table = record._meta.db_table
    try:
        plaintext = keyring.unseal(_LABEL, message_of(sealed), _context(table, field, record.pk, version))
    except SealBroken as broken:
        _report_broken(table, field, record.pk, broken)
        raise
    opened: dict[str, Any] = json.loads(plaintext)
    return opened


def _report_broken(table: str, field: str, row: int | UUID, broken: crypto.SealBroken) -> None:
    # Committed apart, since whoever asked is about to fail and roll back. [164.312(c), B4]
    audit.record_apart(
        "phi.seal_broken",
        actor=Actor(kind="system", id="phi"),
        outcome="failure",
        reason=str(broken),
        details={"table": table, "field": field, "row": str(row)},
    )


def reveal(
    records: Sequence[models.Model],
    fields: Collection[str],
    *,
    grant: Grant,
    purpose: str,
    sealed_field: str = "record",
) -> list[dict[str, Any]]:
    """Open the named fields of some records of one table, in their order, each as a mapping; absent ones are None.

    One audit row a batch names the actor, the purpose, the fields and the count; where a single patient is opened, it
    carries that person's pseudonym, and where somebody on the staff opens a page of them, all of theirs. Refused, with an
    audit row of its own, where the grant doesn't cover a field. Raises SealBroken, and opens nothing at all, if one record
    fails its tag. `purpose` must say why in a few words.
    """
    return _revealed(records, fields, grant, purpose, lambda record: _open(record, sealed_field))


def reveal_sound(
    records: Sequence[models.Model],
    fields: Collection[str],
    *,
    grant: Grant,
    purpose: str,
    sealed_field: str = "record",
) -> list[dict[str, Any] | None]:
    """The same for work that goes on without one person: a record that fails its tag is None, with its incident row."""

    def opened(record: models.Model) -> dict[str, Any] | None:
        try:
            return _open(record, sealed_field)
        except SealBroken:
            return None

    return _revealed(records, fields, grant, purpose, opened)


def amend(
    record: models.Model,
    changes: Mapping[str, Any],
    *,
    grant: Grant,
    purpose: str,
    sealed_field: str = "record",
) -> tuple[Sealed, audit.Changes]:
    """Lay new values over a sealed record; gives it sealed anew, for its next version, and what differs: by its name, with keyed
    hashes of what stood there and of what does now.

    What else the record holds doesn't leave the door, so whoever may change a name needn't be able to read a diagnosis. One audit
    row names the fields that were changed. Refused, with an audit row of its own, where the grant doesn't cover a field that is
    given. Raises SealBroken. The caller writes what it gets, with `version` one higher.
    """
    table, patient = record._meta.db_table, _pseudonym(record)
    if not grant.covers(changes):
        audit.record_apart(
            "phi.refused",
            actor=grant.actor,
            purpose=purpose,
            outcome="denied",
            patient=patient,
            details={"table": table, "fields": sorted(changes), "count": 1},
        )
        raise Refused("this role may not change these fields")
    values = _open(record, sealed_field)
    changed = audit.changed(record, values, changes)
    version: int = getattr(record, "version", 1)
    sealed = seal(type(record), sealed_field, record.pk, values | dict(changes), version=version + 1)
    audit.record(
        "phi.amended",
        actor=grant.actor,
        target=record,
        patient=patient,
        purpose=purpose,
        details={"table": table, "fields": changed},
    )
    return sealed, changed


_Opened = TypeVar("_Opened", dict[str, Any], dict[str, Any] | None)


def _revealed(
    records: Sequence[models.Model],
    fields: Collection[str],
    grant: Grant,
    purpose: str,
    opener: Callable[[models.Model], _Opened],
) -> list[_Opened]:
    if not purpose.strip():
        raise ValueError("say what the data is opened for")
    if not records:
        return []
    table = records[0]._meta.db_table
    details: dict[str, Any] = {"table": table, "fields": sorted(fields), "count": len(records)}
    patient = _pseudonym(records[0]) if len(records) == 1 else ""
    if named := _people_of(records, grant.actor):
        details["patients"] = named
    if not grant.covers(fields):
        audit.record_apart(
            "phi.refused",
            actor=grant.actor,
            purpose=purpose,
            outcome="denied",
            patient=patient,
            details=details,
        )
        raise Refused("this role may not open these fields")
    opened = [opener(record) for record in records]
    audit.record(
        "phi.revealed",
        actor=grant.actor,
        target=records[0] if len(records) == 1 else None,
        patient=patient,
        purpose=purpose,
        details=details,
    )
    return [_only(fields, values) for values in opened]


def _people_of(records: Sequence[models.Model], actor: Actor) -> list[str]:
    """Whose records a person on the staff opens at once, so that each of them can be told who looked (decision 28).

    The system's batches name nobody: what delivery opens stands in the message log, person by person.
    """
    if actor.kind != "user" or not 1 < len(records) <= NAMED_AT_MOST:
        return []
    return sorted({key for record in records if (key := _pseudonym(record))})


def _only(fields: Collection[str], values: _Opened) -> _Opened:
    return values if values is None else {field: values.get(field) for field in fields}


def unaudited_reader(model: type[models.Model], field: str) -> "Reader":
    """A reader for the index process, which holds every record anyway and audits each question put to it instead."""
    return Reader(model._meta.db_table, field)


@dataclass(frozen=True, slots=True)
class Reader:
    """Opens rows (id, version, sealed record) of one table. Given out to contacts.segments.index alone."""

    table: str
    field: str

    def open(self, row: int, version: int, sealed: Sealed) -> dict[str, Any] | None:
        """One record as a mapping; None, with an audit row that outlives the caller, where its seal is broken."""
        context = _context(self.table, self.field, row, version)
        try:
            plaintext = keyring.unseal(_LABEL, message_of(sealed), context)
        except SealBroken as broken:
            _report_broken(self.table, self.field, row, broken)
            return None
        opened: dict[str, Any] = json.loads(plaintext)
        return opened


def _pseudonym(record: models.Model) -> str:
    key = getattr(record, "person_key", None)
    return bytes(key).hex() if key else ""

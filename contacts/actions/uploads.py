"""Taking in a file: its bytes go into sealed parts, its shape is recognised, and somebody says which column is what."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from contacts.actions.lists import create_list
from contacts.models import ContactList, Import, ImportPart
from contacts.rules import mapping as mapping_rules
from contacts.rules import reading
from contacts.rules.dates import Form
from contacts.rules.problems import Unreadable
from safeguards import audit, phi, queue
from safeguards.actor import Actor

audit.declare("import.uploaded", size=int, encoding=audit.WORD)
audit.declare("import.mapped", fields=audit.WORDS, has_header=bool)
audit.declare("import.problems_opened", rows=int)

PART_SIZE = 1024 * 1024
NAME_LIMIT = 200


class NotNow(Exception):
    """The import is in a state in which this can't be done; the page shows how it stands."""


def upload_file(*, actor: Actor, name: str, chunks: Iterable[bytes], size: int) -> Import:
    """Store a file sealed, in parts, and guess its columns; nothing is read into contacts yet.

    Needs the permission to import. Raises Unreadable, and stores nothing, for a file that is empty, larger than
    IMPORT_MAX_BYTES, no text, or has two columns of one name.
    """
    access.require(actor, Permission.IMPORT_CONTACTS)
    _refuse_size(size)
    now = timezone.now()
    with transaction.atomic():
        source = _create(actor, name, now)
        probe = reading.Probe()
        for number, part in enumerate(_parts(chunks)):
            probe.feed(part)
            _refuse_size(probe.size)
            _store(source, number, part)
        shape = reading.recognise(probe.head, probe.encoding(), whole=probe.size <= len(probe.head))
        guessed = mapping_rules.guess(shape.first, shape.samples, has_header=shape.has_header)
        source.about = phi.seal(
            Import,
            "about",
            source.pk,
            {
                "name": name[-NAME_LIMIT:],
                "first": list(shape.first),
                "samples": [list(cells) for cells in shape.samples],
            },
        )
        source.encoding, source.delimiter = shape.encoding, shape.delimiter
        source.has_header, source.columns, source.size = shape.has_header, len(shape.first), probe.size
        source.mapping = {str(column): key for column, key in guessed.items()}
        source.save()
        audit.record(
            "import.uploaded",
            actor=actor,
            target=source,
            details={"size": probe.size, "encoding": shape.encoding},
        )
    return source


def map_columns(
    *,
    actor: Actor,
    import_id: UUID,
    mapping: Mapping[int, str],
    has_header: bool,
    first: tuple[str, ...],
    dates: Mapping[int, Form] | None = None,
    into_list: ContactList | None = None,
    new_list: str = "",
) -> None:
    """Say which column is which field, and have the file checked. `first` is its first row, as the page showed it.

    `dates` says how columns write dates that can be read either way; values that leave no doubt count
    for more.

    Everybody in the file goes on `into_list`, or on a list that is made here under the name `new_list`.

    Needs the permission to import. Raises NotNow once the import runs, ValueError (with the faults) for a mapping that
    can't be used, Unreadable where the first row is now called a header and names two columns alike.
    """
    access.require(actor, Permission.IMPORT_CONTACTS)
    if faults := mapping_rules.faults(mapping, len(first)):
        raise ValueError(*faults)
    if has_header:
        reading.refuse_twins(first)
    with transaction.atomic():
        source = Import.objects.select_for_update().get(pk=import_id)
        if source.state not in {Import.State.UPLOADED, Import.State.CHECKED}:
            raise NotNow(source.state)
        source.mapping = {str(column): key for column, key in sorted(mapping.items())}
        source.has_header = has_header
        source.dates = {str(column): {"form": form, "by": "chosen"} for column, form in (dates or {}).items()}
        if new_list.strip():
            into_list = create_list(actor=actor, name=new_list)
        source.into_list = into_list
        source.state = Import.State.CHECKING
        source.attempts = source.rows_done = source.rows_total = 0
        source.lease_until = None
        source.save()
        audit.record(
            "import.mapped",
            actor=actor,
            target=source,
            details={"fields": sorted(mapping.values()), "has_header": has_header},
        )
        queue.enqueue("contacts.check_import", import_id=source.pk)


def record_problems_opened(*, actor: Actor, source: Import, rows: int) -> None:
    """Leave the audit row of a download of refused rows, which are patients' rows (BEHAVIOURS F3).

    Needs the permission to import and, for a file that somebody else uploaded, the one to see clinical fields: the rows hold
    them (A7). Raises Denied.
    """
    access.require(actor, Permission.IMPORT_CONTACTS)
    if actor.id != str(source.created_by_id):
        access.require(actor, Permission.VIEW_CLINICAL)
    audit.record("import.problems_opened", actor=actor, target=source, details={"rows": rows})


def _refuse_size(size: int) -> None:
    if size > settings.IMPORT_MAX_BYTES:
        raise Unreadable("too_big", limit=settings.IMPORT_MAX_BYTES // (1024 * 1024))


def _create(actor: Actor, name: str, now: datetime) -> Import:
    """The row that the parts hang on; what is known of the file is filled in behind them."""
    import_id = uuid4()
    return Import.objects.create(
        id=import_id,
        about=phi.seal(Import, "about", import_id, {"name": name[-NAME_LIMIT:]}),
        size=0,
        created_by_id=int(actor.id),
        created_at=now,
    )


def _store(source: Import, number: int, part: bytes) -> None:
    (part_id,) = phi.allot(ImportPart, 1)
    sealed = phi.seal(ImportPart, "sealed", part_id, {"bytes": base64.b64encode(part).decode()})
    ImportPart.objects.create(id=part_id, source=source, number=number, sealed=sealed)


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Chunks of any size as parts of PART_SIZE."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= PART_SIZE:
            yield bytes(held[:PART_SIZE])
            del held[:PART_SIZE]
    if held:
        yield bytes(held)

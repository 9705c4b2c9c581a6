"""Running an import: the check that writes nothing, and the import in batches that survives its worker.

The row of the import is the queue. A worker takes it for a lease, renews the lease with each batch, and finds out at the next
batch that somebody stopped it or that the lease passed to another. `rows_done` is written in the transaction of the batch it
counts, so whoever takes over starts exactly where the last batch ended.
"""

import base64
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Organization
from contacts.actions.people import take_in
from contacts.actions.uploads import NotNow
from contacts.consent.models import Topic
from contacts.models import KEPT, Import, ImportPart, ImportProblem
from contacts.rules import reading
from contacts.rules.dates import Form, Seen, likeliest
from contacts.rules.mapping import date_columns
from contacts.rules.problems import Problem, Unreadable
from contacts.rules.reading import Row
from contacts.rules.rows import Parsed, Topics, parse_row
from safeguards import audit, phi, queue, tokens
from safeguards.actor import Actor

logger = logging.getLogger(__name__)

audit.declare("import.checked", rows=int, good=int, rejected=int, warned=int)
audit.declare("import.started", from_row=int)
audit.declare("import.stopped", rows_done=int)
audit.declare("import.finished", created=int, updated=int, rejected=int, warned=int)
audit.declare("import.failed", code=audit.WORD)
audit.declare("import.expired", rows=int)
audit.declare("import.problems_deleted", rows=int)
audit.declare("contact.imported", created=int, updated=int, rejected=int, import_=UUID, rows_done=int)

BATCH = 500  # rows
CHECK_BATCH = 1000  # rows
DATES_BATCH = 10_000  # rows
SHOWN = 20  # problems that the check keeps
LEASE = timedelta(seconds=60)
ATTEMPTS = 5

State = Import.State
WORKING = {State.CHECKING: "contacts.check_import", State.IMPORTING: "contacts.run_import"}


class _Lost(Exception):
    """The import was stopped, or is another worker's now."""


@dataclass(slots=True)
class _Sorted:
    """Rows of a batch: those that can be taken, and what is wrong with which."""

    good: list[tuple[Row, Parsed]] = field(default_factory=list)
    flawed: list[tuple[Row, tuple[Problem, ...]]] = field(default_factory=list)
    rejected: int = 0
    warned: int = 0


def start_import(*, actor: Actor, import_id: UUID) -> None:
    """Begin an import that was checked, or go on with one that was stopped.

    Needs the permission to import. Raises NotNow in any other state, and while nobody has said how to read dates that can be
    read either way.
    """
    access.require(actor, Permission.IMPORT_CONTACTS)
    with transaction.atomic():
        source = Import.objects.select_for_update().get(pk=import_id)
        if source.state == State.CHECKED and not source.asks_for_dates:
            # The check's counts and samples make way for the import's own.
            source.problems.all().delete()
            source.rows_done = source.rows_good = source.rejected = source.warned = 0
        elif source.state != State.STOPPED:
            raise NotNow(source.state)
        source.state, source.lease_until, source.finished_at = State.IMPORTING, None, None
        source.attempts = 0
        source.save()
        audit.record("import.started", actor=actor, target=source, details={"from_row": source.rows_done})
        queue.enqueue("contacts.run_import", import_id=source.pk)


def stop_import(*, actor: Actor, import_id: UUID) -> None:
    """Stop a check or an import; what was imported stays. The worker notices before its next batch.

    Needs the permission to import. Raises NotNow where nothing runs. A stopped import can be gone on with for seven days.
    """
    access.require(actor, Permission.IMPORT_CONTACTS)
    with transaction.atomic():
        source = Import.objects.select_for_update().get(pk=import_id)
        if source.state == State.CHECKING:
            source.state = State.UPLOADED
        elif source.state == State.IMPORTING:
            source.state, source.finished_at = State.STOPPED, timezone.now()
        else:
            raise NotNow(source.state)
        source.lease_until = None
        source.save()
        audit.record("import.stopped", actor=actor, target=source, details={"rows_done": source.rows_done})


def check_import(*, actor: Actor, import_id: UUID) -> None:
    """Read the whole file, count what can be taken and keep the first problems; nothing is written to contacts.

    Needs the permission to import. Returns at once where another worker holds it or nothing waits to be checked.
    """
    access.require(actor, Permission.IMPORT_CONTACTS)
    source = _claim(actor, import_id, State.CHECKING)
    if source is None:
        return
    tally, total = _Sorted(), 0
    try:
        source = _decide_dates(actor, source)
        parse = _parser(source)
        for batch in _batches(_rows(actor, source), CHECK_BATCH):
            found = _sort(batch, parse)
            total += len(batch)
            tally.rejected += found.rejected
            tally.warned += found.warned
            tally.flawed += found.flawed[: SHOWN - len(tally.flawed)]
            with transaction.atomic():
                source = _hold(source)
                source.rows_done = total
                _renew(source)
        with transaction.atomic():
            source = _hold(source)
            _finish_check(actor, source, total, tally)
    except Unreadable as error:
        _fail(actor, source, error)
    except _Lost:
        logger.info("check of import %s is no longer ours", import_id)


def _decide_dates(actor: Actor, source: Import) -> Import:
    """Read every date of the file once before any is understood: a column is read one way from its first row to its last."""
    mapping = {int(column): key for column, key in source.mapping.items()}
    seen = {column: Seen() for column in date_columns(mapping)}
    if not seen:
        return source
    for batch in _batches(_rows(actor, source), DATES_BATCH):
        for row in batch:
            for column, found in seen.items():
                if column < len(row.cells):
                    found.add(row.cells[column])
        with transaction.atomic():
            source = _hold(source)
            _renew(source)
    decided = {}
    forms = {found.form for found in seen.values() if found.form} | {
        None for one in seen.values() if one.is_mixed
    }
    for column, found in seen.items():
        said = source.dates.get(str(column))
        if found.form:
            decided[str(column)] = {"form": found.form, "by": "values"}
        elif found.is_open and said and said["by"] == "chosen":
            decided[str(column)] = said
        elif found.is_open:
            # One program wrote the file: where its other columns leave no doubt, this one has none either.
            by = "values" if len(forms) == 1 and not found.is_mixed else "nobody"
            decided[str(column)] = {"form": likeliest(found, seen.values()), "by": by}
    with transaction.atomic():
        source = _hold(source)
        source.dates = decided
        _renew(source)
    return source


def run_import(*, actor: Actor, import_id: UUID) -> None:
    """Import the rows that are still to come, 500 a transaction; when the last is in, delete the file's parts.

    Needs the permission to import. Returns at once where another worker holds it or nothing waits to be imported.
    """
    access.require(actor, Permission.IMPORT_CONTACTS)
    source = _claim(actor, import_id, State.IMPORTING)
    if source is None:
        return
    parse, zone = _parser(source), _zone()
    try:
        for batch in _batches(islice(_rows(actor, source), source.rows_done, None), BATCH):
            with transaction.atomic():
                source = _hold(source)
                _import_batch(actor, source, _sort(batch, parse), len(batch), zone)
        with transaction.atomic():
            source = _hold(source)
            _finish_import(actor, source)
    except Unreadable as error:
        _fail(actor, source, error)
    except _Lost:
        logger.info("import %s is no longer ours", import_id)


def sweep_imports(*, actor: Actor) -> int:
    """Wake workers for imports that nobody holds, and delete what was kept for seven days: files left lying, refused rows.

    Needs the permission to import. Returns how many were woken.
    """
    access.require(actor, Permission.IMPORT_CONTACTS)
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    waiting = list(Import.objects.filter(free, state__in=WORKING).values_list("pk", "state"))
    for import_id, state in waiting:
        queue.enqueue(WORKING[State(state)], import_id=import_id)
    resting = Import.objects.exclude(state__in=[*WORKING, State.DONE])
    left_lying = resting.filter(created_at__lt=now - KEPT, parts__isnull=False).distinct()
    for import_id in left_lying.values_list("pk", flat=True):
        _expire(actor, import_id)
    ended = Import.objects.filter(state__in=(State.DONE, State.FAILED), finished_at__lt=now - KEPT)
    for import_id in ended.filter(problems__isnull=False).distinct().values_list("pk", flat=True):
        _delete_problems(actor, import_id)
    return len(waiting)


def _delete_problems(actor: Actor, import_id: UUID) -> None:
    with transaction.atomic():
        source = Import.objects.select_for_update().get(pk=import_id)
        rows, _each = source.problems.all().delete()
        if rows:
            audit.record("import.problems_deleted", actor=actor, target=source, details={"rows": rows})


def _forget_rows(actor: Actor, source: Import) -> None:
    """Seal anew what is known of the file without any of its rows; a first row that is no header is a patient's."""
    grant = access.grant(actor, Permission.IMPORT_CONTACTS)
    (about,) = phi.reveal_sound(
        [source], ["name", "first"], grant=grant, purpose="delete samples", sealed_field="about"
    )
    first = about["first"] if about and source.has_header else [""] * source.columns
    name = about["name"] if about else ""
    source.about = phi.seal(Import, "about", source.pk, {"name": name, "first": first})


def _expire(actor: Actor, import_id: UUID) -> None:
    with transaction.atomic():
        source = Import.objects.select_for_update().get(pk=import_id)
        if source.state in WORKING:
            return
        source.parts.all().delete()
        _forget_rows(actor, source)
        rows = 0
        if source.state != State.FAILED:
            rows, _each = source.problems.all().delete()
            source.state = State.FAILED
            source.problem = Unreadable("expired", days=KEPT.days).packed()
            source.finished_at = timezone.now()
        source.save()
        audit.record("import.expired", actor=actor, target=source, details={"rows": rows})


def _claim(actor: Actor, import_id: UUID, state: str) -> Import | None:
    with transaction.atomic():
        source = Import.objects.select_for_update().filter(pk=import_id, state=state).first()
        now = timezone.now()
        if source is None or (source.lease_until is not None and source.lease_until > now):
            return None
        if source.attempts < ATTEMPTS:
            source.lease_until = now + LEASE
            source.attempts += 1
            source.save(update_fields=["lease_until", "attempts"])
            return source
    _fail(actor, source, Unreadable("gave_up"))
    return None


def _hold(source: Import) -> Import:
    """The import's row, locked, if it is still ours. Raises _Lost."""
    held = Import.objects.select_for_update().get(pk=source.pk)
    if held.state != source.state or held.lease_until != source.lease_until:
        raise _Lost
    return held


def _renew(source: Import) -> None:
    source.lease_until, source.attempts = timezone.now() + LEASE, 0
    source.save()


def _fail(actor: Actor, source: Import, error: Unreadable) -> None:
    with transaction.atomic():
        held = Import.objects.select_for_update().get(pk=source.pk)
        if held.state != source.state:
            return
        held.state, held.problem = State.FAILED, error.packed()
        held.lease_until, held.finished_at = None, timezone.now()
        # After giving up the file is kept, so that it can be looked into; it goes after seven days.
        if error.code != "gave_up":
            held.parts.all().delete()
            _forget_rows(actor, held)
        held.save()
        audit.record(
            "import.failed", actor=actor, target=held, outcome="failure", details={"code": error.code}
        )


def _rows(actor: Actor, source: Import) -> Iterator[Row]:
    return reading.data_rows(
        _chunks(actor, source),
        encoding=source.encoding,
        delimiter=source.delimiter,
        has_header=source.has_header,
    )


def _chunks(actor: Actor, source: Import) -> Iterator[bytes]:
    """The file's bytes, one part at a time."""
    grant = access.grant(actor, Permission.IMPORT_CONTACTS)
    for number in range(source.parts.count()):
        part = ImportPart.objects.get(source=source, number=number)
        (opened,) = phi.reveal([part], ["bytes"], grant=grant, purpose="import", sealed_field="sealed")
        yield base64.b64decode(opened["bytes"])


def _batches(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch


def _zone() -> ZoneInfo:
    """The clinic's time zone: its days are what a file's dates mean."""
    organization = Organization.objects.first()
    return ZoneInfo(organization.time_zone if organization else "UTC")


def _parser(source: Import) -> Callable[[Row], Parsed | tuple[Problem, ...]]:
    mapping = {int(column): key for column, key in source.mapping.items()}
    topics = Topics.of(
        {name: topic.pk for topic in Topic.objects.all() for name in (topic.name, topic.slug, topic.name_es)}
    )
    day_first = {mapping[int(c)] for c, read in source.dates.items() if read["form"] == Form.DAY_FIRST}
    today = timezone.now().astimezone(_zone()).date()

    def parse(row: Row) -> Parsed | tuple[Problem, ...]:
        if row.flaw:
            return (row.flaw,)
        return parse_row(
            row.cells,
            mapping,
            columns=source.columns,
            topics=topics,
            today=today,
            normalise=tokens.normalise,
            day_first=day_first,
        )

    return parse


def _sort(batch: Iterable[Row], parse: Callable[[Row], Parsed | tuple[Problem, ...]]) -> _Sorted:
    found = _Sorted()
    for row in batch:
        parsed = parse(row)
        if not isinstance(parsed, Parsed):
            found.rejected += 1
            found.flawed.append((row, parsed))
            continue
        found.good.append((row, parsed))
        if parsed.warnings:
            found.warned += 1
            found.flawed.append((row, parsed.warnings))
    return found


def _import_batch(actor: Actor, source: Import, found: _Sorted, rows: int, zone: ZoneInfo) -> None:
    taken = [(row.number, parsed) for row, parsed in found.good]
    outcome = take_in(actor=actor, rows=taken, source=source, zone=zone)
    _move_refused(found, outcome.refused)
    _keep_problems(source, found.flawed)
    source.rows_done += rows
    source.rows_good += len(found.good)
    source.created += outcome.created
    source.updated += outcome.updated
    source.rejected += found.rejected
    source.warned += found.warned
    _renew(source)
    audit.record(
        "contact.imported",
        actor=actor,
        target=source,
        details={
            "import": str(source.pk),
            "created": outcome.created,
            "updated": outcome.updated,
            "rejected": found.rejected,
            "rows_done": source.rows_done,
        },
    )


def _move_refused(found: _Sorted, refused: frozenset[int]) -> None:
    """Rows of people whose record can't be opened are problems, in place of whatever was to be said of them."""
    if not refused:
        return
    broken = [(row, (Problem("record_broken"),)) for row, _parsed in found.good if row.number in refused]
    found.warned -= sum(bool(parsed.warnings) for row, parsed in found.good if row.number in refused)
    found.good = [(row, parsed) for row, parsed in found.good if row.number not in refused]
    found.flawed = [(row, why) for row, why in found.flawed if row.number not in refused]
    found.flawed += broken
    found.rejected += len(broken)


def _keep_problems(source: Import, flawed: list[tuple[Row, tuple[Problem, ...]]]) -> None:
    ids = phi.allot(ImportProblem, len(flawed))
    ImportProblem.objects.bulk_create(
        ImportProblem(
            id=problem_id,
            source=source,
            row_number=row.number,
            codes=[problem.code for problem in problems],
            record=phi.seal(
                ImportProblem,
                "record",
                problem_id,
                {"cells": list(row.cells), "problems": [problem.packed() for problem in problems]},
            ),
        )
        for problem_id, (row, problems) in zip(ids, flawed, strict=True)
    )


def _finish_check(actor: Actor, source: Import, total: int, tally: _Sorted) -> None:
    source.problems.all().delete()
    _keep_problems(source, tally.flawed)
    source.state, source.lease_until = State.CHECKED, None
    source.rows_total, source.rows_done = total, 0
    source.rejected, source.warned = tally.rejected, tally.warned
    source.rows_good = total - tally.rejected
    source.save()
    audit.record(
        "import.checked",
        actor=actor,
        target=source,
        details={
            "rows": total,
            "good": source.rows_good,
            "rejected": tally.rejected,
            "warned": tally.warned,
        },
    )


def _finish_import(actor: Actor, source: Import) -> None:
    source.parts.all().delete()
    _forget_rows(actor, source)
    source.state, source.lease_until, source.finished_at = State.DONE, None, timezone.now()
    source.save()
    audit.record(
        "import.finished",
        actor=actor,
        target=source,
        details={
            "created": source.created,
            "updated": source.updated,
            "rejected": source.rejected,
            "warned": source.warned,
        },
    )

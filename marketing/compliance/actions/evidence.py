"""What the officer takes away: evidence as files, each with its hash, each taking leaving a row in the audit log."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Organization
from marketing.compliance import queries, rules
from marketing.compliance.queries import Asked
from safeguards import audit
from safeguards.actor import Actor
from safeguards.log import RowFilter

_REVIEW = "log review"
audit.declare(
    "evidence.exported",
    kind=(*rules.NAMES.values(), _REVIEW),
    rows=int,
    sha256=audit.DIGEST,
    filters=audit.FILTERS,
)

_IN_MEMORY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finished export: the open file at its beginning, its name, SHA-256 in hexadecimal, and the number of data rows."""

    file: IO[bytes]
    name: str
    sha256: str
    rows: int
    at: datetime


class _Totals:
    """Counts rows as they pass: all of them, by the value of one column, and the sum of another."""

    def __init__(self, kind: rules.Kind) -> None:
        columns = rules.COLUMNS[kind]
        self.rows = 0
        self.counts: Counter[str] = Counter()
        self.added_name = rules.ADDED.get(kind, "")
        self.added = 0
        self._counted = columns.index(rules.COUNTED[kind])
        self._added = columns.index(self.added_name) if self.added_name else None

    def passing(self, rows: Iterable[Sequence[object]]) -> Iterator[Sequence[object]]:
        for row in rows:
            self.rows += 1
            self.counts[str(row[self._counted])] += 1
            if self._added is not None:
                self.added += int(str(row[self._added]))
            yield row


def export_evidence(*, actor: Actor, asked: Asked) -> Evidence:
    """One kind of evidence as CSV: a line of columns, the rows, an empty line, and a block that says what the file is.

    The block names the report, the organisation, when (UTC and the present time zone) and by whom it was made, the filters in
    words, the totals, and the state of the audit chain. Needs the permission to export evidence, and for staff and the access
    log the one to view the audit log. The file is written out first, never all in memory, so that its hash is known when it is
    handed over, and recorded in the audit log with the filter. Times in rows are UTC. Raises Denied.
    """
    access.require(actor, Permission.EXPORT_EVIDENCE)
    now, totals = timezone.now(), _Totals(asked.kind)
    rows = queries.rows(actor, asked)
    file, digest = _written(
        [rules.COLUMNS[asked.kind]], totals.passing(rows), _closing(actor, asked, totals, now)
    )
    return _handed_over(
        actor,
        file,
        digest,
        now,
        kind=rules.NAMES[asked.kind],
        rows=totals.rows,
        filters=asked.named,
        patient=asked.filter.patient if isinstance(asked.filter, RowFilter) else "",
    )


def export_review(*, actor: Actor, pk: int) -> Evidence:
    """A log review as CSV: its figures and shares, then the period, notes, who signed, and the digest that was signed.

    Needs the permissions to export evidence and to view the audit log. Raises Denied, and LookupError where there is none.
    """
    access.require(actor, Permission.EXPORT_EVIDENCE)
    page = queries.review_page(actor, pk)
    if page is None:
        raise LookupError(pk)
    now, review = timezone.now(), page.review
    lines: list[Sequence[object]] = [("looked at", "number", "usual", "unusual")]
    lines += [
        (str(line.words), line.figure.number, line.figure.usual, line.figure.unusual) for line in page.lines
    ]
    lines += [
        (f"records opened by {each.share.name}", each.share.records, each.share.usual, each.share.unusual)
        for each in page.shares
    ]
    closing: list[Sequence[object]] = [
        (),
        ("report", _REVIEW),
        ("period begins (UTC)", rules.utc(review.begins)),
        ("period ends (UTC)", rules.utc(review.ends)),
        ("signed by", review.signed_name or "nobody yet"),
        ("signed (UTC)", rules.utc(review.signed_at)),
        ("note", page.note),
        ("second reader", review.second_name or ("asked for" if review.second_asked else "not asked for")),
        ("read again (UTC)", rules.utc(review.second_at)),
        ("second reader's note", page.second_note),
        ("digest of period and figures (SHA-256)", page.digest),
        *_made(actor, now),
        *_chain(actor),
    ]
    file, digest = _written(lines, closing)
    return _handed_over(
        actor, file, digest, now, kind=_REVIEW, rows=len(lines) - 1, filters={"review": str(pk)}
    )


def _written(*parts: Iterable[Sequence[object]]) -> tuple[IO[bytes], str]:
    """The lines as a file at its beginning, and its SHA-256."""
    # Spooled to disk past a few megabytes; it holds pseudonyms, no health data, and vanishes when closed.
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - handed to the caller
    digest = hashlib.sha256()
    for part in parts:
        for line in rules.csv_lines(part):
            digest.update(line)
            file.write(line)
    file.seek(0)
    return file, digest.hexdigest()


def _handed_over(
    actor: Actor,
    file: IO[bytes],
    sha256: str,
    now: datetime,
    *,
    kind: str,
    rows: int,
    filters: Mapping[str, str],
    patient: str = "",
) -> Evidence:
    audit.record(
        "evidence.exported",
        actor=actor,
        patient=patient,
        details={"kind": kind, "rows": rows, "sha256": sha256, "filters": dict(filters)},
    )
    return Evidence(
        file=file,
        name=f"{kind.replace(' ', '-')}-{now:%Y%m%dT%H%M%SZ}.csv",
        sha256=sha256,
        rows=rows,
        at=now,
    )


def _closing(actor: Actor, asked: Asked, totals: _Totals, now: datetime) -> Iterator[Sequence[object]]:
    yield ()
    yield "report", rules.NAMES[asked.kind]
    yield from _made(actor, now)
    yield "filters", "; ".join(f"{name}: {value}" for name, value in asked.words.items()) or "none"
    yield "rows", totals.rows
    for value, count in sorted(totals.counts.items()):
        yield f"{rules.COUNTED[asked.kind]}: {value}", count
    if totals.added_name:
        yield f"{totals.added_name}, all rows", totals.added
    yield from _chain(actor)


def _made(actor: Actor, now: datetime) -> Iterator[Sequence[object]]:
    """Whose file it is, and when it was made by whom."""
    organization = Organization.objects.first()
    yield "organisation", organization.name if organization else ""
    yield "generated (UTC)", rules.utc(now)
    local = timezone.localtime(now)
    yield f"generated ({timezone.get_current_timezone_name()})", local.isoformat(timespec="seconds")
    yield "by", f"{actor.display} ({actor.role})"


def _chain(actor: Actor) -> Iterator[Sequence[object]]:
    chain = queries.chain(actor)
    yield "audit log, rows chained", chain.chained
    yield "audit log, rows waiting", chain.waiting
    yield "audit log, last chained (UTC)", rules.utc(chain.last_at)

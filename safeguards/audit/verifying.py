"""`audit verify`: the chain against itself, against the rows, and against what was written down outside the database."""

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import Any

from django.db import connection, connections
from django.utils import timezone

from safeguards import walkers
from safeguards.audit import anchors, chaining, checks, walking
from safeguards.audit.anchors import AnchorStore, Entry
from safeguards.audit.walking import Finding, Start, Stretch

UNCHAINED_LIMIT = timedelta(minutes=1)
SILENCE = timedelta(minutes=30)
_MOST = 1000
# Below this many links a second process takes longer to start than to read.
_ALONE = 150_000

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Report:
    """What a verification looked at and found. `notes` are worth reading and no fault of the log."""

    links: int = 0
    anchors: int = 0
    begins: int = 0
    ends: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def verify() -> Iterator[Finding]:
    """Walk the whole chain, without the anchors, and yield what is wrong: an edited, removed or inserted row, a gap, or a row
    long unchained. A cut tail and a wholly rewritten chain show only against anchors: `examine`.
    """
    yield from examine(None).findings


def examine(
    store: AnchorStore | None,
    *,
    from_anchor: int | None = None,
    processes: int | None = None,
    progress: Progress | None = None,
    evidence: bool = True,
) -> Report:
    """Look at everything and say what is wrong and where. With a store, the chain is held against its anchors.

    `from_anchor` begins behind an anchor, by its number, and trusts what lies before: for a quick look at a long log. Raises
    ValueError where there is no such anchor. A log that was purged begins behind the manifest of the purge. `evidence`
    asks the floors above as well, who read every row of theirs that the log has a digest of.
    """
    report = Report()
    kept = _Kept.read(store, report) if store else _Kept()
    _bounds(report)
    start = _start(report, kept, from_anchor)
    report.begins = start.sequence + 1
    _walk(report, start, processes, progress)
    report.findings += _unlinked(start)
    if store:
        report.findings += _against(report, kept, start)
    if evidence:
        report.findings += checks.findings(_event_at(start) if start.sequence else 0)
    return report


def hashes_at(sequences: Collection[int]) -> dict[int, str]:
    """The hashes, in hexadecimal, of the links at these sequences; those that aren't there are left out."""
    found = {0: chaining.GENESIS.hex()}
    wanted = sorted(sequences)
    with connection.cursor() as cursor:
        for at in range(0, len(wanted), 5000):
            cursor.execute(
                "SELECT sequence, hash FROM safeguards_audit_link WHERE sequence = ANY(%s)",
                [wanted[at : at + 5000]],
            )
            found |= {sequence: bytes(stood).hex() for sequence, stood in cursor.fetchall()}
    return found


def _bounds(report: Report) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(sequence), max(sequence) FROM safeguards_audit_link")
        low, high = cursor.fetchone()
    report.begins, report.ends = (low or 0), (high or 0)


def _start(report: Report, kept: "_Kept", from_anchor: int | None) -> Start:
    if from_anchor is not None:
        for entry in kept.sound:
            if entry.number == from_anchor and entry.kind != anchors.PURGED:
                return Start(entry.sequence, bytes.fromhex(entry.hash))
        raise ValueError(f"there is no sound anchor {from_anchor}")
    manifests = {entry.sequence: entry for entry in kept.sound if entry.kind == anchors.PURGED}
    last = max(manifests, default=0)
    # A purge that was cut off between its manifest and its commit removed nothing.
    manifest = manifests.get(report.begins - 1 if report.ends else last)
    return Start(manifest.sequence, bytes.fromhex(manifest.hash)) if manifest else Start()


def _event_at(start: Start) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_id FROM safeguards_audit_link WHERE sequence = %s", [start.sequence])
        # Of a log that was purged nothing is behind 0 either, and what comes first there isn't the first that ever was.
        return int(found[0]) if (found := cursor.fetchone()) else min(start.sequence, 1)


def _walk(report: Report, start: Start, processes: int | None, progress: Progress | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequence FROM (SELECT sequence, row_number() OVER (ORDER BY sequence) AS n"
            " FROM safeguards_audit_link WHERE sequence > %s) s WHERE n %% %s = 0 ORDER BY sequence",
            [start.sequence, walking.STRETCH],
        )
        borders = [start.sequence, *(row[0] for row in cursor.fetchall())]
        cursor.execute("SELECT count(*) FROM safeguards_audit_link WHERE sequence > %s", [start.sequence])
        total = cursor.fetchone()[0]
    upto = [*borders[1:], max(report.ends, borders[-1])]
    stretches = [Stretch(after, end, start) for after, end in zip(borders, upto, strict=True)]
    for seen, found in _walked(stretches, total, processes):
        report.links += seen
        report.findings += found
        if progress:
            progress(report.links, total)


def _walked(
    stretches: list[Stretch], total: int, processes: int | None
) -> Iterator[tuple[int, list[Finding]]]:
    parameters = _parameters()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = processes or (1 if total < _ALONE else min(4, cores))
    if workers == 1:
        with walking.connected(parameters) as own:
            for stretch in stretches:
                yield walking.walk(own, stretch)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), walkers.begin, (parameters,)) as pool:
        yield from pool.map(walkers.walk, stretches)


def _parameters() -> dict[str, Any]:
    # What Django's own connection would be opened with, without its adapters.
    parameters = connections["default"].get_connection_params()
    return {name: value for name, value in parameters.items() if name not in ("context", "cursor_factory")}


def _unlinked(start: Start) -> Iterator[Finding]:
    """Rows that never got their place: late ones, and ones that were put among those that have theirs, which no chainer takes."""
    now, last = timezone.now(), chaining.head()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM safeguards_audit_link WHERE sequence < 1")
        if below := cursor.fetchone()[0]:
            yield Finding("links stand before the beginning:", below, "inserted")
        cursor.execute(
            "SELECT e.id, e.id < %s AND e.xid < %s::text::xid8 FROM safeguards_audit_event e"
            " WHERE NOT EXISTS (SELECT 1 FROM safeguards_audit_link l WHERE l.event_id = e.id)"
            " AND (e.at < %s OR (e.id < %s AND e.xid < %s::text::xid8)) ORDER BY e.id LIMIT %s",
            [last.event_id, last.xid, now - UNCHAINED_LIMIT, last.event_id, last.xid, _MOST],
        )
        for event_id, among in cursor.fetchall():
            if among:
                yield Finding("put among chained rows and never chained: event", event_id, "inserted")
            else:
                yield Finding("unchained for over a minute: event", event_id, "unchained")


# --- What was written down outside.


@dataclass(slots=True)
class _Kept:
    """The store, read: entries that count, in their order, and the head."""

    sound: list[Entry] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    head: Entry | None = None
    readable: bool = False

    @classmethod
    def read(cls, store: AnchorStore, report: Report) -> "_Kept":
        kept = cls()
        try:
            lines = list(store.lines())
            head = store.head()
        except OSError as error:
            report.findings.append(Finding("the store of anchors can't be read", 0, "anchors", str(error)))
            return kept
        kept.readable = True
        kept.sound, found = _sound(lines)
        report.findings += found
        report.anchors = len(kept.sound)
        kept.digests = {str(entry.number): entry.sha256 for entry in kept.sound}
        if head is not None:
            kept.head = anchors.read(head)
            if kept.head is None or kept.head.kind != anchors.HEAD or not kept.head.signed():
                report.findings.append(Finding("the note of the chain's head is forged", 0, "anchor_forged"))
                kept.head = None
        return kept


def _sound(lines: list[tuple[str, bytes]]) -> tuple[list[Entry], list[Finding]]:
    """Entries that a key of ours signed, oldest first, and what is wrong with the store.

    A signature vouches, by the hash it covers, for the line before, and so for all before it: the last one is checked, and others
    only where that thread is broken. Six years of anchors are 210,000 lines.
    """
    entries: list[Entry] = []
    found: list[Finding] = []
    torn: list[tuple[str, str]] = []
    for place, line in lines:
        if (entry := anchors.read(line)) is None:
            torn.append((place, anchors.digest(line)))
            continue
        found += _unmended(torn, entry.mends)
        torn = []
        entries.append(entry)
    # A line torn at the very end: the next anchor will say so. It is nobody's fault yet.
    found += _unmended(torn[:-1], ())
    sound: list[Entry] = []
    vouched = ""
    for at in range(len(entries) - 1, -1, -1):
        entry = entries[at]
        if entry.sha256 != vouched and not entry.signed():
            found.append(Finding("an anchor is forged: number", entry.number, "anchor_forged"))
            continue
        if vouched and entry.sha256 != vouched:
            found.append(
                Finding("anchors were removed, moved or edited behind number", entry.number, "anchor_removed")
            )
        vouched = entry.previous
        sound.append(entry)
    sound.reverse()
    if sound and sound[0].number != 1:
        found.append(Finding("anchors are missing before number", sound[0].number, "anchor_removed"))
    return sound, found


def _unmended(torn: list[tuple[str, str]], mended: tuple[str, ...]) -> list[Finding]:
    return [
        Finding("a line of the anchors can't be read", 0, "anchor_torn", place)
        for place, hashed in torn
        if hashed not in mended
    ]


def _against(report: Report, kept: _Kept, start: Start) -> Iterator[Finding]:
    """The chain against its anchors."""
    if not kept.readable:
        return
    yield from _named_and_gone(kept)
    said = [
        entry for entry in (*kept.sound, *([kept.head] if kept.head else [])) if entry.kind != anchors.PURGED
    ]
    said = [entry for entry in said if entry.sequence >= start.sequence]
    held = {start.sequence: start.hash.hex()} | hashes_at({entry.sequence for entry in said})
    wrong = [entry for entry in said if held.get(entry.sequence) != entry.hash]
    explained = [entry for entry in wrong if _explained(entry, kept.sound)]
    if explained:
        report.notes.append(
            f"{len(explained)} anchors are of rows that a restored backup didn't hold, as was accepted."
        )
    wrong = [entry for entry in wrong if entry not in explained]
    last = chaining.head().sequence
    if cut := [entry for entry in wrong if entry.sequence > last]:
        reached = max(cut, key=lambda entry: entry.sequence)
        yield Finding(
            "the end of the log was cut off; it reached",
            reached.sequence,
            "cut",
            f"{_name(reached)}; it ends at {last}",
        )
    if other := [entry for entry in wrong if entry.sequence <= last]:
        first = min(other, key=lambda entry: entry.sequence)
        agrees = max(
            (entry.sequence for entry in said if entry not in wrong and entry.sequence < first.sequence),
            default=start.sequence,
        )
        yield Finding(
            "the chain was rewritten at or before",
            first.sequence,
            "rewritten",
            f"{_name(first)}; {len(other)} anchors disagree; up to {agrees} it is as it was",
        )
    _tell_silence(report, kept)


def _name(entry: Entry) -> str:
    what = "the note of its head" if entry.kind == anchors.HEAD else f"anchor {entry.number}"
    return f"{what} of {entry.at:%Y-%m-%d %H:%M:%S} UTC"


def _explained(entry: Entry, sound: list[Entry]) -> bool:
    return entry.kind != anchors.HEAD and any(
        later.kind == anchors.RESTORED
        and later.number > entry.number
        and entry.sequence > int(later.more.get("common", later.sequence))
        for later in sound
    )


def _named_and_gone(kept: _Kept) -> Iterator[Finding]:
    """Anchors that the log itself names and the store doesn't have: somebody took the newest ones away, or others instead."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, details->>'number', details->>'sha256' FROM safeguards_audit_event"
            " WHERE action = 'audit.anchored' ORDER BY at, id"
        )
        for event_id, number, hashed in cursor.fetchall():
            if hashed is None or kept.digests.get(str(number)) != hashed:
                what = "an anchor isn't there that is named by event"
                yield Finding(what, event_id, "anchor_removed", f"anchor {number}")


def _tell_silence(report: Report, kept: _Kept) -> None:
    newest: datetime | None = kept.sound[-1].at if kept.sound else None
    if newest is None:
        report.notes.append("There is no anchor yet: a cut or rewritten log would not show.")
    elif newest < timezone.now() - SILENCE:
        report.notes.append(
            f"The last anchor is of {newest:%Y-%m-%d %H:%M} UTC: is `beat` running, and can it write them?"
        )

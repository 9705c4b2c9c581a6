"""Writing anchors: every fifteen minutes whatever happened, and the chain's head whenever it has grown."""

import errno
import logging
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from safeguards import audit
from safeguards.actor import Actor
from safeguards.audit import anchors, chaining, folder
from safeguards.audit.anchors import AnchorStore, Entry
from safeguards.models import AuditEvent

logger = logging.getLogger(__name__)

audit.declare("audit.anchored", number=int, sequence=int, sha256=audit.DIGEST)
audit.declare("audit.anchor_failed", code=audit.WORD)
audit.declare("audit.restore_accepted", number=int, sequence=int, common=int)

EVERY = timedelta(minutes=15)
_FIRST = "0" * 64


# So many pages by one wake-up; the next is a second later.
_PAGES, _PAGE = 20, 5000


def chain_all() -> int:
    """Chain what waits, page after page while they are full; returns how many rows."""
    done = 0
    for _ in range(_PAGES):
        done += (chained := audit.chain(_PAGE))
        if chained < _PAGE:
            break
    return done


def _system() -> Actor:
    return Actor(kind="system", id="audit", display="audit log")


def newest(store: AnchorStore) -> tuple[Entry | None, tuple[str, ...]]:
    """The last entry of a store, and the SHA-256 of the torn lines behind it. Raises OSError."""
    torn: list[str] = []
    for line in store.backwards():
        if entry := anchors.read(line):
            return entry, tuple(reversed(torn))
        torn.append(anchors.digest(line))
    return None, tuple(reversed(torn))


def put(
    store: AnchorStore,
    kind: str,
    *,
    sequence: int,
    hash: bytes,
    count: int,
    more: dict[str, object] | None = None,
) -> Entry:
    """Write one entry behind the last. Raises OSError. The caller holds the lock that `take` takes."""
    last, torn = newest(store)
    line = anchors.write(
        kind,
        number=last.number + 1 if last else 1,
        at=timezone.now(),
        sequence=sequence,
        hash=hash,
        count=count,
        previous=last.sha256 if last else _FIRST,
        mends=torn,
        more=more or {},
    )
    store.put(line)
    if torn:
        logger.warning("audit anchors: %d torn lines were left by a crash and are kept", len(torn))
    entry = anchors.read(line)
    assert entry is not None  # noqa: S101 - written a line above
    return entry


def one_at_a_time() -> None:
    """Hold, for the present transaction, the lock of whoever writes to the store."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('safeguards.audit.anchor'))")


def count() -> int:
    """How many links there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM safeguards_audit_link")
        found: int = cursor.fetchone()[0]
        return found


def take(store: AnchorStore | None = None, *, only_if_due: bool = False) -> Entry | None:
    """Write an anchor of the chain as it is now, and an audit row that names it; None where `only_if_due` and none is.

    The row comes behind what it names, so each anchor's row is under the next anchor and nothing recurses. An anchor is due
    fifteen minutes after the last one even if nothing else happened: a store that has been silent for longer says that nobody
    was watching. Where the store refuses, that is logged as an error and recorded, once in fifteen minutes, and OSError raised.
    """
    store = store or folder.store()
    try:
        with transaction.atomic():
            one_at_a_time()
            if only_if_due and not _due(store):
                return None
            head = chaining.head()
            entry = put(store, anchors.ANCHOR, sequence=head.sequence, hash=head.hash, count=count())
            audit.record(
                "audit.anchored",
                actor=_system(),
                details={"number": entry.number, "sequence": entry.sequence, "sha256": entry.sha256},
            )
    except OSError as error:
        _failed(error)
        raise
    return entry


def _due(store: AnchorStore) -> bool:
    # Asked of the store: a row that somebody wrote in the database must not keep anchors from being taken.
    last, _torn = newest(store)
    return last is None or not timezone.now() - EVERY < last.at <= timezone.now()


def _failed(error: OSError) -> None:
    code = errno.errorcode.get(error.errno or 0, "unknown")
    logger.error("audit anchors: the store takes nothing (%s); the log's end is unprotected meanwhile", code)
    last = _last_of("audit.anchor_failed")
    if last is None or last < timezone.now() - EVERY:
        audit.record("audit.anchor_failed", actor=_system(), outcome="failure", details={"code": code})


def _last_of(action: str) -> datetime | None:
    return AuditEvent.objects.filter(action=action).order_by("-at").values_list("at", flat=True).first()


def note_head(store: AnchorStore | None = None, *, over: bool = False) -> None:
    """Write down where the chain ends, over the last such note: what is cut off between two anchors shows too.

    Read after the links were committed, so the note is never ahead of the log. A note that the log no longer agrees with is
    evidence and stays, with an error in the log, unless `over`: else the first row after a cut would wipe out the trace of it.
    A store that can't take the note is logged; the chain goes on.
    """
    store = store or folder.store()
    try:
        if not over and not _agrees(store.head()):
            logger.error(
                "audit anchors: the chain's end isn't what was noted of it; run `manage.py audit verify`"
            )
            return
    except OSError as error:
        _unnoted(error)
        return
    head = chaining.head()
    line = anchors.write(
        anchors.HEAD,
        number=0,
        at=timezone.now(),
        sequence=head.sequence,
        hash=head.hash,
        count=0,
        previous=_FIRST,
    )
    try:
        store.put_head(line)
    except OSError as error:
        _unnoted(error)


def _unnoted(error: OSError) -> None:
    logger.error("audit anchors: the chain's head can't be noted (%s)", errno.errorcode.get(error.errno or 0))


def _agrees(noted: bytes | None) -> bool:
    if noted is None:
        return True
    entry = anchors.read(noted)
    if entry is None or entry.kind != anchors.HEAD or not entry.signed():
        return False
    return audit.hashes_at({entry.sequence}).get(entry.sequence) == entry.hash


def accept_restore(*, actor: Actor, reason: str, store: AnchorStore | None = None) -> Entry:
    """Say that the database was restored from a backup: what was anchored and isn't there any more is explained from now on.

    Only what lies behind the last anchor that still agrees with the log is explained; a log that was changed before it stays
    reported. `reason` stands in the audit log and in the entry. Raises ValueError without one, or where no anchor disagrees.
    """
    store = store or folder.store()
    if not reason.strip():
        raise ValueError("say why the log was restored")
    with transaction.atomic():
        one_at_a_time()
        common, lost = _common(store)
        if not lost:
            raise ValueError("every anchor agrees with the log; nothing is to be explained")
        head = chaining.head()
        more: dict[str, object] = {"common": common, "reason": reason.strip()[:300]}
        entry = put(store, anchors.RESTORED, sequence=head.sequence, hash=head.hash, count=count(), more=more)
        audit.record(
            "audit.restore_accepted",
            actor=actor,
            reason=reason.strip(),
            details={"number": entry.number, "sequence": entry.sequence, "common": common},
        )
    # Over the one that the lost rows left.
    note_head(store, over=True)
    return entry


def _common(store: AnchorStore) -> tuple[int, bool]:
    """The highest anchored sequence that the log still has as it was, below all that it hasn't; and whether it lacks any."""
    entries = [entry for _place, line in store.lines() if (entry := anchors.read(line)) and entry.signed()]
    if (noted := store.head()) and (entry := anchors.read(noted)) and entry.signed():
        entries.append(entry)
    held = audit.hashes_at({entry.sequence for entry in entries})
    agree = {entry.sequence: held.get(entry.sequence) == entry.hash for entry in entries if entry.sequence}
    lost = [sequence for sequence, same in agree.items() if not same]
    below = [sequence for sequence, same in agree.items() if same and sequence < min(lost, default=0)]
    return max(below, default=0), bool(lost)

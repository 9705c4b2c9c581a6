"""What this process had begun when it died: an append-only file beside the database.

The queue lives in PostgreSQL and is finished in batches, so for a few seconds only the worker knows which
final dots it has written. The journal holds that knowledge where a kill -9 cannot reach it: the message id
just before the final dot, the reply's code after it. Exactly-once is impossible at the final dot; the
journal makes the doubt small (one message a connection) and visible (`unanswered`).

A record is in the page cache before the dot can be on the wire, so it outlives the process but not a power
failure. Therefore the first line names the boot of the machine and is flushed to disk: a journal from an
earlier boot is reported as not `complete`, and its reader must take every message of that lease for
uncertain.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_SUFFIX = ".journal"
_DRAFT = ".new"
_DRAFT_AGE = 3600.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _boot() -> str:
    """Name the running boot of the machine; empty where the system has no name for it."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


class JournalBroken(OSError):
    """A record could not be written whole, so this journal takes no further ones."""


class Journal:
    """The open journal of one lease; the file stays locked until it is closed or its process dies."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Wrap a locked file; use `Journal.open`."""
        self._path = path
        self._descriptor = descriptor
        self._broken = False
        self._begun: set[int] = set()

    @classmethod
    def open(cls, directory: Path, lease_token: int) -> Self:
        """Create and lock the journal of a lease.

        Refuses (FileExistsError) a lease token that has a journal already: it must be reconciled first.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / f"{lease_token}{_SUFFIX}"
        # Locked under another name first: a reconciler never sees a journal that nobody holds yet.
        draft = directory / f".{lease_token}.{os.getpid()}{_DRAFT}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(descriptor, f"J {_boot()}\n".encode("ascii"))
            os.fsync(descriptor)
            path.hardlink_to(draft)
        except OSError:
            os.close(descriptor)
            raise
        finally:
            draft.unlink(missing_ok=True)
        _flush_directory(directory)
        return cls(path, descriptor)

    def begin(self, message_id: int) -> None:
        """Record that the final dot of a message is about to be written; call it before writing the dot.

        Raises JournalBroken if the record is not whole; the dot must then not be written.
        """
        self._append(b"B %d\n" % message_id)
        self._begun.add(message_id)

    def has_begun(self, message_id: int) -> bool:
        """Say whether the final dot of a message may have been written."""
        return message_id in self._begun

    @property
    def broken(self) -> bool:
        """Say whether a record could not be written whole."""
        return self._broken

    def answer(self, message_id: int, code: int) -> None:
        """Record the reply to the final dot of a message (RFC 5321 §4.2)."""
        self._append(b"A %d %d\n" % (message_id, code))

    def close(self) -> None:
        """Remove the journal; call it once everything in it stands in the database."""
        if self._descriptor < 0:
            return
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the journal after a clean run; after an error leave it, unlocked, to be reconciled."""
        if error is None:
            self.close()
        elif self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, record: bytes) -> None:
        if self._broken:
            raise JournalBroken("the journal is broken; nothing more is recorded")
        try:
            written = os.write(self._descriptor, record)
        except OSError:
            self._broken = True
            raise
        if written != len(record):
            self._broken = True
            raise JournalBroken("a journal record was cut short; is the disk full?")


@dataclass(frozen=True, slots=True)
class DeadJournal:
    """What a dead process left behind.

    `accepted` and `refused` map a message id to the code of the reply to its final dot; `unanswered` had
    begun and are uncertain. Messages of the lease in none of them were not begun and may be queued again,
    but only if the journal is `complete`; otherwise (power failure, damaged file) they are uncertain too.
    """

    lease_token: int
    accepted: dict[int, int]
    refused: dict[int, int]
    unanswered: frozenset[int]
    complete: bool
    path: Path

    def forget(self) -> None:
        """Delete the file; call it after the database was written, and before asking for the next journal."""
        self.path.unlink(missing_ok=True)


def reconcile(directory: Path) -> Iterator[DeadJournal]:
    """Yield the journals whose owner is dead, each locked while the caller deals with it.

    A journal that is not forgotten is yielded again next time. Drafts of processes that died while they opened theirs are
    cleared away first: nothing stands in them.
    """
    _clear_drafts(directory)
    for path in sorted(directory.glob(f"*{_SUFFIX}")):
        try:
            stream = path.open("rb")
        except FileNotFoundError:
            continue
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            # Somebody else may have dealt with it, and deleted it, between our open and our lock.
            if os.fstat(stream.fileno()).st_nlink:
                yield _read(path, stream.read())


def _clear_drafts(directory: Path) -> None:
    """Delete drafts that nobody holds and that are old enough not to be between their making and their locking."""
    for draft in directory.glob(f".*{_DRAFT}"):
        try:
            stream = draft.open("rb")
        except FileNotFoundError:
            continue
        with stream:
            # Looked at before the lock: a draft that is just being made must not find us holding it.
            if time.time() - os.fstat(stream.fileno()).st_mtime < _DRAFT_AGE:
                continue
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            draft.unlink(missing_ok=True)


def _read(path: Path, content: bytes) -> DeadJournal:
    # What follows the last line feed was being written at the moment of death: its dot was never sent.
    head, *records = content[: content.rfind(b"\n") + 1].split(b"\n")
    complete = bool(head) and head == f"J {_boot()}".encode("ascii")
    begun: set[int] = set()
    answers: dict[int, int] = {}
    for record in records[:-1]:
        match record.split():
            case [b"B", number] if number.isdigit():
                begun.add(int(number))
                # Sent again under the same lease: an earlier answer is no answer to this dot.
                answers.pop(int(number), None)
            case [b"A", number, code] if number.isdigit() and code.isdigit():
                answers[int(number)] = int(code)
            case _:
                complete = False
    return DeadJournal(
        lease_token=int(path.name.removesuffix(_SUFFIX)),
        accepted={number: code for number, code in answers.items() if 200 <= code < 300},
        refused={number: code for number, code in answers.items() if not 200 <= code < 300},
        unanswered=frozenset(begun - answers.keys()),
        complete=complete,
        path=path,
    )


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

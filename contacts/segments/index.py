"""The index process: the one that holds opened contacts, and answers who they are in counts, ids and pages.

It follows the ledgers of contacts, lists, consent and suppressions by watermark, off the request path, and answers on a Unix
socket that its own user alone may open. It writes nothing to disk; whoever asks it writes the audit row before passing an
answer on.
"""

import contextlib
import ctypes
import logging
import os
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection

from accounts.organization.models import Organization
from contacts.consent.rules import Act, Stop
from contacts.models import Contact
from contacts.segments import rules, wire
from contacts.segments.store import Person, Stamp, Store
from contacts.segments.wire import Answer
from safeguards import ledger, phi

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.08
RETRY_SECONDS = 0.25
SLICE = 250
ZONE_SECONDS = 5.0
IDLE_SECONDS = 30.0
_PR_SET_DUMPABLE = 4
_UCRED = struct.Struct("3i")

_CONTACTS, _CONSENT, _STOPS = "contacts_contact", "consent_record", "consent_suppression"
_MEMBERSHIPS = "contacts_membership"


class _Restored(Exception):
    """The database was put back to an earlier state."""


class Follower:
    """Keeps the store at the state of the database, one slice at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.zone = ZoneInfo("UTC")
        self.complete = False
        self._marks: dict[str, int] = {}
        self._heard = 0.0
        self._zone_read = 0.0
        self._reader = phi.unaudited_reader(Contact, "record")

    @property
    def age(self) -> float:
        """Seconds since the database was last heard from."""
        return time.monotonic() - self._heard

    @property
    def today(self) -> date:
        """The day at the clinic."""
        return datetime.now(self.zone).date()

    def run(self, stop: threading.Event) -> None:
        """Follow until told to stop. A database that is away is asked again four times a second."""
        while not stop.is_set():
            try:
                self.step()
            except (OperationalError, InterfaceError):
                logger.warning("index: the database is away, last heard %.1f s ago", self.age)
                with contextlib.suppress(DatabaseError):
                    connection.close()
                stop.wait(RETRY_SECONDS)
            except _Restored:
                logger.warning("index: the database was restored, everything is read anew")
                self.complete = False
                self._marks.clear()
                self.store.clear()
            else:
                stop.wait(POLL_SECONDS)

    def step(self) -> None:
        """Apply whatever is new in the four ledgers. Raises OperationalError or InterfaceError where the database is away."""
        self._read_zone()
        # Stops and withdrawals before people: nobody is counted as reachable for a moment who isn't.
        for rows in self._news(_STOPS, ["id", "address_hash", "scope", "brand_id", "topic_id", "lifted_at"]):
            for number, address_hash, scope, brand_id, topic_id, lifted_at in rows:
                stop = None if lifted_at else Stop(scope, brand_id, topic_id)
                self.store.put_stop(bytes(address_hash), number, stop)
        columns = ["address_hash", "person_key", "subject", "topic_id", "act", "given_at", "id"]
        for rows in self._news(_CONSENT, columns):
            for address_hash, person_key, subject, topic_id, act, given_at, number in rows:
                said = Act(subject, topic_id, act, given_at, number)
                self.store.put_act(bytes(address_hash), bytes(person_key), said)
        for rows in self._news(_CONTACTS, ["id", "version", "person_key", "address_hash", "deleted_at"]):
            changed = [row[0] for row in rows if self.store.is_new(row[0], _stamp(*row[1:]))]
            for first in range(0, len(changed), SLICE):
                self._open(changed[first : first + SLICE])
        # After the people, so that nobody whom an import has just brought onto a list is taken for somebody on none.
        for rows in self._news(_MEMBERSHIPS, ["id", "contact_list_id", "contact_id", "removed_at"]):
            for number, list_id, contact_id, removed_at in rows:
                self.store.put_membership(list_id, contact_id, number, stands=removed_at is None)
        self._heard = time.monotonic()
        if not self.complete:
            self.complete = True
            logger.info("index: %s contacts read", self.store.size())

    def _news(self, table: str, columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        """Batches of rows since the table's watermark, which moves on when a batch has been applied, and not before."""
        complete = False
        while not complete:
            mark = self._marks.get(table, 0)
            news = ledger.since(table, mark, columns)
            if news.watermark < mark:
                # Transaction ids went back.
                raise _Restored
            yield news.rows
            self._marks[table], complete = news.watermark, news.complete

    def _open(self, ids: Sequence[int]) -> None:
        people: list[Person] = []
        rows: Any = Contact.objects.filter(pk__in=ids).values_list(
            "pk", "version", "person_key", "address_hash", "deleted_at", "record"
        )
        for number, version, person_key, address_hash, deleted_at, sealed in rows:
            stamp = _stamp(version, person_key, address_hash, deleted_at)
            record = None if deleted_at else self._reader.open(number, version, sealed)
            if record is None:
                self.store.remove(number, stamp)
            else:
                people.append(Person(number, stamp, record))
        self.store.put(people)

    def _read_zone(self) -> None:
        now = time.monotonic()
        if self._zone_read and now - self._zone_read < ZONE_SECONDS:
            return
        name = Organization.objects.values_list("time_zone", flat=True).first()
        if name:
            self.zone = ZoneInfo(name)
        self._zone_read = now


def _stamp(version: int, person_key: bytes, address_hash: bytes, deleted_at: datetime | None) -> Stamp:
    return version, deleted_at is not None, bytes(address_hash), bytes(person_key)


def answer(follower: Follower, question: wire.Question) -> Answer:
    """The answer to one question.

    Refused as "loading" until everything has been read once, and as "rules" for a tree that can't be asked.
    """
    store, today = follower.store, follower.today
    if not follower.complete:
        return Answer(age=follower.age, refused="loading")
    result: Any
    try:
        match question:
            case wire.CountPeople():
                tree = rules.parse(question.tree)
                result = store.count(tree, today, question.topic_id, question.brand_id)
            case wire.ListMembers():
                standing = None
                if question.reason and question.topic_id is not None and question.brand_id is not None:
                    standing = question.topic_id, question.brand_id, question.reason
                tree = rules.parse(question.tree)
                result = store.members(tree, today, question.after, question.limit, standing)
            case wire.FindPeople():
                result = store.search(question.text, question.page, question.per_page, question.list_id)
            case wire.ListValues():
                result = {key: store.values(key) for key in question.fields}
            case wire.TellState():
                result = store.size()
    except rules.RuleError:
        return Answer(age=follower.age, refused="rules")
    return Answer(age=follower.age, result=result)


class _Handler(socketserver.BaseRequestHandler):
    """One connection: question, answer, question, answer."""

    server: "IndexServer"
    request: socket.socket

    def handle(self) -> None:
        self.request.settimeout(IDLE_SECONDS)
        try:
            while (body := wire.receive(self.request, wire.MAX_QUESTION)) is not None:
                try:
                    given = answer(self.server.follower, wire.decode_question(body))
                except msgspec.MsgspecError:
                    given = Answer(age=self.server.follower.age, refused="unreadable")
                self.request.sendall(wire.encode(given))
        except (wire.FrameError, OSError):
            # Somebody who types on hangs up on the count before; there is nobody to tell.
            logger.debug("index: a connection broke off")


class IndexServer(socketserver.ThreadingUnixStreamServer):
    """The socket. Its file is for its owner alone, and the kernel says who is calling."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path, follower: Follower) -> None:
        self.follower = follower
        self.path = path
        if path.exists():
            _remove_stale(path)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        before = os.umask(0o177)
        try:
            super().__init__(str(path), _Handler)
        finally:
            os.umask(before)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Only processes of the same user are answered."""
        option = getattr(socket, "SO_PEERCRED", None)
        if option is None:  # not Linux: the mode of the file is what there is
            return True
        _pid, uid, _gid = _UCRED.unpack(request.getsockopt(socket.SOL_SOCKET, option, _UCRED.size))
        return bool(uid == os.geteuid())

    def server_close(self) -> None:
        """Stop listening, and take the file away."""
        super().server_close()
        self.path.unlink(missing_ok=True)


class AlreadyRunning(Exception):
    """Another index process answers on the socket."""


def _remove_stale(path: Path) -> None:
    """Take away the socket of a process that died; raises AlreadyRunning where somebody still listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise AlreadyRunning(str(path))


def forbid_dumps() -> None:
    """Ask the kernel to write no core dump of this process and let no other process of its user read its memory. (prctl(2))"""
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        logger.warning("index: could not forbid core dumps")


def serve(path: Path, stop: threading.Event) -> None:
    """Follow the database and answer on the socket until told to stop. Raises AlreadyRunning."""
    forbid_dumps()
    follower = Follower(Store())
    with IndexServer(path, follower) as server:
        listener = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
        listener.start()
        logger.info("index: listening")
        # The database belongs to this thread alone; questions are answered from memory on others.
        follower.run(stop)
        server.shutdown()
        listener.join()
    connection.close()

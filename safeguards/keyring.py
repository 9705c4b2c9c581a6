"""Keys: one root key outside the database wraps versioned data keys inside it, one family for each purpose."""

import os
import re
from enum import StrEnum
from threading import Lock

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from safeguards import crypto
from safeguards.models import DataKey


class Purpose(StrEnum):
    """What a family of data keys is for. Address and token keys are never rotated: see HOUSE, decision 1, and C5."""

    RECORD = "record"
    ADDRESS = "address"
    TOKEN = "token"  # noqa: S105 - the name of a purpose
    SECRET = "secret"  # noqa: S105 - the name of a purpose
    NOTICE = "notice"
    AUDIT = "audit"


class KeyMissing(Exception):
    """There is no such data key in this database; `manage.py migrate` makes the first of each purpose."""


class WrongRootKey(Exception):
    """WELLSENT_ROOT_KEY is not the key that this database's data keys are wrapped by, or a wrapped key was altered."""


SealBroken = crypto.SealBroken
"""What was sealed was altered, or stands in another place, or was sealed by a key that isn't here."""

_ROOT = re.compile(r"[0-9A-Fa-f]{64}")
_lock = Lock()
_by_id: dict[int, bytes] = {}
_current: dict[Purpose, int] = {}


def _root() -> bytes:
    # fromhex alone would quote what it was given, and would take white space.
    if not _ROOT.fullmatch(settings.ROOT_KEY):
        raise ValueError("WELLSENT_ROOT_KEY must be 64 hexadecimal digits")
    return bytes.fromhex(settings.ROOT_KEY)


def _context(purpose: str) -> bytes:
    return b"data-key|" + purpose.encode()


def create_missing(using: str = "default") -> int:
    """Make the first data key of every purpose that has none; returns how many were made.

    Runs at the end of `migrate`, in a transaction of its own: a key that is made inside somebody's transaction and then
    rolled back would take with it everything that other processes had sealed meanwhile. Raises RuntimeError inside one, and
    WrongRootKey, making none, where the keys that are there can't be unwrapped.
    """
    made = 0
    with transaction.atomic(using=using, durable=True):
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('safeguards.keyring'))")
        have = set()
        for key_id, purpose, wrapped in _rows(using):
            # A key made under another root key than its neighbours' would be lost with that one.
            _unwrapped(key_id, purpose, wrapped)
            have.add(purpose)
        for purpose in Purpose:
            if purpose.value not in have:
                wrapped = crypto.seal(_root(), 0, b"wrap", os.urandom(32), _context(purpose.value))
                DataKey.objects.using(using).create(
                    purpose=purpose.value, wrapped=wrapped, created_at=timezone.now()
                )
                made += 1
    return made


def _rows(using: str) -> list[tuple[int, str, bytes]]:
    rows = DataKey.objects.using(using).order_by("id").values_list("id", "purpose", "wrapped")
    return [(key_id, purpose, bytes(wrapped)) for key_id, purpose, wrapped in rows]


def _unwrapped(key_id: int, purpose: str, wrapped: bytes) -> bytes:
    try:
        return crypto.unseal(_root(), b"wrap", wrapped, _context(purpose))
    except crypto.SealBroken:
        raise WrongRootKey(
            f"WELLSENT_ROOT_KEY doesn't open data key {key_id} of this database. Set the root key that the database was"
            " made with; without it nothing that is sealed can be read."
        ) from None


def _load() -> None:
    found = [
        (key_id, purpose, _unwrapped(key_id, purpose, wrapped))
        for key_id, purpose, wrapped in _rows("default")
    ]
    # All or none: a ring cut short by a key that doesn't open would go on sealing with an older one.
    for key_id, purpose, key in found:
        _by_id[key_id] = key
        _current[Purpose(purpose)] = key_id


def forget() -> None:
    """Drop the cached keys, for a process that is pointed at another database."""
    with _lock:
        _by_id.clear()
        _current.clear()


def current(purpose: Purpose) -> tuple[int, bytes]:
    """The newest data key of a purpose, as (id, 32 bytes). Raises KeyMissing before the first migrate."""
    with _lock:
        if purpose not in _current:
            _load()
        if purpose not in _current:
            raise KeyMissing(f"no data key for {purpose}; run manage.py migrate")
        key_id = _current[purpose]
        return key_id, _by_id[key_id]


def by_id(key_id: int) -> bytes:
    """The data key with this id. Raises KeyMissing where there is none."""
    with _lock:
        if key_id not in _by_id:
            _load()
        if key_id not in _by_id:
            raise KeyMissing(f"no data key with id {key_id}")
        return _by_id[key_id]


def seal(purpose: Purpose, label: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Seal under the newest data key of the purpose."""
    key_id, key = current(purpose)
    return crypto.seal(key, key_id, label, plaintext, context)


def unseal(label: bytes, message: bytes, context: bytes) -> bytes:
    """Open a message under whichever data key sealed it.

    Raises SealBroken, also where the message names a key that this database never had: its header is as easily damaged as the
    rest of it. Raises KeyMissing in a database without any keys, where nothing is wrong with the message.
    """
    key_id = crypto.key_id_of(message)
    try:
        key = by_id(key_id)
    except KeyMissing:
        if not _by_id:
            raise
        raise SealBroken("sealed by a key that this database doesn't have") from None
    return crypto.unseal(key, label, message, context)

"""What was changed by hand, told without the values: each field's name with keyed hashes of what stood there and what does.

A hash proves later that a record holds (or held) what was entered on that day. It is keyed, because a plain hash of a ZIP code, a
birth date or a first name is guessed by hashing all of them; and it is bound to the record and the field, so that the log doesn't
tell which two people share a value. [BEHAVIOURS F1]
"""

import hmac
from collections.abc import Mapping
from typing import Any

from django.db import models

from safeguards import keyring
from safeguards.audit import canonical

Changes = dict[str, dict[str, str | None]]
"""By field: `old` and `new`, each a keyed hash, or None where there was no value. Iterating gives the fields' names."""

_LENGTH = 16


def changed(target: models.Model, before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """The fields of `after` that differ from `before`, in order of their names, as a detail of the kind CHANGED."""
    key_id, key = keyring.current(keyring.Purpose.AUDIT)
    place = f"{target._meta.db_table}|{target.pk}"
    return {
        field: {
            "old": _hashed(key_id, key, place, field, before.get(field)),
            "new": _hashed(key_id, key, place, field, after[field]),
        }
        for field in sorted(after)
        if before.get(field) != after[field]
    }


def holds(target: models.Model, field: str, value: Any, hashed: str) -> bool:
    """Whether a value is the one that a hash in the log stands for. Raises KeyMissing where its key isn't here."""
    key_id = int(hashed.partition(":")[0])
    place = f"{target._meta.db_table}|{target.pk}"
    return hmac.compare_digest(_hashed(key_id, keyring.by_id(key_id), place, field, value) or "", hashed)


def _hashed(key_id: int, key: bytes, place: str, field: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    message = f"changed|{place}|{field}\0".encode() + canonical.encoded(_plain(value))
    return f"{key_id}:{hmac.digest(key, message, 'sha256')[:_LENGTH].hex()}"


def _plain(value: Any) -> Any:
    """What JSON has no word for, as text: fractions, dates."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)

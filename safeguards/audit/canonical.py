"""The one canonical form of what is hashed and signed: JSON as RFC 8785 has it, for the types that we use.

No white space; keys sorted by their UTF-16 code units (section 3.2.3); in strings only quotes, the backslash and control
characters are escaped (3.2.2.2); integers that a double holds exactly (3.2.2.3). Fractions are refused: their one spelling takes
ECMAScript's own algorithm, and the log needs none.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring
from types import MappingProxyType
from typing import Any

LARGEST = 2**53 - 1
NOTHING: Mapping[str, Any] = MappingProxyType({})
VERSION = 2
"""The form in which rows are written now. Version 1 differs in fractions and in the order of unusual keys."""

COLUMNS = (
    "at",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_display",
    "session_hash",
    "method",
    "factor",
    "ip",
    "user_agent",
    "target_kind",
    "target_id",
    "patient",
    "purpose",
    "reason",
    "details",
    "request_id",
    "version",
    "id",
)
"""What of an event is under its hash, in the order of SELECTED."""

SELECTED = ", ".join(
    {"ip": "host({0}.ip)", "details": "{0}.details::text"}.get(name, f"{{0}}.{name}") for name in COLUMNS
)
"""The same for SELECT, with the table's alias to be filled in."""


class NotCanonical(ValueError):
    """The value has no canonical form here: a fraction, a number beyond a double, half of a surrogate pair, another type."""


def text(value: Any) -> str:
    """A value as canonical JSON. Raises NotCanonical."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        written: str = encode_basestring(value)
        return written
    if isinstance(value, int):
        if not -LARGEST <= value <= LARGEST:
            raise NotCanonical("a number that a double doesn't hold exactly")
        return str(value)
    if isinstance(value, Mapping):
        return (
            "{" + ",".join(f"{encode_basestring(name)}:{text(value[name])}" for name in _sorted(value)) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(text, value)) + "]"
    raise NotCanonical(f"no canonical form of {type(value).__name__}")


def _sorted(value: Mapping[str, Any]) -> list[str]:
    try:
        return sorted(value, key=_units)
    except (AttributeError, UnicodeEncodeError):
        raise NotCanonical("a key that is no text") from None


def _units(key: str) -> bytes:
    return key.encode("utf-16-be")


def encoded(value: Any) -> bytes:
    """A value as the bytes that are hashed or signed. Raises NotCanonical."""
    try:
        return text(value).encode()
    except UnicodeEncodeError:
        raise NotCanonical("half of a surrogate pair") from None


def _first_form(details: Any) -> str:
    return json.dumps(details, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_ORDER = sorted(range(len(COLUMNS)), key=lambda place: COLUMNS[place])
_PLACES = [(f"{encode_basestring(COLUMNS[place])}:", place) for place in _ORDER]
_AT, _DETAILS, _VERSION = (COLUMNS.index(name) for name in ("at", "details", "version"))
# Where the details of an event stand as text instead of as an object; the time before them always ends so.
_UNFIT = b'+00:00","details":"'


def event(row: Sequence[Any]) -> bytes:
    """An event's bytes under the hash, of its columns as SELECTED reads them.

    Rows of every version that was ever written keep their bytes: a row says itself by which form it was hashed. Details that
    `record` would never write, such as fractions, have no canonical form; they are hashed as the database's own text of them,
    so that nobody who inserts one stops the chain, and `unfit` tells them.
    """
    values = list(row)
    at: datetime = values[_AT]
    values[_AT] = at.astimezone(UTC).isoformat(timespec="microseconds")
    details = _details(values[_DETAILS], values[_VERSION])
    # Nearly all of them are text, and a million rows are asked: for those it saves a call each.
    written = [encode_basestring(value) if type(value) is str else text(value) for value in values]
    written[_DETAILS] = details
    return ("{" + ",".join([name + written[place] for name, place in _PLACES]) + "}").encode()


def _details(written: str, version: int) -> str:
    try:
        details = json.loads(written)
        return _first_form(details) if version < 2 else text(details)
    except (ValueError, RecursionError):
        return text(written)


def unfit(event: bytes) -> bool:
    """Whether an event's details have no canonical form: `record` didn't write them."""
    return _UNFIT in event

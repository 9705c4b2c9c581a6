"""What an audit row may say: each action is declared once, with the names and the kinds of its details.

A kind admits only what can be told without a person: numbers, words of the program's own, members of a closed set, identifiers
and digests. A patient's name, or what somebody typed, fits none of them, so it can't slip into a log that is kept for six years
and never changed. What is asked is asked at `record`, in tests and in production alike. [BEHAVIOURS F1]
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from ipaddress import ip_address, ip_network
from types import UnionType
from typing import Any, get_args
from uuid import UUID
from zoneinfo import available_timezones

from safeguards.audit.canonical import LARGEST

Check = Callable[[Any], bool]
MOST = 1000
"""How many members a list or a mapping among the details may have."""


class Undeclared(Exception):
    """The action's name or one of its details was never declared: a typing mistake would hide an act from every filter."""


class Unfit(Undeclared):
    """A detail isn't of the kind that was declared for it. The message names the detail and never the value."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of detail: what it is called in the message of a refusal, and what it admits."""

    name: str
    fits: Check


def _text(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _list_of(fits: Check) -> Check:
    return lambda value: (
        isinstance(value, list | tuple) and len(value) <= MOST and all(fits(each) for each in value)
    )


def _mapping_of(fits: Check) -> Check:
    return lambda value: (
        isinstance(value, Mapping)
        and len(value) <= MOST
        and all(_word(name) and fits(each) for name, each in value.items())
    )


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def _uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


def _moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _address(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ip_address(value))
    except ValueError:
        return False


def _network(value: Any) -> bool:
    try:
        return value == "" or (isinstance(value, str) and bool(ip_network(value)))
    except ValueError:
        return False


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


_word = _text(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,79}|\*")
# A keyed hash as safeguards.audit.changes makes it, or null for a value that wasn't there.
_keyed_hash = _text(r"[0-9]{1,9}:[0-9a-f]{32}")


def _change(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) == {"old", "new"}
        and all(each is None or _keyed_hash(each) for each in value.values())
    )


WORD = Kind("a word of the program's own", _word)
WORDS = Kind("a list of such words, as of fields", _list_of(_word))
CHANGED = Kind("fields with keyed hashes, as audit.changed gives them", _mapping_of(_change))
COUNTS = Kind("numbers by a word", _mapping_of(_integer))
NUMBERS = Kind("a list of whole numbers", _list_of(_integer))
DECIMALS = Kind("a list of numbers as text", _list_of(_text(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")))
DIGEST = Kind("a SHA-256 in hexadecimal", _text(r"[0-9a-f]{64}"))
ROW = Kind("the id of a row", _text(r"[0-9]{1,19}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"))
DOMAIN = Kind("a domain", _text(r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{1,63}"))
NETWORK = Kind("a network, or nothing where it isn't known", _network)
PATIENTS = Kind("a list of pseudonyms", _list_of(_text(r"[0-9a-f]{32}")))
ADDRESSES = Kind("a list of IP addresses", _list_of(_address))
ZONE = Kind("a time zone", lambda value: isinstance(value, str) and value in _zones())
# What the clinic calls something of its own, never a person: a brand, a pool. It keeps addresses and lines out; no rule could
# tell a name of a thing from a name of somebody, so few actions may use it, and each is read for that in review.
TITLE = Kind("the name of something of the clinic's own", _text(r"[^@\r\n\x00-\x1f]{1,200}"))
# What an officer filtered evidence by: dates, ids and choices. The form leaves fields out that name a person.
FILTERS = Kind("filters by a word", _mapping_of(_text(r"[^@\r\n\x00-\x1f]{0,64}")))


def among(*values: str) -> Kind:
    """A closed set of texts."""
    known = frozenset(values)
    return Kind(f"one of {len(known)} texts", lambda value: isinstance(value, str) and value in known)


def maybe(kind: object) -> Kind:
    """The same, or nothing (None)."""
    inner = _kind(kind)
    return Kind(f"{inner.name}, or nothing", lambda value: value is None or inner.fits(value))


_BUILT_IN: dict[object, Kind] = {
    int: Kind("a whole number", _integer),
    bool: Kind("yes or no", lambda value: isinstance(value, bool)),
    UUID: Kind("a UUID as text", _uuid),
    datetime: Kind("a time with its zone, as text", _moment),
    type(None): Kind("nothing", lambda value: value is None),
}


def _kind(given: object) -> Kind:
    """A declaration's word for a kind: a Kind, int, bool, UUID, datetime, an enumeration or a collection of texts (closed sets),
    or several of those joined by `|`."""
    if isinstance(given, Kind):
        return given
    if isinstance(given, type) and issubclass(given, Enum):
        return among(*(str(member.value) for member in given))
    if isinstance(given, type) and given in _BUILT_IN:
        return _BUILT_IN[given]
    if isinstance(given, UnionType):
        kinds = [_kind(each) for each in get_args(given)]
        return Kind(
            " or ".join(each.name for each in kinds), lambda value: any(each.fits(value) for each in kinds)
        )
    if isinstance(given, Collection) and not isinstance(given, str):
        return among(*map(str, given))
    raise TypeError(f"{given!r} is no kind of detail")


_declared: dict[str, dict[str, Kind]] = {}


def declare(action: str, **details: object) -> None:
    """Make an action known, with the kinds of its details: `declare("list.made", clinical=bool)`.

    Kinds are int, bool, UUID, datetime, an enumeration, a collection of texts (a closed set), or one of this module's. Each
    detail may be left out of a row. A trailing underscore is dropped from a name that Python keeps for itself (`import_`).
    """
    _declared[action] = {name.rstrip("_"): _kind(kind) for name, kind in details.items()}


def declared() -> list[str]:
    """Every declared action, sorted."""
    return sorted(_declared)


def kinds_of(action: str) -> dict[str, str]:
    """The details of an action, each with what its kind is called. Raises Undeclared."""
    if action not in _declared:
        raise Undeclared(action)
    return {name: kind.name for name, kind in _declared[action].items()}


def checked(action: str, details: Mapping[str, Any] | None) -> dict[str, Any]:
    """The details as they may be written. Raises Undeclared, and Unfit without quoting the value, which may be a patient's."""
    if action not in _declared:
        raise Undeclared(action)
    kinds, given = _declared[action], dict(details or {})
    if unknown := set(given) - set(kinds):
        raise Undeclared(f"{action}: {sorted(unknown)}")
    for name, value in given.items():
        if not kinds[name].fits(value):
            raise Unfit(f"{action}: {name} must be {kinds[name].name}, not {type(value).__name__}")
    return given

"""Who may be written to: the one reading of the ledgers, asked by the gate at sending and by the index for its counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

CARRIED = "carried over with a changed address"
ELSEWHERE = "said in a mail to another address"
SOURCES = frozenset(
    {
        "one-click",
        "unsubscribe page",
        "preferences page",
        "undo on the page",
        "confirmation",
        "hard bounce",
        "telephone",
        CARRIED,
        ELSEWHERE,
    }
)
"""By which ways a suppression comes and goes: a closed set, so that the audit log may name them."""


class Standing(StrEnum):
    """Whether somebody may get marketing on a topic."""

    REACHABLE = "reachable"
    NO_CONSENT = "no_consent"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """An act of consent about to be recorded. `given_at` is aware; `evidence` carries no name, address or health data.

    A `topic_id` of None speaks of every topic, or of tracking, which has none.
    """

    address_hash: bytes
    person_key: bytes
    subject: str
    topic_id: int | None
    act: str
    source: str
    given_at: datetime
    text_version: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Act:
    """An act as the ledger has it. `id` breaks ties between acts given at the same moment."""

    subject: str
    topic_id: int | None
    act: str
    given_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody's new address, about to be bound. `only_refusals`: nothing of what they agreed to goes along.

    `evidence` says by what they moved, and carries no name, address or health data.
    """

    person_key: bytes
    old: bytes
    new: bytes
    evidence: Mapping[str, Any] = field(default_factory=dict)
    only_refusals: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """A suppression that stands."""

    scope: str
    brand_id: int | None
    topic_id: int | None


def _newest(acts: Iterable[Act], subject: str, topics: tuple[int | None, ...]) -> Act | None:
    said = [act for act in acts if act.subject == subject and act.topic_id in topics]
    return max(said, key=lambda act: (act.given_at, act.id), default=None)


def newest_of_each(acts: Iterable[Act]) -> list[Act]:
    """The newest word on each subject and topic, in the order in which they were given."""
    newest: dict[tuple[str, int | None], Act] = {}
    for act in sorted(acts, key=lambda act: (act.given_at, act.id)):
        newest[(act.subject, act.topic_id)] = act
    return sorted(newest.values(), key=lambda act: (act.given_at, act.id))


def stops(stop: Stop, *, topic_id: int, brand_id: int) -> bool:
    """Whether a suppression forbids commercial mail of this brand on this topic."""
    match stop.scope:
        case "brand":
            return stop.brand_id in (None, brand_id)
        case "topic":
            return stop.topic_id == topic_id
        case _:
            return True


def standing(acts: Iterable[Act], suppressions: Iterable[Stop], *, topic_id: int, brand_id: int) -> Standing:
    """What the ledgers say of one person and topic: a standing "no" first, then the newest word on the topic or on all topics.

    The newest act is the one given last, not recorded last: re-importing an old file doesn't undo a later withdrawal.
    """
    if any(stops(stop, topic_id=topic_id, brand_id=brand_id) for stop in suppressions):
        return Standing.SUPPRESSED
    return Standing.REACHABLE if agrees(acts, topic_id=topic_id) else Standing.NO_CONSENT


def agrees(acts: Iterable[Act], *, topic_id: int | None) -> bool:
    """Whether the newest word on this topic or on all topics is a yes; with None, on all topics, those to come included."""
    newest = _newest(acts, "marketing", (topic_id, None))
    return newest is not None and newest.act == "opt_in"


def tracking_agreed(acts: Iterable[Act]) -> bool:
    """Whether the person agreed to be counted as a person. Silence is no (E1)."""
    newest = _newest(acts, "tracking", (None,))
    return newest is not None and newest.act == "opt_in"

"""Log reviews: which periods there are, what is counted in them, and the digest that a signature binds. [164.308(a)(1)(ii)(D)]"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from statistics import mean
from typing import Any
from zoneinfo import ZoneInfo

_WEEK = timedelta(days=7)
# Fewer than so many are never called unusual, whatever there was before.
_FEW = 10
# So many periods have to lie behind before anything is compared with them.
_ENOUGH = 2


class Every(StrEnum):
    """How often the log is reviewed."""

    WEEK = "weekly"
    MONTH = "monthly"


def period_of(moment: datetime, every: Every, zone: str) -> tuple[datetime, datetime]:
    """The week (from Monday) or month that holds a moment, by the clocks of a zone; its end belongs to the next one."""
    clocks = ZoneInfo(zone)
    day = moment.astimezone(clocks).date()
    if every is Every.WEEK:
        first = day - timedelta(days=day.weekday())
        last = first + _WEEK
    else:
        first = day.replace(day=1)
        last = date(day.year + day.month // 12, day.month % 12 + 1, 1)

    def midnight(of: date) -> datetime:
        return datetime.combine(of, time.min, clocks)

    return midnight(first), midnight(last)


def ended_periods(
    since: datetime, now: datetime, every: Every, zone: str
) -> Iterator[tuple[datetime, datetime]]:
    """Each period that has ended by now, from the one that holds `since` on. The first begins at `since` where that is later."""
    begins, ends = period_of(since, every, zone)
    begins = max(begins, since)
    while ends <= now:
        yield begins, ends
        begins, ends = period_of(ends, every, zone)


def stands_out(number: int, before: tuple[int, ...]) -> bool:
    """Whether a number is unusual: at least 10, and more than twice the average of the periods before."""
    return number >= _FEW and len(before) >= _ENOUGH and number > 2 * mean(before)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a period, and what it was in the periods before, the newest first."""

    key: str
    number: int
    before: tuple[int, ...] = ()

    @property
    def usual(self) -> int | None:
        """The average of the periods before; None where there are too few."""
        return round(mean(self.before)) if len(self.before) >= _ENOUGH else None

    @property
    def unusual(self) -> bool:
        """Whether it stands out."""
        return stands_out(self.number, self.before)


@dataclass(frozen=True, slots=True)
class Share:
    """The records that one person of the staff opened, in how many goes, and in the periods before."""

    person: str
    name: str
    records: int
    openings: int
    before: tuple[int, ...] = ()

    @property
    def usual(self) -> int | None:
        """The average of the periods before; None where there are too few."""
        return round(mean(self.before)) if len(self.before) >= _ENOUGH else None

    @property
    def unusual(self) -> bool:
        """Whether it stands out."""
        return stands_out(self.records, self.before)


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is looked at in one period."""

    figures: tuple[Figure, ...]
    shares: tuple[Share, ...]

    def as_json(self) -> dict[str, Any]:
        """As it is kept once it is signed."""
        return {
            "figures": [asdict(each) for each in self.figures],
            "shares": [asdict(each) for each in self.shares],
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Figures":
        """As it was kept."""
        return cls(
            tuple(Figure(each["key"], each["number"], tuple(each["before"])) for each in kept["figures"]),
            tuple(Share(**(each | {"before": tuple(each["before"])})) for each in kept["shares"]),
        )


def digest_of(begins: datetime, ends: datetime, figures: Mapping[str, Any]) -> str:
    """SHA-256 in hexadecimal over period (UTC seconds) and figures, as sorted JSON without white space."""
    bound = {"begins": int(begins.timestamp()), "ends": int(ends.timestamp()), **figures}
    return hashlib.sha256(json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

"""What is unusual for somebody: by their own past, and by floors under which nothing is. Pure, like the rules."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What an alert is about."""

    CHARTS = "charts"
    RECORDS = "records"
    TAKEN = "taken"
    HOURS = "hours"
    REFUSALS = "refusals"
    GUESSES = "guesses"
    RESET = "reset"


# So many a day are nothing unusual for anybody: charts opened one by one, and records whose names and addresses were shown.
FLOORS = {Kind.CHARTS: 20, Kind.RECORDS: 1000}
# The past that somebody is compared with, and how far above its busiest day is unusual.
PAST = timedelta(days=30)
TIMES = 2
# Sign-ins, and days of them, that make a habit; and how near to a habit's time another one is.
ENOUGH, ENOUGH_DAYS = 10, 5
NEAR = timedelta(hours=2)
# One in so many may be an exception of the past without making a habit.
ONE_IN = 20
# Refusals within an hour: of one person, and from one network by whoever names nobody that we know.
HOUR = timedelta(hours=1)
LIMITS = {Kind.REFUSALS: 8, Kind.GUESSES: 30}
# How long after a reset a first sign-in with another device is looked at.
AFTER_RESET = timedelta(days=7)

_DAY = 24 * 60


def many(kind: Kind, today: int, before: Mapping[date, int]) -> bool:
    """Whether so many in a day are unusual: above the floor, and more than twice the busiest of the days before."""
    return today > max(FLOORS[kind], TIMES * max(before.values(), default=0))


def odd_hour(moment: datetime, before: Iterable[datetime]) -> bool:
    """Whether somebody signs in at a time of day at which they hardly ever did. All times as the person's own clock shows them.

    Says no as long as there is no habit: ten sign-ins on five days. Midnight is no border.
    """
    past = list(before)
    if len(past) < ENOUGH or len({each.date() for each in past}) < ENOUGH_DAYS:
        return False
    near = sum(_apart(moment, each) <= NEAR.total_seconds() / 60 for each in past)
    return near * ONE_IN < len(past)


def _apart(one: datetime, other: datetime) -> int:
    minutes = abs((one.hour * 60 + one.minute) - (other.hour * 60 + other.minute))
    return min(minutes, _DAY - minutes)


def burst(kind: Kind, moments: Iterable[datetime]) -> tuple[datetime, datetime, int] | None:
    """The fullest hour of refusals, as its first and last moment and their number, where it reaches the limit."""
    ordered = sorted(moments)
    best: tuple[datetime, datetime, int] | None = None
    first = 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] > HOUR:
            first += 1
        number = last - first + 1
        if number >= LIMITS[kind] and (best is None or number > best[2]):
            best = ordered[first], moment, number
    return best


def soon_after(reset: datetime | None, moment: datetime) -> bool:
    """Whether a first sign-in with another device follows a reset of the factor closely enough to be looked at."""
    return reset is not None and timedelta(0) <= moment - reset <= AFTER_RESET

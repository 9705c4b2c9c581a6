"""What is unusual, by tables: floors, somebody's own past, clocks that go round midnight, bursts (BEHAVIOURS A8)."""

from datetime import date, datetime, timedelta

import pytest

from accounts import unusual
from accounts.unusual import Kind

MONDAY = datetime(2026, 11, 23, 9, 0)  # noqa: DTZ001 - as a person's own clock shows it


@pytest.mark.parametrize(
    ("kind", "today", "before", "is_unusual"),
    [
        (Kind.CHARTS, 20, [], False),
        (Kind.CHARTS, 21, [], True),
        (Kind.CHARTS, 21, [3, 8], True),
        (Kind.CHARTS, 30, [15, 2], False),
        (Kind.CHARTS, 31, [15, 2], True),
        (Kind.CHARTS, 60, [30, 30, 30], False),
        (Kind.CHARTS, 0, [], False),
        (Kind.RECORDS, 1000, [], False),
        (Kind.RECORDS, 1001, [], True),
        (Kind.RECORDS, 1001, [600], False),
        (Kind.RECORDS, 1201, [600], True),
    ],
)
def test_how_many_are_many(kind: Kind, today: int, before: list[int], is_unusual: bool) -> None:
    days = {date(2026, 11, 1) + timedelta(days=n): count for n, count in enumerate(before)}
    assert unusual.many(kind, today, days) is is_unusual


def mornings(count: int, hour: int = 9) -> list[datetime]:
    return [MONDAY.replace(hour=hour) - timedelta(days=n + 1, minutes=n * 7 % 50) for n in range(count)]


@pytest.mark.parametrize(
    ("at", "before", "is_odd"),
    [
        ("03:05", mornings(20), True),
        ("03:05", mornings(9), False),
        # Often, but on too few days to be a habit.
        ("03:05", [MONDAY - timedelta(days=n % 4 + 1, minutes=n) for n in range(20)], False),
        ("09:30", mornings(20), False),
        ("06:15", mornings(20), False),
        ("11:00", mornings(20), False),
        ("11:01", [MONDAY - timedelta(days=n) for n in range(1, 21)], True),
        # Midnight is no border.
        ("00:30", mornings(20, hour=23), False),
        ("23:30", [MONDAY.replace(hour=2) - timedelta(days=n) for n in range(1, 21)], True),
        ("23:30", [MONDAY.replace(hour=0, minute=30) - timedelta(days=n) for n in range(1, 21)], False),
        # One exception of forty makes no habit, two do not make it odd any more.
        ("03:05", [*mornings(40), MONDAY.replace(hour=3) - timedelta(days=50)], True),
        ("03:05", [*mornings(38), *(MONDAY.replace(hour=3) - timedelta(days=n) for n in (50, 51))], False),
        ("03:05", [], False),
    ],
)
def test_which_hour_is_odd(at: str, before: list[datetime], is_odd: bool) -> None:
    hour, minute = map(int, at.split(":"))
    assert unusual.odd_hour(MONDAY.replace(hour=hour, minute=minute), before) is is_odd


@pytest.mark.parametrize(
    ("minutes", "number"),
    [
        ([], 0),
        (list(range(7)), 0),
        (list(range(8)), 8),
        ([n * 8 for n in range(8)], 8),
        # Eight, but over more than an hour.
        ([n * 9 for n in range(8)], 0),
        ([0, *range(200, 209), 400], 9),
    ],
)
def test_how_many_refusals_in_an_hour_are_a_burst(minutes: list[int], number: int) -> None:
    found = unusual.burst(Kind.REFUSALS, [MONDAY + timedelta(minutes=n) for n in reversed(minutes)])
    assert (found[2] if found else 0) == number
    if found:
        assert found[1] - found[0] <= unusual.HOUR


def test_guesses_take_more() -> None:
    assert unusual.burst(Kind.GUESSES, [MONDAY] * 29) is None
    assert unusual.burst(Kind.GUESSES, [MONDAY] * 30) == (MONDAY, MONDAY, 30)


@pytest.mark.parametrize(
    ("hours", "is_soon"), [(0, True), (3, True), (7 * 24, True), (7 * 24 + 1, False), (-1, False)]
)
def test_what_is_soon_after_a_reset(hours: int, is_soon: bool) -> None:
    assert unusual.soon_after(MONDAY, MONDAY + timedelta(hours=hours)) is is_soon


def test_without_a_reset_nothing_is_soon() -> None:
    assert not unusual.soon_after(None, MONDAY)

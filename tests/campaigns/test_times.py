"""Times to send at: what the clocks of a zone show as a moment, through the nights on which they are set."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import rules
from campaigns.rules import US_ZONES, Missed, State

NEW_YORK = "America/New_York"
SPRING, AUTUMN = date(2027, 3, 14), date(2027, 11, 7)


def test_what_the_clocks_show_is_a_moment() -> None:
    assert rules.moment(date(2026, 11, 26), time(10), NEW_YORK) == datetime(2026, 11, 26, 15, tzinfo=UTC)
    assert rules.moment(date(2027, 7, 1), time(10), NEW_YORK) == datetime(2027, 7, 1, 14, tzinfo=UTC)
    assert rules.moment(date(2027, 7, 1), time(10), "UTC") == datetime(2027, 7, 1, 10, tzinfo=UTC)


def test_an_hour_that_is_skipped_is_none_and_one_that_comes_twice_is_not_guessed() -> None:
    with pytest.raises(rules.NoSuchTime):
        rules.moment(SPRING, time(2, 30), NEW_YORK)
    with pytest.raises(rules.TwiceThatDay):
        rules.moment(AUTUMN, time(1, 30), NEW_YORK)
    # Their edges, and the same nights where the clocks stay.
    assert rules.moment(SPRING, time(3), NEW_YORK) == datetime(2027, 3, 14, 7, tzinfo=UTC)
    assert rules.moment(AUTUMN, time(2), NEW_YORK) == datetime(2027, 11, 7, 7, tzinfo=UTC)
    assert rules.moment(SPRING, time(2, 30), "America/Phoenix") == datetime(2027, 3, 14, 9, 30, tzinfo=UTC)


@given(
    st.dates(date(2024, 1, 1), date(2035, 12, 31)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(US_ZONES),
)
def test_a_moment_shows_again_as_it_was_given(day: date, at: time, zone: str) -> None:
    try:
        found = rules.moment(day, at, zone)
    except rules.NoSuchTime:
        assert at.hour == 2
        return
    except rules.TwiceThatDay:
        assert at.hour == 1
        return
    assert found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == datetime.combine(day, at)


@pytest.mark.parametrize(
    ("at", "quiet"),
    [(time(20, 59), False), (time(21), True), (time(0), True), (time(7, 59), True), (time(8), False)],
)
def test_night_is_from_nine_to_eight_by_the_clocks_of_the_zone(at: time, quiet: bool) -> None:
    assert rules.is_quiet(rules.moment(date(2027, 1, 5), at, "America/Denver"), "America/Denver") is quiet


def test_each_zone_is_offered_once_the_organisations_first() -> None:
    offered = rules.zones("America/Chicago", "Europe/Berlin")
    assert offered[:3] == ("America/Chicago", "Europe/Berlin", "UTC")
    assert len(offered) == len(set(offered)) == len(US_ZONES) + 2


def test_why_a_time_is_missed() -> None:
    def why(state: State, *, active: bool = True, minutes: int = 0) -> Missed | None:
        return rules.missed(state=state, active=active, late_by=timedelta(minutes=minutes))

    assert why(State.APPROVED) is None
    assert why(State.APPROVED, minutes=60) is None
    assert why(State.APPROVED, minutes=61) is Missed.TOO_LATE
    assert why(State.APPROVED, active=False) is Missed.DEACTIVATED
    assert why(State.WAITING, minutes=61) is Missed.NOT_APPROVED
    assert why(State.RETURNED) is Missed.NOT_APPROVED
    assert why(State.DRAFT) is Missed.CHANGED

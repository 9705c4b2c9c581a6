"""The one reading of the ledgers: every branch, and what must hold for any history (BEHAVIOURS C1, C4, C8, E1)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.consent.rules import Act, Standing, Stop, standing, stops, tracking_agreed

START = datetime(2026, 1, 5, tzinfo=UTC)
TOPIC, OTHER, BRAND, RIVAL = 1, 2, 10, 20


def act(
    what: str, *, topic: int | None = TOPIC, day: int = 0, pk: int = 1, subject: str = "marketing"
) -> Act:
    return Act(subject, topic, what, START + timedelta(days=day), pk)


def asked(acts: list[Act], suppressions: list[Stop] | None = None) -> Standing:
    return standing(acts, suppressions or [], topic_id=TOPIC, brand_id=BRAND)


def test_silence_is_no() -> None:
    assert asked([]) is Standing.NO_CONSENT
    assert not tracking_agreed([])


@pytest.mark.parametrize("topic", [TOPIC, None])
def test_an_opt_in_for_the_topic_or_for_all_is_yes(topic: int | None) -> None:
    assert asked([act("opt_in", topic=topic)]) is Standing.REACHABLE


def test_an_opt_in_for_another_topic_or_for_tracking_is_no() -> None:
    assert asked([act("opt_in", topic=OTHER)]) is Standing.NO_CONSENT
    assert asked([act("opt_in", topic=None, subject="tracking")]) is Standing.NO_CONSENT


def test_the_word_given_last_holds_though_recorded_first() -> None:
    withdrew = act("opt_out", day=9, pk=1)
    old_file = act("opt_in", day=2, pk=2)
    assert asked([withdrew, old_file]) is Standing.NO_CONSENT
    assert asked([old_file, withdrew]) is Standing.NO_CONSENT


def test_of_two_words_in_one_moment_the_later_row_holds() -> None:
    assert asked([act("opt_out", pk=2), act("opt_in", pk=1)]) is Standing.NO_CONSENT
    assert asked([act("opt_in", pk=2), act("opt_out", pk=1)]) is Standing.REACHABLE


def test_withdrawing_from_all_topics_ends_the_earlier_ones() -> None:
    assert asked([act("opt_in"), act("opt_out", topic=None, day=1)]) is Standing.NO_CONSENT


@pytest.mark.parametrize(
    ("stop", "forbids"),
    [
        (Stop("all", None, None), True),
        (Stop("marketing", None, None), True),
        (Stop("hard_bounce", None, None), True),
        (Stop("complaint", None, None), True),
        (Stop("brand", BRAND, None), True),
        (Stop("brand", None, None), True),
        (Stop("brand", RIVAL, None), False),
        (Stop("topic", None, TOPIC), True),
        (Stop("topic", None, OTHER), False),
        (Stop("a scope of tomorrow", None, None), True),
    ],
)
def test_what_a_suppression_forbids(stop: Stop, forbids: bool) -> None:
    assert stops(stop, topic_id=TOPIC, brand_id=BRAND) is forbids
    expected = Standing.SUPPRESSED if forbids else Standing.REACHABLE
    assert asked([act("opt_in")], [stop]) is expected


def test_tracking_is_agreed_apart_and_can_be_withdrawn() -> None:
    agreed = act("opt_in", topic=None, subject="tracking")
    assert tracking_agreed([agreed])
    assert not tracking_agreed([act("opt_in", topic=None)])
    assert not tracking_agreed([agreed, act("opt_out", topic=None, day=1, subject="tracking")])


acts = st.lists(
    st.builds(
        Act,
        st.sampled_from(["marketing", "tracking"]),
        st.sampled_from([TOPIC, OTHER, None]),
        st.sampled_from(["opt_in", "opt_out"]),
        st.datetimes(timezones=st.just(UTC)),
        st.integers(1, 999),
    ),
    unique_by=lambda one: one.id,
    max_size=8,
)
suppressions = st.lists(
    st.builds(
        Stop,
        st.sampled_from(["all", "brand", "marketing", "topic", "hard_bounce", "complaint"]),
        st.sampled_from([BRAND, RIVAL, None]),
        st.sampled_from([TOPIC, OTHER, None]),
    ),
    max_size=4,
)


@settings(max_examples=50)
@given(acts, suppressions, st.randoms())
def test_the_order_of_rows_decides_nothing(said: list[Act], stopped: list[Stop], chance: object) -> None:
    before = asked(said, stopped), tracking_agreed(said)
    chance.shuffle(said)  # type: ignore[attr-defined]
    chance.shuffle(stopped)  # type: ignore[attr-defined]
    assert (asked(said, stopped), tracking_agreed(said)) == before


@settings(max_examples=50)
@given(acts, suppressions, suppressions)
def test_another_no_never_makes_anybody_reachable(
    said: list[Act], stopped: list[Stop], more: list[Stop]
) -> None:
    if asked(said, stopped) is not Standing.REACHABLE:
        assert asked(said, stopped + more) is not Standing.REACHABLE


@settings(max_examples=50)
@given(acts, suppressions)
def test_nobody_is_reachable_who_never_agreed(said: list[Act], stopped: list[Stop]) -> None:
    agreed = any(
        one.act == "opt_in" and one.subject == "marketing" and one.topic_id in (TOPIC, None) for one in said
    )
    if not agreed:
        assert asked(said, stopped) is not Standing.REACHABLE

"""Small numbers stay covered, also by subtraction."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.segments.masking import FEWER, SMALL, Figure, Telling, exactly, mask, told, told_without_charts

_parts = st.fixed_dictionaries(
    {
        reason: st.integers(0, 30) | st.integers(0, 3000)
        for reason in ("deceased", "minor", "no_consent", "suppressed", "reachable")
    }
)


def _range(figure: Figure, match: int) -> range:
    """The numbers a reader must reckon with."""
    match figure.telling:
        case Telling.EXACT:
            return range(figure.least, figure.least + 1)
        case Telling.FEWER:
            return range(SMALL)
        case _:
            return range(figure.least, match + 1)


def test_a_small_segment_says_only_that_it_is_small() -> None:
    shown = mask(10, {"no_consent": 4, "reachable": 6})
    assert (shown.match, shown.reachable, shown.left_out, shown.reasons) == (FEWER, FEWER, FEWER, ())
    assert mask(10, {}).match == FEWER
    assert mask(0, {}).match == FEWER
    assert mask(11, {}).match == exactly(11)


def test_few_left_out_are_not_found_by_subtraction() -> None:
    shown = mask(100, {"deceased": 2, "no_consent": 3, "reachable": 95})
    assert (shown.match.exact, shown.left_out, shown.reasons) == (100, FEWER, ())
    assert shown.reachable == Figure(Telling.AT_LEAST, 90)
    # Two or eight left out look the same.
    assert mask(100, {"deceased": 2, "reachable": 98}) == mask(100, {"deceased": 8, "reachable": 92})


def test_few_reachable_are_not_found_by_subtraction() -> None:
    shown = mask(100, {"no_consent": 97, "reachable": 3})
    assert (shown.reachable, shown.left_out) == (FEWER, Figure(Telling.AT_LEAST, 90))


def test_a_small_reason_hides_the_reasons_and_leaves_their_total() -> None:
    shown = mask(100, {"deceased": 2, "no_consent": 40, "reachable": 58})
    assert (shown.reachable, shown.left_out, shown.reasons) == (exactly(58), exactly(42), ())
    assert shown.masked


def test_large_numbers_are_told() -> None:
    parts = {"deceased": 0, "no_consent": 42, "reachable": 58}
    shown = mask(100, parts)
    assert shown == told(100, parts)
    assert not shown.masked
    assert shown.reasons == (("deceased", exactly(0)), ("no_consent", exactly(42)))


@settings(max_examples=50)
@given(_parts)
def test_no_number_from_one_to_ten_can_be_worked_out(parts: dict[str, int]) -> None:
    match = sum(parts.values())
    shown = mask(match, parts)
    assert shown.reachable is not None
    assert shown.left_out is not None
    for figure in (shown.match, shown.reachable, shown.left_out, *(figure for _, figure in shown.reasons)):
        assert figure.exact is None or figure.exact == 0 or figure.exact >= SMALL
    if shown.match.exact is None:
        return
    # Every pair (reachable, left out) that fits what is shown and adds up: one alone would be an answer.
    possible = [
        reachable
        for reachable in _range(shown.reachable, match)
        if match - reachable in _range(shown.left_out, match)
    ]
    assert parts["reachable"] in possible
    small = min(parts["reachable"], match - parts["reachable"])
    assert not 0 < small < SMALL or len(possible) >= SMALL


@pytest.mark.parametrize(
    ("dead", "others", "is_covered"),
    [(0, 0, False), (1, 0, True), (0, 1, True), (3, 30, True), (10, 1, True), (0, 30, False), (11, 0, False)],
)
def test_how_few_have_died_is_covered_though_the_segment_asks_nothing_of_health(
    dead: int, others: int, is_covered: bool
) -> None:
    parts = {"deceased": dead, "minor": 0, "no_consent": others, "suppressed": 0, "reachable": 20}
    shown = told_without_charts(20 + dead + others, parts)
    assert (shown.match.exact, shown.reachable) == (20 + dead + others, exactly(20))
    assert shown.left_out == exactly(dead + others)
    assert (shown.reasons == ()) == shown.masked == is_covered


def test_one_person_left_out_looks_the_same_whyever() -> None:
    alike = {
        told_without_charts(1, {"deceased": dead, "no_consent": 1 - dead, "reachable": 0}) for dead in (0, 1)
    }
    assert len(alike) == 1

"""What a campaign's page tells leads to no number of people from 1 to 10, whatever is subtracted."""

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.delivery.queries import Progress
from campaigns.queries import Shown, shown
from contacts.segments.masking import SMALL

_count = st.integers(0, 30) | st.integers(0, 3000)
_states = st.fixed_dictionaries(
    {name: _count for name in ("sent", "bounced", "expired", "uncertain", "cancelled", "queued")}
)
_reasons = st.fixed_dictionaries({name: _count for name in ("deceased", "no_consent", "suppressed")})


def progress(states: dict[str, int], reasons: dict[str, int], clicks: tuple[int, int] = (0, 0)) -> Progress:
    every = {**states, "withheld": sum(reasons.values())}
    return Progress(every, reasons, sum(every.values()), 0, 0, clicks[0], clicks[1], 0, 0)


def parts(seen: Shown) -> list[int | None]:
    """The disjoint numbers that add up to the audience, as they stand on the page."""
    return [
        seen.sent,
        seen.waiting,
        seen.withheld,
        seen.bounced,
        seen.expired,
        seen.uncertain,
        seen.cancelled,
    ]


@settings(max_examples=50, deadline=None)
@given(_states, _reasons, _count, _count)
def test_no_small_number_follows_from_what_stands_there(
    states: dict[str, int], reasons: dict[str, int], people: int, untied: int
) -> None:
    counted = progress(states, reasons, (people, untied))
    seen = shown(counted, cover=True, links=[people, untied])
    small = [number for number in (*states.values(), sum(reasons.values())) if 0 < number < SMALL]
    told = parts(seen)
    rest = counted.settled - counted.sent
    together = [counted.sent, counted.waiting, rest, counted.settled]
    if counted.audience < SMALL or any(0 < number < SMALL for number in together):
        # Nothing but the audience, which any split of it fits: each part may be anything from nought to all.
        assert told == [None] * len(told)
        assert (seen.settled, seen.not_sent, seen.reasons, seen.tracked) == (None, None, None, None)
        assert seen.covered
    elif small:
        # The rest in one number, which any split of it fits, and nothing of what it is made of.
        assert told == [counted.sent, counted.waiting, *[None] * 5]
        assert (seen.not_sent, seen.not_delivered, seen.reasons) == (rest, None, None)
        assert seen.covered
    else:
        assert sum(number or 0 for number in told) == counted.audience
        assert all(number is not None and not 0 < number < SMALL for number in told)
    assert seen.audience.exact is None or seen.audience.exact >= SMALL
    if seen.reasons is not None:
        assert not any(0 < number < SMALL for number in seen.reasons.values())
    clicks = (seen.clicked, seen.clicked_people, seen.clicked_untied)
    if any(0 < number < SMALL for number in (people, untied)):
        assert clicks == (None, None, None)


def test_the_number_sent_does_not_give_away_who_was_withheld() -> None:
    seen = shown(progress({"sent": 97}, {"deceased": 3}), cover=True)
    assert (seen.audience.exact, seen.sent, seen.withheld, seen.settled) == (100, None, None, None)


def test_one_bounce_covers_the_parts_of_what_was_not_sent_and_no_more() -> None:
    seen = shown(progress({"sent": 71, "bounced": 1}, {"no_consent": 43, "deceased": 20}), cover=True)
    assert (seen.sent, seen.not_sent, seen.withheld, seen.bounced) == (71, 64, None, None)


def test_whoever_may_know_sees_all() -> None:
    seen = shown(progress({"sent": 97}, {"deceased": 3}), cover=False)
    assert (seen.sent, seen.withheld, seen.reasons, seen.covered) == (97, 3, {"deceased": 3}, False)

"""What an outcome at the wire means for its message."""

from datetime import UTC, datetime, timedelta

import pytest

from campaigns.delivery import replies, rules
from campaigns.delivery.actions.claims import Claimed
from campaigns.delivery.outcome import Kind, Outcome


def claimed(attempts: int) -> Claimed:
    return Claimed(1, 1, 1, bytes(16), bytes(16), attempts, datetime.now(UTC))


def wait(kind: Kind, *, attempts: int, known: bool) -> timedelta:
    before = datetime.now(UTC)
    following = replies.next_state(Outcome(kind, 1), claimed(attempts), known=known, jitter=0)
    assert following.due is not None
    return following.due - before


@pytest.mark.parametrize("kind", [Kind.UNREACHABLE, Kind.REFUSED_US])
def test_a_domain_of_nobody_known_waits_longer_and_longer(kind: Kind) -> None:
    waits = [wait(kind, attempts=attempts, known=False) for attempts in (1, 2, 3, 9)]
    assert waits[0] >= timedelta(minutes=15)
    assert waits == sorted(waits)
    assert waits[-1] >= timedelta(hours=4)
    assert replies.next_state(Outcome(kind, 1), claimed(1), known=False, jitter=0).counts


@pytest.mark.parametrize("kind", [Kind.UNREACHABLE, Kind.REFUSED_US])
def test_trouble_of_a_known_provider_is_the_lanes_and_uses_up_no_attempt(kind: Kind) -> None:
    following = replies.next_state(Outcome(kind, 1), claimed(1), known=True, jitter=0)
    assert not following.counts
    assert rules.LANE_WAIT <= wait(kind, attempts=9, known=True) < timedelta(minutes=15)


def test_what_was_not_begun_goes_back_without_an_attempt_and_not_at_once() -> None:
    assert not replies.next_state(Outcome(Kind.UNSENT, 1), claimed(1), known=True, jitter=0).counts
    assert wait(Kind.UNSENT, attempts=1, known=True) >= rules.LANE_WAIT

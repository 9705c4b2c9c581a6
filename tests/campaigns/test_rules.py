"""What a campaign decides by itself: approval, state, what it lacks."""

from dataclasses import replace

import pytest

from campaigns import rules, wording
from campaigns.delivery.models import Mailing
from campaigns.delivery.verdict import Reason
from campaigns.rules import Blocker, Facts, State

WHOLE = Facts(
    brand=True,
    signing_key=True,
    topic=True,
    pool=True,
    pool_has_source=True,
    followed=False,
    clinical=True,
    segment=True,
    design=True,
    design_stopped=False,
)


@pytest.mark.parametrize(
    ("clinical", "size", "needed"),
    [(False, 0, False), (False, 499, False), (False, 500, True), (True, 0, True), (True, 500, True)],
)
def test_who_needs_a_second_persons_word(clinical: bool, size: int, needed: bool) -> None:
    assert rules.needs_approval(clinical=clinical, audience_size=size) is needed


@pytest.mark.parametrize(
    ("mailing", "started", "sent_back", "state"),
    [
        (None, False, False, State.DRAFT),
        ("waiting", False, False, State.WAITING),
        ("ready", False, False, State.APPROVED),
        ("freezing", True, False, State.SENDING),
        ("sending", True, False, State.SENDING),
        ("paused", True, False, State.PAUSED),
        ("finished", True, False, State.SENT),
        ("cancelled", True, False, State.CANCELLED),
        ("cancelled", False, False, State.DRAFT),
        ("cancelled", False, True, State.RETURNED),
    ],
)
def test_a_campaigns_state_is_its_mailings(
    mailing: str | None, started: bool, sent_back: bool, state: State
) -> None:
    assert rules.state_of(mailing, started=started, sent_back=sent_back) is state


def test_every_state_of_a_mailing_is_a_state_of_a_campaign() -> None:
    for state in Mailing.State.values:
        assert rules.state_of(state, started=True, sent_back=False) in wording.STATES


def test_a_whole_campaign_lacks_nothing() -> None:
    assert rules.blockers(WHOLE) == ()


@pytest.mark.parametrize(
    ("lacking", "blocker"),
    [
        ({"brand": False, "signing_key": False}, Blocker.NO_BRAND),
        ({"followed": True}, Blocker.FOLLOWED_BY_HEALTH),
        ({"signing_key": False}, Blocker.NO_SIGNING_KEY),
        ({"topic": False}, Blocker.NO_TOPIC),
        ({"pool": False, "pool_has_source": False}, Blocker.NO_POOL),
        ({"pool_has_source": False}, Blocker.EMPTY_POOL),
        ({"segment": False}, Blocker.NO_SEGMENT),
        ({"design": False}, Blocker.NO_DESIGN),
        ({"design_stopped": True}, Blocker.DESIGN_STOPPED),
    ],
)
def test_each_thing_lacking_is_one_blocker_with_words_and_a_page(
    lacking: dict[str, bool], blocker: Blocker
) -> None:
    assert rules.blockers(replace(WHOLE, **lacking)) == (blocker,)
    assert wording.BLOCKERS[blocker]
    assert rules.STEP_OF[blocker] in rules.Step


def test_every_reason_of_the_gate_has_words() -> None:
    assert set(Reason) <= set(wording.REASONS)


def test_people_may_be_followed_where_nothing_speaks_of_their_health() -> None:
    assert rules.blockers(replace(WHOLE, followed=True, clinical=False)) == ()

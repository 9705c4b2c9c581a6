"""What a campaign decides without asking anybody: whether a second person must approve it, where it stands, what it lacks."""

from dataclasses import dataclass
from enum import StrEnum

# An audience of this size needs a second person's word, whatever it is about (BEHAVIOURS C13).
LARGE_AUDIENCE = 500


class State(StrEnum):
    """Where a campaign stands, as a marketer sees it."""

    DRAFT = "draft"
    RETURNED = "returned"
    WAITING = "waiting"
    APPROVED = "approved"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    CANCELLED = "cancelled"


class Step(StrEnum):
    """The pages a campaign is planned on, in their order."""

    SETUP = "setup"
    AUDIENCE = "audience"
    DESIGN = "design"
    REVIEW = "review"


class Blocker(StrEnum):
    """Something without which a campaign can't be sent."""

    NO_BRAND = "no_brand"
    NO_SIGNING_KEY = "no_signing_key"
    NO_TOPIC = "no_topic"
    NO_POOL = "no_pool"
    EMPTY_POOL = "empty_pool"
    FOLLOWED_BY_HEALTH = "followed_by_health"
    NO_SEGMENT = "no_segment"
    NO_DESIGN = "no_design"
    DESIGN_STOPPED = "design_stopped"


STEP_OF: dict[Blocker, Step] = {
    Blocker.NO_BRAND: Step.SETUP,
    Blocker.NO_SIGNING_KEY: Step.SETUP,
    Blocker.NO_TOPIC: Step.SETUP,
    Blocker.NO_POOL: Step.SETUP,
    Blocker.EMPTY_POOL: Step.SETUP,
    Blocker.FOLLOWED_BY_HEALTH: Step.SETUP,
    Blocker.NO_SEGMENT: Step.AUDIENCE,
    Blocker.NO_DESIGN: Step.DESIGN,
    Blocker.DESIGN_STOPPED: Step.DESIGN,
}

_OF_MAILING = {
    "waiting": State.WAITING,
    "ready": State.APPROVED,
    "freezing": State.SENDING,
    "sending": State.SENDING,
    "paused": State.PAUSED,
    "finished": State.SENT,
}
EDITABLE = frozenset({State.DRAFT, State.RETURNED, State.WAITING, State.APPROVED})
ASKED = frozenset({State.WAITING, State.APPROVED})
LIVE = frozenset({State.SENDING, State.PAUSED})


def needs_approval(*, clinical: bool, audience_size: int) -> bool:
    """Whether somebody else must approve: health in the rules or the words, or many people."""
    return clinical or audience_size >= LARGE_AUDIENCE


def state_of(mailing_state: str | None, *, started: bool, sent_back: bool) -> State:
    """A campaign's state by its mailing's. One cancelled before it began is a draft again, or one sent back by an approver."""
    if mailing_state is None:
        return State.DRAFT
    if mailing_state == "cancelled":
        if started:
            return State.CANCELLED
        return State.RETURNED if sent_back else State.DRAFT
    return _OF_MAILING[mailing_state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What must be known of a campaign to say what it lacks."""

    brand: bool
    signing_key: bool
    topic: bool
    pool: bool
    pool_has_source: bool
    followed: bool
    clinical: bool
    segment: bool
    design: bool
    design_stopped: bool


def blockers(facts: Facts) -> tuple[Blocker, ...]:
    """Everything the campaign lacks, in the order of the pages it is mended on."""
    found = (
        (Blocker.NO_BRAND, not facts.brand),
        (Blocker.NO_SIGNING_KEY, facts.brand and not facts.signing_key),
        (Blocker.NO_TOPIC, not facts.topic),
        (Blocker.NO_POOL, not facts.pool),
        (Blocker.EMPTY_POOL, facts.pool and not facts.pool_has_source),
        # Nobody is followed one by one on grounds of their health, whatever they agreed to (BEHAVIOURS E1, L20).
        (Blocker.FOLLOWED_BY_HEALTH, facts.followed and facts.clinical),
        (Blocker.NO_SEGMENT, not facts.segment),
        (Blocker.NO_DESIGN, not facts.design),
        (Blocker.DESIGN_STOPPED, facts.design and facts.design_stopped),
    )
    return tuple(blocker for blocker, holds in found if holds)

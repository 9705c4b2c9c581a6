"""What a campaign decides without asking anybody: whether a second person must approve it, where it stands, what it lacks, and
which moment a time to send at is.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

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


class Shelf(StrEnum):
    """The parts that the list of campaigns falls into; each campaign stands on one besides the first."""

    ALL = "all"
    DRAFTS = "drafts"
    WAITING = "waiting"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    CANCELLED = "cancelled"


class Answer(StrEnum):
    """What became of an attempt, as the sending page counts it."""

    TRIED = "tried"
    SENT = "sent"
    DEFERRED = "deferred"
    REFUSED = "refused"


class Flow(StrEnum):
    """How sending goes, in one word; the first that holds."""

    NOTHING = "nothing"
    REDIS_AWAY = "redis away"
    NO_WORKER = "no worker"
    RESTING = "resting"
    SENDING = "sending"
    LATER = "later"
    PAUSED = "paused"
    FREEZING = "freezing"


class Hold(StrEnum):
    """What a mailing in hand does or waits for."""

    FREEZING = "freezing"
    PAUSED = "paused"
    RESTING = "resting"
    AT_RATE = "at its rate"
    LATER = "later"
    SENDING = "sending"


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


# --- A time to send at.

# From nine in the evening to eight in the morning: a message then is warned of, as telemarketing is by 47 CFR 64.1200(c)(1).
QUIET_FROM, QUIET_TO = time(21), time(8)
# A launch that couldn't be made at its time is tried for so long: what was meant for the morning mustn't come at night.
LATE = timedelta(hours=1)
US_ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Puerto_Rico",
)


class Missed(StrEnum):
    """Why a campaign didn't go at its time."""

    NOT_APPROVED = "not_approved"
    CHANGED = "changed"
    DEACTIVATED = "deactivated"
    NOT_ALLOWED = "not_allowed"
    NOBODY = "nobody"
    TOO_LATE = "too_late"
    REFUSED = "refused"


class NoSuchTime(Exception):
    """The clocks skip this time on this day."""


class TwiceThatDay(Exception):
    """The clocks show this time twice on this day, so nobody could say which is meant."""


def moment(day: date, at: time, zone: str) -> datetime:
    """What the clocks of a zone show, as a moment in UTC.

    Raises NoSuchTime in the hour that is skipped in spring, TwiceThatDay in the one that is repeated in autumn, and
    zoneinfo.ZoneInfoNotFoundError for a zone that there isn't.
    """
    local = datetime.combine(day, at.replace(tzinfo=None), ZoneInfo(zone))
    first, second = local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if first == second:
        return first
    # In a gap neither reading gives back what the clocks were said to show.
    if first.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise NoSuchTime
    raise TwiceThatDay


def is_quiet(at: datetime, zone: str) -> bool:
    """Whether it is night by the clocks of a zone: 21:00 to 08:00."""
    shown = at.astimezone(ZoneInfo(zone)).time()
    return shown >= QUIET_FROM or shown < QUIET_TO


def zones(organization: str, reader: str) -> tuple[str, ...]:
    """The zones that a time may be given in, each once: the organisation's, the reader's, UTC, those of the United States."""
    return tuple(dict.fromkeys((organization, reader, "UTC", *US_ZONES)))


def missed(*, state: State, active: bool, late_by: timedelta) -> Missed | None:
    """Why a campaign whose time has come can't go, by what is known without asking who is in its segment.

    One that is a draft again was changed since it was given its time. Being late comes last: no other reason would be told then.
    """
    if state in {State.WAITING, State.RETURNED}:
        return Missed.NOT_APPROVED
    if state is not State.APPROVED:
        return Missed.CHANGED
    if not active:
        return Missed.DEACTIVATED
    return Missed.TOO_LATE if late_by > LATE else None

"""What campaign pages say: states as pills, what is lacking and where to mend it, why people don't get a message."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.delivery.outcome import Kind as Outcome
from campaigns.delivery.published import Kind as Record
from campaigns.delivery.published import Standing
from campaigns.rules import EDITABLE, Answer, Blocker, Flow, Hold, Missed, Shelf, State, Step

# The kind of the pill, and the word in it.
STATES: dict[State, tuple[str, Promise]] = {
    State.DRAFT: ("mute", _("Draft")),
    State.RETURNED: ("warn", _("Sent back")),
    State.WAITING: ("warn", _("Waiting for approval")),
    State.APPROVED: ("info", _("Approved, not sent yet")),
    State.SENDING: ("info", _("Sending")),
    State.PAUSED: ("warn", _("Paused")),
    State.SENT: ("ok", _("Sent")),
    State.CANCELLED: ("bad", _("Cancelled")),
}


def pill(state: State, *, timed: bool, missed: str) -> tuple[str, Promise]:
    """The kind and the word of a campaign's pill; a time that was kept or missed says more than its state."""
    if missed and state in EDITABLE:
        return "bad", _("Not sent at its time")
    if timed and state is State.APPROVED:
        return "info", _("Scheduled")
    return STATES[state]


# Why a campaign didn't go at its time, and what to do.
MISSED: dict[Missed, Promise] = {
    Missed.NOT_APPROVED: _("Its time passed without approval."),
    Missed.CHANGED: _("It, or its segment's rules, were changed after it was given its time."),
    Missed.DEACTIVATED: _("Who gave it its time has no account here any more."),
    Missed.NOT_ALLOWED: _("Who gave it its time may not send campaigns any more."),
    Missed.NOBODY: _("Nobody was in its segment at its time."),
    Missed.TOO_LATE: _(
        "It couldn't be sent within an hour of its time, because nobody could say who is in its segment, or nothing was "
        "running here. Later than that it isn't sent by itself."
    ),
    Missed.REFUSED: _("Something was missing at its time. The review page says what."),
}

SHELVES: dict[Shelf, Promise] = {
    Shelf.ALL: _("All"),
    Shelf.DRAFTS: _("Drafts"),
    Shelf.WAITING: _("Waiting"),
    Shelf.APPROVED: _("Approved"),
    Shelf.SCHEDULED: _("Scheduled"),
    Shelf.SENDING: _("Sending"),
    Shelf.SENT: _("Sent"),
    Shelf.CANCELLED: _("Cancelled"),
}

ZONES: dict[str, Promise] = {
    "America/New_York": _("Eastern time (New York)"),
    "America/Chicago": _("Central time (Chicago)"),
    "America/Denver": _("Mountain time (Denver)"),
    "America/Phoenix": _("Arizona time (Phoenix)"),
    "America/Los_Angeles": _("Pacific time (Los Angeles)"),
    "America/Anchorage": _("Alaska time (Anchorage)"),
    "Pacific/Honolulu": _("Hawaii time (Honolulu)"),
    "America/Puerto_Rico": _("Atlantic time (Puerto Rico)"),
    "UTC": _("UTC"),
}


def zone(name: str) -> str:
    """A time zone in words; one that has none here by its own name."""
    return str(ZONES[name]) if name in ZONES else name.replace("_", " ")


STEPS: dict[Step, Promise] = {
    Step.SETUP: _("Setup"),
    Step.AUDIENCE: _("Audience"),
    Step.DESIGN: _("Message"),
    Step.REVIEW: _("Review"),
}

BLOCKERS: dict[Blocker, Promise] = {
    Blocker.NO_BRAND: _("Choose the brand that it is sent by."),
    Blocker.NO_SIGNING_KEY: _(
        "The brand's domain can't sign mail yet. Choose another brand, or ask an administrator to add its sending domain."
    ),
    Blocker.NO_TOPIC: _("Choose the topic: only people who chose it get the message."),
    Blocker.NO_POOL: _("Choose the addresses that it leaves by."),
    Blocker.EMPTY_POOL: _(
        "The chosen pool has no address. Choose another, or ask an administrator to add one."
    ),
    Blocker.FOLLOWED_BY_HEALTH: _(
        "The segment or the message uses health information, so nobody may be followed one by one. Count totals only, or nothing."
    ),
    Blocker.NO_SEGMENT: _("Choose who gets it."),
    Blocker.NO_DESIGN: _("Write the message."),
    Blocker.DESIGN_STOPPED: _("Something in the message must be mended. The checks beside it say what."),
}

# The people that a campaign's numbers count.
PEOPLE: dict[str, Promise] = {
    "all": _("Audience"),
    "sent": _("Sent"),
    "waiting": _("Waiting to be sent"),
    "withheld": _("Withheld"),
    "not_delivered": _("Bounced or expired"),
    "uncertain": _("Uncertain"),
    "cancelled": _("Cancelled"),
    "opened": _("Opened"),
    "clicked": _("Clicked"),
    "unsubscribed": _("Unsubscribed"),
}

# Why somebody doesn't get a message: in the forecast, and by the gate at the moment of sending.
REASONS: dict[str, Promise] = {
    "deceased": _("Have died"),
    "minor": _("Are under 18"),
    "no_representative": _("Are under 18, with no representative on record"),
    "no_consent": _("Haven't agreed to this topic"),
    "no_authorization": _("Haven't signed an authorization"),
    "suppressed": _("Unsubscribed, or can't be reached any more"),
    "not_approved": _("Not approved"),
    "approval_void": _("Changed after approval"),
    "paused": _("Paused"),
    "cancelled": _("Cancelled"),
    "over_cap": _("Had enough messages lately"),
    "contact_gone": _("Deleted since"),
    "seal_broken": _("Record was tampered with, or is damaged"),
    "bad_address": _("Address can't be used"),
    "cannot_receive_securely": _("Can't receive securely"),
    "no_sending_domain": _("Sending domain isn't set up"),
    "no_pool_source": _("No address to send from"),
}

# How sending goes: the kind of the pill, the word in it, and what it means.
FLOWS: dict[Flow, tuple[str, Promise, Promise]] = {
    Flow.NOTHING: (
        "mute",
        _("Nothing to send"),
        _("No campaign is on its way. One appears here from the moment it is launched."),
    ),
    Flow.REDIS_AWAY: (
        "bad",
        _("Stopped"),
        _(
            "Redis doesn't answer. Without it nobody could keep to the pace, so nothing is sent; what is due waits."
        ),
    ),
    Flow.NO_WORKER: (
        "bad",
        _("Stopped"),
        _("Messages are due, and no worker for campaigns answers. Start one; nothing is lost meanwhile."),
    ),
    Flow.RESTING: (
        "warn",
        _("Waiting"),
        _("All addresses that could send are resting. What is due waits for the first that wakes."),
    ),
    Flow.SENDING: ("info", _("Sending"), _("Messages leave as fast as the pools and providers below allow.")),
    Flow.LATER: (
        "info",
        _("Waiting"),
        _("Everything was tried once. What hosts deferred is tried again by itself, at growing intervals."),
    ),
    Flow.PAUSED: (
        "warn",
        _("Paused"),
        _("Every campaign on its way is paused. Somebody has to let it go on."),
    ),
    Flow.FREEZING: (
        "info",
        _("Beginning"),
        _("It is being written down who gets what. Sending begins in a moment."),
    ),
}

# What a mailing in hand does or waits for: the kind of the pill, and the word in it.
HOLDS: dict[Hold, tuple[str, Promise]] = {
    Hold.FREEZING: ("info", _("Fixing who gets it")),
    Hold.PAUSED: ("warn", _("Paused")),
    Hold.RESTING: ("warn", _("Its addresses rest")),
    Hold.AT_RATE: ("info", _("Sending at its pool's rate")),
    Hold.LATER: ("info", _("Waiting for later tries")),
    Hold.SENDING: ("info", _("Sending")),
}

STANDINGS: dict[Standing, tuple[str, Promise]] = {
    Standing.FOUND: ("ok", _("Published")),
    Standing.MISSING: ("bad", _("Missing")),
    Standing.DIFFERS: ("warn", _("Differs")),
    Standing.NO_ANSWER: ("mute", _("No answer")),
}

_AT_YOUR_DNS = _("Add it where your domain's DNS is kept, as it stands here. It may take an hour to be seen.")
_NO_ANSWER = _("The name server didn't answer in time. Check again in a minute.")
_AT_YOUR_HOST = _("Only whoever owns the address can set it: ask the provider of the server to.")


def _todo(missing: Promise, differs: Promise) -> dict[Standing, Promise]:
    return {Standing.MISSING: missing, Standing.DIFFERS: differs, Standing.NO_ANSWER: _NO_ANSWER}


# What a DNS record is, what it is for, and what to do where it isn't as it should be.
RECORDS: dict[Record, tuple[Promise, Promise, dict[Standing, Promise]]] = {
    Record.DKIM: (
        _("Signing key (DKIM)"),
        _("Receiving hosts verify our signature with it. Without it mail is refused, or taken for spam."),
        _todo(
            _AT_YOUR_DNS,
            _("Another key stands there, so every signature fails. Replace the record by this one."),
        ),
    ),
    Record.DKIM_NEXT: (
        _("Next signing key (DKIM)"),
        _("Publish it before it signs anything."),
        _todo(_AT_YOUR_DNS, _("Another key stands there. Replace the record by this one.")),
    ),
    Record.DKIM_OLD: (
        _("Old signing key (DKIM)"),
        _("Mail that it signed is still on its way. Leave it for a week after the change."),
        _todo(
            _("Put it back: mail of the last days can't be verified without it."),
            _("Another key stands there. Replace the record by this one."),
        ),
    ),
    Record.SPF: (
        _("Who may send (SPF)"),
        _(
            "It names our addresses for the return path of our mail. Your own mail's SPF record isn't touched."
        ),
        _todo(
            _AT_YOUR_DNS,
            _(
                "There must be exactly one, and it must name each of our addresses. What it includes by other names isn't "
                "followed here."
            ),
        ),
    ),
    Record.DMARC: (
        _("What to do with forgeries (DMARC)"),
        _(
            "It asks hosts to refuse mail that only pretends to be yours. Large providers want one; a stricter one is fine."
        ),
        _todo(_AT_YOUR_DNS, _("There must be exactly one, with p=none, p=quarantine or p=reject.")),
    ),
    Record.RETURN_PATH: (
        _("Where bounces go (MX)"),
        _(
            "Hosts refuse mail whose return path takes none. Any mail host of yours will do; Wellsent doesn't read bounces yet."
        ),
        _todo(
            _("Add one that leads to a mail host of yours."), _("Add one that leads to a mail host of yours.")
        ),
    ),
    Record.PTR: (
        _("Name of an address (PTR)"),
        _("Large providers refuse addresses without a name of their own."),
        _todo(_AT_YOUR_HOST, _AT_YOUR_HOST),
    ),
    Record.EHLO: (
        _("Address of that name"),
        _("The name that we say to mail hosts must lead back to the address."),
        _todo(_AT_YOUR_DNS, _("It leads to another address. Replace it by this one.")),
    ),
}

# Attempts: what the sending page counts together, and each by itself, with the kind of its pill.
ANSWERS: dict[Answer, Promise] = {
    Answer.TRIED: _("All that was tried"),
    Answer.SENT: _("Sent"),
    Answer.DEFERRED: _("Deferred"),
    Answer.REFUSED: _("Refused"),
}
ATTEMPTS: dict[str, tuple[str, Promise]] = {
    Outcome.ACCEPTED: ("ok", _("Accepted")),
    Outcome.DEFERRED: ("warn", _("Deferred")),
    Outcome.BOUNCED: ("bad", _("Refused the recipient")),
    Outcome.REFUSED_US: ("bad", _("Refused our address")),
    Outcome.TLS_NOT_MET: ("bad", _("No verified encryption")),
    Outcome.UNREACHABLE: ("warn", _("No host answered")),
    Outcome.UNCERTAIN: ("warn", _("Left without an answer")),
    Outcome.UNSENT: ("mute", _("Not begun")),
    Outcome.UNRENDERED: ("bad", _("Could not be made")),
}

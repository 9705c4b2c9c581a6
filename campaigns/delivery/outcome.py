"""What became of a message at one attempt, and the evidence of its way."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Kind(StrEnum):
    """What became of a message at this attempt."""

    ACCEPTED = "accepted"
    """2xx to the final dot."""
    DEFERRED = "deferred"
    """4xx at RCPT, DATA or the final dot, or the connection failed within the message: try this message
    later.
    """
    BOUNCED = "bounced"
    """5xx at RCPT, DATA or the final dot."""
    REFUSED_US = "refused_us"
    """The host refuses us, not the recipient (banner, EHLO, MAIL, any 421): the lane waits."""
    TLS_NOT_MET = "tls_not_met"
    """No mail host that answers offers TLS that we can verify."""
    UNREACHABLE = "unreachable"
    """No mail host answers: the lane waits."""
    UNCERTAIN = "uncertain"
    """The final dot was written and no answer came."""
    UNSENT = "unsent"
    """Never begun: give it back to the queue."""
    UNRENDERED = "unrendered"
    """The message itself could not be made or must not be sent as it is; nothing was begun."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message, with the evidence of its way (164.316(b)(2)(i)); holds no address."""

    kind: Kind
    message_id: int
    code: int = 0
    enhanced: str = ""
    reply: str = ""
    tls_version: str = ""
    tls_cipher: str = ""
    tls_verified: bool = False
    mx_host: str = ""
    mx_address: str = ""
    source_address: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

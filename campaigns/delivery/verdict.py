"""The gate's answer about one message: it may leave now, or it stays and why."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a message was withheld at the moment of sending."""

    NO_CONSENT = "no_consent"
    NO_AUTHORIZATION = "no_authorization"
    SUPPRESSED = "suppressed"
    DECEASED = "deceased"
    MINOR = "minor"
    NO_REPRESENTATIVE = "no_representative"
    NOT_APPROVED = "not_approved"
    APPROVAL_VOID = "approval_void"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    OVER_CAP = "over_cap"
    CONTACT_GONE = "contact_gone"
    SEAL_BROKEN = "seal_broken"
    BAD_ADDRESS = "bad_address"
    CANNOT_RECEIVE_SECURELY = "cannot_receive_securely"
    NO_SENDING_DOMAIN = "no_sending_domain"
    NO_POOL_SOURCE = "no_pool_source"


@dataclass(frozen=True, slots=True)
class Released:
    """A message that may leave now; only the gate makes one, and the transport takes nothing else.

    `recipient` is a plaintext address and is kept out of `repr`, so that it reaches no log.
    """

    message_id: int
    mailing_id: int | None
    recipient: str

    def __repr__(self) -> str:
        return f"Released(message_id={self.message_id}, mailing_id={self.mailing_id})"


@dataclass(frozen=True, slots=True)
class Withheld:
    """A message that stays, and why; `detail` is for staff and holds no personal data."""

    message_id: int
    reason: Reason
    detail: str = ""

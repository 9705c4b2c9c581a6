"""The send door: whether a message may leave, asked again at the moment of sending.

It asks for the approval, the sending domain, the person (alive, of age, still there), and the ledgers of consent. Only what it
releases can be given to the transport. The protection of the way (verified TLS) is the transport's own condition, and a message
that can't have it comes back to be withheld. [164.508(b)(2), BEHAVIOURS C3, C13, C14, D0]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from campaigns.delivery import rules
from campaigns.delivery.models import Approval, Mailing, SendingDomain
from campaigns.delivery.verdict import Reason, Released, Withheld
from contacts.consent import gate as consent_gate
from contacts.consent.rules import Standing
from safeguards import tokens
from safeguards.models import Notice


@dataclass(frozen=True, slots=True)
class Candidate:
    """A claimed message with what must be known of the person to decide. `address` is empty where the contact is gone, and
    `sound` is false where its record fails its seal.
    """

    message_id: int
    address_hash: bytes
    person_key: bytes
    address: str
    birth_date: str | None = None
    deceased_date: str | None = None
    sound: bool = True

    def __repr__(self) -> str:
        return f"Candidate({self.message_id})"


@dataclass(frozen=True, slots=True)
class Answer:
    """The gate's word on one message, and whether the person agreed to be counted as a person."""

    verdict: Released | Withheld
    tracking_agreed: bool = False


def content_digest(mailing: Mailing) -> str:
    """What an approval binds: the content, the audience's definition and the terms of sending (C13)."""
    return rules.digest(
        {
            "version": mailing.version.digest,
            "audience": mailing.audience_digest,
            "topic": mailing.topic_id,
            "brand": mailing.brand_id,
            "purpose": mailing.purpose,
            "tracking": mailing.tracking,
            "pool": mailing.pool_id,
        }
    )


def approval_problem(mailing: Mailing) -> Reason | None:
    """Why the mailing isn't approved as it stands, if it isn't: nobody approved, or what was approved has changed."""
    if not mailing.needs_approval:
        return None
    latest = Approval.objects.filter(mailing=mailing).order_by("-at", "-pk").first()
    if latest is None or not latest.approved or latest.approver_id == mailing.requested_by_id:
        return Reason.NOT_APPROVED
    if latest.digest != mailing.content_digest or mailing.content_digest != content_digest(mailing):
        return Reason.APPROVAL_VOID
    return None


def release(mailing: Mailing, candidates: Sequence[Candidate], *, today: date) -> list[Answer]:
    """Released or Withheld for each candidate, in order. Nothing is cached: an opt-out or a change a second ago counts."""
    blocked = approval_problem(mailing)
    if blocked is None and not SendingDomain.objects.filter(domain=mailing.brand.domain).exists():
        blocked = Reason.NO_SENDING_DOMAIN
    if blocked is not None:
        return [Answer(Withheld(candidate.message_id, blocked)) for candidate in candidates]
    people = [(candidate.address_hash, candidate.person_key) for candidate in candidates]
    standings = consent_gate.standings(people, topic=mailing.topic, brand=mailing.brand)
    return [
        _decide(mailing, candidate, standing, agreed, today)
        for candidate, (standing, agreed) in zip(candidates, standings, strict=True)
    ]


def _decide(mailing: Mailing, candidate: Candidate, standing: Standing, agreed: bool, today: date) -> Answer:
    reason = _personal(candidate, today)
    if reason is None and standing is Standing.SUPPRESSED:
        reason = Reason.SUPPRESSED
    if reason is None and standing is not Standing.REACHABLE:
        reason = Reason.NO_CONSENT
    if reason is not None:
        return Answer(Withheld(candidate.message_id, reason))
    return Answer(Released(candidate.message_id, mailing.pk, candidate.address), tracking_agreed=agreed)


def _personal(candidate: Candidate, today: date) -> Reason | None:
    if not candidate.sound:
        # Nothing that stands in such a record is to be believed, least of all that somebody lives and is of age (B4).
        return Reason.SEAL_BROKEN
    if not candidate.address:
        return Reason.CONTACT_GONE
    if candidate.deceased_date is not None:
        return Reason.DECEASED
    # Nobody's representative can be put on record yet, so no minor is written to (C14).
    if rules.is_minor(candidate.birth_date, today):
        return Reason.MINOR
    try:
        same = tokens.address_key(candidate.address) == candidate.address_hash
    except ValueError:
        return Reason.BAD_ADDRESS
    # The ledgers were asked about the hash: an address that doesn't belong to it has not been asked about.
    return None if same else Reason.BAD_ADDRESS


def release_notice(notice: Notice, address: str) -> Released:
    """A notice answers somebody's own action and needs no consent; it stops for nothing but the way being unsafe."""
    return Released(notice.id.int, None, address)

"""The outbox for short mails that lower rooms need sent: codes, confirmations, invitations, warnings.

A room leaves a notice; delivery claims it and sends it through the transactional pool. Address and secrets are sealed, and the
secrets are removed once the notice is sent.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.utils import timezone

from safeguards import audit, keyring, queue
from safeguards.actor import Actor
from safeguards.fields import Sealed, message_of
from safeguards.models import Notice

audit.declare("notice.seal_broken", kind=audit.WORD)

_kinds: dict[str, frozenset[str]] = {}


class UnknownNotice(Exception):
    """The kind was never declared, or its parameters are not the declared ones."""


class Unreadable(Exception):
    """The notice isn't what was sealed, or was sealed by a key that this database doesn't have: it can't be sent to anybody."""


def declare(kind: str, *parameters: str) -> None:
    """Make a kind of notice known, with the names of its open parameters, which must never carry health data."""
    _kinds[kind] = frozenset(parameters)


def kinds() -> Iterable[str]:
    """Every declared kind, for the test that each has its texts."""
    return sorted(_kinds)


def leave(
    kind: str, *, address: str, language: str, parameters: Mapping[str, str], secret: str = ""
) -> Notice:
    """Put a notice into the outbox, in the caller's transaction. `secret` is a code or a link, and is sealed.

    Raises UnknownNotice for an undeclared kind or other parameters than its own.
    """
    if kind not in _kinds or set(parameters) != _kinds[kind]:
        raise UnknownNotice(f"{kind} with {sorted(parameters)}")
    notice_id = uuid4()
    sealed = json.dumps({"address": address, "secret": secret}).encode()
    notice = Notice.objects.create(
        id=notice_id,
        kind=kind,
        language=language,
        parameters=dict(parameters),
        sealed=Sealed(keyring.seal(keyring.Purpose.NOTICE, b"notice", sealed, notice_id.bytes)),
        due=timezone.now(),
        created_at=timezone.now(),
    )
    queue.enqueue("delivery.send_notices")
    return notice


def opened(notice: Notice) -> tuple[str, str]:
    """Address and secret of a claimed notice; for delivery alone.

    Raises Unreadable, with an audit row that outlives the caller, where its seal is broken. [164.312(c), B4]
    """
    if notice.sealed is None:
        raise UnknownNotice("already sent and emptied")
    try:
        value = json.loads(keyring.unseal(b"notice", message_of(notice.sealed), notice.id.bytes))
    except keyring.SealBroken as broken:
        audit.record_apart(
            "notice.seal_broken",
            actor=Actor(kind="system", id="notices"),
            target=notice,
            outcome="failure",
            reason=str(broken),
            details={"kind": notice.kind},
        )
        raise Unreadable from None
    return value["address"], value["secret"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a notice has come: `sent`, `failed` for good, or neither yet; `reply` is the last answer of the other side."""

    parameters: Mapping[str, str]
    sent: bool
    failed: bool
    attempts: int
    reply: str


def standing(kind: str, notice_id: UUID) -> Standing | None:
    """How far a notice of this kind has come, without its address or secret; None where there is no such notice."""
    notice = Notice.objects.filter(pk=notice_id, kind=kind).first()
    if notice is None:
        return None
    return Standing(
        parameters=dict(notice.parameters),
        sent=notice.state == Notice.State.SENT,
        failed=notice.state == Notice.State.EXPIRED,
        attempts=notice.attempts,
        reply=notice.reply,
    )


def left_since(kind: str, moment: datetime, **parameters: str) -> int:
    """How many notices of this kind and with these parameters were left since the moment, for limits."""
    return Notice.objects.filter(
        kind=kind,
        created_at__gte=moment,
        **{f"parameters__{name}": value for name, value in parameters.items()},
    ).count()

"""From an outcome at the wire to the next state of the message, and to what else it means: suppressions, rests, pauses."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import access
from campaigns.delivery import rules
from campaigns.delivery.actions.claims import Claimed, Result
from campaigns.delivery.models import EgressSource, Mailing, Message
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.delivery.rules import Next, Verdict
from campaigns.delivery.verdict import Reason
from contacts.consent import actions as consent
from contacts.consent.models import Suppression
from safeguards import audit

logger = logging.getLogger(__name__)

# Why a mailing is stopped by itself.
POLICY = "authentication or policy"
UNUSABLE = "the key or the design can't be used"

audit.declare("delivery.source_rests", source=audit.WORD, until=datetime)
audit.declare("delivery.mailing_stopped", reply=(POLICY, UNUSABLE))

REST = timedelta(hours=2)
_State = Message.State


def next_state(outcome: Outcome, message: Claimed, *, known: bool, jitter: float) -> Next:
    """The next state of a message after one outcome. `jitter` in -1…1 spreads retries.

    `known` says whether a provider of ours stands behind the hosts. Hosts of nobody known share the catch-all lane: the silence
    or the 421 of one domain's is no trouble of that lane, and its messages wait longer and longer by themselves.
    """

    def again(*, lane: bool) -> Next:
        return rules.retry(
            now=timezone.now(),
            first_due=message.first_due,
            attempts=message.attempts,
            transactional=False,
            jitter=jitter,
            lane=lane,
        )

    match outcome.kind:
        case Kind.DEFERRED:
            return again(lane=False)
        case Kind.REFUSED_US | Kind.UNREACHABLE:
            return again(lane=known)
        case Kind.UNSENT:
            # The host had enough of us, or the batch no time left: at once would be the same again.
            return Next(_State.QUEUED, due=timezone.now() + rules.LANE_WAIT, counts=False)
        case Kind.BOUNCED:
            verdict = rules.read_refusal(outcome.code, outcome.enhanced, outcome.reply)
            if verdict in (Verdict.SUSPEND, Verdict.PAUSE):
                return again(lane=True)
            return Next(_State.BOUNCED, "no_such_address" if verdict is Verdict.SUPPRESS else "refused")
        case _:
            return _SETTLED[outcome.kind]


_SETTLED = {
    Kind.ACCEPTED: Next(_State.SENT),
    Kind.UNCERTAIN: Next(_State.UNCERTAIN),
    Kind.TLS_NOT_MET: Next(_State.WITHHELD, Reason.CANNOT_RECEIVE_SECURELY.value),
    Kind.UNRENDERED: Next(_State.WITHHELD, Reason.BAD_ADDRESS.value),
}


def apply_consequences(mailing: Mailing, source: EgressSource, results: Sequence[Result]) -> None:
    """What a batch's refusals mean beyond its messages: dead addresses are suppressed, our source rests, the mailing pauses."""
    refused = [
        (result, rules.read_refusal(result.outcome.code, result.outcome.enhanced, result.outcome.reply))
        for result in results
        if result.outcome is not None and result.outcome.kind is Kind.BOUNCED
    ]
    actor = access.system("delivery")
    with transaction.atomic():
        for result, verdict in refused:
            if verdict is Verdict.SUPPRESS:
                consent.suppress(
                    actor=actor,
                    address_hash=result.message.address_hash,
                    scope=Suppression.Scope.HARD_BOUNCE,
                    source="hard bounce",
                    mailing_id=mailing.pk,
                    message_id=result.message.id,
                    asked_at=result.outcome.at if result.outcome else None,
                )
        verdicts = {verdict for _, verdict in refused}
        if Verdict.SUSPEND in verdicts:
            _rest(source)
        if Verdict.PAUSE in verdicts:
            stop(mailing, POLICY)


def _rest(source: EgressSource) -> None:
    until = timezone.now() + REST
    # A longer rest that somebody gave it stays.
    shorter = Q(suspended_until=None) | Q(suspended_until__lt=until)
    EgressSource.objects.filter(shorter, pk=source.pk).update(
        suspended_until=until, suspended_why="a provider refuses this address"
    )
    audit.record(
        "delivery.source_rests",
        actor=access.system("delivery"),
        target=source,
        details={"source": source.name, "until": until.isoformat()},
    )
    logger.warning("source %s rests: a provider refuses it", source.pk)


def stop(mailing: Mailing, why: str) -> None:
    """Pause a mailing that can't go on before somebody mends something; `why` is for the audit row and names nobody."""
    paused = Mailing.objects.filter(pk=mailing.pk, state=Mailing.State.SENDING).update(
        state=Mailing.State.PAUSED, paused_at=timezone.now()
    )
    if paused:
        audit.record(
            "delivery.mailing_stopped",
            actor=access.system("delivery"),
            target=mailing,
            details={"reply": why},
        )
        logger.error("mailing %s paused: %s", mailing.pk, why)

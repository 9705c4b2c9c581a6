"""The queue's own verbs: claim a batch, mark it as being sent, finish it, and put right what a dead worker left.

All of them fence by `lease_token`: a worker that was thought dead and comes back changes nothing any more.

Leases and what is due go by the database's clock, which all workers share; what is kept as history, by the process's.
"""

import json
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import access
from campaigns.delivery import rules
from campaigns.delivery.actions import tallies
from campaigns.delivery.journal import DeadJournal, reconcile
from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.delivery.rules import Next
from safeguards import audit

audit.declare("delivery.recovered", accepted=int, refused=int, uncertain=int, requeued=int)

LEASE = "15 minutes"
_State = Message.State


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in a worker's hands."""

    id: int
    mailing_id: int
    contact_id: int | None
    address_hash: bytes
    person_key: bytes
    attempts: int
    first_due: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claimed message: the next state, and the evidence if it was tried at all."""

    message: Claimed
    next: Next
    outcome: Outcome | None = None
    tracked: bool = False


def new_token() -> int:
    """A lease token: 62 random bits."""
    return secrets.randbits(62)


def next_mailing(source_id: int, provider_id: int) -> int | None:
    """The mailing whose turn it is in a lane: the one with the message that has been due longest."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.mailing_id FROM delivery_message m JOIN delivery_mailing g ON g.id = m.mailing_id"
            " WHERE m.source_id = %s AND m.provider_id = %s AND m.state = 'queued' AND m.due <= now()"
            " AND g.state = 'sending' ORDER BY m.due, m.id LIMIT 1",
            [source_id, provider_id],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def claim(mailing_id: int, source_id: int, provider_id: int, *, token: int, limit: int) -> list[Claimed]:
    """Take up to `limit` due messages of one mailing in one lane. Nothing is taken from a mailing that isn't sending."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH due AS (SELECT mailing_id, id FROM delivery_message"
            " WHERE mailing_id = %s AND source_id = %s AND provider_id = %s AND state = 'queued' AND due <= now()"
            " AND EXISTS (SELECT 1 FROM delivery_mailing g WHERE g.id = %s AND g.state = 'sending')"
            " ORDER BY due, id LIMIT %s FOR UPDATE SKIP LOCKED)"
            " UPDATE delivery_message m SET state = 'claimed', lease_token = %s, attempts = attempts + 1,"
            " first_due = coalesce(first_due, %s), lease_until = now() + %s::interval, updated_at = now() FROM due"
            " WHERE m.mailing_id = due.mailing_id AND m.id = due.id"
            " RETURNING m.id, m.mailing_id, m.contact_id, m.address_hash, m.person_key, m.attempts, m.first_due",
            [mailing_id, source_id, provider_id, mailing_id, limit, token, timezone.now(), LEASE],
        )
        return [
            Claimed(row[0], row[1], row[2], bytes(row[3]), bytes(row[4]), row[5], row[6])
            for row in cursor.fetchall()
        ]


def begin(messages: Sequence[Claimed], *, token: int) -> None:
    """Say that these are about to be sent. From here a lost worker without a journal leaves them uncertain, not queued."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_message SET state = 'attempting' WHERE mailing_id = %s AND id = ANY(%s)"
            " AND lease_token = %s AND state = 'claimed'",
            [messages[0].mailing_id, [message.id for message in messages], token],
        )


def finish(results: Sequence[Result], *, token: int) -> int:
    """Write down what became of a batch, with its evidence, in one transaction; returns how many rows were still ours.

    Evidence is written for rows that were still ours alone, so that a fenced worker leaves no second account.
    """
    if not results:
        return 0
    rows = json.dumps(
        [
            {
                "mailing_id": result.message.mailing_id,
                "id": result.message.id,
                "state": result.next.state,
                "reason": result.next.reason,
                "due": result.next.due.isoformat() if result.next.due else None,
                "counts": result.next.counts,
                "tracked": result.tracked,
            }
            for result in results
        ]
    )
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE delivery_message m SET state = v.state, reason = v.reason, due = coalesce(v.due, m.due),"
                " attempts = m.attempts - CASE WHEN v.counts THEN 0 ELSE 1 END, tracked = v.tracked,"
                " lease_until = NULL, lease_token = NULL, updated_at = %s"
                " FROM jsonb_to_recordset(%s::jsonb) AS v(mailing_id bigint, id bigint, state text, reason text,"
                " due timestamptz, counts boolean, tracked boolean)"
                " WHERE m.mailing_id = v.mailing_id AND m.id = v.id AND m.lease_token = %s"
                " AND m.state IN ('claimed', 'attempting') RETURNING m.id, m.source_id, m.provider_id",
                [timezone.now(), rows, token],
            )
            ours = {number: (source_id, provider_id) for number, source_id, provider_id in cursor.fetchall()}
        write_attempts(
            [
                (result.outcome, result.message.mailing_id, result.message.id)
                for result in results
                if result.outcome is not None and result.message.id in ours
            ]
        )
        tallies.count(
            [
                (result.outcome, *ours[result.message.id], result.message.mailing_id)
                for result in results
                if result.outcome is not None and result.message.id in ours
            ]
        )
    return len(ours)


def write_attempts(attempts: Sequence[tuple[Outcome, int | None, int | None]]) -> None:
    """COPY the evidence of attempts (outcome, mailing, message) into its partition."""
    if not attempts:
        return
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY delivery_attempt (at, mailing_id, message_id, kind, source_address, mx_host, mx_address,"
            " tls_version, tls_cipher, tls_verified, code, enhanced, reply) FROM STDIN"
        ) as copy,
    ):
        for outcome, mailing_id, message_id in attempts:
            copy.write_row(
                (
                    outcome.at,
                    mailing_id,
                    message_id,
                    outcome.kind.value,
                    outcome.source_address or None,
                    outcome.mx_host,
                    outcome.mx_address or None,
                    outcome.tls_version,
                    outcome.tls_cipher,
                    outcome.tls_verified,
                    outcome.code or None,
                    outcome.enhanced,
                    outcome.reply[:500],
                )
            )


def cancel_returned() -> int:
    """Cancel what came back to the queue of a mailing that was cancelled while a worker had it in hand; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_message m SET state = 'cancelled', updated_at = %s FROM delivery_mailing g"
            " WHERE g.state = 'cancelled' AND g.started_at IS NOT NULL AND m.mailing_id = g.id AND m.state = 'queued'",
            [timezone.now()],
        )
        return int(cursor.rowcount)


def finish_mailings() -> int:
    """Call those mailings finished of which nothing is queued or in hand any more; returns how many."""
    done = 0
    for mailing in Mailing.objects.filter(state=Mailing.State.SENDING):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE delivery_mailing SET state = 'finished', finished_at = %s WHERE id = %s"
                " AND state = 'sending' AND NOT EXISTS (SELECT 1 FROM delivery_message WHERE mailing_id = %s"
                " AND state IN ('queued', 'claimed', 'attempting'))",
                [timezone.now(), mailing.pk, mailing.pk],
            )
            if cursor.rowcount:
                cursor.execute(
                    "SELECT state, count(*) FROM delivery_message WHERE mailing_id = %s GROUP BY state",
                    [mailing.pk],
                )
                states = dict(cursor.fetchall())
                audit.record(
                    "mailing.finished",
                    actor=access.system("delivery"),
                    target=mailing,
                    details={"states": states},
                )
                done += 1
    return done


def due_lanes() -> list[tuple[int, int]]:
    """Lanes (source, provider) in which something is due and whose source isn't resting, in no order: workers take the first,
    and with any fixed order the last lane would wait for all others to be empty.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.source_id, m.provider_id FROM delivery_message m"
            " JOIN delivery_mailing g ON g.id = m.mailing_id AND g.state = 'sending'"
            " JOIN delivery_egress_source s ON s.id = m.source_id"
            " WHERE m.state = 'queued' AND m.due <= now()"
            " AND (s.suspended_until IS NULL OR s.suspended_until <= now())"
            " GROUP BY m.source_id, m.provider_id ORDER BY random()"
        )
        return [(int(source), int(provider)) for source, provider in cursor.fetchall()]


def recover() -> int:
    """Settle what dead workers left behind: by their journals, and by leases that ran out on other machines."""
    settled = 0
    for dead in reconcile(settings.JOURNAL_DIR):
        settled += _settle(dead)
        dead.forget()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_message SET state = CASE state WHEN 'claimed' THEN 'queued' ELSE 'uncertain' END,"
            " lease_until = NULL, lease_token = NULL, updated_at = now()"
            " WHERE state IN ('claimed', 'attempting') AND lease_until < now()"
        )
        return settled + int(cursor.rowcount)


def _settle(dead: DeadJournal) -> int:
    """Apply one journal: accepted are sent, refused are tried again later, begun without an answer are uncertain, and the rest
    go back into the queue: their final dot was never written.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, mailing_id, contact_id, address_hash, person_key, attempts, first_due, state"
            " FROM delivery_message WHERE lease_token = %s AND state IN ('claimed', 'attempting')",
            [dead.lease_token],
        )
        left = [
            (Claimed(row[0], row[1], row[2], bytes(row[3]), bytes(row[4]), row[5], row[6]), row[7])
            for row in cursor.fetchall()
        ]
    results = [_settled(dead, message, state) for message, state in left]
    with transaction.atomic():
        finish(results, token=dead.lease_token)
        if results:
            counts = {kind: 0 for kind in ("accepted", "refused", "uncertain", "requeued")}
            for result in results:
                counts[_NAMES.get(result.next.state, "refused")] += 1
            audit.record("delivery.recovered", actor=access.system("delivery"), details=counts)
    return len(results)


_NAMES: dict[str, str] = {_State.SENT: "accepted", _State.UNCERTAIN: "uncertain", _State.QUEUED: "requeued"}


def _settled(dead: DeadJournal, message: Claimed, state: str) -> Result:
    now = timezone.now()
    if message.id in dead.accepted:
        # The transport sends over nothing but verified TLS; which version it was died with the worker.
        evidence = Outcome(
            Kind.ACCEPTED,
            message.id,
            code=dead.accepted[message.id],
            reply="accepted; read from the journal of a worker that died",
            tls_verified=True,
        )
        return Result(message, Next(_State.SENT), evidence)
    if message.id in dead.refused:
        # The journal has the code and not the words, and without them nobody knows whom the host refused: the recipient, us
        # or what we sent. It wasn't accepted, so asking again is safe, and the answer is then read with its words.
        again = rules.retry(
            now=now,
            first_due=message.first_due,
            attempts=message.attempts,
            transactional=False,
            jitter=random.uniform(-1, 1),  # noqa: S311 - spreads retries, guards nothing
            lane=False,
        )
        evidence = Outcome(
            Kind.DEFERRED,
            message.id,
            code=dead.refused[message.id],
            reply="read from the journal of a worker that died",
            tls_verified=True,
        )
        return Result(message, again, evidence)
    if message.id in dead.unanswered or (state == _State.ATTEMPTING and not dead.complete):
        evidence = Outcome(Kind.UNCERTAIN, message.id, reply="begun by a worker that died before the answer")
        return Result(message, Next(_State.UNCERTAIN), evidence)
    return Result(message, Next(_State.QUEUED, due=now, counts=False))

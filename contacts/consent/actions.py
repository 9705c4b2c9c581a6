"""Verbs of consent: record, suppress, lift, ask for a confirmation, confirm, choose."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from contacts.consent.models import Confirmation, ConsentRecord, Suppression, Topic
from contacts.consent.queries import addresses_of, ledgers_of, standings_by_topic
from contacts.consent.rules import (
    CARRIED,
    ELSEWHERE,
    SOURCES,
    Evidence,
    Move,
    Standing,
    agrees,
    newest_of_each,
)
from safeguards import audit, notices, tokens
from safeguards.actor import Actor

audit.declare("topic.added", slug=audit.WORD)
audit.declare("consent.recorded", count=int, sources=int)
audit.declare("consent.suppressed", scope=Suppression.Scope, source=SOURCES, mailing=int | None)
audit.declare("consent.lifted", scopes=audit.WORDS, source=SOURCES)
audit.declare("consent.asked", topics=audit.NUMBERS)
audit.declare("consent.confirmed", topics=audit.NUMBERS)
audit.declare("consent.chosen", topics=audit.NUMBERS)
notices.declare("consent.confirm", "brand", "phone")

CONFIRMATION_LIFE = timedelta(days=7)
CONFIRM_TEXT = "confirm-1"
PREFERENCES_TEXT = "preferences-1"
# What a fresh choice of the person takes back, beside the topic's own stop. An address that doesn't exist, and a word against
# every message, are not of this page's making and stay (C8).
_WIDE = (Suppression.Scope.BRAND, Suppression.Scope.MARKETING, Suppression.Scope.COMPLAINT)


class TokenUsed(Exception):
    """The confirmation was used before, or its time is over."""


def add_topic(
    *, actor: Actor, slug: str, name: str, name_es: str, about: str, about_es: str, position: int = 0
) -> Topic:
    """Add something that people can choose to get; one of that slug is changed. Needs the permission to manage people.

    Its words stand on a page that a link alone opens, so they must say nothing about anybody's health (C6).
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    with transaction.atomic():
        topic, _ = Topic.objects.update_or_create(
            slug=slug,
            defaults={
                "name": name,
                "name_es": name_es,
                "about": about,
                "about_es": about_es,
                "position": position,
            },
        )
        audit.record("topic.added", actor=actor, target=topic, details={"slug": slug})
    return topic


def record(*, actor: Actor, evidence: Sequence[Evidence]) -> int:
    """Append acts of consent to the ledger; returns how many. One audit row for the lot.

    Refused with ValueError where an act has no source or date: without them it proves nothing (C4). The caller has checked
    that the actor may do what brings the evidence (import, confirm, choose).
    """
    if not evidence:
        return 0
    for act in evidence:
        if not act.source.strip():
            raise ValueError("consent without a source")
        if timezone.is_naive(act.given_at):
            raise ValueError("consent without a time zone")
    now = timezone.now()
    with transaction.atomic():
        _append(evidence, now)
        # Their number alone: what a file or a person gives as a source is free text, and stands in the ledger.
        sources = len({act.source for act in evidence})
        patient = evidence[0].person_key.hex() if len(evidence) == 1 else ""
        audit.record(
            "consent.recorded",
            actor=actor,
            patient=patient,
            details={"count": len(evidence), "sources": sources},
        )
    return len(evidence)


# As arrays: a file of patients brings two acts a row, and eleven placeholders for each cost more than all else of an import.
_APPEND = """
INSERT INTO consent_record
    (address_hash, person_key, subject, topic_id, act, source, given_at, text_version, evidence, recorded_at)
SELECT address_hash, person_key, subject, topic_id, act, source, given_at, text_version, evidence, %s
FROM unnest(%s::bytea[], %s::bytea[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::text[],
    %s::jsonb[]) WITH ORDINALITY AS said
    (address_hash, person_key, subject, topic_id, act, source, given_at, text_version, evidence, place)
ORDER BY place
"""


def _append(evidence: Sequence[Evidence], now: datetime) -> None:
    """Write acts into the ledger in their order, which is the order of their ids: of two words of one moment the later holds."""
    columns: list[list[object]] = [
        [act.address_hash for act in evidence],
        [act.person_key for act in evidence],
        [str(act.subject) for act in evidence],
        [act.topic_id for act in evidence],
        [str(act.act) for act in evidence],
        [act.source[:120] for act in evidence],
        [act.given_at for act in evidence],
        [act.text_version for act in evidence],
        [json.dumps(dict(act.evidence)) for act in evidence],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_APPEND, [now, *columns])


def suppress(
    *,
    actor: Actor,
    address_hash: bytes,
    scope: str,
    source: str,
    brand: Brand | None = None,
    topic: Topic | None = None,
    reason: str = "",
    mailing_id: int | None = None,
    message_id: int | None = None,
    asked_at: datetime | None = None,
) -> Suppression:
    """Say "no" for an address, at once and for good. Saying it twice changes nothing and is answered with the first.

    Anybody may say it: the patient by a link, delivery for a bounce, staff for a telephone call. `asked_at` is when they did
    (aware; now, unless told otherwise), and kept beside the moment from which it holds.
    """
    asked_at = asked_at or timezone.now()
    with transaction.atomic():
        suppression, made = Suppression.objects.get_or_create(
            address_hash=address_hash,
            scope=scope,
            brand=brand,
            topic=topic,
            lifted_at=None,
            defaults={
                "source": source,
                "reason": reason,
                "mailing_id": mailing_id,
                "message_id": message_id,
                "asked_at": asked_at,
                "at": timezone.now(),
            },
        )
        if made:
            audit.record(
                "consent.suppressed",
                actor=actor,
                target=suppression,
                patient=actor.id if actor.kind == "patient" else "",
                reason=reason,
                details={"scope": scope, "source": source, "mailing": mailing_id},
            )
    return suppression


def lift(
    *,
    actor: Actor,
    address_hash: bytes,
    scopes: Collection[str],
    source: str,
    topic: Topic | None = None,
    brand: Brand | None = None,
    message_id: int | None = None,
) -> int:
    """Take back standing suppressions of these scopes; returns how many. Only the person themselves may (C8).

    With a topic, a brand or a message, what was said of another one stays. Raises Denied for anybody but a patient
    acting by a link.
    """
    if actor.kind != "patient":
        raise access.Denied("only the person can come back")
    with transaction.atomic():
        standing = Suppression.objects.filter(address_hash=address_hash, scope__in=scopes, lifted_at=None)
        if topic is not None:
            standing = standing.filter(topic=topic)
        if brand is not None:
            standing = standing.filter(Q(brand=brand) | Q(brand=None))
        if message_id is not None:
            standing = standing.filter(message_id=message_id)
        count = standing.update(lifted_at=timezone.now(), lifted_by=source)
        if count:
            audit.record(
                "consent.lifted",
                actor=actor,
                patient=actor.id,
                details={"scopes": sorted(scopes), "source": source},
            )
    return count


def unsubscribe(
    *, actor: Actor, token: tokens.LinkToken, source: str, asked_at: datetime | None = None
) -> Suppression:
    """One press: stop everything commercial of the brand, for ever, effective with the next message (RFC 8058, C7).

    It holds for the person: a link in an old mail stops their new address as well (C8).
    """
    with transaction.atomic():
        return _stop_person(
            actor,
            token,
            scope=Suppression.Scope.BRAND,
            brand=Brand.objects.get(pk=token.brand_id),
            source=source,
            asked_at=asked_at,
        )


def undo_unsubscribe(*, actor: Actor, token: tokens.LinkToken) -> None:
    """The person pressed undo on the result page: what they had chosen before holds again, and any wider "no" as well."""
    with transaction.atomic():
        _lift_person(
            actor,
            token,
            scopes=(Suppression.Scope.BRAND,),
            brand=Brand.objects.get(pk=token.brand_id),
            source="undo on the page",
        )


def _hold_person(*person_keys: bytes) -> None:
    """One act on a person at a time, until the transaction ends: else a stop by an old mail and a new address would pass
    each other unseen. Always taken before anything is written, and in one order, so that no two wait for each other."""
    with connection.cursor() as cursor:
        for number in sorted({int.from_bytes(key[:8], "big", signed=True) for key in person_keys}):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _stop_person(
    actor: Actor,
    token: tokens.LinkToken,
    *,
    scope: str,
    source: str,
    brand: Brand | None = None,
    topic: Topic | None = None,
    asked_at: datetime | None = None,
) -> Suppression:
    """Stop every address that the ledger has bound to the token's person, and the token's own, whose stop is returned."""
    _hold_person(token.person_key)
    stopped = {}
    for address_hash in sorted(addresses_of(token.person_key) | {token.address_hash}):
        stopped[address_hash] = suppress(
            actor=actor,
            address_hash=address_hash,
            scope=scope,
            brand=brand,
            topic=topic,
            source=source if address_hash == token.address_hash else ELSEWHERE,
            mailing_id=token.mailing_id or None,
            message_id=token.message_id or None,
            asked_at=asked_at,
        )
    return stopped[token.address_hash]


def _lift_person(
    actor: Actor,
    token: tokens.LinkToken,
    *,
    scopes: Collection[str],
    source: str,
    brand: Brand | None = None,
    topic: Topic | None = None,
) -> None:
    """Take stops back at the token's address, and elsewhere only what this same link had stopped.

    An old address may be another person's by now, and a link alone must not undo what was said under a new one.
    """
    _hold_person(token.person_key)
    terms: dict[str, Any] = {
        "actor": actor,
        "scopes": scopes,
        "source": source,
        "brand": brand,
        "topic": topic,
    }
    lift(address_hash=token.address_hash, **terms)
    if token.message_id:
        for address_hash in sorted(addresses_of(token.person_key) - {token.address_hash}):
            lift(address_hash=address_hash, message_id=token.message_id, **terms)


def rebind(*, actor: Actor, moves: Sequence[Move]) -> None:
    """What these people said under an old address holds for the new one, with its own date; above all every "no" (C8).

    A hard bounce says something of the old mailbox alone, and stays there. The caller has checked that the actor may change
    addresses, and leaves the audit row that says whose changed.
    """
    with transaction.atomic():
        _hold_person(*(move.person_key for move in moves))
        ledgers = ledgers_of([(move.old, move.person_key) for move in moves])
        record(
            actor=actor,
            evidence=[
                Evidence(
                    address_hash=move.new,
                    person_key=move.person_key,
                    subject=act.subject,
                    topic_id=act.topic_id,
                    act=act.act,
                    source=CARRIED,
                    given_at=act.given_at,
                    evidence=dict(move.evidence),
                )
                for move in moves
                for act in newest_of_each(ledgers.acts[(move.old, move.person_key)])
                if not move.only_refusals or act.act == ConsentRecord.Act.OPT_OUT
            ],
        )
        standing = Suppression.objects.filter(address_hash__in=[move.old for move in moves], lifted_at=None)
        standing = standing.exclude(scope=Suppression.Scope.HARD_BOUNCE).select_related("brand", "topic")
        stops = [(bytes(stop.address_hash), stop) for stop in standing.order_by("pk")]
        for move in moves:
            for address_hash, stop in stops:
                if address_hash == move.old:
                    suppress(
                        actor=actor,
                        address_hash=move.new,
                        scope=stop.scope,
                        source=CARRIED,
                        brand=stop.brand,
                        topic=stop.topic,
                        # So that undo, by the link that said it, reaches it here too.
                        mailing_id=stop.mailing_id,
                        message_id=stop.message_id,
                    )


def choose_topics(*, actor: Actor, token: tokens.LinkToken, topic_ids: Collection[int]) -> None:
    """Set exactly these topics for the person at this address: fresh opt-ins for new ones, suppressions for the rest.

    Choosing a topic after having stopped everything is fresh consent, and lifts this brand's wide stop; choosing none stops
    each topic. A "no" holds at every address of theirs, a "yes" at the one that the link was sent to. Ids of
    topics that don't exist are passed over.
    """
    brand = Brand.objects.get(pk=token.brand_id)
    now = timezone.now()
    with transaction.atomic():
        _hold_person(token.person_key)
        # What held before is read before the wide stop is lifted: somebody who comes back agrees anew, on the record.
        before = standings_by_topic(token.address_hash, token.person_key, brand.pk)
        chosen = {topic.pk for topic, _ in before} & set(topic_ids)
        if chosen:
            _lift_person(actor, token, scopes=_WIDE, brand=brand, source="preferences page")
        for topic, _standing in before:
            if topic.pk not in chosen:
                _stop_person(
                    actor, token, scope=Suppression.Scope.TOPIC, topic=topic, source="preferences page"
                )
                continue
            _lift_person(
                actor, token, scopes=(Suppression.Scope.TOPIC,), topic=topic, source="preferences page"
            )
        unreached = {topic.pk for topic, standing in before if standing is not Standing.REACHABLE}
        fresh = _choices(token, chosen, unreached, now)
        record(actor=actor, evidence=fresh)
        audit.record(
            "consent.chosen",
            actor=actor,
            patient=actor.id,
            details={"topics": sorted(chosen)},
        )


def _choices(token: tokens.LinkToken, chosen: set[int], unreached: set[int], now: datetime) -> list[Evidence]:
    """What a saved choice adds to the ledger.

    A "yes" to every topic, at whichever of their addresses, ends with it and becomes one for the topics that they left ticked:
    else a topic that is added later would reach somebody who has just said which ones they want.
    """
    addresses = sorted(addresses_of(token.person_key) | {token.address_hash})
    ledgers = ledgers_of([(address_hash, token.person_key) for address_hash in addresses])
    fresh: list[Evidence] = []
    for address_hash in addresses:
        acts = ledgers.acts[(address_hash, token.person_key)]
        is_own = address_hash == token.address_hash
        agreed = {topic for topic in chosen if is_own or agrees(acts, topic_id=topic)}
        source = "preferences page" if is_own else ELSEWHERE
        if agrees(acts, topic_id=None):
            fresh.append(_act(address_hash, token.person_key, None, source, now, ConsentRecord.Act.OPT_OUT))
        else:
            agreed &= unreached if is_own else set()
        fresh += [_act(address_hash, token.person_key, topic, source, now) for topic in sorted(agreed)]
    return fresh


def _act(
    address_hash: bytes,
    person_key: bytes,
    topic_id: int | None,
    source: str,
    at: datetime,
    act: str = ConsentRecord.Act.OPT_IN,
) -> Evidence:
    version = CONFIRM_TEXT if source.startswith("confirm") else PREFERENCES_TEXT
    return Evidence(
        address_hash=address_hash,
        person_key=person_key,
        subject=ConsentRecord.Subject.MARKETING,
        topic_id=topic_id,
        act=act,
        source=source,
        given_at=at,
        text_version=version,
    )


def ask_confirmation(
    *,
    actor: Actor,
    address: str,
    person_key: bytes,
    brand: Brand,
    topics: Sequence[Topic],
    source: str,
    language: str,
) -> Confirmation:
    """Send somebody who asked for e-mail the link by which they confirm it. The link lives seven days and works once.

    Needs the permission to ask for consent. `source` says where the person asked, and becomes part of the evidence. Raises
    ValueError without topics.
    """
    access.require(actor, Permission.EDIT_CONSENT)
    if not topics:
        raise ValueError("choose at least one topic")
    text, token_hash = tokens.new_single_use()
    now = timezone.now()
    with transaction.atomic():
        confirmation = Confirmation.objects.create(
            token_hash=token_hash,
            address_hash=tokens.address_key(address),
            person_key=person_key,
            brand=brand,
            source=source,
            asked_at=now,
            expires_at=now + CONFIRMATION_LIFE,
        )
        confirmation.topics.set(topics)
        notices.leave(
            "consent.confirm",
            address=address,
            language=language,
            parameters={"brand": brand.name, "phone": brand.phone},
            secret=f"{settings.PUBLIC_URL}/f/confirm/{text}/",
        )
        audit.record(
            "consent.asked",
            actor=actor,
            target=confirmation,
            patient=person_key.hex(),
            details={"topics": [topic.pk for topic in topics]},
        )
    return confirmation


def confirmation_of(token: str) -> Confirmation:
    """The confirmation that a link stands for. Raises TokenUsed if it is unknown, used or over."""
    found = Confirmation.objects.filter(token_hash=tokens.hash_single_use(token), used_at=None).first()
    if found is None or found.expires_at < timezone.now():
        raise TokenUsed
    return found


def confirm(*, actor: Actor, token: str) -> Confirmation:
    """The person pressed the button: record their opt-ins. Raises TokenUsed the second time, also when two presses race."""
    now = timezone.now()
    with transaction.atomic():
        confirmation = confirmation_of(token)
        if not Confirmation.objects.filter(pk=confirmation.pk, used_at=None).update(used_at=now):
            raise TokenUsed
        chosen = list(confirmation.topics.all())
        address_hash, person_key = bytes(confirmation.address_hash), bytes(confirmation.person_key)
        _hold_person(person_key)
        for topic in chosen:
            lift(
                actor=actor,
                address_hash=address_hash,
                scopes=(Suppression.Scope.TOPIC,),
                topic=topic,
                source="confirmation",
            )
        lift(
            actor=actor,
            address_hash=address_hash,
            scopes=_WIDE,
            brand=confirmation.brand,
            source="confirmation",
        )
        record(
            actor=actor,
            evidence=[
                _act(address_hash, person_key, topic.pk, f"confirmed: {confirmation.source}", now)
                for topic in chosen
            ],
        )
        audit.record(
            "consent.confirmed",
            actor=actor,
            target=confirmation,
            patient=person_key.hex(),
            details={"topics": [topic.pk for topic in chosen]},
        )
    return confirmation

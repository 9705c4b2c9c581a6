"""Emptying a lane: claim a batch, ask the gate, compose, sign, send, write down; until nothing is due or the minute is over."""

import asyncio
import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    transaction,
)
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Organization
from campaigns.delivery import gate, replies, rules, world
from campaigns.delivery.actions import claims
from campaigns.delivery.actions.claims import Claimed, Result
from campaigns.delivery.actions.sending_domains import signer
from campaigns.delivery.compose import Compiled, Headers
from campaigns.delivery.dkim import Signer
from campaigns.delivery.gate import Candidate
from campaigns.delivery.journal import Journal
from campaigns.delivery.models import EgressSource, Mailing, Message, Provider, SendingDomain
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.delivery.routes import NoSuchDomain, NullMx, RouteError
from campaigns.delivery.rules import Next
from campaigns.delivery.throttle import Limit
from campaigns.delivery.transport import Envelope, Source, deliver
from campaigns.delivery.verdict import Released, Withheld
from campaigns.designs import merge
from campaigns.designs.mjml import with_pictures, without_open_pixel
from campaigns.designs.models import DesignVersion
from contacts.models import Contact
from safeguards import phi, secrets, tokens
from safeguards.tokens import LinkToken

logger = logging.getLogger(__name__)

MINUTE = 60.0
MOST = 2000
BATCH = 200
# Asked of every contact besides what the design merges.
_ALWAYS = frozenset({"email", "birth_date", "deceased_date"})
# How long a worker holds on to results that the database won't take; then the journal takes over.
_PATIENCE = 120.0
# After this much of a lease (15 minutes) a batch begins nothing more: the last final dot may take three minutes, and writing
# it down two, and both must be over before the sweep takes the rows for those of a dead worker.
BATCH_TIME = 480.0
_Kept = TypeVar("_Kept")


def keep_trying(write: Callable[[], _Kept]) -> _Kept:
    """Do a write again while the database is away, for up to two minutes: what was sent must be written down."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if time.monotonic() > until:
                raise
            connection.close()
            time.sleep(0.5)


@contextmanager
def _alone(source_id: int, provider_id: int) -> Iterator[bool]:
    """Whether this worker has the lane to itself; PostgreSQL gives the lock back when a worker dies."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [source_id, provider_id])
        got = bool(cursor.fetchone()[0])
    try:
        yield got
    finally:
        if got:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [source_id, provider_id])
            except DatabaseError:
                connection.close()


def drain(source_id: int, provider_id: int) -> int:
    """Send what is due in one lane, for a minute or about two thousand messages at most; returns how many were dealt with.

    Does nothing where another worker has the lane, or its source rests. The throttle fails closed: without Redis nothing is sent.
    """
    close_old_connections()
    source = EgressSource.objects.get(pk=source_id)
    provider = Provider.objects.get(pk=provider_id)
    if source.suspended_until and source.suspended_until > timezone.now():
        return 0
    with _alone(source_id, provider_id) as alone:
        if not alone:
            return 0
        return _drain(source, provider)


def _drain(source: EgressSource, provider: Provider) -> int:
    until, dealt = time.monotonic() + MINUTE, 0
    while dealt < MOST and time.monotonic() < until:
        # Rates and rests are what stands in the tables now, not what stood there when this minute began.
        source.refresh_from_db()
        provider.refresh_from_db()
        if source.suspended_until and source.suspended_until > timezone.now():
            break
        mailing_id = claims.next_mailing(source.pk, provider.pk)
        if mailing_id is None:
            break
        mailing = Mailing.objects.select_related("version", "brand", "topic", "pool").get(pk=mailing_id)
        grant = world.throttle().take(BATCH, _limits(mailing, source, provider))
        if not grant.count:
            time.sleep(min(max(grant.wait_seconds, 0.01), 1.0))
            continue
        dealt += send_batch(mailing, source, provider, grant.count)
    return dealt


def _limits(mailing: Mailing, source: EgressSource, provider: Provider) -> list[Limit]:
    pool = mailing.pool
    return [
        Limit(f"pool:{pool.pk}", pool.per_second, pool.burst),
        Limit(f"source:{source.pk}:provider:{provider.pk}", provider.per_second, provider.burst),
    ]


def send_batch(mailing: Mailing, source: EgressSource, provider: Provider, limit: int) -> int:
    """Claim, gate, send and finish one batch of one mailing in one lane; returns how many were claimed."""
    try:
        design, signs = _means(mailing)
    except (secrets.Unreadable, ValueError):
        # Nothing of it can be made before somebody mends that; claimed again and again it would hold up the lane for ever.
        replies.stop(mailing, replies.UNUSABLE)
        return 0
    token, until = claims.new_token(), time.monotonic() + BATCH_TIME
    # The journal stands before the claim: whatever this worker holds when it dies, a file says so, and the next sweep
    # settles it without waiting for the lease to run out. Left by an error, the journal stays, unlocked, to the same end.
    with Journal.open(settings.JOURNAL_DIR, token) as journal:
        claimed = claims.claim(mailing.pk, source.pk, provider.pk, token=token, limit=limit)
        if not claimed:
            return 0
        records = _records(claimed, mailing.version)
        candidates = [_candidate(message, record) for message, record in zip(claimed, records, strict=True)]
        answers = gate.release(mailing, candidates, today=_clinics_day())
        results: list[Result] = []
        batch = _Batch(mailing, source, provider, journal, design, signs)
        for message, record, answer in zip(claimed, records, answers, strict=True):
            if isinstance(answer.verdict, Withheld):
                results.append(Result(message, Next(Message.State.WITHHELD, answer.verdict.reason.value)))
            else:
                batch.add(message, answer.verdict, record or {}, answer.tracking_agreed)
        if batch.size:
            claims.begin(batch.messages(), token=token)
            results += asyncio.run(batch.send(until))
        keep_trying(lambda: _write_down(mailing, source, results, token))
    return len(claimed)


def _clinics_day() -> date:
    """Today at the clinic: in UTC somebody would come of age some hours before their birthday."""
    organization = Organization.objects.first()
    zone = ZoneInfo(organization.time_zone) if organization else UTC
    return timezone.now().astimezone(zone).date()


def _means(mailing: Mailing) -> tuple[Compiled, Signer | None]:
    """The compiled design and the signer, None without a key: then the gate releases nobody.

    Raises Unreadable for a key that can't be opened, ValueError for a key or a design that can't be used.
    """
    domain = SendingDomain.objects.filter(domain=mailing.brand.domain).first()
    return compiled(mailing.version_id, mailing.tracking), signer(domain) if domain else None


def _write_down(mailing: Mailing, source: EgressSource, results: Sequence[Result], token: int) -> None:
    """What became of a batch and what that means beyond it, or nothing: a dead address is never known and not suppressed."""
    with transaction.atomic():
        claims.finish(results, token=token)
        replies.apply_consequences(mailing, source, results)


def _records(claimed: Sequence[Claimed], version: DesignVersion) -> list[dict[str, Any] | None]:
    """What is known of each recipient that the gate and the design need; empty for somebody who is gone, None where the record
    fails its seal: one such person is withheld and holds up nobody else.
    """
    grant = access.grant(access.system("delivery"), Permission.DELIVER)
    fields = sorted(_ALWAYS | set(version.fields))
    contacts = list(
        Contact.objects.filter(pk__in=[message.contact_id for message in claimed], deleted_at=None)
    )
    opened = phi.reveal_sound(contacts, fields, grant=grant, purpose="deliver a mailing")
    by_id = {contact.pk: record for contact, record in zip(contacts, opened, strict=True)}
    return [by_id.get(message.contact_id or 0, {}) for message in claimed]


def _candidate(message: Claimed, record: dict[str, Any] | None) -> Candidate:
    known = record or {}
    return Candidate(
        message.id,
        message.address_hash,
        message.person_key,
        known.get("email") or "",
        known.get("birth_date"),
        known.get("deceased_date"),
        sound=record is not None,
    )


@dataclass(frozen=True, slots=True)
class _Outgoing:
    message: Claimed
    released: Released
    record: dict[str, Any]
    tracking_agreed: bool


class _Batch:
    """The released part of a batch, sent domain by domain at the same time."""

    def __init__(
        self,
        mailing: Mailing,
        source: EgressSource,
        provider: Provider,
        journal: Journal,
        design: Compiled,
        signs: Signer | None,
    ) -> None:
        self._mailing, self._source, self._provider, self._journal = mailing, source, provider, journal
        self._outgoing: dict[int, _Outgoing] = {}
        self._signer = signs
        self._writer = _Writer(mailing, design)

    @property
    def size(self) -> int:
        return len(self._outgoing)

    def add(
        self, message: Claimed, released: Released, record: dict[str, Any], tracking_agreed: bool
    ) -> None:
        self._outgoing[message.id] = _Outgoing(message, released, record, tracking_agreed)

    def messages(self) -> list[Claimed]:
        return [outgoing.message for outgoing in self._outgoing.values()]

    async def send(self, until: float) -> list[Result]:
        """Send all of it; nothing more is begun after `until`, by the monotonic clock."""
        by_domain: dict[str, list[_Outgoing]] = defaultdict(list)
        for outgoing in self._outgoing.values():
            by_domain[outgoing.released.recipient.rpartition("@")[2]].append(outgoing)
        share = max(1, self._provider.connections // len(by_domain))
        resolver = world.resolver()

        told: dict[int, Outcome] = {}

        def tell(*outcomes: Outcome) -> None:
            told.update((outcome.message_id, outcome) for outcome in outcomes)

        async def one(domain: str, group: list[_Outgoing]) -> None:
            try:
                routes = await resolver.route(domain)
            except (NoSuchDomain, NullMx) as error:
                for each in group:
                    tell(Outcome(Kind.BOUNCED, each.message.id, enhanced="5.1.2", reply=type(error).__name__))
            except (RouteError, ValueError) as error:
                for each in group:
                    tell(Outcome(Kind.UNREACHABLE, each.message.id, reply=type(error).__name__))
            else:
                async for outcome in deliver(
                    [self._envelope(each) for each in group],
                    routes=routes,
                    source=Source(self._source.source_address, self._source.ehlo_domain),
                    port=settings.DELIVERY_SMTP_PORT,
                    tls=world.tls(),
                    journal=self._journal,
                    connections=min(share, len(group)),
                    per_connection=self._provider.per_connection,
                    timeouts=world.TIMEOUTS,
                    within=max(0.0, until - time.monotonic()),
                ):
                    tell(outcome)

        ended = await asyncio.gather(
            *(one(domain, group) for domain, group in by_domain.items()), return_exceptions=True
        )
        for group, error in zip(by_domain.values(), ended, strict=True):
            if error is not None:
                tell(
                    *self._after_failure(
                        error, [each.message.id for each in group if each.message.id not in told]
                    )
                )
        return [self._result(outcome) for outcome in told.values()]

    def _after_failure(self, error: BaseException, untold: list[int]) -> list[Outcome]:
        """What becomes of a domain's messages when sending to it failed in a way that nobody foresaw: one domain's oddity must
        not fail the others, again and again. Raised on where the journal can't be written or the process is to end.
        """
        if not isinstance(error, Exception) or self._journal.broken:
            raise error
        logger.error("sending to one domain failed, %s messages are left", len(untold), exc_info=error)
        return [
            Outcome(
                Kind.UNCERTAIN if self._journal.has_begun(number) else Kind.DEFERRED,
                number,
                reply=type(error).__name__,
                source_address=self._source.source_address,
            )
            for number in untold
        ]

    def _envelope(self, outgoing: _Outgoing) -> Envelope:
        def content() -> bytes:
            if self._signer is None:
                raise ValueError("without a key nothing is sent")
            message = self._writer.write(outgoing)
            return self._signer.sign(message, at=timezone.now()) + message

        number = outgoing.message.id
        return Envelope(
            outgoing.released,
            rules.envelope_sender(
                number, tokens.mac("verp", number.to_bytes(8, "big")), f"bounce.{self._mailing.brand.domain}"
            ),
            content,
        )

    def _result(self, outcome: Outcome) -> Result:
        outgoing = self._outgoing[outcome.message_id]
        tracked = self._mailing.tracking == Mailing.Tracking.PERSON and outgoing.tracking_agreed
        jitter = random.uniform(-1, 1)  # noqa: S311 - spreads retries, guards nothing
        return Result(
            outgoing.message,
            replies.next_state(outcome, outgoing.message, known=self._provider.is_known, jitter=jitter),
            outcome,
            tracked,
        )


class _Writer:
    """Makes the bytes of one recipient's message from the compiled design."""

    def __init__(self, mailing: Mailing, design: Compiled) -> None:
        self._mailing, self._design = mailing, design
        self._links = len(mailing.version.links)
        # The same in everybody's mail: they name the mailing and the link, and nobody.
        self._untied_urls = self._tracking_urls(
            lambda kind, number: tokens.totals_link(kind, mailing.pk, number)
        )

    def _tracking_urls(self, token_of: Callable[[str, int], str]) -> dict[str, str]:
        if self._mailing.tracking == Mailing.Tracking.NONE:
            return {}
        urls = {
            f"link:{number}": f"{settings.PUBLIC_URL}/c/{token_of('c', number)}/"
            for number in range(self._links)
        }
        return urls | {"open_url": f"{settings.PUBLIC_URL}/o/{token_of('o', 0)}.gif"}

    def write(self, outgoing: _Outgoing) -> bytes:
        mailing, message = self._mailing, outgoing.message
        token = LinkToken(message.address_hash, message.person_key, mailing.brand_id, mailing.pk, message.id)
        unsubscribe = _public("u", token)
        values = {key: _text(value) for key, value in outgoing.record.items() if value is not None}
        values |= {"unsubscribe_url": unsubscribe, "preferences_url": _public("p", token)}
        follow = mailing.tracking == Mailing.Tracking.PERSON and outgoing.tracking_agreed
        values |= (
            self._tracking_urls(lambda kind, number: tokens.seal_link(kind, replace(token, number=number)))
            if follow
            else self._untied_urls
        )
        brand = mailing.brand
        mac = tokens.mac("message-id", message.id.to_bytes(8, "big"), 12).hex()
        return self._design.render(
            Headers(
                sender_name=brand.from_name,
                sender_address=brand.from_address,
                recipient=outgoing.released.recipient,
                subject=mailing.version.subject,
                at=timezone.now(),
                token=f"{mac}.{message.id:x}",
                domain=brand.domain,
                list_unsubscribe=unsubscribe,
                list_id=f"news.{brand.domain}",
                feedback_id=f"{mailing.pk}:{brand.pk}:{mailing.stream}:wellsent",
            ),
            values,
        )


def _public(kind: str, token: LinkToken) -> str:
    return f"{settings.PUBLIC_URL}/{kind}/{tokens.seal_link(kind, token)}/"


def _text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


@lru_cache(maxsize=64)
def compiled(version_id: int, tracking: str) -> Compiled:
    """The byte segments of a design version; without the open pixel where nothing is tracked."""
    version = DesignVersion.objects.get(pk=version_id)
    html = version.html if tracking != Mailing.Tracking.NONE else without_open_pixel(version.html)
    html = with_pictures(html, public_url=settings.PUBLIC_URL)
    own = {"unsubscribe_url", "preferences_url", "open_url"}
    own |= {f"link:{number}" for number in range(len(version.links))}
    names = {*version.fields, *own}
    return Compiled.build(
        html_nodes=merge.parse(html, fields=names, required=own, html=True),
        text_nodes=merge.parse(version.text, fields=names, required=own),
        links=version.links,
    )

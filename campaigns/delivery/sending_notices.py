"""Sending the outbox of notices through the transactional pool: codes, confirmations, warnings.

A notice is text from a template, in its reader's language, and carries no health data. It is sent again, with the same
Message-ID, where a worker died after the final dot: a code that comes twice harms less than one that never comes.
"""

import asyncio
import html as markup
import logging
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts import access
from accounts.organization.models import Brand
from campaigns.delivery import gate, rules, world
from campaigns.delivery.actions import tallies
from campaigns.delivery.actions.claims import new_token
from campaigns.delivery.actions.sending_domains import signer
from campaigns.delivery.compose import Compiled, Headers
from campaigns.delivery.journal import Journal, reconcile
from campaigns.delivery.models import EgressSource, SendingDomain, Stream
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.delivery.routes import NoSuchDomain, NullMx, RouteError
from campaigns.delivery.transport import Envelope, Source, deliver
from campaigns.designs import queries as designs
from campaigns.designs.merge import Text
from campaigns.designs.queries import Preview
from safeguards import audit, notices
from safeguards.models import Notice

logger = logging.getLogger(__name__)

audit.declare("notice.sent", kind=audit.WORD, outcome=Kind)

LEASE = timedelta(minutes=5)
# Seconds after which a notice is not begun any more: with three minutes for its final dot that ends before the lease.
_WITHIN = 90.0
AT_ONCE = 20
_FINAL = (Kind.TLS_NOT_MET, Kind.BOUNCED, Kind.UNRENDERED)


@dataclass(frozen=True, slots=True)
class _Way:
    brand: Brand
    source: EgressSource
    domain: SendingDomain


def send_waiting() -> int:
    """Claim notices that are due, one at a time, and send them; returns how many. Without a signing domain or a source they
    wait. One whose lease ran out meanwhile is another worker's: nothing is written of it here.
    """
    close_old_connections()
    way = _way()
    if way is None:
        return 0
    # Notices are sent again after a crash, so what a dead worker wrote of them is of no use.
    for dead in reconcile(settings.JOURNAL_DIR / "notices"):
        dead.forget()
    sent = 0
    while sent < AT_ONCE and (notice := _claim()):
        _finish(notice, _attempt(notice, way), way.source)
        sent += 1
    return sent


def _way() -> _Way | None:
    brand = Brand.objects.order_by("pk").first()
    source = (
        EgressSource.objects.filter(entries__pool__stream=Stream.TRANSACTIONAL)
        .exclude(suspended_until__gt=timezone.now())
        .order_by("pk")
        .first()
    )
    domain = SendingDomain.objects.filter(domain=brand.domain).first() if brand else None
    return _Way(brand, source, domain) if brand and source and domain else None


def _claim() -> Notice | None:
    now = timezone.now()
    with transaction.atomic():
        notice = (
            Notice.objects.select_for_update(skip_locked=True)
            .filter(state__in=(Notice.State.QUEUED, Notice.State.CLAIMED), due__lte=now)
            .order_by("due")
            .first()
        )
        if notice is not None:
            # Claimed is queued with a later hour: a worker that dies leaves it to the next one. Each claim counts one attempt
            # more, which tells it from every other.
            notice.state, notice.due, notice.attempts = Notice.State.CLAIMED, now + LEASE, notice.attempts + 1
            notice.save(update_fields=["state", "due", "attempts"])
    return notice


def _tested(notice: Notice) -> Preview | None:
    """The message that a test of a design shows; None for other notices, and where it is gone or can't be made."""
    if notice.kind != designs.TEST:
        return None
    try:
        return designs.testable(actor=access.system("delivery"), parameters=notice.parameters)
    except ValueError as error:
        logger.warning("test %s can't be made: %s", notice.pk, type(error).__name__)
        return None


def _attempt(notice: Notice, way: _Way) -> Outcome:
    # Opened here: the keys may have to be read yet, and the database can't be asked from within the loop.
    try:
        address, secret = notices.opened(notice)
    except notices.Unreadable:
        # It ends; failing would hold up those behind it at every turn.
        return Outcome(Kind.UNRENDERED, notice.id.int, reply="Unreadable")
    try:
        message = _composed(notice, address, secret, way.brand)
    except _Unmade as error:
        logger.error("notice %s can't be made", notice.pk, exc_info=error.__cause__)
        return Outcome(Kind.UNRENDERED, notice.id.int, reply="the notice could not be made")
    return asyncio.run(_send(notice, address, message, way))


class _Unmade(Exception):
    """A notice's template failed, in whatever way."""


def _composed(notice: Notice, address: str, secret: str, brand: Brand) -> bytes:
    try:
        return compose(notice, address, secret, brand, _tested(notice))
    except DatabaseError:
        # Nothing is wrong with the notice: its turn comes again.
        raise
    except Exception as error:
        raise _Unmade from error


async def _send(notice: Notice, address: str, message: bytes, way: _Way) -> Outcome:
    number = notice.id.int
    try:
        routes = await world.resolver().route(address.rpartition("@")[2])
    except (NoSuchDomain, NullMx) as error:
        return Outcome(Kind.BOUNCED, number, reply=type(error).__name__)
    except (RouteError, ValueError) as error:
        return Outcome(Kind.UNREACHABLE, number, reply=type(error).__name__)

    def content() -> bytes:
        return signer(way.domain).sign(message, at=timezone.now()) + message

    with Journal.open(settings.JOURNAL_DIR / "notices", new_token()) as journal:
        envelope = Envelope(
            gate.release_notice(notice, address), f"notices@bounce.{way.brand.domain}", content
        )
        outcomes = [
            outcome
            async for outcome in deliver(
                [envelope],
                routes=routes,
                source=Source(way.source.source_address, way.source.ehlo_domain),
                port=settings.DELIVERY_SMTP_PORT,
                tls=world.tls(),
                journal=journal,
                timeouts=world.TIMEOUTS,
                within=_WITHIN,
            )
        ]
    return outcomes[0]


def compose(notice: Notice, address: str, secret: str, brand: Brand, tested: Preview | None = None) -> bytes:
    """The unsigned message of a notice: its template gives a subject line, an empty line, and the text.

    A test of a design is the design's own message, as somebody invented would get it. Raises ValueError where it is gone.
    """
    if notice.kind == designs.TEST:
        if tested is None:
            raise ValueError("there is nothing to test")
        return _rendered(notice, address, brand, f"[Test] {tested.subject}", tested.html, tested.text)
    with translation.override(notice.language):
        text = render_to_string(
            f"notices/{notice.kind}.txt", {**notice.parameters, "secret": secret, "brand": brand}
        )
    subject, _, body = text.strip().partition("\n")
    paragraphs = "".join(f"<p>{_linked(part)}</p>" for part in body.strip().split("\n\n"))
    page = f'<!doctype html><html lang="{notice.language}"><body>{paragraphs}</body></html>'
    return _rendered(notice, address, brand, subject, page, body.strip() + "\n")


def _rendered(notice: Notice, address: str, brand: Brand, subject: str, html: str, text: str) -> bytes:
    compiled = Compiled.build(html_nodes=[Text(html)], text_nodes=[Text(text)])
    return compiled.render(
        Headers(
            sender_name=brand.from_name,
            sender_address=brand.from_address,
            recipient=address,
            subject=subject,
            at=timezone.now(),
            token=notice.id.hex,
            domain=brand.domain,
            automatic=True,
        ),
        {},
    )


def _linked(paragraph: str) -> str:
    escaped = markup.escape(paragraph.strip())
    if escaped.startswith(("http://", "https://")) and " " not in escaped:
        return f'<a href="{escaped}">{escaped}</a>'
    return escaped.replace("\n", "<br>")


def _finish(notice: Notice, outcome: Outcome, source: EgressSource) -> None:
    """Write down the attempt, or nothing where the notice was claimed again meanwhile. Address and secret are removed once it
    is sent, or can't be.
    """
    now, claimed = timezone.now(), notice.attempts
    if outcome.kind is Kind.ACCEPTED:
        notice.state, notice.sent_at, notice.sealed = Notice.State.SENT, now, None
    elif outcome.kind in _FINAL or now - notice.created_at > rules.TRANSACTIONAL_LIFE:
        notice.state, notice.sealed = Notice.State.EXPIRED, None
        logger.warning("notice %s could not be delivered: %s", notice.pk, outcome.kind)
    else:
        notice.state = Notice.State.QUEUED
        notice.due = now + rules.back_off(notice.attempts, transactional=True, jitter=0)
    notice.reply = outcome.reply[:500]
    with transaction.atomic():
        ours = Notice.objects.filter(pk=notice.pk, state=Notice.State.CLAIMED, attempts=claimed).update(
            state=notice.state,
            sent_at=notice.sent_at,
            sealed=notice.sealed,
            due=notice.due,
            reply=notice.reply,
        )
        if not ours:
            logger.warning("notice %s was claimed by another worker meanwhile", notice.pk)
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO delivery_attempt (at, notice_id, kind, source_address, mx_host, mx_address,"
                " tls_version, tls_cipher, tls_verified, code, enhanced, reply)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    outcome.at,
                    notice.pk,
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
                ],
            )
        tallies.count([(outcome, source.pk, None, None)])
        audit.record(
            "notice.sent",
            actor=access.system("delivery"),
            target=notice,
            outcome="success" if outcome.kind is Kind.ACCEPTED else "failure",
            details={"kind": notice.kind, "outcome": outcome.kind.value},
        )

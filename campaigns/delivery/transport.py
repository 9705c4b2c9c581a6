"""The way out: hands released messages to a domain's mail hosts over verified TLS, and says what became of
each.

Nothing is sent below verified TLS, whatever its content. Nothing is sent that the gate did not release.
Every envelope gets exactly one Outcome. Once the final dot of a message is written the message is never
tried again here: an answer decides, and without one the message is uncertain.
"""

import asyncio
import ipaddress
import random
import re
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from campaigns.delivery import smtp
from campaigns.delivery.journal import Journal
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.delivery.routes import MxHost, Routes
from campaigns.delivery.smtp import Connection, ConnectionEnded, Reply
from campaigns.delivery.verdict import Released

__all__ = ["Envelope", "Kind", "Outcome", "Source", "Timeouts", "deliver", "tls_context"]

_PATH = re.compile(r"[!-;=?A-Z\[-~]{1,64}@[A-Za-z0-9._-]{1,253}")


@dataclass(frozen=True, slots=True)
class Source:
    """An egress source: the local address to send from, and the name to say in EHLO."""

    address: str
    ehlo_domain: str


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each step may take, in seconds (RFC 5321 §4.5.3.2)."""

    connect: float = 30.0
    banner: float = 300.0
    hello: float = 300.0
    handshake: float = 60.0
    mail: float = 300.0
    recipient: float = 300.0
    data: float = 120.0
    block: float = 180.0
    final_dot: float = 600.0
    quit: float = 5.0


@dataclass(frozen=True, slots=True)
class Envelope:
    """A released message with its envelope sender; `content` makes the signed message when its turn comes.

    `content` returns bytes with CRLF line ends, and raises ValueError if the message cannot be made.
    """

    released: Released
    sender: str
    content: Callable[[], bytes]


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Make the context that delivery demands: TLS 1.2 or later, certificate and host name verified.

    `ca_file` names the authorities to trust in place of the machine's; NIST SP 800-52r2 §4.
    """
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def deliver(
    envelopes: Sequence[Envelope],
    *,
    routes: Routes,
    source: Source,
    port: int,
    tls: ssl.SSLContext,
    journal: Journal,
    connections: int = 1,
    per_connection: int = 100,
    timeouts: Timeouts | None = None,
) -> AsyncGenerator[Outcome, None]:
    """Send messages to the mail hosts of one domain and yield exactly one Outcome for each, as they come.

    Refuses a message that the gate did not release (TypeError) and a context that does not verify
    (ValueError), both before anything is opened. Iterate to the end: what is in flight when the iteration
    is broken off is dropped, and stands in the journal alone.
    """
    for envelope in envelopes:
        if type(envelope.released) is not Released:
            raise TypeError("only what the gate released may be sent")
    if tls.verify_mode != ssl.CERT_REQUIRED or not tls.check_hostname:
        raise ValueError("the TLS context must verify the certificate and the host name")
    if tls.minimum_version < ssl.TLSVersion.TLSv1_2:
        raise ValueError("the TLS context must demand TLS 1.2 or later")
    if connections < 1 or per_connection < 1:
        raise ValueError("at least one connection and one message a connection")
    run = _Run(envelopes, routes, source, port, tls, journal, per_connection, timeouts or Timeouts())
    async with aclosing(run.outcomes(connections)) as outcomes:
        async for outcome in outcomes:
            yield outcome


class _NoConnection(Exception):
    """No mail host took us; carries what every message that waits for one is told."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.kind)
        self.outcome = outcome


_LOSSES_BEFORE_STOP = 3

# When hosts fail in different ways: a refusal may pass and outranks the lack of TLS, which no waiting mends;
# a host that does not answer says nothing about TLS.
_RANK = {Kind.UNREACHABLE: 0, Kind.TLS_NOT_MET: 1, Kind.REFUSED_US: 2}


@dataclass(slots=True)
class _Line:
    """An open, secured connection, and the evidence that its messages carry."""

    connection: Connection
    evidence: Outcome
    sent: int = 0


class _Run:
    """One call of `deliver`: the messages that wait, and the connections that share them."""

    def __init__(
        self,
        envelopes: Sequence[Envelope],
        routes: Routes,
        source: Source,
        port: int,
        tls: ssl.SSLContext,
        journal: Journal,
        per_connection: int,
        timeouts: Timeouts,
    ) -> None:
        self._waiting = deque(envelopes)
        self._routes = routes
        self._source = source
        self._port = port
        self._tls = tls
        self._journal = journal
        self._per_connection = per_connection
        self._timeouts = timeouts
        self._results: asyncio.Queue[Outcome | None] = asyncio.Queue()
        self._dead: dict[str, Outcome] = {}
        self._stopped = False
        self._losses = 0

    async def outcomes(self, connections: int) -> AsyncGenerator[Outcome, None]:
        expected = len(self._waiting)
        if not expected:
            return
        work = asyncio.create_task(self._work(min(connections, expected)))
        work.add_done_callback(lambda _: self._results.put_nowait(None))
        try:
            while (outcome := await self._results.get()) is not None:
                yield outcome
            await work
        finally:
            work.cancel()
            await asyncio.wait([work])

    async def _work(self, connections: int) -> None:
        """Open the first connection alone, so that a dead domain costs one attempt; then share what waits."""
        try:
            first = await self._open()
        except _NoConnection as error:
            self._tell_the_rest(error.outcome)
            return
        refusals: list[Outcome] = []
        async with asyncio.TaskGroup() as group:
            group.create_task(self._serve(first, refusals))
            for _ in range(connections - 1):
                group.create_task(self._serve(None, refusals))
        # All have ended. What still waits was never begun: either no further connection was to be had, or
        # a host refused us in the middle and we stopped asking.
        if self._waiting and refusals and not self._stopped:
            self._tell_the_rest(refusals[-1])
        self._tell_the_rest(self._now(Outcome(Kind.UNSENT, 0, source_address=self._source.address)))

    async def _serve(self, line: _Line | None, refusals: list[Outcome]) -> None:
        """Send what waits over one connection after another until nothing waits or none can be had."""
        try:
            while self._waiting and not self._stopped:
                if line is None or not self._reusable(line):
                    if line is not None:
                        await line.connection.quit(self._timeouts.quit)
                    line = None
                    line = await self._open()
                    continue
                await self._next(line)
        except _NoConnection as error:
            refusals.append(error.outcome)
        except BaseException:
            # Not QUIT: in the middle of a message it would be taken for a line of it.
            if line is not None:
                line.connection.abort()
            raise
        else:
            if line is not None:
                await line.connection.quit(self._timeouts.quit)

    def _reusable(self, line: _Line) -> bool:
        return line.connection.alive and line.sent < self._per_connection and not line.connection.unsolicited

    # Opening a connection.

    async def _open(self) -> _Line:
        """Go through the mail hosts until one takes us over verified TLS; _NoConnection if none does."""
        worst: Outcome | None = None
        for host, address in self._targets():
            outcome = self._dead.get(address)
            if outcome is None:
                try:
                    return await self._greet(host, address)
                except _NoConnection as error:
                    outcome = error.outcome
                    # A refusal may be about the number of our connections; the other two will not change
                    # soon.
                    if outcome.kind is not Kind.REFUSED_US:
                        self._dead[address] = outcome
            if worst is None or _RANK[outcome.kind] > _RANK[worst.kind]:
                worst = outcome
        raise _NoConnection(
            worst
            or self._now(
                Outcome(
                    Kind.UNREACHABLE,
                    0,
                    reply="no mail host has an address of the family of our source",
                    source_address=self._source.address,
                )
            )
        )

    def _targets(self) -> Iterator[tuple[MxHost, str]]:
        """Give the addresses of our family by preference, equal preferences in random order (RFC 5321
        §5.1).
        """
        family = ipaddress.ip_address(self._source.address).version
        ranked = sorted(self._routes.hosts, key=lambda host: host.preference)
        for _, equals in groupby(ranked, key=lambda host: host.preference):
            hosts = list(equals)
            random.shuffle(hosts)
            for host in hosts:
                for address in host.addresses:
                    if ipaddress.ip_address(address).version == family:
                        yield host, address

    async def _greet(self, host: MxHost, address: str) -> _Line:
        """Connect, take the banner, say EHLO, secure, say EHLO again (RFC 3207 §4.2)."""
        evidence = Outcome(
            Kind.UNSENT, 0, mx_host=host.name, mx_address=address, source_address=self._source.address
        )
        times = self._timeouts
        connection: Connection | None = None
        try:
            connection = await smtp.connect(
                address, self._port, source=self._source.address, timeout=times.connect
            )
            self._demand(await connection.reply(times.banner), 220, evidence)
            self._demand(await connection.hello(self._source.ehlo_domain, times.hello), 250, evidence)
            await self._secure(connection, host, evidence)
            version, cipher = connection.tls
            # `deliver` demanded a context that verifies, so a finished handshake is a verified one.
            evidence = replace(evidence, tls_version=version, tls_cipher=cipher, tls_verified=True)
            self._demand(await connection.hello(self._source.ehlo_domain, times.hello), 250, evidence)
        except ConnectionEnded as error:
            if connection is not None:
                connection.abort()
            raise _NoConnection(
                self._now(replace(evidence, kind=Kind.UNREACHABLE, reply=str(error)))
            ) from error
        except _NoConnection:
            if connection is not None:
                await connection.quit(times.quit)
            raise
        except BaseException:
            if connection is not None:
                connection.abort()
            raise
        return _Line(connection, evidence)

    async def _secure(self, connection: Connection, host: MxHost, evidence: Outcome) -> None:
        unmet = replace(evidence, kind=Kind.TLS_NOT_MET)
        if "STARTTLS" not in connection.extensions:
            raise _NoConnection(self._now(replace(unmet, reply="the host offers no STARTTLS")))
        connection.write(b"STARTTLS\r\n")
        answer = await connection.reply(self._timeouts.hello)
        if answer.code in (421, 454):
            raise _NoConnection(self._answered(evidence, Kind.REFUSED_US, answer))
        if answer.code != 220:
            raise _NoConnection(self._answered(evidence, Kind.TLS_NOT_MET, answer))
        try:
            await connection.secure(self._tls, host.name, self._timeouts.handshake)
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "the TLS handshake failed"
            raise _NoConnection(self._now(replace(unmet, reply=smtp.redact(reason)))) from error

    def _demand(self, answer: Reply, code: int, evidence: Outcome) -> None:
        if answer.code != code:
            raise _NoConnection(self._answered(evidence, Kind.REFUSED_US, answer))

    # Sending a message.

    async def _next(self, line: _Line) -> None:
        """Send the message whose turn it is; give it back if the connection turns out to be gone before it
        began.
        """
        envelope = self._waiting.popleft()
        fresh = line.sent == 0
        line.sent += 1
        evidence = replace(line.evidence, message_id=envelope.released.message_id)
        try:
            content, lines = self._prepare(envelope, line.connection)
        except ValueError:
            # The words of the error may quote the message; that it failed is enough here.
            self._tell(replace(evidence, kind=Kind.UNRENDERED, reply="the message could not be made"))
            return
        limit = line.connection.extensions.get("SIZE", "")
        if limit.isdigit() and 0 < int(limit) < len(content):
            too_large = "the message is larger than the host accepts"
            self._tell(replace(evidence, kind=Kind.BOUNCED, code=552, enhanced="5.3.4", reply=too_large))
            return
        try:
            begun = await self._offer(line.connection, lines)
        except ConnectionEnded as error:
            line.connection.abort()
            self._lost_before_data(envelope, evidence, fresh, str(error))
            return
        if isinstance(begun, _Refusal):
            if begun.reply.code == 421 and not fresh:
                # A host that has had enough of this connection: nothing was begun, so try on a new one.
                self._waiting.appendleft(envelope)
                line.connection.abort()
                return
            await self._refused(line, envelope, evidence, begun)
            return
        await self._send(line.connection, envelope, evidence, content)

    def _prepare(self, envelope: Envelope, connection: Connection) -> tuple[bytes, Sequence[bytes]]:
        """Make the message and its commands; ValueError if either is not fit to be sent."""
        recipient = envelope.released.recipient
        if not _PATH.fullmatch(recipient) or not (envelope.sender == "" or _PATH.fullmatch(envelope.sender)):
            raise ValueError("an address is not fit for an envelope")
        content = envelope.content()
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        # A bare CR or LF may end the message early on the far side and begin another one (SMTP smuggling).
        pairs = content.count(b"\r\n")
        if content.count(b"\n") != pairs or content.count(b"\r") != pairs:
            raise ValueError("the message has a bare CR or LF")
        options = f" SIZE={len(content)}" if "SIZE" in connection.extensions else ""
        if "DSN" in connection.extensions:
            # A bounce returns the headers alone: the body is nobody else's business (RFC 3461 §4.3).
            options += " RET=HDRS"
        lines = smtp.commands(f"MAIL FROM:<{envelope.sender}>{options}", f"RCPT TO:<{recipient}>", "DATA")
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        return (b"." + stuffed if stuffed.startswith(b".") else stuffed), lines

    async def _offer(self, connection: Connection, lines: Sequence[bytes]) -> "_Refusal | None":
        """Say MAIL, RCPT and DATA, in one go where the host allows it (RFC 2920); give the first refusal."""
        times = (self._timeouts.mail, self._timeouts.recipient, self._timeouts.data)
        wanted = ((250,), (250, 251), (354,))
        pipelined = "PIPELINING" in connection.extensions
        if pipelined:
            connection.write(b"".join(lines))
        refusal: _Refusal | None = None
        for stage, (command, time, codes) in enumerate(zip(lines, times, wanted, strict=True)):
            if not pipelined:
                connection.write(command)
            try:
                answer = await connection.reply(time)
            except ConnectionEnded:
                if refusal is None:
                    raise
                return refusal
            if refusal is not None:
                if stage == 2 and answer.code == 354:
                    # It waits for a message although it took no recipient. Without a final dot it gets none.
                    connection.abort()
                continue
            if answer.code not in codes:
                refusal = _Refusal(stage, answer)
                if not pipelined:
                    return refusal
        return refusal

    async def _refused(self, line: _Line, envelope: Envelope, evidence: Outcome, refusal: "_Refusal") -> None:
        recipient = envelope.released.recipient
        answer = refusal.reply
        if refusal.stage == 0 or answer.code == 421:
            # It refuses us: the others would fare no better, so they go back to the queue untouched.
            self._stopped = True
            self._tell(self._answered(evidence, Kind.REFUSED_US, answer, recipient))
        elif 400 <= answer.code < 600:
            kind = Kind.DEFERRED if answer.code < 500 else Kind.BOUNCED
            self._tell(self._answered(evidence, kind, answer, recipient))
        else:
            line.connection.abort()
            self._tell(self._answered(evidence, Kind.DEFERRED, answer, recipient))
        if line.connection.alive and not self._stopped:
            try:
                line.connection.write(b"RSET\r\n")
                if (await line.connection.reply(self._timeouts.mail)).code != 250:
                    line.connection.abort()
            except ConnectionEnded:
                line.connection.abort()

    def _lost_before_data(self, envelope: Envelope, evidence: Outcome, fresh: bool, reason: str) -> None:
        if not fresh:
            # The host hung up between two messages, as it may; nothing of this one was begun.
            self._waiting.appendleft(envelope)
            return
        self._lost()
        self._tell(replace(evidence, kind=Kind.DEFERRED, reply=reason))

    def _lost(self) -> None:
        """Count a connection that failed within a message; after some in a row the host is left alone."""
        self._losses += 1
        self._stopped = self._stopped or self._losses >= _LOSSES_BEFORE_STOP

    async def _send(
        self, connection: Connection, envelope: Envelope, evidence: Outcome, content: bytes
    ) -> None:
        """Send the message after 354, and tell what the answer to the final dot says of it."""
        number = envelope.released.message_id
        try:
            connection.write(content)
            await connection.drain(self._timeouts.block)
        except ConnectionEnded as error:
            connection.abort()
            self._lost()
            self._tell(replace(evidence, kind=Kind.DEFERRED, reply=str(error)))
            return
        # No wait between these two lines: what is in the journal is on its way, and the reverse.
        self._journal.begin(number)
        try:
            connection.write(b".\r\n")
            answer = await connection.reply(self._timeouts.final_dot)
        except ConnectionEnded as error:
            connection.abort()
            self._lost()
            self._tell(replace(evidence, kind=Kind.UNCERTAIN, reply=str(error)))
            return
        if 300 <= answer.code < 400:
            connection.abort()
            self._tell(self._answered(evidence, Kind.UNCERTAIN, answer, envelope.released.recipient))
            return
        self._journal.answer(number, answer.code)
        self._losses = 0
        if answer.code == 421:
            self._stopped = True
            kind = Kind.REFUSED_US
        else:
            kind = {2: Kind.ACCEPTED, 4: Kind.DEFERRED, 5: Kind.BOUNCED}[answer.code // 100]
        self._tell(self._answered(evidence, kind, answer, envelope.released.recipient))

    # Telling.

    def _now(self, outcome: Outcome) -> Outcome:
        return replace(outcome, at=datetime.now(UTC))

    def _answered(self, evidence: Outcome, kind: Kind, answer: Reply, recipient: str = "") -> Outcome:
        words = smtp.redact(answer.text, recipient)
        return self._now(
            replace(evidence, kind=kind, code=answer.code, enhanced=answer.enhanced, reply=words)
        )

    def _tell(self, outcome: Outcome) -> None:
        self._results.put_nowait(self._now(outcome))

    def _tell_the_rest(self, outcome: Outcome) -> None:
        while self._waiting:
            self._tell(replace(outcome, message_id=self._waiting.popleft().released.message_id))


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The reply that refused MAIL (stage 0), RCPT (1) or DATA (2)."""

    stage: int
    reply: Reply

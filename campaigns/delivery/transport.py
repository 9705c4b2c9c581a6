"""The way out: hands released messages to mail hosts over verified TLS, and says what became of each.

Nothing is sent below verified TLS, whatever its content. Nothing is sent that the gate did not release.
Every envelope gets exactly one Outcome. Once the final dot of a message is written the message is never
tried again here: an answer decides, and without one the message is uncertain.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from campaigns.delivery import smtp
from campaigns.delivery.journal import Journal
from campaigns.delivery.opening import (
    Line,
    NoConnection,
    Opener,
    Source,
    Timeouts,
    answered,
    now,
    tls_context,
)
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.delivery.routes import Routes
from campaigns.delivery.smtp import Connection, ConnectionEnded, Reply
from campaigns.delivery.verdict import Released
from campaigns.delivery.wire import is_wire_text

__all__ = ["Envelope", "Kind", "Outcome", "Source", "Timeouts", "deliver", "tls_context"]

_PATH = re.compile(r"[!-;=?A-Z\[-~]{1,64}@[A-Za-z0-9._-]{1,253}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A released message with its envelope sender; `content` makes the signed message when its turn comes.

    `content` returns bytes with CRLF line ends, and raises ValueError if the message cannot be made.
    """

    released: Released
    sender: str
    content: Callable[[], bytes]


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
    within: float | None = None,
) -> AsyncGenerator[Outcome, None]:
    """Send messages to the mail hosts of one domain and yield exactly one Outcome for each, as they come.

    Refuses a message that the gate did not release (TypeError) and a context that does not verify
    (ValueError), both before anything is opened. After `within` seconds nothing more is begun: what waits is
    UNSENT (UNREACHABLE where no host had taken us yet), what was offered is DEFERRED, and what had its final
    dot is waited for as long as its time-out says. Iterate to the end: what is in flight when the iteration
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
    times = timeouts or Timeouts()
    opener = Opener(routes, source, port, tls, times)
    deadline = None if within is None else asyncio.get_running_loop().time() + within
    run = _Run(envelopes, opener, source, journal, per_connection, times, deadline)
    async with aclosing(run.outcomes(connections)) as outcomes:
        async for outcome in outcomes:
            yield outcome


_LOSSES_BEFORE_STOP = 3
_OUT_OF_TIME = "the batch was out of time"

_ONE_WRITE = 64 * 1024
"""A message up to this size goes out in one piece with its final dot; it would not fill the write buffer."""


class _Run:
    """One call of `deliver`: the messages that wait, and the connections that share them."""

    def __init__(
        self,
        envelopes: Sequence[Envelope],
        opener: Opener,
        source: Source,
        journal: Journal,
        per_connection: int,
        timeouts: Timeouts,
        deadline: float | None,
    ) -> None:
        self._waiting = deque(envelopes)
        self._opener = opener
        self._source = source
        self._journal = journal
        self._per_connection = per_connection
        self._timeouts = timeouts
        self._deadline = deadline
        self._results: asyncio.Queue[Outcome | None] = asyncio.Queue()
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
            async with self._in_time():
                first = await self._opener.open()
        except NoConnection as error:
            self._tell_the_rest(error.outcome)
            return
        except TimeoutError:
            # Not UNSENT: asked again at once, hosts that keep us waiting would hold up the lane for ever.
            late = Outcome(Kind.UNREACHABLE, 0, reply=_OUT_OF_TIME, source_address=self._source.address)
            self._tell_the_rest(late)
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
        self._tell_the_rest(now(Outcome(Kind.UNSENT, 0, source_address=self._source.address)))

    async def _serve(self, line: Line | None, refusals: list[Outcome]) -> None:
        """Send what waits over one connection after another until nothing waits or none can be had."""
        try:
            while self._waiting and not self._stopped:
                if self._late():
                    self._stopped = True
                    break
                if line is None or not self._reusable(line):
                    if line is not None:
                        await line.connection.quit(self._timeouts.quit)
                    line = None
                    async with self._in_time():
                        line = await self._opener.open()
                    continue
                await self._next(line)
        except NoConnection as error:
            refusals.append(error.outcome)
        except TimeoutError:
            self._stopped = True
        except BaseException:
            # Not QUIT: in the middle of a message it would be taken for a line of it.
            if line is not None:
                line.connection.abort()
            raise
        else:
            if line is not None:
                await line.connection.quit(self._timeouts.quit)

    def _in_time(self) -> asyncio.Timeout:
        """Raise TimeoutError out of what is awaited within once the deadline is over."""
        return asyncio.timeout_at(self._deadline)

    def _late(self) -> bool:
        return self._deadline is not None and asyncio.get_running_loop().time() >= self._deadline

    def _reusable(self, line: Line) -> bool:
        return line.connection.alive and line.sent < self._per_connection and not line.connection.unsolicited

    # Sending a message.

    async def _next(self, line: Line) -> None:
        """Send the message whose turn it is; give it back if the connection is gone before it began."""
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
            async with self._in_time():
                begun = await self._offer(line.connection, lines)
        except TimeoutError:
            self._out_of_time(line.connection, evidence)
            return
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
        if not is_wire_text(content):
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

    async def _refused(self, line: Line, envelope: Envelope, evidence: Outcome, refusal: "_Refusal") -> None:
        recipient = envelope.released.recipient
        answer = refusal.reply
        if refusal.stage == 0 or answer.code == 421:
            # It refuses us: the others would fare no better, so they go back to the queue untouched.
            self._stopped = True
            self._tell(answered(evidence, Kind.REFUSED_US, answer, recipient))
        elif 400 <= answer.code < 600:
            kind = Kind.DEFERRED if answer.code < 500 else Kind.BOUNCED
            self._tell(answered(evidence, kind, answer, recipient))
        else:
            line.connection.abort()
            self._tell(answered(evidence, Kind.DEFERRED, answer, recipient))
        if line.connection.alive and not self._stopped:
            try:
                line.connection.write(b"RSET\r\n")
                async with self._in_time():
                    if (await line.connection.reply(self._timeouts.mail)).code != 250:
                        line.connection.abort()
            except (ConnectionEnded, TimeoutError):
                line.connection.abort()

    def _lost_before_data(self, envelope: Envelope, evidence: Outcome, fresh: bool, reason: str) -> None:
        if not fresh:
            # The host hung up between two messages, as it may; nothing of this one was begun.
            self._waiting.appendleft(envelope)
            return
        self._lost()
        self._tell(replace(evidence, kind=Kind.DEFERRED, reply=reason))

    def _out_of_time(self, connection: Connection, evidence: Outcome) -> None:
        """Give up a message whose final dot was not written: the host, left without it, keeps nothing."""
        connection.abort()
        self._stopped = True
        self._tell(replace(evidence, kind=Kind.DEFERRED, reply=_OUT_OF_TIME))

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
            if len(content) > _ONE_WRITE:
                connection.write(content)
                async with self._in_time():
                    await connection.drain(self._timeouts.block)
                content = b""
            connection.check()
        except TimeoutError:
            self._out_of_time(connection, evidence)
            return
        except ConnectionEnded as error:
            connection.abort()
            self._lost()
            self._tell(replace(evidence, kind=Kind.DEFERRED, reply=str(error)))
            return
        # No wait between these two lines: what is in the journal is on its way, and the reverse.
        self._journal.begin(number)
        try:
            connection.write(content + b".\r\n")
            answer = await connection.reply(self._timeouts.final_dot)
        except ConnectionEnded as error:
            connection.abort()
            self._lost()
            self._tell(replace(evidence, kind=Kind.UNCERTAIN, reply=str(error)))
            return
        if 300 <= answer.code < 400:
            connection.abort()
            self._lost()
            self._tell(answered(evidence, Kind.UNCERTAIN, answer, envelope.released.recipient))
            return
        self._journal.answer(number, answer.code)
        self._losses = 0
        if answer.code == 421:
            self._stopped = True
            kind = Kind.REFUSED_US
        else:
            kind = {2: Kind.ACCEPTED, 4: Kind.DEFERRED, 5: Kind.BOUNCED}[answer.code // 100]
        self._tell(answered(evidence, kind, answer, envelope.released.recipient))

    # Telling.

    def _tell(self, outcome: Outcome) -> None:
        self._results.put_nowait(now(outcome))

    def _tell_the_rest(self, outcome: Outcome) -> None:
        while self._waiting:
            self._tell(replace(outcome, message_id=self._waiting.popleft().released.message_id))


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The reply that refused MAIL (stage 0), RCPT (1) or DATA (2)."""

    stage: int
    reply: Reply

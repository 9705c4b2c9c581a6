"""A mail host of the sandbox: takes mail over STARTTLS, and misbehaves where a test asks for it."""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from typing import AnyStr

from aiosmtpd.smtp import SMTP, Envelope, Session

from campaigns.delivery.sandbox.authority import Certificate
from campaigns.delivery.sandbox.mailbox import Mailbox

logger = logging.getLogger(__name__)

_STALL = 3600.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A mail host: name, loopback address, domains it serves (none: every domain), behaviour."""

    name: str
    address: str
    domains: tuple[str, ...] = ()
    starttls: bool = True
    certificate: Certificate = Certificate.GOOD
    tls_unavailable: bool = False
    """Answers 454 to STARTTLS."""
    speaks_ahead: bool = False
    """Sends a forged reply to EHLO in plaintext behind its answer to STARTTLS."""
    pipelining: bool = True
    size: int = 36_700_160
    dsn: bool = False
    """Offers delivery status notifications (RFC 3461)."""
    nosuch: bool = True
    """Refuses local parts that begin with "nosuch": 550 5.1.1."""
    greylists: bool = False
    """Defers each recipient at the first time: 451 4.7.1."""
    wary_of: tuple[str, ...] = ()
    """Greylists what comes from these addresses of ours alone: a host that doesn't know them yet."""
    refuses_connection: int = 0
    """Answers 421 to the connection of that number, counted from 1."""
    refuses_sender: str = ""
    """The reply to every MAIL."""
    takes_data_anyway: bool = False
    """Answers 354 to DATA although it took no recipient."""
    answer_to_dot: str = "250 2.0.0 kept"
    stalls_after_dot: bool = False
    """Keeps the message and never answers."""
    hangs_up_after_dot: bool = False
    """Keeps the message and closes the connection in place of an answer."""
    hangs_up_after: int = 0
    """Closes the connection after so many messages, without a word."""
    delay: float = 0.0
    """Seconds before each reply."""


class Host:
    """The running state of an exchange: what it has seen, and where it keeps mail."""

    def __init__(self, exchange: Exchange, mailbox: Mailbox, context: ssl.SSLContext | None) -> None:
        self.exchange = exchange
        self.mailbox = mailbox
        self.context = context
        self.connections = 0
        self.commands: list[str] = []
        self.greylisted: set[str] = set()
        self.open: set[asyncio.BaseTransport] = set()

    def protocol(self) -> SMTP:
        """Make the server's side of one connection."""
        return _Protocol(self)

    # aiosmtpd calls these.

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if self.exchange.dsn:
            responses.insert(1, "250-DSN")
        if self.exchange.pipelining:
            responses.insert(1, "250-PIPELINING")
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.exchange.refuses_sender:
            return self.exchange.refuses_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 sender ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.exchange.nosuch and address.lower().startswith("nosuch"):
            return f"550 5.1.1 <{address}>: no such user {address.partition('@')[0]} here"
        wire = server.transport
        wary = wire is not None and wire.get_extra_info("peername")[0] in self.exchange.wary_of
        if (self.exchange.greylists or wary) and address not in self.greylisted:
            self.greylisted.add(address)
            return "451 4.7.1 greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.exchange.answer_to_dot.startswith("2"):
            wire = server.transport
            tunnel = wire.get_extra_info("ssl_object") if wire else None
            cipher = tunnel.cipher() if tunnel else None
            for recipient in envelope.rcpt_tos:
                self.mailbox.deposit(
                    envelope.original_content or b"",
                    sender=envelope.mail_from or "",
                    recipient=recipient,
                    peer=wire.get_extra_info("peername")[0] if wire else "",
                    helo=session.host_name or "",
                    mx_host=self.exchange.name,
                    tls_version=(tunnel.version() or "") if tunnel else "",
                    tls_cipher=cipher[0] if cipher else "",
                )
        if self.exchange.stalls_after_dot:
            await asyncio.sleep(_STALL)
        if self.exchange.hangs_up_after_dot:
            hang_up(server.transport)
        return self.exchange.answer_to_dot

    async def handle_exception(self, error: Exception) -> str:
        # The words of the error may hold an address.
        logger.error("the sandbox's mail host failed: %s", type(error).__name__)
        return "451 4.3.0 the sandbox failed"


def hang_up(transport: asyncio.BaseTransport | None) -> None:
    """Close a connection at once, without a word."""
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


class _Protocol(SMTP):
    """aiosmtpd's server with the misbehaviours that lie outside its hooks."""

    def __init__(self, host: Host) -> None:
        exchange = host.exchange
        super().__init__(
            host,
            hostname=exchange.name,
            ident="sandbox",
            data_size_limit=exchange.size,
            tls_context=host.context,
            require_starttls=host.context is not None,
            auth_require_tls=True,
        )
        self._host = host
        self._greeted = False
        self._messages = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._host.open.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self._host.open.discard(self.transport)
        super().connection_lost(error)

    async def push(self, status: AnyStr) -> None:
        """Send a reply, late or another one where the exchange says so."""
        exchange = self._host.exchange
        if exchange.delay:
            await asyncio.sleep(exchange.delay)
        if not self._greeted:
            self._greeted = True
            self._host.connections += 1
            if self._host.connections == exchange.refuses_connection:
                await super().push("421 4.7.0 too many connections")
                if self.transport:
                    self.transport.close()
                return
        if exchange.speaks_ahead and isinstance(status, str) and status == "220 Ready to start TLS":
            await super().push(f"{status}\r\n250-{exchange.name}\r\n250 PIPELINING")
            return
        await super().push(status)

    async def smtp_STARTTLS(self, arg: str) -> None:
        """Secure the connection, unless this exchange cannot just now."""
        if self._host.exchange.tls_unavailable:
            await self.push("454 4.7.0 TLS not available just now")
            return
        await super().smtp_STARTTLS(arg)

    async def smtp_MAIL(self, arg: str) -> None:
        """Take the sender; aiosmtpd knows no RET, so it is noted here and taken away."""
        wants_headers = " RET=HDRS"
        if self._host.exchange.dsn and arg.endswith(wants_headers):
            self._host.commands.append(wants_headers.strip())
            arg = arg.removesuffix(wants_headers)
        await super().smtp_MAIL(arg)

    async def smtp_RSET(self, arg: str) -> None:
        """Forget the transaction, and remember that it was asked for."""
        self._host.commands.append("RSET")
        await super().smtp_RSET(arg)

    async def smtp_DATA(self, arg: str) -> None:
        """Take a message."""
        self._host.commands.append("DATA")
        if self._host.exchange.takes_data_anyway and self.envelope and not self.envelope.rcpt_tos:
            self.envelope.rcpt_tos.append("nobody")
        await super().smtp_DATA(arg)
        self._messages += 1
        if self._messages == self._host.exchange.hangs_up_after:
            hang_up(self.transport)

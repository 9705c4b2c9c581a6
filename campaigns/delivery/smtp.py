"""One SMTP connection on the wire: replies, pipelining, STARTTLS, flow control (RFC 5321, 2920, 3207).

It knows nothing of messages, routes or what a reply means for them; that is `campaigns.delivery.transport`.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

_LONGEST_LINE = 4096
_LONGEST_REPLY = 64 * 1024
_LONGEST_BACKLOG = 16

_LINE = re.compile(rb"([2-5]\d\d)([ -]|$)(.*)", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")


class ConnectionEnded(ConnectionError):
    """The peer closed or reset the connection, or took too long."""


class ProtocolError(ConnectionEnded):
    """The peer does not speak SMTP; the connection is of no further use."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply: code, enhanced status code (RFC 3463; empty if none), and its lines of text."""

    code: int
    enhanced: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Give the reply on one line without the codes, as the peer wrote it: it may hold an address."""
        return " ".join(line.removeprefix(self.enhanced).strip() for line in self.lines).strip()


def redact(text: str, recipient: str = "") -> str:
    """Make a peer's words fit for a log: one printable line, ≤500 characters, no address.

    Servers repeat the address, or its local part alone, in their replies; both become "<address>".
    """
    text = _UNPRINTABLE.sub(" ", text)
    local, _, _ = recipient.rpartition("@")
    # Most replies hold no part of the address; a pattern of its own for each recipient is dear.
    if local and local.lower() in text.lower():
        text = re.sub(
            rf"(?<![\w.+-]){re.escape(local)}(?![\w+-])(?:@[\w.-]+)?", "<address>", text, flags=re.IGNORECASE
        )
    text = _ADDRESS.sub("<address>", text).replace("<<address>>", "<address>")
    return text[:500].strip()


class Connection(asyncio.Protocol):
    """A connection to one mail host; each wait takes its time-out in seconds or raises ConnectionEnded."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._lines: list[bytes] = []
        self._size = 0
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._ended: ConnectionEnded | None = None
        self.extensions: dict[str, str] = {}

    # The loop calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, content: bytes) -> None:
        """Cut what arrived into lines, and lines into replies."""
        self._buffer += content
        while (end := self._buffer.find(b"\n")) >= 0:
            line, self._buffer = self._buffer[:end].removesuffix(b"\r"), self._buffer[end + 1 :]
            self._take(line)
            if self._ended:
                return
        if len(self._buffer) > _LONGEST_LINE:
            self._break(ProtocolError("a reply line without end"))

    def eof_received(self) -> bool:
        self._break(ConnectionEnded("the peer closed the connection"))
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._end(ConnectionEnded("the connection was lost"))

    def pause_writing(self) -> None:
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._room and not self._room.done():
            self._room.set_result(None)
        self._room = None

    # The client calls these.

    @property
    def alive(self) -> bool:
        """Say whether the connection is usable as far as is known."""
        return self._ended is None and self._transport is not None and not self._transport.is_closing()

    @property
    def unsolicited(self) -> bool:
        """Say whether a reply has arrived that nobody asked for: usually 421 before the peer hangs up."""
        return bool(self._replies)

    async def reply(self, timeout: float) -> Reply:
        """Wait for the next reply; ConnectionEnded if it does not come."""
        if not self._replies:
            if self._ended:
                raise self._ended
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout):
                    await self._waiter
            except TimeoutError as error:
                self._break(ConnectionEnded("no reply within the time-out"))
                raise ConnectionEnded("no reply within the time-out") from error
            finally:
                self._waiter = None
        return self._replies.popleft()

    def write(self, content: bytes) -> None:
        """Hand bytes to the transport; ConnectionEnded if the connection is known to be gone."""
        self.check().write(content)

    def check(self) -> asyncio.Transport:
        """Raise ConnectionEnded if the connection is known to be gone."""
        if self._ended or self._transport is None:
            raise self._ended or ConnectionEnded("not connected")
        return self._transport

    async def drain(self, timeout: float) -> None:
        """Wait until the peer has taken enough of what was written."""
        self.check()
        if self._room:
            try:
                async with asyncio.timeout(timeout):
                    await self._room
            except TimeoutError as error:
                self._break(ConnectionEnded("the peer stopped reading"))
                raise ConnectionEnded("the peer stopped reading") from error

    async def hello(self, name: str, timeout: float) -> Reply:
        """Say EHLO and remember the extensions offered (RFC 5321 §4.1.1.1)."""
        self.extensions = {}
        self.write(f"EHLO {name}\r\n".encode("ascii"))
        answer = await self.reply(timeout)
        if answer.code == 250:
            for line in answer.lines[1:]:
                keyword, _, parameters = line.partition(" ")
                self.extensions[keyword.upper()] = parameters.strip()
        return answer

    async def secure(self, context: ssl.SSLContext, host: str, timeout: float) -> None:
        """Negotiate TLS after the peer's 220 to STARTTLS, verifying its certificate against `host`.

        Everything that the peer said in plaintext is forgotten, also what it sent ahead (RFC 3207 §4.2,
        CVE-2011-0411). Raises ssl.SSLError where TLS is not met, ConnectionEnded where the connection failed.
        """
        plain = self.check()
        self._buffer = b""
        self._lines.clear()
        self._size = 0
        self._replies.clear()
        self.extensions = {}
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(
                plain, self, context, server_hostname=host, ssl_handshake_timeout=timeout
            )
        except ssl.SSLError:
            self.abort()
            raise
        except (OSError, TimeoutError) as error:
            self.abort()
            raise ConnectionEnded("the connection ended during the TLS handshake") from error
        if secured is None:
            raise ConnectionEnded("the connection ended during the TLS handshake")
        self._transport = secured

    @property
    def tls(self) -> tuple[str, str]:
        """Give TLS version and cipher, both empty while the connection is plain."""
        tunnel = self._transport.get_extra_info("ssl_object") if self._transport else None
        if tunnel is None:
            return "", ""
        cipher = tunnel.cipher()
        return tunnel.version() or "", cipher[0] if cipher else ""

    async def quit(self, timeout: float) -> None:
        """Take leave and close; a peer that does not answer is left all the same."""
        try:
            if self.alive:
                self.write(b"QUIT\r\n")
                await self.reply(timeout)
        except ConnectionEnded:
            pass
        finally:
            if self._transport is not None:
                self._transport.close()

    def abort(self) -> None:
        """Drop the connection at once; a message without its final dot is thus discarded by the peer."""
        self._break(ConnectionEnded("dropped"))

    def _take(self, line: bytes) -> None:
        match = _LINE.fullmatch(line)
        if match is None or len(line) > _LONGEST_LINE:
            self._break(ProtocolError("not an SMTP reply"))
            return
        if self._lines and self._lines[0][:3] != line[:3]:
            self._break(ProtocolError("a reply of two codes"))
            return
        self._lines.append(line)
        self._size += len(line)
        if match[2] == b"-":
            if self._size > _LONGEST_REPLY:
                self._break(ProtocolError("a reply without end"))
            return
        texts = tuple(each[4:].decode("ascii", "replace") for each in self._lines)
        status = _ENHANCED.match(texts[0])
        self._lines = []
        self._size = 0
        self._replies.append(Reply(int(match[1]), status[1] if status else "", texts))
        if len(self._replies) > _LONGEST_BACKLOG:
            self._break(ProtocolError("replies to nothing"))
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _end(self, reason: ConnectionEnded) -> None:
        if self._ended is None:
            self._ended = reason
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(self._ended)
        if self._room and not self._room.done():
            self._room.set_exception(self._ended)

    def _break(self, reason: ConnectionEnded) -> None:
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()


async def connect(address: str, port: int, *, source: str, timeout: float) -> Connection:
    """Open a connection from `source`; ConnectionEnded if that fails within `timeout` seconds."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            _, connection = await loop.create_connection(
                Connection, address, port, local_addr=(source, 0) if source else None
            )
    except (OSError, TimeoutError) as error:
        raise ConnectionEnded("no connection") from error
    return connection


def commands(*lines: str) -> Sequence[bytes]:
    """Make command lines, refusing (ValueError) what would smuggle another one: CR, LF, NUL, non-ASCII."""
    for line in lines:
        if not line.isascii() or not line.isprintable():
            raise ValueError("a command line must be printable ASCII")
    return [f"{line}\r\n".encode("ascii") for line in lines]

"""The wire, against peers that no SMTP server would be: scripted over a real socket."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from campaigns.delivery.sandbox import Authority
from campaigns.delivery.smtp import Connection, ConnectionEnded, ProtocolError, Reply, commands, connect

Talk = Callable[[Connection], Awaitable[None]]


def against(said: bytes, talk: Talk, *, stay: bool = True) -> None:
    """Let `talk` run against a peer that says one thing, and then stays silent or hangs up."""

    async def run() -> None:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(said)
            if stay:
                await reader.read()
            writer.close()

        server = await asyncio.start_server(peer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            connection = await connect("127.0.0.1", port, source="127.0.0.1", timeout=5)
            try:
                await talk(connection)
            finally:
                connection.abort()

    asyncio.run(run())


def test_a_reply_of_several_lines_is_one_reply() -> None:
    async def talk(connection: Connection) -> None:
        assert await connection.reply(5) == Reply(550, "5.1.1", ("5.1.1 no such", "5.1.1 user", ""))
        assert (await connection.reply(5)).code == 250
        assert not connection.unsolicited

    against(b"550-5.1.1 no such\r\n550-5.1.1 user\r\n550\r\n250 ok\n", talk)


@pytest.mark.parametrize(
    ("code", "enhanced", "text"),
    [
        (b"250 2.0.0 ok", "2.0.0", "ok"),
        (b"250 ok", "", "ok"),
        (b"450 4.2.2.2 x", "", "4.2.2.2 x"),
        (b"250", "", ""),
    ],
)
def test_the_enhanced_code_stands_apart(code: bytes, enhanced: str, text: str) -> None:
    async def talk(connection: Connection) -> None:
        answer = await connection.reply(5)
        assert (answer.enhanced, answer.text) == (enhanced, text)

    against(code + b"\r\n", talk)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"25 short\r\n",
        b"999 no such class\r\n",
        b"250-one\r\n550 other\r\n",
        b"2" * 5000,
        b"250-x\r\n" * 20_000,
        b"250 ok\r\n" * 50,
        b"\xff\xfe\x00\x01\r\n",
    ],
)
def test_a_peer_that_does_not_speak_smtp_is_left(said: bytes) -> None:
    async def talk(connection: Connection) -> None:
        with pytest.raises(ProtocolError):
            for _ in range(60):
                await connection.reply(5)
        assert not connection.alive

    against(said, talk)


def test_a_peer_that_hangs_up_ends_the_wait() -> None:
    async def talk(connection: Connection) -> None:
        assert (await connection.reply(5)).code == 421
        with pytest.raises(ConnectionEnded):
            await connection.reply(5)
        with pytest.raises(ConnectionEnded):
            connection.write(b"NOOP\r\n")

    against(b"421 bye\r\n", talk, stay=False)


def test_silence_ends_by_the_time_out_and_the_connection_with_it() -> None:
    async def talk(connection: Connection) -> None:
        with pytest.raises(ConnectionEnded, match="time-out"):
            await connection.reply(0.05)
        assert not connection.alive

    against(b"", talk)


def test_a_peer_that_stops_reading_ends_the_wait_for_room() -> None:
    async def run() -> None:
        async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        server = await asyncio.start_server(peer, "127.0.0.1", 0, limit=1)
        async with server:
            port = server.sockets[0].getsockname()[1]
            connection = await connect("127.0.0.1", port, source="", timeout=5)
            connection.write(b"x" * 50_000_000)
            with pytest.raises(ConnectionEnded, match="stopped reading"):
                await connection.drain(0.1)
            assert not connection.alive

    asyncio.run(run())


def test_nobody_listening_is_told_at_once() -> None:
    async def run() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionEnded, match="no connection"):
            await connect("127.0.0.1", port, source="127.0.0.1", timeout=5)

    asyncio.run(run())


def test_a_peer_that_hangs_up_in_the_handshake_leaves_nothing_secured(tmp_path: Path) -> None:
    context = ssl.create_default_context(cafile=str(Authority(tmp_path).ca_file))

    async def talk(connection: Connection) -> None:
        await connection.reply(5)
        connection.write(b"STARTTLS\r\n")
        await connection.reply(5)
        with pytest.raises((ssl.SSLError, ConnectionEnded)):
            await connection.secure(context, "mx.sandbox.test", 1)
        assert not connection.alive
        assert connection.tls == ("", "")

    against(b"220 hello\r\n220 go on\r\n", talk, stay=False)


@pytest.mark.parametrize("line", ["MAIL FROM:<a@b>\r\nRCPT TO:<c@d>", "RCPT TO:<é@d>", "DATA\0", "DATA\n"])
def test_a_command_is_one_line_of_ascii(line: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        commands("NOOP", line)

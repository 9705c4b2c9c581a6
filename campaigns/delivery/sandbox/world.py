"""The sandbox as a whole: started and stopped as one."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from campaigns.delivery.sandbox.authority import Authority
from campaigns.delivery.sandbox.exchange import Exchange, Host, hang_up
from campaigns.delivery.sandbox.mailbox import Mailbox
from campaigns.delivery.sandbox.names import NameServer

DNS_ADDRESS = "127.0.0.1"


def demo_exchanges(no_tls: Sequence[str] = ("countryisp.example",)) -> tuple[Exchange, ...]:
    """Give the demo's mail hosts: one that takes everything, one without TLS for `no_tls`, one that greylists a new address."""
    return (
        Exchange("mx.sandbox.test", "127.0.0.25"),
        Exchange("mx.plain.test", "127.0.0.26", domains=tuple(no_tls), starttls=False, nosuch=False),
        Exchange("mx.wary.test", "127.0.0.27", domains=("yoomail.example",), wary_of=("127.0.1.14",)),
    )


class Sandbox:
    """Mail hosts, name server and mailbox on loopback, in threads of their own.

    `folder` holds the authority (`ca_file` is what a sender must trust), the mailbox and published names.
    Port 0 picks a free one; `smtp_port` and `dns_port` tell which. The first exchange without domains
    takes every domain that no other names. Domains in `refusing` accept no mail (RFC 7505).
    """

    def __init__(
        self,
        folder: Path,
        smtp_port: int = 0,
        dns_port: int = 0,
        *,
        exchanges: Sequence[Exchange] | None = None,
        refusing: Sequence[str] = (),
    ) -> None:
        self.smtp_port = smtp_port
        self.dns_port = dns_port
        self.mailbox = Mailbox(folder / "mail")
        self._folder = folder
        self._refusing = refusing
        self._exchanges = tuple(exchanges if exchanges is not None else demo_exchanges())
        self._authority = Authority(folder / "authority")
        self.ca_file = self._authority.ca_file
        self.hosts: dict[str, Host] = {}
        self._servers: list[asyncio.Server] = []
        self._names: NameServer | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)

    def start(self) -> None:
        """Listen; returns once every port is bound. Raises OSError where one is taken."""
        # aiosmtpd logs commands as they come, and those hold addresses.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
            self._names = NameServer(
                self._folder, self._exchanges, self._refusing, DNS_ADDRESS, self.dns_port
            )
        except OSError:
            self.stop()
            raise
        self.dns_port = self._names.port
        self._names.start()

    def stop(self) -> None:
        """Close everything, connections included."""
        if self._names:
            self._names.stop()
            self._names = None
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _listen(self) -> None:
        for exchange in self._exchanges:
            context = (
                self._authority.server_context(exchange.name, exchange.certificate)
                if exchange.starttls
                else None
            )
            host = Host(exchange, self.mailbox, context)
            server = await self._loop.create_server(host.protocol, exchange.address, self.smtp_port)
            self.smtp_port = server.sockets[0].getsockname()[1]
            self._servers.append(server)
            self.hosts[exchange.name] = host

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for host in self.hosts.values():
            for transport in tuple(host.open):
                hang_up(transport)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

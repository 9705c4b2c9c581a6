"""From the mail hosts of a domain to a connection over verified TLS, or to the reason why there is none."""

import ipaddress
import random
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from campaigns.delivery import smtp
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.delivery.routes import MxHost, Routes
from campaigns.delivery.smtp import Connection, ConnectionEnded, Reply


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


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Make the context that delivery demands: TLS 1.2 or later, certificate and host name verified.

    `ca_file` names the authorities to trust in place of the machine's; NIST SP 800-52r2 §4.
    """
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class NoConnection(Exception):
    """No mail host took us; carries what every message that waits for one is told."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.kind)
        self.outcome = outcome


@dataclass(slots=True)
class Line:
    """An open, secured connection, and the evidence that its messages carry."""

    connection: Connection
    evidence: Outcome
    sent: int = 0


# When hosts fail in different ways: a refusal may pass and outranks the lack of TLS, which no waiting mends;
# a host that does not answer says nothing about TLS.
_RANK = {Kind.UNREACHABLE: 0, Kind.TLS_NOT_MET: 1, Kind.REFUSED_US: 2}


class Opener:
    """Opens connections to one domain, and remembers for its own lifetime which hosts are of no use."""

    def __init__(
        self, routes: Routes, source: Source, port: int, tls: ssl.SSLContext, timeouts: Timeouts
    ) -> None:
        self._routes = routes
        self._source = source
        self._port = port
        self._tls = tls
        self._timeouts = timeouts
        self._dead: dict[str, Outcome] = {}

    async def open(self) -> Line:
        """Go through the mail hosts until one takes us over verified TLS; NoConnection if none does."""
        worst: Outcome | None = None
        for host, address in self._targets():
            outcome = self._dead.get(address)
            if outcome is None:
                try:
                    return await self._greet(host, address)
                except NoConnection as error:
                    outcome = error.outcome
                    # A refusal may be about the number of our connections; the others do not change soon.
                    if outcome.kind is not Kind.REFUSED_US:
                        self._dead[address] = outcome
            if worst is None or _RANK[outcome.kind] > _RANK[worst.kind]:
                worst = outcome
        raise NoConnection(
            worst
            or now(
                Outcome(
                    Kind.UNREACHABLE,
                    0,
                    reply="no mail host has an address of the family of our source",
                    source_address=self._source.address,
                )
            )
        )

    def _targets(self) -> Iterator[tuple[MxHost, str]]:
        """Give the addresses of our family: by preference, equals at random (RFC 5321 §5.1)."""
        family = ipaddress.ip_address(self._source.address).version
        ranked = sorted(self._routes.hosts, key=lambda host: host.preference)
        for _, equals in groupby(ranked, key=lambda host: host.preference):
            hosts = list(equals)
            random.shuffle(hosts)
            for host in hosts:
                for address in host.addresses:
                    if ipaddress.ip_address(address).version == family:
                        yield host, address

    async def _greet(self, host: MxHost, address: str) -> Line:
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
            raise NoConnection(now(replace(evidence, kind=Kind.UNREACHABLE, reply=str(error)))) from error
        except NoConnection:
            if connection is not None:
                await connection.quit(times.quit)
            raise
        except BaseException:
            if connection is not None:
                connection.abort()
            raise
        return Line(connection, evidence)

    async def _secure(self, connection: Connection, host: MxHost, evidence: Outcome) -> None:
        unmet = replace(evidence, kind=Kind.TLS_NOT_MET)
        if "STARTTLS" not in connection.extensions:
            raise NoConnection(now(replace(unmet, reply="the host offers no STARTTLS")))
        connection.write(b"STARTTLS\r\n")
        answer = await connection.reply(self._timeouts.hello)
        if 400 <= answer.code < 500:
            raise NoConnection(answered(evidence, Kind.REFUSED_US, answer))
        if answer.code != 220:
            raise NoConnection(answered(evidence, Kind.TLS_NOT_MET, answer))
        try:
            await connection.secure(self._tls, host.name, self._timeouts.handshake)
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason or "the TLS handshake failed"
            raise NoConnection(now(replace(unmet, reply=smtp.redact(reason)))) from error

    def _demand(self, answer: Reply, code: int, evidence: Outcome) -> None:
        if answer.code != code:
            raise NoConnection(answered(evidence, Kind.REFUSED_US, answer))


def now(outcome: Outcome) -> Outcome:
    """Give an outcome the present time."""
    return replace(outcome, at=datetime.now(UTC))


def answered(evidence: Outcome, kind: Kind, answer: Reply, recipient: str = "") -> Outcome:
    """Make the outcome that a reply decides, without the addresses in it."""
    words = smtp.redact(answer.text, recipient)
    return now(replace(evidence, kind=kind, code=answer.code, enhanced=answer.enhanced, reply=words))

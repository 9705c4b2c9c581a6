"""Where a domain receives its mail: MX hosts, their addresses, and the mailbox provider behind them."""

import asyncio
import ipaddress
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver
import idna

_LONGEST_TTL = 3600.0
_SHORTEST_TTL = 30.0
_ABSENT_TTL = 300.0
_CACHED_DOMAINS = 50_000


class RouteError(Exception):
    """A domain has no usable route; the subclass says whether that may pass."""

    def __init__(self, domain: str, reason: str) -> None:
        super().__init__(f"{domain}: {reason}")
        self.domain = domain
        self.reason = reason


class NoSuchDomain(RouteError):
    """The domain does not exist, or has neither mail hosts nor an address; permanent."""


class NullMx(RouteError):
    """The domain says that it accepts no mail (RFC 7505); permanent."""


class TemporaryDnsError(RouteError):
    """No usable answer from the name servers; ask again later."""


class NotLoopback(RouteError):
    """The demo delivers to this machine alone, and the route leads elsewhere."""


@dataclass(frozen=True, slots=True)
class MxHost:
    """One mail host: its name without the final dot, in lower case; its addresses; its preference."""

    name: str
    addresses: tuple[str, ...]
    preference: int


@dataclass(frozen=True, slots=True)
class Routes:
    """The mail hosts of a domain, the most preferred first."""

    domain: str
    hosts: tuple[MxHost, ...]


@lru_cache(maxsize=4096)
def ascii_domain(domain: str) -> str:
    """Give a domain as lower-case A-labels without final dot (RFC 5891); ValueError if it is none."""
    name = domain.strip().removesuffix(".")
    try:
        ascii_name = name.encode("ascii").decode().lower() if name.isascii() else _a_labels(name)
    except idna.IDNAError as error:
        raise ValueError("the domain is not valid") from error
    if not _is_host_name(ascii_name):
        raise ValueError("the domain is not valid")
    return ascii_name


def _is_host_name(name: str) -> bool:
    """Say whether TLS can verify this name and a column can keep it: ASCII labels of 1 to 63, 253 in all (RFC 1123 §2.1).

    DNS itself allows any octet in a label; its text is then escaped, and up to four times as long.
    """
    return len(name) <= 253 and all(
        0 < len(label) <= 63 and label.isascii() and label.replace("-", "").replace("_", "").isalnum()
        for label in name.split(".")
    )


def _a_labels(name: str) -> str:
    return idna.encode(name, uts46=True).decode("ascii")


def provider_of(mx_names: Sequence[str], providers: Mapping[str, Sequence[str]]) -> str:
    """Name the mailbox provider behind these MX hosts, "default" if none.

    A provider matches only if every host lies under one of its suffixes: a single foreign host (a filter
    in front, a backup elsewhere) means that its limits do not apply. The longest suffix wins where several
    providers match.
    """
    names = [f".{name.lower().removesuffix('.')}" for name in mx_names]
    best, length = "default", 0
    for provider, suffixes in providers.items():
        tails = [f".{suffix.lower().strip('.')}" for suffix in suffixes]
        matches = [max((len(tail) for tail in tails if name.endswith(tail)), default=0) for name in names]
        if matches and all(matches) and min(matches) > length:
            best, length = provider, min(matches)
    return best


class Resolver:
    """Asks for routes and remembers them as long as their time to live allows (30 s to 1 h).

    `nameservers` are (address, port) pairs; None means those of the machine. With `loopback_only` any
    address outside 127.0.0.0/8 and ::1 is refused with NotLoopback.
    """

    def __init__(
        self,
        nameservers: Sequence[tuple[str, int]] | None = None,
        *,
        loopback_only: bool = False,
        timeout: float = 10.0,
    ) -> None:
        if nameservers is None:
            self._resolver = dns.asyncresolver.Resolver()
        else:
            self._resolver = dns.asyncresolver.Resolver(configure=False)
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(address, port) for address, port in nameservers
            ]
        self._resolver.lifetime = timeout
        self._loopback_only = loopback_only
        self._known: dict[str, tuple[float, Routes | RouteError]] = {}

    async def route(self, domain: str) -> Routes:
        """Find the mail hosts of a domain (RFC 5321 §5.1).

        Raises NoSuchDomain, NullMx (both permanent), TemporaryDnsError, NotLoopback; ValueError if
        `domain` is not one.
        """
        name = ascii_domain(domain)
        now = time.monotonic()
        expires, known = self._known.get(name, (0.0, None))
        if known is None or expires <= now:
            if len(self._known) >= _CACHED_DOMAINS:
                self._known.clear()
            ttl, known = await self._ask(name)
            self._known[name] = (now + ttl, known)
        if isinstance(known, RouteError):
            raise known.with_traceback(None)
        return known

    async def records(self, name: str, kind: str) -> tuple[str, ...]:
        """The texts of the records of a kind at a name, asked now and not remembered; none where there are none.

        TXT comes as one text a record, other names with their final dot. Raises TemporaryDnsError.
        """
        try:
            answer = await self._resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except dns.exception.DNSException as error:
            raise TemporaryDnsError(name, f"no answer to the question for {kind}") from error
        if kind == "TXT":
            return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in answer)
        return tuple(record.to_text() for record in answer)

    async def _ask(self, name: str) -> tuple[float, Routes | RouteError]:
        """Look a domain up; answers that may be remembered are returned, temporary failures are raised."""
        try:
            ttl, exchanges = await self._exchanges(name)
            found = await asyncio.gather(*(self._addresses(host) for _, host in exchanges))
        except (NoSuchDomain, NullMx) as error:
            return _ABSENT_TTL, error
        hosts = tuple(
            MxHost(host, addresses, preference)
            for (preference, host), (_, addresses) in zip(exchanges, found, strict=True)
            if addresses
        )
        ttl = min([ttl, *(seconds for seconds, addresses in found if addresses)])
        ttl = min(max(ttl, _SHORTEST_TTL), _LONGEST_TTL)
        if not hosts:
            return _ABSENT_TTL, NoSuchDomain(name, "none of its mail hosts has an address")
        if self._loopback_only:
            foreign = [a for host in hosts for a in host.addresses if not ipaddress.ip_address(a).is_loopback]
            if foreign:
                return ttl, NotLoopback(name, "a mail host lies outside this machine")
        return ttl, Routes(name, hosts)

    async def _exchanges(self, name: str) -> tuple[float, list[tuple[int, str]]]:
        try:
            answer = await self._resolver.resolve(name, "MX", search=False)
        except dns.resolver.NXDOMAIN as error:
            raise NoSuchDomain(name, "the domain does not exist") from error
        except dns.resolver.NoAnswer:
            # RFC 5321 §5.1: without MX records the domain itself is its mail host, of preference 0.
            return _LONGEST_TTL, [(0, name)]
        except dns.exception.DNSException as error:
            raise TemporaryDnsError(name, "no answer to the question for its mail hosts") from error
        found = sorted({(r.preference, r.exchange.to_text(omit_final_dot=True).lower()) for r in answer})
        # The root's text is "." with or without its final dot (RFC 7505 §3: a null MX stands alone).
        usable = [(preference, host) for preference, host in found if host not in {".", "@", ""}]
        if not usable:
            raise NullMx(name, "the domain accepts no mail")
        # Names that nobody can hold a certificate for are no hosts; who owns a domain chooses what stands here.
        usable = [(preference, host) for preference, host in usable if _is_host_name(host)]
        if not usable:
            raise NoSuchDomain(name, "none of its mail hosts has a name of the usual form")
        return float(answer.rrset.ttl if answer.rrset else _SHORTEST_TTL), usable

    async def _addresses(self, host: str) -> tuple[float, tuple[str, ...]]:
        answers = await asyncio.gather(self._lookup(host, "A"), self._lookup(host, "AAAA"))
        if not any(addresses for _, addresses in answers) and any(ttl < 0 for ttl, _ in answers):
            raise TemporaryDnsError(host, "no answer to the question for its address")
        ttl = min((seconds for seconds, addresses in answers if addresses), default=_SHORTEST_TTL)
        return ttl, tuple(address for _, addresses in answers for address in addresses)

    async def _lookup(self, host: str, kind: str) -> tuple[float, tuple[str, ...]]:
        """Give the time to live and the addresses; a negative time to live marks a temporary failure."""
        try:
            answer = await self._resolver.resolve(host, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return 0.0, ()
        except dns.exception.DNSException:
            return -1.0, ()
        ttl = float(answer.rrset.ttl if answer.rrset else _SHORTEST_TTL)
        return ttl, tuple(record.to_text() for record in answer)

"""What DNS must say of a domain that we send as, and whether it does: what a receiving host looks up before it believes us."""

import asyncio
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaigns.delivery.routes import Resolver, TemporaryDnsError


class Kind(StrEnum):
    """What a record is for."""

    DKIM = "dkim"
    DKIM_NEXT = "dkim_next"
    DKIM_OLD = "dkim_old"
    SPF = "spf"
    DMARC = "dmarc"
    RETURN_PATH = "return_path"
    PTR = "ptr"
    EHLO = "ehlo"


class Standing(StrEnum):
    """How a record stands in DNS."""

    FOUND = "found"
    MISSING = "missing"
    DIFFERS = "differs"
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One record to publish: at this name, of this type, with this value. `addresses` are those that an SPF record must cover."""

    kind: Kind
    name: str
    type: str
    value: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at a record's name: how it stands, and what stands there instead where it differs."""

    kind: Kind
    name: str
    standing: Standing
    seen: tuple[str, ...] = ()


def wanted(
    domain: str, keys: Sequence[tuple[Kind, str, str]], sources: Sequence[tuple[str, str]]
) -> list[Wanted]:
    """The records of a domain with its keys (kind, selector, record) and our sources (address, EHLO name)."""
    bounce = f"bounce.{domain}"
    addresses = tuple(address for address, _ in sources)
    found = [
        Wanted(kind, f"{selector}._domainkey.{domain}", "TXT", record) for kind, selector, record in keys
    ]
    found += [
        Wanted(Kind.SPF, bounce, "TXT", spf_record(addresses), addresses),
        Wanted(Kind.DMARC, f"_dmarc.{domain}", "TXT", "v=DMARC1; p=quarantine; adkim=r; aspf=r"),
        Wanted(Kind.RETURN_PATH, bounce, "MX", f"10 mail.{domain}."),
    ]
    for address, name in sources:
        parsed = ipaddress.ip_address(address)
        found.append(Wanted(Kind.PTR, parsed.reverse_pointer, "PTR", f"{name}."))
        found.append(Wanted(Kind.EHLO, name, "A" if parsed.version == 4 else "AAAA", str(parsed)))
    return found


def spf_record(addresses: Sequence[str]) -> str:
    """The SPF record that names our addresses and nobody else's (RFC 7208)."""
    parts = [f"ip{ipaddress.ip_address(address).version}:{address}" for address in addresses]
    return " ".join(["v=spf1", *parts, "-all"])


async def check(resolver: Resolver, records: Sequence[Wanted]) -> list[Finding]:
    """Ask for all of them at the same time, each within the resolver's time."""
    return list(await asyncio.gather(*(_ask(resolver, record) for record in records)))


async def _ask(resolver: Resolver, record: Wanted) -> Finding:
    try:
        seen = await resolver.records(record.name, record.type)
    except (TemporaryDnsError, ValueError):
        return Finding(record.kind, record.name, Standing.NO_ANSWER)
    return Finding(record.kind, record.name, *judge(record, seen))


def judge(record: Wanted, seen: Sequence[str]) -> tuple[Standing, tuple[str, ...]]:
    """How a record stands, by what DNS answered; with it what stands there, of the records that are of this sort."""
    match record.kind:
        case Kind.DKIM | Kind.DKIM_NEXT | Kind.DKIM_OLD:
            # One name holds one key: a second record makes the answer undefined (RFC 6376 §3.6.2.2).
            alike, good = list(seen), [_key(each) == _key(record.value) for each in seen]
        case Kind.SPF:
            alike = [each for each in seen if _is_version(each, "v=spf1")]
            good = [_covers(each, record.addresses) for each in alike]
        case Kind.DMARC:
            alike = [each for each in seen if _is_version(each, "v=dmarc1")]
            good = [_policy(each) in {"none", "quarantine", "reject"} for each in alike]
        case Kind.RETURN_PATH:
            # Any host will do that takes mail; a null MX (RFC 7505) says that nobody does.
            alike = list(seen)
            return (Standing.FOUND if _takes_mail(alike) else Standing.MISSING), tuple(alike)
        case Kind.PTR:
            alike = list(seen)
            # A reverse name may have several records; one of them must be ours.
            good = [any(_same_name(each, record.value) for each in alike)] * bool(alike)
            return _standing(good, single=False), tuple(alike)
        case Kind.EHLO:
            alike = list(seen)
            good = [_same_address(record.value, alike)] * bool(alike)
            return _standing(good, single=False), tuple(alike)
    return _standing(good, single=True), tuple(alike)


def _standing(good: Sequence[bool], *, single: bool) -> Standing:
    if not good:
        return Standing.MISSING
    return Standing.FOUND if all(good) and (len(good) == 1 or not single) else Standing.DIFFERS


def _is_version(text: str, version: str) -> bool:
    first = text.strip().lower().split(";")[0].split(" ")[0]
    return first.replace(" ", "") == version


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, _, value in pairs if name.strip()}


def _key(text: str) -> str:
    return _tags(text).get("p", "")


def _policy(text: str) -> str:
    return _tags(text).get("p", "").lower()


def _covers(text: str, addresses: Sequence[str]) -> bool:
    """Whether the record names every address by itself or by its network. What it includes by other names isn't followed."""
    networks = []
    for word in text.lower().split()[1:]:
        name, _, value = word.lstrip("+").partition(":")
        if name in {"ip4", "ip6"}:
            try:
                networks.append(ipaddress.ip_network(value, strict=False))
            except ValueError:
                return False
    return all(
        any(parsed.version == network.version and parsed in network for network in networks)
        for parsed in map(ipaddress.ip_address, addresses)
    )


def _takes_mail(seen: Sequence[str]) -> bool:
    hosts = [each.split()[-1] for each in seen]
    return bool(hosts) and hosts != ["."]


def _same_name(one: str, other: str) -> bool:
    return one.rstrip(".").lower() == other.rstrip(".").lower()


def _same_address(wanted_address: str, seen: Sequence[str]) -> bool:
    return any(ipaddress.ip_address(each) == ipaddress.ip_address(wanted_address) for each in seen)

"""Networks as people write them: read, compared, and named without their last part. Pure, like the rules."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

LABEL = 60
AT_MOST = 50

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Problem(StrEnum):
    """What is wrong with a line."""

    NONE = "none"
    HOST = "host"
    EVERYWHERE = "everywhere"
    WRAPPED = "wrapped"
    TWICE = "twice"
    LABEL = "label"
    MANY = "many"


class BadLine(ValueError):
    """A line that names no network: which line, what is wrong, what was written, and what may have been meant."""

    def __init__(self, line: int, problem: Problem, written: str, meant: str = "") -> None:
        super().__init__(f"line {line}: {problem.value}")
        self.line, self.problem, self.written, self.meant = line, problem, written, meant


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """A network in its one spelling, and what people call the place."""

    network: str
    label: str = ""


def lines(text: str) -> list[Named]:
    """The networks of a text, one a line: `198.51.100.0/24 Harbor Street office`. Empty lines say nothing.

    A single address stands for itself. Raises BadLine for what is no network, the whole world, one that stands there twice, an
    address within a network that was probably meant, a long name, and more than fifty.
    """
    found: list[Named] = []
    for number, line in enumerate(text.splitlines(), 1):
        written, _space, label = line.strip().partition(" ")
        if not written:
            continue
        network = _network(number, written)
        label = " ".join(label.split()).lstrip("#- ")
        if len(label) > LABEL:
            raise BadLine(number, Problem.LABEL, label)
        if any(each.network == str(network) for each in found):
            raise BadLine(number, Problem.TWICE, written)
        found.append(Named(str(network), label))
        if len(found) > AT_MOST:
            raise BadLine(number, Problem.MANY, written)
    return found


def text(networks: Iterable[Named]) -> str:
    """The same back as lines."""
    return "\n".join(f"{each.network} {each.label}".strip() for each in networks)


def _network(line: int, written: str) -> Network:
    try:
        network = ipaddress.ip_network(written)
    except ValueError:
        try:
            meant = ipaddress.ip_network(written, strict=False)
        except ValueError:
            raise BadLine(line, Problem.NONE, written) from None
        raise BadLine(line, Problem.HOST, written, str(meant)) from None
    if network.prefixlen == 0:
        raise BadLine(line, Problem.EVERYWHERE, written)
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        raise BadLine(line, Problem.WRAPPED, written, str(network.network_address.ipv4_mapped))
    return network


def within(address: str | None, networks: Iterable[str]) -> bool:
    """Whether an address lies in one of the networks. Where there are none, everywhere is; an unknown address is nowhere."""
    known = list(networks)
    if not known:
        return True
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(each) for each in known)


def surroundings(address: str | None) -> str:
    """The network that an address is taken to belong to: /24 of IPv4, /48 of IPv6; empty where there is no address."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))

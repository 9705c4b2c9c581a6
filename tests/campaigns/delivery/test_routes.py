"""Routes, asked of a real name server."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from dnslib import AAAA, MX, QTYPE, RCODE, RR, A, DNSLabel, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from campaigns.delivery.routes import (
    MxHost,
    NoSuchDomain,
    NotLoopback,
    NullMx,
    Resolver,
    RouteError,
    Routes,
    TemporaryDnsError,
    ascii_domain,
    provider_of,
)

ZONE: dict[tuple[str, str], list[A | AAAA | MX]] = {
    ("clinic.example", "MX"): [MX("Backup.Clinic.example", 20), MX("mx.clinic.example", 5)],
    ("mx.clinic.example", "A"): [A("127.0.0.8"), A("127.0.0.9")],
    ("mx.clinic.example", "AAAA"): [AAAA("::1")],
    ("backup.clinic.example", "A"): [A("127.0.0.10")],
    ("bare.example", "A"): [A("127.0.0.11")],
    ("null.example", "MX"): [MX(".", 0)],
    ("mixed.example", "MX"): [MX(".", 0), MX("bare.example", 10)],
    ("half.example", "MX"): [MX("gone.example", 1), MX("bare.example", 2)],
    ("dead.example", "MX"): [MX("gone.example", 1)],
    ("shaky.example", "MX"): [MX("broken.example", 1)],
    ("empty.example", "TXT"): [],
    ("foreign.example", "MX"): [MX("mx.clinic.example", 1), MX("mx.foreign.example", 2)],
    ("mx.foreign.example", "A"): [A("192.0.2.1")],
    ("hostile.example", "MX"): [MX(DNSLabel([b"a" * 40 + b" @" * 10, b"example"]), 1)],
    ("longest.example", "MX"): [MX(DNSLabel([b"\x01" * 63, b"\x02" * 63, b"example"]), 1)],
    ("part.example", "MX"): [MX(DNSLabel([b"a b", b"example"]), 1), MX("bare.example", 2)],
    ("xn--bcher-kva.example", "A"): [A("127.0.0.12")],
}


class Zone(BaseResolver):
    """Answers from ZONE, fails for broken.example, counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        name, kind = str(request.q.qname).lower().removesuffix("."), QTYPE[request.q.qtype]
        self.asked.append((name, kind))
        answer = request.reply()
        if name == "broken.example":
            answer.header.rcode = RCODE.SERVFAIL
        elif not any(known == name for known, _ in ZONE):
            answer.header.rcode = RCODE.NXDOMAIN
        for record in ZONE.get((name, kind), []):
            answer.add_answer(RR(request.q.qname, request.q.qtype, rdata=record, ttl=60))
        return answer


@contextmanager
def name_server() -> Iterator[tuple[Zone, int]]:
    zone = Zone()
    logger = DNSLogger(log="-request,-reply,-truncated,-error,-recv,-send,-data", prefix=False)
    server = DNSServer(zone, address="127.0.0.1", port=0, logger=logger).server
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield zone, server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Zone, int]]:
    with name_server() as running:
        yield running


def route(served: tuple[Zone, int], domain: str, *, loopback_only: bool = False) -> Routes:
    resolver = Resolver([("127.0.0.1", served[1])], loopback_only=loopback_only, timeout=3)
    return asyncio.run(resolver.route(domain))


def test_hosts_come_by_preference_with_all_their_addresses(served: tuple[Zone, int]) -> None:
    assert route(served, "Clinic.Example.") == Routes(
        "clinic.example",
        (
            MxHost("mx.clinic.example", ("127.0.0.8", "127.0.0.9", "::1"), 5),
            MxHost("backup.clinic.example", ("127.0.0.10",), 20),
        ),
    )


def test_a_domain_without_mx_is_its_own_mail_host(served: tuple[Zone, int]) -> None:
    assert route(served, "bare.example").hosts == (MxHost("bare.example", ("127.0.0.11",), 0),)
    assert route(served, "bücher.example").domain == "xn--bcher-kva.example"


@pytest.mark.parametrize("domain", ["half.example", "mixed.example"])
def test_a_host_that_does_not_exist_is_left_out(served: tuple[Zone, int], domain: str) -> None:
    assert [host.name for host in route(served, domain).hosts] == ["bare.example"]


@pytest.mark.parametrize(
    ("domain", "error"),
    [
        ("null.example", NullMx),
        ("nowhere.example", NoSuchDomain),
        ("dead.example", NoSuchDomain),
        ("empty.example", NoSuchDomain),
        ("broken.example", TemporaryDnsError),
        ("shaky.example", TemporaryDnsError),
    ],
)
def test_a_domain_without_a_route_says_whether_that_may_pass(
    served: tuple[Zone, int], domain: str, error: type[RouteError]
) -> None:
    with pytest.raises(error) as caught:
        route(served, domain)
    assert type(caught.value) is error


def test_in_the_demo_no_route_leads_off_the_machine(served: tuple[Zone, int]) -> None:
    assert route(served, "clinic.example", loopback_only=True).hosts
    with pytest.raises(NotLoopback):
        route(served, "foreign.example", loopback_only=True)
    assert len(route(served, "foreign.example").hosts) == 2


def test_a_silent_name_server_is_a_temporary_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = Resolver([silent.getsockname()], timeout=0.3)
        with pytest.raises(TemporaryDnsError):
            asyncio.run(resolver.route("clinic.example"))


def test_answers_are_remembered_and_temporary_failures_are_not(served: tuple[Zone, int]) -> None:
    zone, port = served
    resolver = Resolver([("127.0.0.1", port)], timeout=3)

    async def thrice(domain: str) -> int:
        before = len(zone.asked)
        for _ in range(3):
            try:
                await resolver.route(domain)
            except RouteError as error:
                assert type(error) in (NoSuchDomain, TemporaryDnsError)
        return [kind for _, kind in zone.asked[before:]].count("MX")

    assert asyncio.run(thrice("clinic.example")) == 1
    assert asyncio.run(thrice("nowhere.example")) == 1
    assert asyncio.run(thrice("broken.example")) >= 3


@pytest.mark.parametrize(
    ("domain", "ascii_name"),
    [
        ("Example.ORG.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("_dmarc.x.example", "_dmarc.x.example"),
    ],
)
def test_domains_become_a_labels(domain: str, ascii_name: str) -> None:
    assert ascii_domain(domain) == ascii_name


@pytest.mark.parametrize(
    "domain",
    [
        "",
        ".",
        "a..b",
        "a b.example",
        "x" * 64 + ".example",
        "a." * 127 + "b",
        "a\r\nb",
        "a/b",
        "a\u2024b..c",
        "-",
    ],
)
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(ValueError, match="not valid"):
        ascii_domain(domain)


PROVIDERS = {
    "google": ["google.com", "googlemail.com"],
    "outlook": ["outlook.com"],
    "office365": ["mail.protection.outlook.com"],
}


@pytest.mark.parametrize(
    ("hosts", "provider"),
    [
        (["gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.GOOGLE.com."], "google"),
        (["aspmx.l.google.com", "alt.googlemail.com"], "google"),
        (["aspmx.l.google.com", "backup.clinic.example"], "default"),
        (["aspmx.l.google.com", "x.outlook.com"], "default"),
        (["notgoogle.com"], "default"),
        (["google.com"], "google"),
        (["clinic-org.mail.protection.outlook.com"], "office365"),
        (["hotmail-com.olc.outlook.com"], "outlook"),
        ([], "default"),
    ],
)
def test_a_provider_matches_only_if_every_host_is_its_own(hosts: list[str], provider: str) -> None:
    assert provider_of(hosts, PROVIDERS) == provider


@pytest.mark.parametrize("domain", ["hostile.example", "longest.example"])
def test_hosts_whose_names_no_certificate_can_hold_are_none(served: tuple[Zone, int], domain: str) -> None:
    with pytest.raises(NoSuchDomain):
        route(served, domain)


def test_beside_a_host_of_such_a_name_the_others_are_used(served: tuple[Zone, int]) -> None:
    assert [each.name for each in route(served, "part.example").hosts] == ["bare.example"]

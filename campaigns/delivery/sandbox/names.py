"""The sandbox's name server: every domain exists and has a mail host, on this machine."""

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from dnslib import MX, PTR, QTYPE, RCODE, RR, TXT, A, DNSError, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from campaigns.delivery.sandbox.exchange import Exchange

_TTL = 60
_POLL = 0.02
_SPF = "v=spf1 ip4:127.0.0.0/8 -all"
_DMARC = "v=DMARC1; p=reject; adkim=r; aspf=r"
_ZONE = "names.json"


def publish(folder: Path, name: str, text: str, kind: str = "TXT") -> None:
    """Make the name server of the sandbox in `folder` answer questions of a kind (TXT, PTR, A) for `name` with `text`.

    It takes hold at once, also in a sandbox that runs in another process.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    zone = _published(folder)
    name = name.lower().removesuffix(".")
    zone[name if kind == "TXT" else f"{kind} {name}"] = text
    draft = folder / f".{_ZONE}.{os.getpid()}"
    draft.write_text(json.dumps(zone, indent=1, sort_keys=True), encoding="utf-8")
    draft.rename(folder / _ZONE)


def look_up(name: str, *, address: str, port: int, timeout: float = 5) -> str:
    """Ask a name server for the TXT record of a name, as a receiving host would; empty where there is none or no answer."""
    try:
        answer = DNSRecord.parse(DNSRecord.question(name, "TXT").send(address, port, timeout=timeout))
    except (OSError, DNSError):
        return ""
    return "".join(
        part.decode("ascii", "replace")
        for record in answer.rr
        if record.rtype == QTYPE.TXT
        for part in record.rdata.data
    )


def _published(folder: Path) -> dict[str, str]:
    try:
        zone = json.loads((folder / _ZONE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {str(name): str(text) for name, text in zone.items()}


class _Quiet(DNSLogger):  # type: ignore[misc]
    """Logs nothing: names that are asked for tell whose mail goes where."""

    def __init__(self) -> None:
        super().__init__(log="-request,-reply,-truncated,-error,-recv,-send,-data", prefix=False)


class _Zone(BaseResolver):  # type: ignore[misc]
    """Answers MX, A and TXT for every name, PTR for those that were published, and nothing below `.invalid` (RFC 6761 §6.4)."""

    def __init__(self, folder: Path, exchanges: Sequence[Exchange], refusing: Sequence[str]) -> None:
        self._folder = folder
        self._exchanges = exchanges
        self._refusing = frozenset(refusing)
        self._addresses = {exchange.name: exchange.address for exchange in exchanges}

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        answer = request.reply()
        name = str(request.q.qname).lower().removesuffix(".")
        if name == "invalid" or name.endswith(".invalid"):
            answer.header.rcode = RCODE.NXDOMAIN
            return answer
        for record in self._records(name, QTYPE[request.q.qtype]):
            answer.add_answer(RR(request.q.qname, request.q.qtype, rdata=record, ttl=_TTL))
        return answer

    def _records(self, name: str, kind: str) -> list[A | MX | PTR | TXT]:
        if kind in {"PTR", "A"} and (told := _published(self._folder).get(f"{kind} {name}")):
            return [PTR(told) if kind == "PTR" else A(told)]
        if kind == "MX" and name not in self._addresses:
            return self._mail_hosts(name)
        if kind == "A":
            return [A(self._addresses.get(name, self._exchanges[0].address))]
        if kind == "TXT":
            text = self._text(name)
            octets = text.encode("utf-8")
            return [TXT([octets[at : at + 255] for at in range(0, len(octets), 255)])] if text else []
        return []

    def _mail_hosts(self, name: str) -> list[MX]:
        if name in self._refusing:
            return [MX(".", 0)]
        own = [each for each in self._exchanges if name in each.domains]
        hosts = own or [each for each in self._exchanges if not each.domains]
        return [MX(each.name, 10 * place) for place, each in enumerate(hosts, start=1)]

    def _text(self, name: str) -> str:
        published = _published(self._folder).get(name)
        if published is not None:
            return published
        if name.startswith("_dmarc."):
            return _DMARC
        return "" if name.startswith("_") or "._" in name else _SPF


class NameServer:
    """The running name server, UDP and TCP on one port."""

    def __init__(
        self, folder: Path, exchanges: Sequence[Exchange], refusing: Sequence[str], address: str, port: int
    ) -> None:
        zone = _Zone(folder, exchanges, refusing)
        self._udp = DNSServer(zone, address=address, port=port, logger=_Quiet())
        self.port: int = self._udp.server.server_address[1]
        self._tcp = DNSServer(zone, address=address, port=self.port, tcp=True, logger=_Quiet())

    def start(self) -> None:
        """Answer from now on, in threads of its own."""
        for server in (self._udp.server, self._tcp.server):
            threading.Thread(
                target=server.serve_forever, args=(_POLL,), name="sandbox-dns", daemon=True
            ).start()

    def stop(self) -> None:
        """Answer no more, and give the port back."""
        for server in (self._udp.server, self._tcp.server):
            server.shutdown()
            server.server_close()

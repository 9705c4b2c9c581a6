"""From which address a request comes: the one place that decides whose word about it is believed."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def of(request: HttpRequest) -> str | None:
    """The address of whoever sent a request, as far as it is known: the peer's own, or what our proxies say of theirs.

    X-Forwarded-For is believed for exactly so many entries from its right end as there are proxies of ours
    (WELLSENT_TRUSTED_PROXIES); what stands before them was written by whoever sent the request.
    """
    peer, said = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    return believed(peer, said, settings.TRUSTED_PROXIES)


def believed(peer: str, forwarded: str, proxies: int) -> str | None:
    """The entry that the outermost of `proxies` proxies has added, or the peer where that is no address."""
    if proxies > 0:
        entries = forwarded.split(",")
        if len(entries) >= proxies and (found := _address(entries[-proxies])):
            return found
    return _address(peer)


def _address(text: str) -> str | None:
    """An address in its one spelling: without a port, without an interface's name, and IPv4 as IPv4 however it is wrapped."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found)

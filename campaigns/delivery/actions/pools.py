"""Pools of source addresses."""

import ipaddress
from collections.abc import Sequence

from django.db import transaction

from accounts import access
from accounts.access import Permission
from campaigns.delivery.models import EgressSource, IpPool, PoolEntry, Stream
from safeguards import audit
from safeguards.actor import Actor

audit.declare("pool.added", name=audit.TITLE, stream=Stream, sources=audit.ADDRESSES)


def add_pool(
    *,
    actor: Actor,
    name: str,
    stream: str,
    addresses: Sequence[str],
    ehlo_domain: str,
    per_second: float = 50,
    burst: int = 50,
) -> IpPool:
    """Add a pool with its dedicated addresses, equally weighted; one of that name is changed.

    `per_second` and `burst` bound the whole pool. Needs the permission to manage people. Raises ValueError for an address that
    is none, or for a pool without one.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    if not addresses:
        raise ValueError("a pool needs at least one address to send from")
    checked = [str(ipaddress.ip_address(address)) for address in addresses]
    with transaction.atomic():
        pool, _ = IpPool.objects.update_or_create(
            name=name, defaults={"stream": stream, "per_second": per_second, "burst": burst}
        )
        for address in checked:
            number = address.replace(":", "-").replace(".", "-")
            source, _ = EgressSource.objects.get_or_create(
                source_address=address,
                defaults={"name": f"out-{number}", "ehlo_domain": f"out-{number}.{ehlo_domain}"},
            )
            PoolEntry.objects.get_or_create(pool=pool, source=source)
        audit.record(
            "pool.added",
            actor=actor,
            target=pool,
            details={"name": name, "stream": stream, "sources": checked},
        )
    return pool

"""The domains that we send as: what each must publish, and what DNS said when somebody last asked."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import redis
from django.core.cache import cache
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from campaigns.delivery import published, world
from campaigns.delivery.actions.sending_domains import (
    DNS_SECONDS,
    published_key,
    published_next_key,
    published_old_key,
)
from campaigns.delivery.models import EgressSource, SendingDomain
from campaigns.delivery.published import Finding, Kind, Wanted
from safeguards import secrets
from safeguards.actor import Actor

logger = logging.getLogger(__name__)

_KEPT = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Checked:
    """What DNS said, and when."""

    at: datetime
    findings: Sequence[Finding]


def domains(actor: Actor) -> list[SendingDomain]:
    """All sending domains by name. Needs the permission to manage sending; raises Denied."""
    access.require(actor, Permission.MANAGE_SENDING)
    return list(SendingDomain.objects.order_by("domain"))


def records(domain: SendingDomain) -> list[Wanted]:
    """What must stand in DNS for a domain. A key that can't be opened has no record to show and is left out."""
    keys = [(Kind.DKIM, domain.selector, published_key)]
    if domain.next_selector:
        keys.append((Kind.DKIM_NEXT, domain.next_selector, published_next_key))
    if domain.old_selector and domain.old_retired_at is None:
        keys.append((Kind.DKIM_OLD, domain.old_selector, published_old_key))
    shown = []
    for kind, selector, record in keys:
        try:
            shown.append((kind, selector, record(domain)))
        except (secrets.Unreadable, ValueError):
            logger.error("the key %s of %s can't be used", selector, domain.domain)
    sources = [
        (source.source_address, source.ehlo_domain)
        for source in EgressSource.objects.filter(entries__isnull=False).distinct().order_by("pk")
    ]
    return published.wanted(domain.domain, shown, sources)


def check(actor: Actor, domain: SendingDomain) -> Checked:
    """Ask DNS for all of them now, within a few seconds. Needs the permission to manage sending; raises Denied."""
    access.require(actor, Permission.MANAGE_SENDING)
    wanted = records(domain)
    found = Checked(timezone.now(), asyncio.run(published.check(world.resolver(DNS_SECONDS), wanted)))
    try:
        cache.set(_place(domain), found, _KEPT)
    except redis.RedisError:
        logger.warning("the cache is away, what DNS said isn't kept")
    return found


def last_check(domain: SendingDomain) -> Checked | None:
    """What DNS said at the last time, within a week; None where nobody asked."""
    try:
        kept = cache.get(_place(domain))
    except redis.RedisError:
        return None
    return kept if isinstance(kept, Checked) else None


def _place(domain: SendingDomain) -> str:
    return f"sending:dns:{domain.pk}"

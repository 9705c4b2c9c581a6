"""What lies outside, by the settings: whom we ask for routes, which port we knock at, whose certificates we believe."""

import ssl
from functools import lru_cache
from pathlib import Path

import redis
from django.conf import settings

from campaigns.delivery.routes import Resolver
from campaigns.delivery.throttle import Throttle
from campaigns.delivery.transport import Timeouts, tls_context

# Shorter than RFC 5321 allows at the final dot, so that a lease (15 minutes) outlives a stalled host.
TIMEOUTS = Timeouts(banner=60, hello=60, mail=60, recipient=60, data=60, block=60, final_dot=180)


def resolver(timeout: float = 10.0) -> Resolver:
    """A resolver over DELIVERY_DNS (`host:port`), or the machine's own. In the demonstration it refuses any address but loopback.

    One for each event loop: its sockets belong to the loop that made them.
    """
    nameservers = None
    if settings.DELIVERY_DNS:
        host, _, port = settings.DELIVERY_DNS.rpartition(":")
        nameservers = [(host, int(port))]
    return Resolver(nameservers, loopback_only=settings.DEMO, timeout=timeout)


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """The authorities that mail hosts must be certified by."""
    return tls_context(Path(settings.DELIVERY_CA_FILE) if settings.DELIVERY_CA_FILE else None)


@lru_cache(maxsize=1)
def throttle() -> Throttle:
    """The token buckets, in Redis."""
    return Throttle(redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5))

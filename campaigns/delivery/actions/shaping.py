"""How fast and by which addresses mail leaves, changed while it leaves: workers read these rows before each batch."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from campaigns.delivery.actions.mailings import NotPossible
from campaigns.delivery.models import EgressSource, IpPool, Provider
from safeguards import audit
from safeguards.actor import Actor

audit.declare("source.rested", source=audit.WORD, until=datetime)
audit.declare("source.woken", source=audit.WORD)
audit.declare("pool.rate_changed", pool=audit.TITLE, before=audit.DECIMALS, after=audit.DECIMALS)
audit.declare("provider.limits_changed", provider=audit.TITLE, before=audit.DECIMALS, after=audit.DECIMALS)

LONGEST_REST = timedelta(days=30)
_FASTEST, _MOST_AT_ONCE, _MOST_CONNECTIONS = 10_000.0, 100_000, 1_000


def rest_source(*, actor: Actor, source: EgressSource, until: datetime, why: str) -> EgressSource:
    """Send nothing by a source until a moment (aware), after the batch in hand; its messages wait. `why` stands on the page.

    Refused with NotPossible for a moment that has passed or lies more than thirty days ahead.
    """
    access.require(actor, Permission.MANAGE_SENDING)
    now = timezone.now()
    if until <= now:
        raise NotPossible(_("That time has passed. Choose a later one."))
    if until > now + LONGEST_REST:
        raise NotPossible(
            _("A rest lasts thirty days at most. To stop using an address, take it out of its pool.")
        )
    with transaction.atomic():
        found = EgressSource.objects.select_for_update().get(pk=source.pk)
        found.suspended_until, found.suspended_why = until, why.strip()[:200]
        found.save(update_fields=["suspended_until", "suspended_why"])
        audit.record(
            "source.rested",
            actor=actor,
            target=found,
            details={"source": found.name, "until": until.isoformat()},
        )
    return found


def wake_source(*, actor: Actor, source: EgressSource) -> EgressSource:
    """End a source's rest now; what waited for it goes with the next sweep. Why it rested stays to be read.

    Refused with NotPossible where it isn't resting.
    """
    access.require(actor, Permission.MANAGE_SENDING)
    now = timezone.now()
    with transaction.atomic():
        found = EgressSource.objects.select_for_update().get(pk=source.pk)
        if not found.suspended_until or found.suspended_until <= now:
            raise NotPossible(_("%s isn't resting.") % found.source_address)
        found.suspended_until = now
        found.save(update_fields=["suspended_until"])
        audit.record("source.woken", actor=actor, target=found, details={"source": found.name})
    return found


def change_pool_rate(*, actor: Actor, pool: IpPool, per_second: float, burst: int) -> IpPool:
    """Change how many messages a second all sources of a pool send together, and how many at once.

    Holds from the next batch. Refused with NotPossible for a rate that allows nothing, or more than any machine sends.
    """
    access.require(actor, Permission.MANAGE_SENDING)
    _check(per_second, burst)
    with transaction.atomic():
        found = IpPool.objects.select_for_update().get(pk=pool.pk)
        before = _numbers(found.per_second, found.burst)
        found.per_second, found.burst = per_second, burst
        found.save(update_fields=["per_second", "burst"])
        audit.record(
            "pool.rate_changed",
            actor=actor,
            target=found,
            details={"pool": found.name, "before": before, "after": _numbers(per_second, burst)},
        )
    return found


def change_provider_limits(
    *, actor: Actor, provider: Provider, per_second: float, burst: int, connections: int, per_connection: int
) -> Provider:
    """Change how gently each source treats a provider: messages a second and at once, connections, messages a connection.

    Holds from the next batch. Refused with NotPossible for limits that allow nothing, or more than makes sense.
    """
    access.require(actor, Permission.MANAGE_SENDING)
    _check(per_second, burst)
    if not 1 <= connections <= _MOST_CONNECTIONS or not 1 <= per_connection <= _MOST_AT_ONCE:
        raise NotPossible(
            _("Allow at least one connection and one message on each, and 1,000 connections at most.")
        )
    with transaction.atomic():
        found = Provider.objects.select_for_update().get(pk=provider.pk)
        before = _numbers(found.per_second, found.burst, found.connections, found.per_connection)
        found.per_second, found.burst = per_second, burst
        found.connections, found.per_connection = connections, per_connection
        found.save(update_fields=["per_second", "burst", "connections", "per_connection"])
        audit.record(
            "provider.limits_changed",
            actor=actor,
            target=found,
            details={
                "provider": found.name,
                "before": before,
                "after": _numbers(per_second, burst, connections, per_connection),
            },
        )
    return found


def _numbers(*limits: float) -> list[str]:
    """As the audit log keeps them: as text, since a fraction has no one spelling in what is hashed."""
    return [f"{limit:.6f}".rstrip("0").rstrip(".") for limit in limits]


def _check(per_second: float, burst: int) -> None:
    if not 0 < per_second <= _FASTEST or not 1 <= burst <= _MOST_AT_ONCE:
        raise NotPossible(
            _(
                "Allow more than 0 and at most 10,000 messages a second, and one or more at once. To stop, let addresses rest."
            )
        )

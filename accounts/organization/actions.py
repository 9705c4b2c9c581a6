"""Verbs of the organisation: who it is, and under which names it writes."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand, Organization
from safeguards import audit, tokens
from safeguards.actor import Actor

audit.declare("organization.set_up", name=audit.TITLE)
audit.declare("brand.added", name=audit.TITLE, domain=audit.DOMAIN)
audit.declare("brand.changed", fields=audit.CHANGED, domain=audit.DOMAIN)


def set_up(*, actor: Actor, name: str, phone: str, time_zone: str) -> Organization:
    """Name the one organisation of this deployment; done again, it changes the name, telephone and zone.

    Needs the permission to manage people. Raises ValueError for an empty name and for a time zone that doesn't exist.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    if not name.strip():
        raise ValueError("the organisation needs a name")
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{time_zone} is no time zone; write one like America/New_York") from None
    with transaction.atomic():
        organization = Organization.objects.select_for_update().first() or Organization()
        organization.name, organization.phone, organization.time_zone = name, phone, time_zone
        organization.save()
        audit.record("organization.set_up", actor=actor, target=organization, details={"name": name})
    return organization


def add_brand(
    *,
    actor: Actor,
    name: str,
    from_address: str,
    postal_address: str,
    phone: str,
    privacy_url: str = "",
) -> Brand:
    """Add a sender identity; one of that name is changed. Raises ValueError for a bad address or without a postal one (C9)."""
    access.require(actor, Permission.MANAGE_PEOPLE)
    if not postal_address.strip():
        raise ValueError("commercial mail needs a physical postal address (15 USC 7704(a)(5))")
    address = tokens.normalise(from_address)
    with transaction.atomic():
        brand, _ = Brand.objects.update_or_create(
            name=name,
            defaults={
                "from_name": name,
                "from_address": address,
                "postal_address": postal_address,
                "phone": phone,
                "privacy_url": privacy_url,
            },
        )
        audit.record("brand.added", actor=actor, target=brand, details={"name": name, "domain": brand.domain})
    return brand


def change_brand(
    *,
    actor: Actor,
    brand: Brand,
    name: str,
    from_name: str,
    from_address: str,
    postal_address: str,
    phone: str,
    privacy_url: str = "",
) -> Brand:
    """Change a sender identity; the audit row names the fields. What was sent keeps what it said.

    Needs the permission to manage people. Raises ValueError for a bad address or without a postal one (C9).
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    if not postal_address.strip():
        raise ValueError("commercial mail needs a physical postal address (15 USC 7704(a)(5))")
    given = {
        "name": name,
        "from_name": from_name,
        "from_address": tokens.normalise(from_address),
        "postal_address": postal_address,
        "phone": phone,
        "privacy_url": privacy_url,
    }
    with transaction.atomic():
        changed = Brand.objects.select_for_update().get(pk=brand.pk)
        changes = audit.changed(changed, {field: getattr(changed, field) for field in given}, given)
        if changes:
            for field in changes:
                setattr(changed, field, given[field])
            changed.save(update_fields=changes)
            audit.record(
                "brand.changed",
                actor=actor,
                target=changed,
                details={"fields": changes, "domain": changed.domain},
            )
    return changed

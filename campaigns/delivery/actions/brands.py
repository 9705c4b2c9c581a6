"""Sender identities: kept to domains that we sign for, and as they were approved while something of theirs is under way."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import access
from accounts.access import Permission
from accounts.organization import actions as organization
from accounts.organization.models import Brand
from campaigns.delivery.models import Mailing, SendingDomain
from safeguards import tokens
from safeguards.actor import Actor

# Their From line was seen by whoever approved them, and is read anew with each message that leaves.
UNDER_WAY = (
    Mailing.State.WAITING,
    Mailing.State.READY,
    Mailing.State.FREEZING,
    Mailing.State.SENDING,
    Mailing.State.PAUSED,
)


def save_brand(
    *,
    actor: Actor,
    brand: Brand | None,
    name: str,
    from_name: str,
    from_address: str,
    postal_address: str,
    phone: str,
    privacy_url: str = "",
) -> Brand:
    """Change a sender identity, or add one where `brand` is None.

    Needs the permission to manage people. Raises ValidationError for a name that another brand has, an empty one, an address in
    a domain that we don't sign for, without a postal address (15 USC 7704(a)(5)), and for another sender while campaigns of the
    brand wait for approval, are approved, or are being sent: what leaves is what was approved (C13).
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    given = {
        "name": _line(name),
        "from_name": _line(from_name),
        "from_address": _address(from_address),
        "postal_address": _line(postal_address),
        "phone": _line(phone),
        "privacy_url": privacy_url,
    }
    for field in ("name", "from_name", "postal_address", "phone"):
        if not given[field]:
            raise ValidationError({field: _("This can't be empty.")})
    with transaction.atomic():
        # Locked, so that no mailing is made of it meanwhile.
        before = Brand.objects.select_for_update().get(pk=brand.pk) if brand else None
        others = Brand.objects.exclude(pk=brand.pk) if brand else Brand.objects.all()
        if others.filter(name__iexact=given["name"]).exists():
            raise ValidationError({"name": _("There is a brand of this name already.")})
        if before is not None:
            _refuse_another_sender(before, given)
            return organization.change_brand(actor=actor, brand=before, **given)
        added = organization.add_brand(
            actor=actor, **{field: value for field, value in given.items() if field != "from_name"}
        )
        # It begins with its own name as the sender's.
        return organization.change_brand(actor=actor, brand=added, **given)


def _line(text: str) -> str:
    """One line: it stands in headers and in the footer."""
    return " ".join(text.split())


def _address(text: str) -> str:
    try:
        address = tokens.normalise(text)
    except ValueError as error:
        raise ValidationError({"from_address": str(error)}) from None
    domain = address.rpartition("@")[2]
    if not SendingDomain.objects.filter(domain=domain).exists():
        signed = ", ".join(SendingDomain.objects.order_by("domain").values_list("domain", flat=True)[:5])
        words = _(
            "Mail from %(domain)s can't be signed here, so it would end as junk. Choose an address in one of: %(signed)s."
        )
        raise ValidationError({"from_address": words % {"domain": domain, "signed": signed or "\u2013"}})
    return address


def _refuse_another_sender(before: Brand, given: dict[str, Any]) -> None:
    changed = [field for field in ("from_name", "from_address") if getattr(before, field) != given[field]]
    under_way = Mailing.objects.filter(brand=before, state__in=UNDER_WAY).count() if changed else 0
    if under_way:
        words = ngettext(
            "%(count)d campaign of this brand waits for approval or is being sent. Its sender was approved with it: change this "
            "once it is sent or cancelled.",
            "%(count)d campaigns of this brand wait for approval or are being sent. Their sender was approved with them: change "
            "this once they are sent or cancelled.",
            under_way,
        )
        raise ValidationError({changed[0]: words % {"count": under_way}})

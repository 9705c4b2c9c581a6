"""Conditions of access: from which networks a role may be used; and which browsers one signs in with."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import access, cidr, devices, networks
from accounts.access import Denied, Permission
from accounts.cidr import Named
from accounts.models import AllowedNetwork, Role, User
from safeguards import audit
from safeguards.actor import Actor

audit.declare("access.networks_changed", role=Role, before=int, after=int, out=int)
audit.declare("device.forgotten", sessions=int)


def allow_networks(*, actor: Actor, role: str, wanted: list[Named], reason: str = "") -> None:
    """Let a role be used from these networks alone, from the next request on, in open sessions too; from everywhere for none.

    Needs the permission to manage people. Raises ValidationError for an unknown role, and where it would shut out whoever asks,
    since nobody else may be there to take it back.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    if role not in Role.values:
        raise ValidationError(_("There is no such role."))
    refuse_to_shut_oneself_out(actor, role, wanted)
    with transaction.atomic():
        # Two at once: the later one's list stands whole.
        before = AllowedNetwork.objects.select_for_update().filter(role=role)
        known = sorted(Named(each.network, each.label) for each in before)
        if known == sorted(wanted):
            return
        out = sum(each.sessions for each in networks.would_be_out(role, wanted))
        AllowedNetwork.objects.filter(role=role).delete()
        AllowedNetwork.objects.bulk_create(
            AllowedNetwork(role=role, network=each.network, label=each.label) for each in wanted
        )
        audit.record(
            "access.networks_changed",
            actor=actor,
            reason=reason,
            details={"role": role, "before": len(known), "after": len(wanted), "out": out},
        )


def refuse_to_shut_oneself_out(actor: Actor, role: str, wanted: list[Named]) -> None:
    """Raises ValidationError where the actor, being of this role, couldn't go on from where they are."""
    if (
        actor.kind == "user"
        and actor.role == role
        and not cidr.within(actor.ip, [each.network for each in wanted])
    ):
        around = cidr.surroundings(actor.ip) or "?"
        raise ValidationError(
            _(
                "You are this role yourself and work from %(address)s, which is in none of these networks: you would shut "
                "yourself out. Add your own, for example %(network)s."
            )
            % {"address": actor.ip or "?", "network": around}
        )


def forget_device(*, actor: Actor, person: User, device: int) -> int | None:
    """Forget one of one's own browsers in all its networks; its sessions end, and its next sign-in is told of as a new one.

    Returns how many sessions were open, None where there is no such browser. Raises Denied for anybody else's account.
    """
    if actor.kind != "user" or actor.id != str(person.pk):
        raise Denied("somebody else's account")
    with transaction.atomic():
        ended = devices.forget(person, device)
        if ended is not None:
            audit.record("device.forgotten", actor=actor, target=person, details={"sessions": ended})
    return ended

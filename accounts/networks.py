"""Where each role may be used from: asked once the password and the factor were right, and again at each request.

Whoever isn't signed in is told nothing of it: to a stranger the pages are the same from everywhere (BEHAVIOURS A8).
"""

from collections import defaultdict
from dataclasses import dataclass

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts import addresses, cidr, sessions
from accounts.bridge import actor_of
from accounts.cidr import Named
from accounts.models import AllowedNetwork, Role, SessionRecord, User
from safeguards import audit

audit.declare("access.outside_network", role=Role, network=audit.NETWORK, moment=("sign-in", "session"))

# A page that goes on asking from elsewhere is written down once in so many seconds.
_SAID_EVERY = 600


def of_role(role: str) -> list[Named]:
    """The networks of one role, by name; none means everywhere."""
    return by_role([role])[role]


def by_role(roles: list[str]) -> dict[str, list[Named]]:
    """The networks of each of these roles."""
    found: dict[str, list[Named]] = defaultdict(list)
    for each in AllowedNetwork.objects.filter(role__in=roles).order_by("label", "network"):
        found[each.role].append(Named(each.network, each.label))
    return found


def lets_in(role: str, address: str | None) -> bool:
    """Whether a role may be used from an address."""
    networks = list(AllowedNetwork.objects.filter(role=role).values_list("network", flat=True))
    return cidr.within(address, networks)


def refuses(request: HttpRequest, *, signing_in: bool = False) -> bool:
    """Whether the signed-in person of a request is outside their role's networks; a refusal is written down.

    At a sign-in each time; in an open session once in ten minutes for each network, since a page may go on asking by itself.
    """
    user = request.user
    if not isinstance(user, User):
        return False
    address = addresses.of(request)
    if lets_in(user.role, address):
        return False
    around = cidr.surroundings(address)
    mark = salted_hmac("accounts.outside", f"{user.pk} {request.session.session_key} {around}").hexdigest()
    if signing_in or cache.add(f"outside:{mark}", 1, _SAID_EVERY):
        audit.record(
            "access.outside_network",
            actor=actor_of(request, user),
            target=user,
            outcome="denied",
            details={"role": user.role, "network": around, "moment": "sign-in" if signing_in else "session"},
        )
    return True


@dataclass(frozen=True, slots=True)
class ShutOut:
    """One of the staff who would be out: how many of their open sessions, and from where."""

    user: User
    sessions: int
    networks: tuple[str, ...]


def would_be_out(role: str, networks: list[Named]) -> list[ShutOut]:
    """Who of a role works now from elsewhere than these networks, by name."""
    people = list(User.objects.filter(role=role, is_active=True).order_by("name", "pk"))
    allowed = [each.network for each in networks]
    outside: dict[int, list[SessionRecord]] = defaultdict(list)
    for record in sessions.open_sessions([user.pk for user in people]):
        if not cidr.within(record.ip, allowed):
            outside[record.user_id].append(record)
    return [
        ShutOut(user, len(found), tuple(sorted({cidr.surroundings(record.ip) for record in found})))
        for user in people
        if (found := outside[user.pk])
    ]


def people_of(role: str) -> int:
    """How many active accounts a role has."""
    return User.objects.filter(role=role, is_active=True).count()

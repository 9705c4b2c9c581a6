"""Reads of the staff's accounts: who is there, by what second factor, and who is signed in now."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.models import Role, User
from safeguards.actor import Actor


@dataclass(frozen=True, slots=True)
class StaffFilter:
    """Whom of the staff; empty asks for all."""

    role: str = ""
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor: its kind, since when, and when it was used last (None: not since it was set up)."""

    kind: str
    since: datetime
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of the staff, as far as access is concerned."""

    user: User
    factors: list[Factor]
    sessions: int


def staff(actor: Actor, asked: StaffFilter) -> list[Colleague]:
    """The staff by name, with factors and open sessions, in three queries. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    found = User.objects.order_by("name", "pk")
    if asked.role:
        found = found.filter(role=asked.role)
    if asked.active is not None:
        found = found.filter(is_active=asked.active)
    factors: dict[int, list[Factor]] = defaultdict(list)
    for each in Authenticator.objects.order_by("created_at"):
        factors[each.user_id].append(Factor(each.get_type_display(), each.created_at, each.last_used_at))
    # A session's person stands in its signed content alone; the staff's sessions are few enough to look at each.
    sessions = Counter(
        session.get_decoded().get("_auth_user_id")
        for session in Session.objects.filter(expire_date__gt=timezone.now())
    )
    return [Colleague(user, factors[user.pk], sessions[str(user.pk)]) for user in found]


def names(actor: Actor) -> dict[str, tuple[str, str]]:
    """Name and role of everybody who has or had an account, by id as text. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    return {str(user.pk): (user.name, user.get_role_display()) for user in User.objects.order_by("name")}


def administrators() -> list[User]:
    """Who of the staff manages people and settings now, by name: whom everybody who has signed in may ask for help."""
    return list(User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("name", "pk")[:20])

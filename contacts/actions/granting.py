"""Which fields of a chart a role may open: granted one by one by an administrator (BEHAVIOURS A7)."""

from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts import access
from accounts import actions as accounts
from accounts.access import Permission
from accounts.models import FieldGrant
from contacts.rules import fields
from safeguards.actor import Actor


@dataclass(frozen=True, slots=True)
class Change:
    """What granting would change for a role: fields that it could open and couldn't, and the other way round, by their keys."""

    granted: tuple[str, ...]
    taken: tuple[str, ...]


def change_of(role: str, wanted: Collection[str]) -> Change:
    """What would change if a role had just these fields. Raises ValidationError for a role or a field that can't be granted."""
    if role not in access.grantable_roles():
        raise ValidationError(_("Fields can be granted to roles that see contacts and not their charts."))
    if set(wanted) - set(beyond_identity()):
        raise ValidationError(_("There is no such field to grant."))
    now = set(FieldGrant.objects.filter(role=role).values_list("field", flat=True))
    order = beyond_identity()
    return Change(
        granted=tuple(key for key in order if key in wanted and key not in now),
        taken=tuple(key for key in order if key in now and key not in wanted),
    )


def beyond_identity() -> list[str]:
    """The fields that aren't who somebody is, in their order."""
    return [field.key for field in fields.FIELDS if field.key not in access.IDENTITY_FIELDS]


def grant_fields(*, actor: Actor, role: str, wanted: Collection[str]) -> Change:
    """Let a role open just these fields of one person at a time, for a reason; it holds from their next page on.

    Needs the permission to manage people. Raises ValidationError for a role or a field that can't be granted. Doing it twice
    changes nothing.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    change = change_of(role, wanted)
    if change.granted or change.taken:
        accounts.grant_fields(actor=actor, role=role, granted=change.granted, taken=change.taken)
    return change

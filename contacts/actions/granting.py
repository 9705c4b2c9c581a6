"""Which fields of a chart a role may open: granted one by one by an administrator (BEHAVIOURS A7)."""

from collections.abc import Collection
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.models import FieldGrant, Role, User
from contacts.rules import fields
from safeguards import audit
from safeguards.actor import Actor

audit.declare("access.fields_granted", role=Role, granted=audit.WORDS, taken=audit.WORDS)


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
    with transaction.atomic():
        # Held until the end: of two who change a role at once the second sees what the first did.
        list(FieldGrant.objects.select_for_update().filter(role=role))
        change = change_of(role, wanted)
        if not (change.granted or change.taken):
            return change
        FieldGrant.objects.filter(role=role, field__in=change.taken).delete()
        by = User.objects.filter(pk=actor.id).first() if actor.kind == "user" else None
        FieldGrant.objects.bulk_create(
            (
                FieldGrant(role=role, field=key, granted_by=by, granted_at=timezone.now())
                for key in change.granted
            ),
            ignore_conflicts=True,
        )
        audit.record(
            "access.fields_granted",
            actor=actor,
            details={"role": role, "granted": list(change.granted), "taken": list(change.taken)},
        )
    return change

"""Which fields beyond who somebody is a role may open. What fields there are is known to the contacts' room, which calls this."""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.models import FieldGrant, Role, User
from safeguards import audit
from safeguards.actor import Actor

audit.declare("access.fields_granted", role=Role, granted=audit.WORDS, taken=audit.WORDS)


def grant_fields(*, actor: Actor, role: str, granted: Collection[str], taken: Collection[str]) -> None:
    """Let a role open some fields and others no more, from its people's next page on. Doing it twice changes nothing more.

    Needs the permission to manage people. The caller has asked whether the role and the fields can be granted.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    by = User.objects.filter(pk=actor.id).first() if actor.kind == "user" else None
    now = timezone.now()
    with transaction.atomic():
        FieldGrant.objects.filter(role=role, field__in=taken).delete()
        FieldGrant.objects.bulk_create(
            (FieldGrant(role=role, field=key, granted_by=by, granted_at=now) for key in granted),
            ignore_conflicts=True,
        )
        audit.record(
            "access.fields_granted",
            actor=actor,
            details={"role": role, "granted": sorted(granted), "taken": sorted(taken)},
        )

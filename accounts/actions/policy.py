"""What an administrator decides about everybody's second factors."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access, passkeys
from accounts.access import Permission
from accounts.models import FactorPolicy
from safeguards import audit
from safeguards.actor import Actor

audit.declare("policy.passkeys_changed", required=bool)


def require_passkeys(*, actor: Actor, required: bool) -> None:
    """Hold administrators and compliance officers to passkeys, or to any second factor; from their next request on.

    Needs the permission to manage people. Raises ValidationError where passkeys can't work at the staff's address: nobody could
    get in. Doing it twice changes nothing (BEHAVIOURS A4).
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    if required and not passkeys.can_work():
        raise ValidationError(
            _("Passkeys can't work at this server's address, so nobody could meet the requirement.")
        )
    with transaction.atomic():
        decided = FactorPolicy.objects.select_for_update().first()
        if decided is not None and decided.passkeys_required == required:
            return
        decided = decided or FactorPolicy()
        decided.passkeys_required, decided.changed_at = required, timezone.now()
        decided.save()
        audit.record("policy.passkeys_changed", actor=actor, target=decided, details={"required": required})

"""Recovery codes: ten of 125 random bits each, kept as hashes, used once. They open the factor pages, and are never a step-up."""

import hashlib
import secrets

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import bridge, lockouts, rules
from accounts.bridge import actor_of
from accounts.models import Lockout, RecoveryCode, RecoveryDevice, User
from safeguards import audit, notices

audit.declare("recovery.used", left=int)

USED = "staff.recovery_used"
notices.declare(USED, "name", "left")


def _hash(code: str) -> bytes:
    return hashlib.sha256(rules.recovery_normal(code).encode()).digest()


def fresh(person: User) -> list[str]:
    """A new set of codes, which takes the place of the old one once it is confirmed; given in words this once."""
    codes = [
        rules.recovery_words(secrets.randbits(rules.RECOVERY_BITS)) for _each in range(rules.RECOVERY_CODES)
    ]
    with transaction.atomic():
        RecoveryDevice.objects.filter(user=person, confirmed=False).delete()
        device = RecoveryDevice.objects.create(user=person, name="recovery", confirmed=False)
        RecoveryCode.objects.bulk_create(RecoveryCode(device=device, code_hash=_hash(code)) for code in codes)
    return codes


def keep(person: User) -> bool:
    """Make the codes that were shown last the ones that count; whether there were any."""
    with transaction.atomic():
        shown = RecoveryDevice.objects.select_for_update().filter(user=person, confirmed=False).last()
        if shown is None:
            return False
        RecoveryDevice.objects.filter(user=person).exclude(pk=shown.pk).delete()
        shown.confirmed = True
        shown.save(update_fields=["confirmed"])
    return True


def left(person: User) -> int | None:
    """How many codes somebody still has; None where they never kept any."""
    device = RecoveryDevice.objects.filter(user=person, confirmed=True).first()
    return None if device is None else device.codes.filter(used_at=None).count()


def use(request: HttpRequest, person: User, typed: str) -> tuple[RecoveryDevice | None, str]:
    """Use one of the person's codes up; gives the set it is of, or the problem in words. The person is told by mail."""
    if until := lockouts.attempt(person.email, Lockout.Kind.FACTOR):
        problem = lockouts.tell(request, until)
        bridge.refused_factor(request, person, "locked")
        return None, problem
    with transaction.atomic():
        device = RecoveryDevice.objects.filter(user=person, confirmed=True).first()
        used = (
            RecoveryCode.objects.filter(device=device, code_hash=_hash(typed), used_at=None).update(
                used_at=timezone.now()
            )
            if device is not None
            else 0
        )
        if used:
            remaining = RecoveryCode.objects.filter(device=device, used_at=None).count()
            audit.record(
                "recovery.used", actor=actor_of(request, person), target=person, details={"left": remaining}
            )
            notices.leave(
                USED,
                address=person.email,
                language="en",
                parameters={"name": person.name, "left": str(remaining)},
            )
    if used:
        lockouts.passed(person.email, Lockout.Kind.FACTOR)
        return device, ""
    bridge.refused_factor(request, person, "recovery code")
    if until := lockouts.failed(request, person.email, Lockout.Kind.FACTOR, person):
        return None, lockouts.tell(request, until)
    return None, _("That isn't one of your unused recovery codes. Look whether you typed it whole.")

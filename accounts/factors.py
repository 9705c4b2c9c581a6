"""The one way in which an authenticator app's code is checked: under a lock, slowed after wrong ones, and used up."""

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts import bridge, lockouts
from accounts.models import FactorDevice, Lockout, User


def digits(text: str) -> str:
    """The code as typed: apps show it in two groups."""
    return "".join(text.split())


def step_of(secret: str, code: str) -> int:
    """The 30-second step that the code belongs to, or -1."""
    steps = totp.yield_hotp_counters_from_time()
    return max(
        (
            step
            for step in steps
            if constant_time_compare(totp.format_hotp_value(totp.hotp_value(secret, step)), code)
        ),
        default=-1,
    )


def use_code(request: HttpRequest, user: User, code: str) -> str:
    """Use the person's code up; gives the problem in words, or nothing where it was good.

    The device's row is locked meanwhile, and a refusal is told after the transaction, so that it counts.
    """
    if until := lockouts.attempt(user.email, Lockout.Kind.FACTOR):
        bridge.refused_factor(request, user, "locked")
        return lockouts.tell(request, until)
    with transaction.atomic():
        device = app_of(user, lock=True)
        problem = _check(device, digits(code))
    if not problem:
        lockouts.passed(user.email, Lockout.Kind.FACTOR)
        return ""
    bridge.refused_factor(request, user, problem)
    until = lockouts.failed(request, user.email, Lockout.Kind.FACTOR, user)
    return lockouts.tell(request, until) if until else problem


def refuse_code(request: HttpRequest, user: User) -> str:
    """A code where only a passkey counts; it isn't looked at. Gives the problem in words."""
    bridge.refused_factor(request, user, "role needs a passkey")
    return _("Your role confirms with a passkey. A code isn't enough here.")


def app_of(user: User, *, lock: bool = False) -> FactorDevice | None:
    """The device of the person's authenticator app, where there is one."""
    found = FactorDevice.objects.filter(user=user, authenticator__type=Authenticator.Type.TOTP)
    device: FactorDevice | None = (found.select_for_update(of=("self",)) if lock else found).first()
    return device


def _check(device: FactorDevice | None, code: str) -> str:
    if device is None:
        return _("No authenticator app is set up for this account. Ask an administrator.")
    step = step_of(decrypt(device.authenticator.data["secret"]), code)
    if step <= device.last_t:
        return _("That code isn't right, or was used before. Wait for the next one in your app.")
    device.last_t = step
    device.save(update_fields=["last_t"])
    device.authenticator.record_usage()
    return ""

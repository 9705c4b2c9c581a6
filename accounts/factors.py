"""The one way in which an authenticator app's code is checked: under a lock, slowed after wrong ones, and used up."""

from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from accounts.bridge import actor_of
from accounts.models import FactorDevice, User
from safeguards import audit

audit.declare("factor.refused")


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
    with transaction.atomic():
        device = FactorDevice.objects.select_for_update().filter(user=user).first()
        problem = _check(device, digits(code))
    if problem:
        audit.record(
            "factor.refused",
            actor=actor_of(request, user),
            target=user,
            outcome="denied",
            reason=problem,
        )
    return problem


def _check(device: FactorDevice | None, code: str) -> str:
    if device is None:
        return _("No authenticator app is set up for this account. Ask an administrator.")
    permitted, why = device.verify_is_allowed()
    if not permitted:
        until = why["locked_until"].strftime("%H:%M:%S UTC")
        return _("Too many wrong codes. Try again after %(time)s.") % {"time": until}
    step = step_of(decrypt(device.authenticator.data["secret"]), code)
    if step <= device.last_t:
        device.throttle_increment()
        return _("That code isn't right, or was used before. Wait for the next one in your app.")
    device.last_t = step
    device.throttle_reset(commit=False)
    device.save()
    return ""

"""The second factor's forms: a code works once, and guesses are slowed in the database."""

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm as AllauthAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AllauthReauthenticateForm
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import FactorDevice, User
from safeguards import audit
from safeguards.actor import Actor

audit.declare("factor.refused")


def _step_of(device: FactorDevice, code: str) -> int:
    """The 30-second step that the code belongs to, or -1."""
    secret = decrypt(device.authenticator.data["secret"])
    steps = totp.yield_hotp_counters_from_time()
    return max(
        (step for step in steps if totp.format_hotp_value(totp.hotp_value(secret, step)) == code), default=-1
    )


class _OneUse:
    """Checks a code under a lock on the device's row. The refusal is raised outside the transaction, so that it counts."""

    user: User
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"]).replace(" ", "")
        with transaction.atomic():
            device = FactorDevice.objects.select_for_update().filter(user=self.user).first()
            problem = self._check(device, code)
        if problem:
            actor = Actor(kind="user", id=str(self.user.pk), display=self.user.name, role=self.user.role)
            audit.record("factor.refused", actor=actor, target=self.user, outcome="denied", reason=problem)
            raise ValidationError(problem)
        return str(super().clean_code())  # type: ignore[misc]

    def _check(self, device: FactorDevice | None, code: str) -> str:
        if device is None:
            return _("No authenticator app is set up for this account. Ask an administrator.")
        permitted, why = device.verify_is_allowed()
        if not permitted:
            until = why["locked_until"].strftime("%H:%M:%S UTC")
            return _("Too many wrong codes. Try again after %(time)s.") % {"time": until}
        step = _step_of(device, code)
        if step <= device.last_t:
            device.throttle_increment()
            return _("That code isn't right, or was used before. Wait for the next one in your app.")
        device.last_t = step
        device.throttle_reset(commit=False)
        device.save()
        return ""


class AuthenticateForm(_OneUse, AllauthAuthenticateForm):
    """The code at sign-in."""


class ReauthenticateForm(_OneUse, AllauthReauthenticateForm):
    """The code at step-up."""

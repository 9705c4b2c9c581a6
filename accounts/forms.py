"""The second factor's forms: a code works once, guesses are slowed in the database, secrets are sealed all along."""

import base64
from typing import Any

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm as AllauthAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as AllauthReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.bridge import actor_of
from accounts.models import FactorDevice, User
from safeguards import audit, secrets

audit.declare("factor.refused")

# The session is a row in the database too, so what it holds during enrolment is sealed for that place.
_ENROLMENT = "accounts.totp.enrolment"


def _digits(text: str) -> str:
    """The code as typed: apps show it in two groups."""
    return "".join(text.split())


def _step_of(secret: str, code: str) -> int:
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


def _code_field() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Code from your app"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class _OneUse:
    """Checks a code under a lock on the device's row. The refusal is raised outside the transaction, so that it counts."""

    user: User
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        code = self.cleaned_data["code"] = _digits(self.cleaned_data["code"])
        with transaction.atomic():
            device = FactorDevice.objects.select_for_update().filter(user=self.user).first()
            problem = self._check(device, code)
        if problem:
            audit.record(
                "factor.refused",
                actor=actor_of(context.request, self.user),
                target=self.user,
                outcome="denied",
                reason=problem,
            )
            raise ValidationError(problem)
        return str(super().clean_code())  # type: ignore[misc]

    def _check(self, device: FactorDevice | None, code: str) -> str:
        if device is None:
            return _("No authenticator app is set up for this account. Ask an administrator.")
        permitted, why = device.verify_is_allowed()
        if not permitted:
            until = why["locked_until"].strftime("%H:%M:%S UTC")
            return _("Too many wrong codes. Try again after %(time)s.") % {"time": until}
        step = _step_of(decrypt(device.authenticator.data["secret"]), code)
        if step <= device.last_t:
            device.throttle_increment()
            return _("That code isn't right, or was used before. Wait for the next one in your app.")
        device.last_t = step
        device.throttle_reset(commit=False)
        device.save()
        return ""


class AuthenticateForm(_OneUse, AllauthAuthenticateForm):
    """The code at sign-in."""

    code = _code_field()


class ReauthenticateForm(_OneUse, AllauthReauthenticateForm):
    """The code at step-up."""

    code = _code_field()


class EnrolForm(ActivateTOTPForm):
    """The first code of a new app. `secret` is what the app is shown; `step` is the step of the code that proved it."""

    code = _code_field()
    user: User

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        # Not by allauth's own way, which would put the secret into the session as it is.
        forms.Form.__init__(self, *args, **kwargs)
        self.user = user
        self.step = -1
        self.secret = (self._kept() if self.is_bound else "") or self._new()

    def _kept(self) -> str:
        sealed = context.request.session.get(totp.SECRET_SESSION_KEY, "")
        try:
            return secrets.unseal_bytes(_ENROLMENT, base64.b64decode(sealed)) if sealed else ""
        except secrets.Unreadable:
            # A session from before the keys were changed; a new secret is shown.
            return ""

    def _new(self) -> str:
        secret = str(totp.generate_totp_secret())
        sealed = base64.b64encode(secrets.seal_bytes(_ENROLMENT, secret)).decode()
        context.request.session[totp.SECRET_SESSION_KEY] = sealed
        return secret

    def clean_code(self) -> str:
        """The code, if the app that made it knows the secret. Guessing gains nothing: the secret stands on the page."""
        code = _digits(self.cleaned_data["code"])
        self.step = _step_of(self.secret, code)
        if self.step < 0:
            raise ValidationError(
                _(
                    "That code isn't right. Look whether your phone shows the right time, and type the code it shows now."
                )
            )
        return code

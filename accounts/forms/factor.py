"""The second factor's forms; the secret of an app that is being set up is sealed all along."""

import base64
from typing import Any

from allauth.core import context
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal import auth as totp
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.factors import digits, step_of
from accounts.models import User
from safeguards import secrets

# The session is a row in the database too, so what it holds during enrolment is sealed for that place.
_ENROLMENT = "accounts.totp.enrolment"


def secret_in(request: HttpRequest) -> str:
    """The secret of the app that is being set up in this session; empty where none is."""
    sealed = request.session.get(totp.SECRET_SESSION_KEY, "")
    try:
        return secrets.unseal_bytes(_ENROLMENT, base64.b64decode(sealed)) if sealed else ""
    except secrets.Unreadable:
        # A session from before the keys were changed; a new secret is shown.
        return ""


def _code_field() -> forms.CharField:
    return forms.CharField(
        label=gettext_lazy("Code from your app"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class CodeForm(forms.Form):
    """The code at sign-in."""

    code = _code_field()


class RecoveryForm(forms.Form):
    """A recovery code at sign-in."""

    code = forms.CharField(
        label=gettext_lazy("Recovery code"),
        max_length=80,
        help_text=gettext_lazy("Five groups of five. Capitals and dashes don't matter."),
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


class PasskeyNameForm(forms.Form):
    """What a person calls their passkey."""

    name = forms.CharField(
        label=gettext_lazy("What do you call it?"),
        max_length=60,
        help_text=gettext_lazy(
            "Such as “Work laptop” or “Key on my key ring”: so you know which one to remove some day."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class KeptForm(forms.Form):
    """That somebody has kept their recovery codes."""

    kept = forms.BooleanField(
        label=gettext_lazy("I have kept these codes where I can reach them without this device"),
        error_messages={"required": gettext_lazy("Keep the codes first: they are shown this once.")},
    )


class EnrolForm(ActivateTOTPForm):
    """The first code of a new app. `secret` is what the app is shown; `step` is the step of the code that proved it."""

    code = _code_field()
    user: User

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        # Not by allauth's own way, which would put the secret into the session as it is.
        forms.Form.__init__(self, *args, **kwargs)
        self.user = user
        self.step = -1
        self.secret = (secret_in(context.request) if self.is_bound else "") or self._new()

    def _new(self) -> str:
        secret = str(totp.generate_totp_secret())
        sealed = base64.b64encode(secrets.seal_bytes(_ENROLMENT, secret)).decode()
        context.request.session[totp.SECRET_SESSION_KEY] = sealed
        return secret

    def clean_code(self) -> str:
        """The code, if the app that made it knows the secret. Guessing gains nothing: the secret stands on the page."""
        code = digits(self.cleaned_data["code"])
        self.step = step_of(self.secret, code)
        if self.step < 0:
            raise ValidationError(
                _(
                    "That code isn't right. Look whether your phone shows the right time, and type the code it shows now."
                )
            )
        return code

"""What allauth asks us: no sign-up, no mail of its own, step-up by the factor, TOTP secrets sealed by our keyring."""

import base64
import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import addresses, lockouts
from accounts.bridge import actor_of
from accounts.models import FactorDevice, Lockout, User
from accounts.sessions import factor_is_fresh
from safeguards import audit, secrets

_PLACE = "accounts.totp"


def _refused(request: HttpRequest, address: str, reason: str) -> None:
    """The row of a refusal names the account where there is one, and never what was typed (BEHAVIOURS F4)."""
    person = User.objects.filter(email__iexact=address).first()
    actor = actor_of(request, person or User(name=""))
    audit.record("session.refused", actor=actor, target=person, outcome="denied", reason=reason)


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by an administrator; there is no sign-up, and allauth sends no mail of its own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The person, or None: somebody who was let go is refused in the same words as a wrong password.

        Guesses are counted by what was typed as the address, whether or not it is anybody's, before they are looked at; while
        they have to wait, the right password is refused like a wrong one, after the same work of hashing.
        """
        address = str(credentials.get("email", ""))
        if until := lockouts.attempt(address, Lockout.Kind.PASSWORD):
            User().set_password(str(credentials.get("password", "")))
            _refused(request, address, "locked")
            raise ValidationError(lockouts.tell(request, until))
        user = super().authenticate(request, **credentials)
        if isinstance(user, User) and user.is_active:
            lockouts.passed(address, Lockout.Kind.PASSWORD)
            return user
        known = User.objects.filter(email__iexact=address).first()
        if until := lockouts.failed(request, address, Lockout.Kind.PASSWORD, known):
            raise ValidationError(lockouts.tell(request, until))
        return None

    def is_safe_url(self, url: str) -> bool:
        """Only a path on this very host: `next` leads nobody away after signing in, not even to the patients' pages."""
        return url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Asked before a factor is enrolled: not again in the five minutes after the password was typed, or a factor was shown.

        Where there is a factor already, our own step-up has asked for it before; the password alone serves for the first one,
        and after a recovery code, when there is nothing else by which the person could show who they are.
        """
        if factor_is_fresh(self.request.session):
            return False
        records = get_authentication_records(self.request, self.request.user)
        return not records or time.time() - records[-1]["at"] >= app_settings.REAUTHENTICATION_TIMEOUT

    def get_reauthentication_methods(self, user: User | AnonymousUser) -> list[dict[str, str]]:
        """Step-up asks for a factor; the password suffices only while there is none that can be shown (BEHAVIOURS A4)."""
        if isinstance(getattr(user, "otp_device", None), FactorDevice):
            return [{"id": "mfa_reauthenticate", "description": "", "url": reverse("mfa_reauthenticate")}]
        return [{"id": "reauthenticate", "description": "", "url": reverse("account_reauthenticate")}]

    def get_client_ip(self, request: HttpRequest) -> str:
        """For the limits by address: the same that sessions and the audit log have."""
        return addresses.of(request) or str(super().get_client_ip(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Refused: no page that we route makes allauth write to anybody, and a mail by any other way would skip the outbox."""
        raise RuntimeError(f"allauth wanted to send {template_prefix}")


class MFAAdapter(DefaultMFAAdapter):
    """allauth's own `encrypt` is the identity; ours seals (BEHAVIOURS A3)."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(secrets.seal_bytes(_PLACE, text)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return secrets.unseal_bytes(_PLACE, base64.b64decode(encrypted_text))

    def get_totp_label(self, user: User) -> str:
        return user.email

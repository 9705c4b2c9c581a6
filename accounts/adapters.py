"""What allauth asks us: no sign-up, mail by the outbox, TOTP secrets sealed by our keyring."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from accounts.models import User
from safeguards import secrets

_PLACE = "accounts.totp"


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are made by an administrator; there is no sign-up, and allauth sends no mail of its own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Refused: no page that we route makes allauth write to anybody, and a mail by any other way would skip the outbox."""
        raise RuntimeError(f"allauth wanted to send {template_prefix}")


class MFAAdapter(DefaultMFAAdapter):
    """allauth's own `encrypt` is the identity; ours seals (BEHAVIOURS A3)."""

    def encrypt(self, text: str) -> str:
        return base64.b64encode(secrets.seal_bytes(_PLACE, text)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return secrets.unseal_bytes(_PLACE, base64.b64decode(encrypted_text))

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Not the last one: nobody signs in without a second factor."""
        others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
        return bool(others.exists())

    def get_totp_label(self, user: User) -> str:
        return user.email

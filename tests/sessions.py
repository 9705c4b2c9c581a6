"""Signing in for tests of pages: a session verified by a real factor, without typing its code each time."""

import django_otp
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest
from django.test import Client

from accounts import access, sessions
from accounts.bridge import device_of
from accounts.models import User
from tests import passkeys

BACKEND = settings.AUTHENTICATION_BACKENDS[0]


def signed_in(client: Client, user: User) -> Client:
    """Give the client a session of this person, verified by an authenticator of theirs; returns the client.

    Whose role needs a passkey has one; the others have an app.
    """
    authenticator: Authenticator | None
    if access.needs_passkey(user.role):
        found = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
        authenticator = found.first() or passkeys.given(user)
    else:
        authenticator, _ = Authenticator.objects.get_or_create(
            user=user, type=Authenticator.Type.TOTP, defaults={"data": {"secret": ""}}
        )
    request = HttpRequest()
    request.session = client.session
    request.user = user
    request.META["REMOTE_ADDR"] = "127.0.0.1"
    login(request, user, backend=BACKEND)
    django_otp.login(request, device_of(authenticator))
    sessions.show_factor(request.session)
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(request.session.session_key)
    return client

"""Carries allauth's news of factors to django-otp, so that `user.is_verified()` is true for exactly the verified sessions.

These are a library's signals about its own events, not ours between rooms: allauth offers no other way in.
"""

from typing import Any

import django_otp
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import addresses, sessions
from accounts.models import FactorDevice, User
from safeguards import audit
from safeguards.actor import Actor

audit.declare("session.started")
audit.declare("session.ended")
audit.declare("session.refused")
audit.declare("factor.added")


def actor_of(request: HttpRequest, user: User) -> Actor:
    """The person whom a request is about, before or without a verified session; `access.of` is for those who have one."""
    return Actor(
        kind="user",
        id=str(user.pk),
        display=user.name,
        role=user.role,
        ip=addresses.of(request),
        user_agent=request.headers.get("User-Agent", "")[:300],
        request_id=getattr(request, "request_id", ""),
    )


def device_of(authenticator: Authenticator) -> FactorDevice:
    """The device that shadows an authenticator, made at first need."""
    device: FactorDevice
    device, _ = FactorDevice.objects.get_or_create(
        authenticator=authenticator,
        defaults={"user": authenticator.user, "name": authenticator.type, "confirmed": True},
    )
    return device


@receiver(signals.authenticator_added)
def added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """A factor was enrolled: the session that enrolled it is verified by it."""
    device = device_of(authenticator)
    audit.record("factor.added", actor=actor_of(request, user), target=user)
    if request.user.is_authenticated and request.user.pk == user.pk:
        django_otp.login(request, device)
        sessions.show_factor(request.session)


@receiver(signals.authenticator_used)
def used(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """A factor was shown again, at step-up."""
    if request.user.is_authenticated and request.user.pk == user.pk:
        django_otp.login(request, device_of(authenticator))
        sessions.show_factor(request.session)


@receiver(user_logged_in)
def logged_in(request: HttpRequest, user: User, **_: Any) -> None:
    """allauth logs a person in once all its stages are passed; a factor among them makes the session verified."""
    factors = [record for record in get_authentication_records(request, user) if record["method"] == "mfa"]
    if factors:
        authenticator = Authenticator.objects.get(pk=factors[-1]["id"], user=user)
        django_otp.login(request, device_of(authenticator))
        sessions.show_factor(request.session)
    audit.record("session.started", actor=actor_of(request, user), target=user)


@receiver(user_logged_out)
def logged_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    """The session ended by its owner's hand."""
    if user is not None:
        audit.record("session.ended", actor=actor_of(request, user), target=user)


@receiver(user_login_failed)
def refused(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """A password was wrong. The row names the account where there is one, and never what was typed (BEHAVIOURS F4)."""
    if request is None:
        return
    user = User.objects.filter(email__iexact=str(credentials.get("email", ""))).first()
    actor = actor_of(request, user) if user else actor_of(request, User(name=""))
    audit.record("session.refused", actor=actor, target=user, outcome="denied")

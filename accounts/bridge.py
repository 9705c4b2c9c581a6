"""Carries allauth's news of factors to django-otp, so that `user.is_verified()` is true for exactly the verified sessions.

These are a library's signals about its own events, not ours between rooms: allauth offers no other way in.
"""

import logging
import re
import time
from typing import Any

import django_otp
import redis
from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest
from django_otp.models import Device

from accounts import addresses, sessions
from accounts.models import FactorDevice, RecoveryDevice, User
from safeguards import audit
from safeguards.actor import Actor

logger = logging.getLogger(__name__)

audit.declare("session.started")
audit.declare("session.ended")
audit.declare("session.refused")
audit.declare("session.unknown")
audit.declare("factor.added", kind=Authenticator.Type)
audit.declare("factor.refused")

# How a session of the staff begins; the audit rows say so.
BY_PASSWORD = "password"  # noqa: S105 - a word, no password
# What the audit rows call a factor, beside allauth's own names for its kinds.
RECOVERY = "recovery"
# Where allauth keeps by what somebody signs in, a recovery code stands under this type.
_BY_RECOVERY = "recovery_device"
# In the session: somebody came in by a recovery code, and hasn't said yet which factors are lost.
RECOVERED = "recovered"
_UNKNOWN_AN_HOUR = 100


def actor_of(request: HttpRequest, user: User) -> Actor:
    """The person whom a request is about, before or without a verified session; `access.of` is for those who have one."""
    present = getattr(request, "user", None)
    factor = factor_name(getattr(present, "otp_device", None)) if present and present.pk == user.pk else ""
    return Actor(
        kind="user",
        id=str(user.pk),
        display=user.name,
        role=user.role,
        method=BY_PASSWORD if factor else "",
        factor=factor,
        ip=addresses.of(request),
        user_agent=request.headers.get("User-Agent", "")[:300],
        request_id=getattr(request, "request_id", ""),
    )


def factor_name(device: Device | None) -> str:
    """By what factor a session is verified: "totp", "webauthn" or "recovery"; empty for none."""
    if isinstance(device, RecoveryDevice):
        return RECOVERY
    return str(device.name) if isinstance(device, FactorDevice) else ""


def device_of(authenticator: Authenticator) -> FactorDevice:
    """The device that shadows an authenticator, made at first need."""
    device: FactorDevice
    device, _ = FactorDevice.objects.get_or_create(
        authenticator=authenticator,
        defaults={
            "user": authenticator.user,
            "name": authenticator.type,
            "confirmed": True,
            "phishing_resistant": authenticator.type == Authenticator.Type.WEBAUTHN,
        },
    )
    return device


def verify(request: HttpRequest, authenticator: Authenticator) -> None:
    """A factor was shown in this session just now: the session stands on it, unless it stands on one as strong already."""
    device, present = device_of(authenticator), getattr(request.user, "otp_device", None)
    if not isinstance(present, FactorDevice) or device.phishing_resistant > present.phishing_resistant:
        django_otp.login(request, device)
    sessions.show_factor(request.session)


def sign_in_by_recovery(request: HttpRequest, device: RecoveryDevice) -> None:
    """Note that a recovery code stands for the factor in the sign-in that is going on."""
    record_authentication(request, device.user, method="mfa", type=_BY_RECOVERY, id=device.pk)


@receiver(signals.authenticator_added)
def added(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """A factor was enrolled: the session that enrolled it is verified by it."""
    device_of(authenticator)
    audit.record(
        "factor.added", actor=actor_of(request, user), target=user, details={"kind": authenticator.type}
    )
    if request.user.is_authenticated and request.user.pk == user.pk:
        verify(request, authenticator)


@receiver(signals.authenticator_used)
def used(request: HttpRequest, user: User, authenticator: Authenticator, **_: Any) -> None:
    """A factor was shown again, at step-up."""
    if request.user.is_authenticated and request.user.pk == user.pk:
        verify(request, authenticator)


@receiver(user_logged_in)
def logged_in(request: HttpRequest, user: User, **_: Any) -> None:
    """allauth logs a person in once all its stages are passed; a factor among them makes the session verified."""
    factors = [record for record in get_authentication_records(request, user) if record["method"] == "mfa"]
    if factors and factors[-1]["type"] == _BY_RECOVERY:
        # Never a fresh factor: what asks for one asks on.
        django_otp.login(request, RecoveryDevice.objects.get(pk=factors[-1]["id"], user=user))
        request.session[RECOVERED] = True
    elif factors:
        authenticator = Authenticator.objects.get(pk=factors[-1]["id"], user=user)
        django_otp.login(request, device_of(authenticator))
        sessions.show_factor(request.session)
    audit.record("session.started", actor=actor_of(request, user), target=user)


@receiver(user_logged_out)
def logged_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    """The session ended by its owner's hand; one that the server ends has a row of its own (accounts.expiry)."""
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


def refused_factor(request: HttpRequest, user: User, reason: str) -> None:
    """What somebody showed, or wanted to enrol, isn't a factor of theirs."""
    audit.record(
        "factor.refused", actor=actor_of(request, user), target=user, outcome="denied", reason=reason
    )


def unknown(request: HttpRequest) -> None:
    """A session cookie was shown that opens nothing: made up, cut, or of a session that has ended.

    Once in ten minutes from one address, and a hundred in an hour from all, so that a flood doesn't fill the log.
    """
    name = settings.SESSION_COOKIE_NAME
    shown = request.COOKIES.get(name, "")
    if not shown:
        return
    # Its row is there; one that holds nothing doesn't bear our signature: somebody wrote in the table.
    is_ours = request.session.session_key == shown
    if is_ours and request.session.keys():
        return
    try:
        _note_unknown(request, shown, is_ours=is_ours)
    except redis.RedisError:
        # Without the cache nothing bounds the rows; a page is answered all the same.
        logger.warning("a session that opens nothing was shown, and the cache is away")


def _note_unknown(request: HttpRequest, shown: str, *, is_ours: bool) -> None:
    if sessions.has_ended(shown):
        # Its end has a row of its own; the browser only hears of it now.
        return
    # What is no key was never ours; one that could be may have ended long ago.
    reason = "ended or made up" if re.fullmatch(r"[a-z0-9]{32}", shown) else "malformed"
    if is_ours:
        reason = "unreadable"
    if not cache.add(f"session.unknown:{addresses.of(request)}:{reason.partition(' ')[0]}", 1, 600):
        return
    hour = f"session.unknown:{int(time.time()) // 3600}"
    cache.add(hour, 0, 2 * 3600)
    if cache.incr(hour) > _UNKNOWN_AN_HOUR:
        return
    audit.record("session.unknown", actor=actor_of(request, User(name="")), outcome="denied", reason=reason)

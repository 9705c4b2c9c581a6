"""Browsers that somebody has signed in with, and from where: a first one is told to its person by mail (BEHAVIOURS A8).

A browser is known by a random cookie, kept here as its hash; where it stands, by its network without the last part. Neither
decides anything: who lacks the cookie is let in all the same, and the person hears of it.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import addresses, cidr, sessions
from accounts.bridge import actor_of
from accounts.models import KnownDevice, SessionRecord, User
from accounts.wording import device_words
from safeguards import audit, notices

audit.declare("session.new_device", known_device=bool, known_network=bool)

NEW_DEVICE = "staff.new_device"
notices.declare(NEW_DEVICE, "name", "device", "network", "at", "account")

COOKIE = "__Host-device" if settings.SECURE_SITE else "wellsent-device"
_YEAR = 365 * 24 * 3600
_SHOWN = 20


@dataclass(slots=True)
class Device:
    """One browser as its person sees it: where it was used, since when, and how many sessions it has open."""

    id: int
    words: str
    first_seen_at: datetime
    last_seen_at: datetime
    is_this: bool
    sessions: int = 0
    networks: list[str] = field(default_factory=list)


def recognise(request: HttpRequest, response: HttpResponseBase) -> None:
    """At a sign-in that has just succeeded: remember browser and network, and tell the person of a first one.

    Nothing is told of the very first sign-in of an account, which is nobody else's.
    """
    user, value = request.user, request.COOKIES.get(COOKIE, "")
    if not isinstance(user, User):
        return
    if not re.fullmatch(r"[\w-]{43}", value, re.ASCII):
        value = secrets.token_urlsafe(32)
    response.set_cookie(
        COOKIE, value, max_age=_YEAR, secure=settings.SECURE_SITE, httponly=True, samesite="Lax"
    )
    with transaction.atomic():
        request.session[sessions.DEVICE] = _seen(request, user, sha256(value.encode()).digest()).pk


def _seen(request: HttpRequest, user: User, device_hash: bytes) -> KnownDevice:
    # The person's row is locked, so that two sign-ins at once are told of once.
    User.objects.select_for_update().get(pk=user.pk)
    now, around = timezone.now(), cidr.surroundings(addresses.of(request))
    user_agent = request.headers.get("User-Agent", "")[:300]
    known = KnownDevice.objects.filter(user=user)
    standing = known.filter(forgotten_at=None)
    if found := standing.filter(device_hash=device_hash, network=around).first():
        found.last_seen_at, found.user_agent = now, user_agent
        found.save(update_fields=["last_seen_at", "user_agent"])
        return found
    # One that was forgotten counts here: who forgets all of them still hears of the next one.
    first_of_all = not known.exists()
    details = {
        "known_device": standing.filter(device_hash=device_hash).exists(),
        "known_network": standing.filter(network=around).exists(),
    }
    made = KnownDevice.objects.create(
        user=user,
        device_hash=device_hash,
        network=around,
        user_agent=user_agent,
        first_seen_at=now,
        last_seen_at=now,
    )
    if not first_of_all:
        audit.record("session.new_device", actor=actor_of(request, user), target=user, details=details)
        local = now.astimezone(ZoneInfo(user.time_zone))
        notices.leave(
            NEW_DEVICE,
            address=user.email,
            language="en",
            parameters={
                "name": user.name,
                "device": device_words(user_agent),
                "network": around or _("an unknown network"),
                "at": f"{local:%B} {local.day}, {local:%Y, %H:%M %Z}",
                "account": f"{settings.STAFF_URL}/account/",
            },
        )
    return made


def known_to(user: User, this: int | None = None) -> list[Device]:
    """The browsers that somebody signs in with, the last used first; `this` is the row that the asking session stands on."""
    rows = list(KnownDevice.objects.filter(user=user, forgotten_at=None).order_by("-last_seen_at"))
    hash_of = {row.pk: bytes(row.device_hash) for row in rows}
    found: dict[bytes, Device] = {}
    for row in rows:
        key = hash_of[row.pk]
        device = found.setdefault(
            key,
            Device(row.pk, device_words(row.user_agent), row.first_seen_at, row.last_seen_at, is_this=False),
        )
        device.first_seen_at = min(device.first_seen_at, row.first_seen_at)
        device.is_this |= row.pk == this
        if row.network and row.network not in device.networks:
            device.networks.append(row.network)
    for pk in _stood_on(sessions.open_sessions([user.pk])):
        if pk in hash_of:
            found[hash_of[pk]].sessions += 1
    return list(found.values())[:_SHOWN]


def _stood_on(records: Iterable[SessionRecord]) -> list[int]:
    return [record.device_id for record in records if record.device_id is not None]


def forget(user: User, device: int) -> int | None:
    """Forget a browser in all its networks and end its sessions; how many were open, or None where it isn't the person's."""
    row = KnownDevice.objects.filter(user=user, pk=device, forgotten_at=None).first()
    if row is None:
        return None
    same = KnownDevice.objects.filter(user=user, device_hash=row.device_hash, forgotten_at=None)
    keys = list(SessionRecord.objects.filter(user=user, device__in=same).values_list("session_id", flat=True))
    ended = sessions.open_sessions([user.pk]).filter(session_id__in=keys).count()
    same.update(forgotten_at=timezone.now())
    Session.objects.filter(pk__in=keys).delete()
    return ended

"""Sessions as rows that can be read by person: who is signed in, from where, since when; and when a factor was last shown in one.

Django keeps a session's person in its signed content alone. The middleware notes each session here, and it goes with it.
"""

import hashlib
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import redis
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import addresses
from accounts.models import KnownDevice, SessionRecord, User

# Both come from the settings, which allow shorter ones alone.
IDLE_SECONDS: int = settings.IDLE_SECONDS
LONGEST_SECONDS: int = settings.LONGEST_SECONDS
# How long a code counts as fresh (BEHAVIOURS A4).
FRESH_SECONDS = 300
_FACTOR = "factor_at"
# Under which name a session keeps the number of the known device that it was begun with.
DEVICE = "device"
# A record is written once a minute at most, and a person's doings are looked at every half one.
_RECORD_EVERY = timedelta(minutes=1)
_LATE = timedelta(seconds=100)


def note(request: HttpRequest) -> None:
    """Write down that the signed-in person was here, from where and by which browser."""
    key, now = request.session.session_key, timezone.now()
    if not isinstance(request.user, User) or not key:
        return
    seen = {
        "last_seen_at": now,
        "ip": addresses.of(request),
        "user_agent": request.headers.get("User-Agent", "")[:300],
    }
    known = SessionRecord.objects.filter(session_id=key)
    if known.filter(last_seen_at__lte=now - _RECORD_EVERY).update(**seen) or known.exists():
        return
    began = datetime.fromtimestamp(request.session.get("began", now.timestamp()), UTC)
    with transaction.atomic():
        # Locked: a session that is being ended at this moment gets no record, which would have nothing to stand on.
        if Session.objects.select_for_update().filter(pk=key).exists():
            # One that was forgotten meanwhile is no device any more.
            device = KnownDevice.objects.filter(pk=request.session.get(DEVICE, 0), user=request.user).first()
            SessionRecord.objects.get_or_create(
                session_id=key,
                defaults={"user": request.user, "began_at": began, "device": device, **seen},
            )


def open_sessions(people: Iterable[int]) -> QuerySet[SessionRecord]:
    """The sessions of these people that would still be let in, the last used first."""
    now = timezone.now()
    return SessionRecord.objects.filter(
        user_id__in=people,
        session__expire_date__gt=now,
        last_seen_at__gt=now - timedelta(seconds=IDLE_SECONDS) - _LATE,
        began_at__gt=now - timedelta(seconds=LONGEST_SECONDS),
    ).order_by("-last_seen_at")


def end(person: User, *, only: int | None = None, keep: str = "") -> int:
    """End the person's sessions, all but `keep` or the one of record `only`; returns how many of them were open."""
    records = SessionRecord.objects.filter(user=person).exclude(session_id=keep)
    if only is not None:
        records = records.filter(pk=only)
    keys = list(records.values_list("session_id", flat=True))
    ended = open_sessions([person.pk]).filter(session_id__in=keys).count()
    # Their records go with them.
    Session.objects.filter(pk__in=keys).delete()
    mark_ended(keys)
    return ended


def mark_ended(keys: Iterable[str]) -> None:
    """Keep in mind for a day that the server ended these, so that a browser which comes back with one is no forger."""
    with suppress(redis.RedisError):
        cache.set_many({_ended(key): 1 for key in keys}, 86_400)


def has_ended(key: str) -> bool:
    """Whether the server ended this session within the last day."""
    return cache.get(_ended(key)) is not None


def _ended(key: str) -> str:
    return "session.ended:" + hashlib.sha256(key.encode()).hexdigest()


def show_factor(session: SessionBase) -> None:
    """Note that a factor was shown in this session just now."""
    session[_FACTOR] = int(time.time())


def factor_is_fresh(session: SessionBase) -> bool:
    """Whether a factor was shown in this session within the last five minutes. A password alone never makes it so."""
    at = session.get(_FACTOR)
    return isinstance(at, int) and 0 <= time.time() - at < FRESH_SECONDS

"""When a session ends by itself: how long it has left, and how the server ends it, with a row for whoever asks later.

The server alone decides. What a page shows of it (a warning, a cover) only spares people a surprise. [164.312(a)(2)(iii), A5]
"""

import secrets
import time
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import sessions
from accounts.bridge import actor_of
from accounts.models import SessionRecord, User
from safeguards import audit
from safeguards.actor import Actor

audit.declare("session.expired", why=("idle", "longest"))

# A session's last moment is written at most so often, since each writing is a write to the database.
_WRITE_EVERY = min(30, sessions.IDLE_SECONDS // 30)
_AT_ONCE = 200
_MARK = "accounts.page"


def left(session: SessionBase) -> tuple[int, int]:
    """Seconds until the session ends by idleness, and until it ends in any case. Zero is its last second."""
    now = int(time.time())
    seen, began = session.get("seen", now), session.get("began", now)
    return sessions.IDLE_SECONDS - (now - seen), sessions.LONGEST_SECONDS - (now - began)


def over(session: SessionBase) -> str:
    """Why the session is over, `idle` or `longest`; empty while it isn't."""
    idle, longest = left(session)
    return "idle" if idle < 0 else "longest" if longest < 0 else ""


def keep_up(request: HttpRequest) -> None:
    """Note that its person has just done something. What only polls must not call this."""
    now = int(time.time())
    if "seen" in request.session and now - request.session["seen"] <= _WRITE_EVERY:
        return
    request.session["seen"] = now
    # Each save moves the session's own expiry on, so the twelve hours are counted from here.
    request.session.setdefault("began", now)
    sessions.note(request)


def end(request: HttpRequest, why: str) -> None:
    """End the session of a request because its time is over: the browser is a stranger's from here on."""
    key, user = request.session.session_key or "", request.user
    if isinstance(user, User):
        _end(key, actor_of(request, user), user, why)
    # Not Django's logout, whose signal says that somebody pressed a button.
    request.session.flush()
    request.user = AnonymousUser()


def end_overdue() -> int:
    """End the sessions whose time is over and whose browsers never came back to be told; returns how many.

    Their rows tell of nothing that a person did: address and device are those of the last time that they were seen.
    """
    now = timezone.now()
    # A session's own last moment may be later than its record's, which is written less often: so it is looked at too.
    candidates = SessionRecord.objects.filter(
        Q(last_seen_at__lt=now - timedelta(seconds=sessions.IDLE_SECONDS))
        | Q(began_at__lt=now - timedelta(seconds=sessions.LONGEST_SECONDS))
    ).select_related("user", "session")
    ended = 0
    for record in candidates.order_by("pk")[:_AT_ONCE]:
        held = record.session.get_decoded()
        session = SessionBase()
        session.update({name: held[name] for name in ("seen", "began") if name in held})
        why = over(session) or ("idle" if not held else "")
        if why:
            user = record.user
            actor = Actor(
                kind="user",
                id=str(user.pk),
                display=user.name,
                role=user.role,
                ip=record.ip,
                user_agent=record.user_agent,
            )
            ended += _end(record.session_id, actor, user, why)
    return ended


def _end(key: str, actor: Actor, user: User, why: str) -> bool:
    """Delete the session and say so; of two who see at once that it is over, one says so."""
    with transaction.atomic():
        if not Session.objects.select_for_update().filter(pk=key).exists():
            return False
        Session.objects.filter(pk=key).delete()
        sessions.mark_ended([key])
        audit.record("session.expired", actor=actor, target=user, details={"why": why})
    return True


def standing(request: HttpRequest) -> dict[str, object]:
    """What a page has to know of its session to warn in time; for somebody who is signed in."""
    user = request.user
    if not isinstance(user, User):
        raise ValueError("nobody is signed in")
    idle, longest = left(request.session)
    return {
        "page": page_mark(user),
        "session": session_mark(request.session),
        "idle": idle,
        "longest": longest,
        "warn": settings.WARN_SECONDS,
        "zone": user.time_zone,
    }


def page_mark(user: User) -> str:
    """A value for one page, by which the server can tell later whether the same person asks; it tells nobody who that is."""
    nonce = secrets.token_urlsafe(9)
    return f"{nonce}.{_of(nonce, user)}"


def is_of(mark: str, user: User) -> bool:
    """Whether a page's value was made for this person."""
    nonce, _dot, value = mark.partition(".")
    return constant_time_compare(value, _of(nonce, user))


def session_mark(session: SessionBase) -> str:
    """A value that the pages of one session share, and by which nobody finds the session."""
    return salted_hmac(f"{_MARK}.session", session.session_key or "", algorithm="sha256").hexdigest()[:16]


def _of(nonce: str, user: User) -> str:
    return salted_hmac(
        _MARK, f"{nonce}:{user.pk}", secret=settings.SECRET_KEY, algorithm="sha256"
    ).hexdigest()

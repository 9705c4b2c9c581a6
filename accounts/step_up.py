"""Step-up: a fresh factor of one's own before what is dangerous, whatever was shown at sign-in (BEHAVIOURS A4).

A passkey, or a code of the app; whose role needs a passkey, and who has one, shows that. A recovery code is none. Not allauth's
reauthentication, which a password satisfies. Nothing is kept in the session but when a factor was shown: what was typed comes
back in the page that asks for it, and is acted on once the factor is good.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import access, bridge, factors, passkeys, sessions
from accounts.access import Permission
from accounts.models import FactorDevice, User
from safeguards import audit

audit.declare("session.stepped_up")

FIELD = "step_up_code"
PASSKEY = "step_up_passkey"
# Stands in the form that asks before something is only read: what follows is to be asked for anew, and nothing is posted.
_READING = "step_up_reading"
_OURS = frozenset({FIELD, PASSKEY, _READING, "csrfmiddlewaretoken"})

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def required(
    permission: Permission | None = None, *, asks_reading: bool = False, takes_away: bool = False
) -> Callable[[View[P]], View[P]]:
    """Let a view be called only with a fresh code; a POST without one is answered by a page that asks for it and brings it back.

    `permission` is asked before, so that whoever may not gets the same answer as ever; None for one's own account.
    `asks_reading` asks before a GET too. `takes_away` says that what comes is a file, which leaves the page that asks standing.
    """

    def around(view: View[P]) -> View[P]:
        @wraps(view)
        def asked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if permission is None:
                # One's own factors: a session that is held reaches them too.
                access.oneself(request)
            else:
                access.require(access.of(request), permission)
            if request.method != "POST" and not asks_reading:
                return view(request, *args, **kwargs)
            shown = FIELD in request.POST or PASSKEY in request.POST
            if not shown and sessions.factor_is_fresh(request.session):
                return view(request, *args, **kwargs)
            problem = ""
            if shown:
                problem = _use(request)
                if not problem:
                    # What is only read is asked for again by itself: its address says all of it.
                    reading = asks_reading and _READING in request.POST
                    return redirect(request.get_full_path()) if reading else view(request, *args, **kwargs)
            return _ask(request, problem, takes_away=takes_away)

        return asked

    return around


def enrolling(view: View[P]) -> View[P]:
    """Let a view that adds a factor be called: after a fresh factor; by whoever has none, or came by a recovery code, within five
    minutes of the password.
    """
    by_factor = required(asks_reading=True)(view)
    by_password = reauthentication_required(app="allauth.mfa")(view)

    @wraps(view)
    def asked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        stands = isinstance(getattr(request.user, "otp_device", None), FactorDevice)
        answer: HttpResponseBase = (by_factor if stands else by_password)(request, *args, **kwargs)
        return answer

    return asked


@dataclass(frozen=True, slots=True)
class Ways:
    """How somebody can show a factor here: by their app, by a passkey (what the browser has to be asked), or neither."""

    app: bool
    passkey: str
    # There are passkeys, but none for the address by which we are looked at.
    elsewhere: bool


def ways(request: HttpRequest, person: User, *, strict: bool = False) -> Ways:
    """How this person can show a factor; `strict` leaves the app out for whoever needs a passkey and has one."""
    owned = bool(passkeys.authenticators(person))
    app = factors.app_of(person) is not None
    if strict and owned and access.needs_passkey(person.role):
        app = False
    asked = passkeys.request_options(request, person) if owned else ""
    return Ways(app, asked, owned and not asked)


def asking(request: HttpRequest) -> dict[str, object]:
    """For a page whose own form asks for the factor: whether it must (`asks_code`), and how it can (`ways`)."""
    if sessions.factor_is_fresh(request.session) or not isinstance(request.user, User):
        return {"asks_code": False}
    return {"asks_code": True, "ways": ways(request, request.user, strict=True)}


def _use(request: HttpRequest) -> str:
    user = request.user
    if not isinstance(user, User):
        raise access.Denied("not signed in")
    if PASSKEY in request.POST:
        shown, problem = passkeys.use(request, user, request.POST[PASSKEY])
    elif access.needs_passkey(user.role) and passkeys.authenticators(user):
        shown, problem = None, factors.refuse_code(request, user)
    else:
        problem = factors.use_code(request, user, request.POST[FIELD])
        app = factors.app_of(user)
        shown = app.authenticator if app else None
    if problem or shown is None:
        return problem
    bridge.verify(request, shown)
    audit.record("session.stepped_up", actor=replace(access.oneself(request), factor=shown.type), target=user)
    return ""


def _ask(request: HttpRequest, problem: str, *, takes_away: bool) -> HttpResponse:
    carried = [
        (name, value) for name, values in request.POST.lists() if name not in _OURS for value in values
    ]
    reading = request.method != "POST" or _READING in request.POST
    if reading:
        carried = [(_READING, "1")]
    user = request.user
    context = {
        "ways": ways(request, user, strict=True) if isinstance(user, User) else None,
        "carried": carried,
        "problem": problem,
        "field_name": FIELD,
        "back": _back(request),
        "takes_away": takes_away,
    }
    return render(request, "account/step_up.html", context)


def _back(request: HttpRequest) -> str:
    """The page of ours that the person came from, for whoever thinks better of it."""
    came_from = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()}):
        return "/"
    within = urlsplit(came_from)._replace(scheme="", netloc="", fragment="").geturl()
    # A path that begins with two slashes would be another host's address.
    return within if url_has_allowed_host_and_scheme(within, allowed_hosts=None) else "/"

"""Step-up: a fresh code of one's own before what is dangerous, whatever was typed at sign-in (BEHAVIOURS A4).

Not allauth's reauthentication, which a password satisfies. Nothing is kept in the session but when a code was shown: what was
typed comes back in the page that asks for the code, and is acted on once the code is good.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import access, factors, sessions
from accounts.access import Permission
from accounts.models import User
from safeguards import audit

audit.declare("session.stepped_up")

FIELD = "step_up_code"
# Stands in the form that asks before something is only read: what follows is to be asked for anew, and nothing is posted.
_READING = "step_up_reading"
_OURS = frozenset({FIELD, _READING, "csrfmiddlewaretoken"})

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def required(
    permission: Permission | None = None, *, asks_reading: bool = False
) -> Callable[[View[P]], View[P]]:
    """Let a view be called only with a fresh code; a POST without one is answered by a page that asks for it and brings it back.

    `permission` is asked before, so that whoever may not gets the same answer as ever; None for one's own account.
    `asks_reading` asks before a GET too, for files that are taken away.
    """

    def around(view: View[P]) -> View[P]:
        @wraps(view)
        def asked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            actor = access.of(request)
            if permission is not None:
                access.require(actor, permission)
            if request.method != "POST" and not asks_reading:
                return view(request, *args, **kwargs)
            typed = request.POST.get(FIELD)
            if typed is None and sessions.factor_is_fresh(request.session):
                return view(request, *args, **kwargs)
            problem = ""
            if typed is not None:
                problem = _use(request, typed)
                if not problem:
                    # What is only read is asked for again by itself: its address says all of it.
                    reading = asks_reading and _READING in request.POST
                    return redirect(request.get_full_path()) if reading else view(request, *args, **kwargs)
            return _ask(request, problem)

        return asked

    return around


def _use(request: HttpRequest, code: str) -> str:
    user = request.user
    if not isinstance(user, User):
        raise access.Denied("not signed in")
    problem = factors.use_code(request, user, code)
    if not problem:
        sessions.show_factor(request.session)
        audit.record("session.stepped_up", actor=access.of(request), target=user)
    return problem


def _ask(request: HttpRequest, problem: str) -> HttpResponse:
    carried = [
        (name, value) for name, values in request.POST.lists() if name not in _OURS for value in values
    ]
    reading = request.method != "POST" or _READING in request.POST
    if reading:
        carried = [(_READING, "1")]
    context = {
        "carried": carried,
        "problem": problem,
        "field_name": FIELD,
        "back": _back(request),
        "reading": reading,
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

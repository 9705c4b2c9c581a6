"""What every request passes: an id, the right host's pages, security headers, and default deny."""

import re
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access, addresses, bridge, devices, expiry, networks, sessions
from accounts.access import Denied
from accounts.models import Role, User

Next = Callable[[HttpRequest], HttpResponseBase]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'"
)
# Names of pages on the staff's host that a stranger may see; everything else asks for a verified session (BEHAVIOURS A2).
PUBLIC = frozenset(
    {"account_login", "account_logout", "mfa_authenticate", "account_recover", "account_session", "health"}
    | {"account_invitation", "password_forgotten", "password_link"}
)
# The demonstration's own pages; outside it their addresses don't exist at all.
DEMO = frozenset(
    {"demo_people", "demo_codes", "demo_code", "demo_continue"}
    | {"demo_inbox", "demo_inbox_rows", "demo_mail", "demo_mail_body", "demo_mail_one_click"}
)
# What somebody may reach who has signed in but has no second factor yet, or none that their role works with (access.held).
ENROL = frozenset(
    {
        "factor_choose",
        "factor_lost",
        "mfa_activate_totp",
        "passkey_add",
        "recovery_codes",
        "recovery_codes_kept",
    }
    | {"account_logout", "account_reauthenticate", "mfa_reauthenticate"}
)


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _asked_port(request: HttpRequest) -> int:
    try:
        port = urlsplit(f"//{request.get_host()}").port
    except ValueError:
        # Django looks at the name alone; a port above 65535 is nobody's.
        raise DisallowedHost("port out of range") from None
    return port or (443 if request.is_secure() else 80)


def _wants_json(request: HttpRequest) -> bool:
    """Whether a program asks: it gets a status and a word, not a page to sign in on."""
    accepted = request.headers.get("Accept", "")
    return request.path.startswith("/api/") or (
        "application/json" in accepted and "text/html" not in accepted
    )


class RequestId:
    """Gives each request a random id, for the error page, the logs and the audit rows."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.request_id = secrets.token_hex(8)  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        return response


class Hosts:
    """Patients' pages stand on another host (or, in the demo, port) than the staff's, with addresses of their own."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        staff, public = urlsplit(settings.STAFF_URL), urlsplit(settings.PUBLIC_URL)
        self.by_port = staff.hostname == public.hostname
        self.public_host, self.public_port = public.hostname, _port(settings.PUBLIC_URL)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        port, name = _asked_port(request), urlsplit(f"//{request.get_host()}").hostname
        request.is_public = (  # type: ignore[attr-defined]
            port == self.public_port if self.by_port else name == self.public_host
        )
        if request.is_public:  # type: ignore[attr-defined]
            request.urlconf = settings.PUBLIC_URLCONF  # type: ignore[attr-defined]
        return self.get_response(request)


class Headers:
    """Security headers on every response; a view may set its own CSP first (the e-mail preview does)."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", CSP)
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        response.setdefault("X-Frame-Options", "DENY")
        if not request.path.startswith(settings.STATIC_URL):
            response.setdefault("Cache-Control", "no-store")
        if getattr(request, "is_public", False):
            # The token in a patient's link must not travel on as a referrer.
            response["Referrer-Policy"] = "no-referrer"
            response["X-Robots-Tag"] = "noindex, nofollow"
        return response


class RequireVerified:
    """Default deny: a page is public, for enrolment, or for people signed in with a second factor."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        was_signed_in = not getattr(request, "is_public", False) and request.user.is_authenticated
        if not was_signed_in and not getattr(request, "is_public", False):
            bridge.unknown(request)
        if was_signed_in:
            self._log_off_if_idle(request)
        before = request.user.pk if was_signed_in else None
        if was_signed_in and isinstance(request.user, User):
            timezone.activate(request.user.time_zone)
        try:
            response = self.get_response(request)
        finally:
            timezone.deactivate()
        # Also where somebody else was in before, as with an invitation that is opened in a colleague's browser.
        if not getattr(request, "is_public", False) and request.user.pk not in (None, before):
            response = self._signed_in(request, response)
        if was_signed_in and request.user.is_authenticated and request.headers.get("HX-Request"):
            # A fragment tells the page around it how long there is left; a whole page says so itself.
            response["X-Session-Left"] = "{} {}".format(*expiry.left(request.session))
        if was_signed_in and not request.user.is_authenticated:
            # Whoever sits down next finds no page of the last one by the browser's back button.
            response["Clear-Site-Data"] = '"cache", "storage"'
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponseBase | None:
        name = request.resolver_match.url_name if request.resolver_match else None
        if getattr(request, "is_public", False) or name in PUBLIC:
            return None
        if settings.DEMO and name in DEMO:
            self._keep_up(request)
            return None
        if not request.user.is_authenticated:
            return self._to_sign_in(request)
        if networks.refuses(request):
            return self._outside(request)
        self._keep_up(request)
        why = None if name in ENROL else access.held(request)
        if why is None:
            return None
        access.note_held(request, why)
        if _wants_json(request):
            return JsonResponse({"code": why.name.lower()}, status=403)
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": reverse("factor_choose")})
        return redirect("factor_choose")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A refusal looks like an absent page: it gives no hint that there is something to be refused (A2)."""
        if isinstance(error, Denied):
            return HttpResponseNotFound(render_to_string("404.html", {}, request))
        return None

    def _signed_in(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Password and factor were right. From a network that the role isn't used from, that is told, and nothing begins."""
        if networks.refuses(request, signing_in=True):
            refusal = self._outside(request)
            request.session.flush()
            request.user = AnonymousUser()
            return refusal
        devices.recognise(request, response)
        sessions.note(request)
        return response

    def _outside(self, request: HttpRequest) -> HttpResponseBase:
        if request.headers.get("HX-Request"):
            # The page around it covers itself, and goes on once it is back in its network.
            return HttpResponse(status=204, headers={"HX-Redirect": reverse("account_login")})
        role = request.user.role if isinstance(request.user, User) else ""
        # What a sign-in had to say ("Successfully signed in …") isn't so, and isn't kept for later either.
        list(messages.get_messages(request))
        context = {
            "messages": [],
            "role": Role(role).label,
            "places": [each.label for each in networks.of_role(role) if each.label],
            "address": addresses.of(request) or "",
            "administrators": User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("name")[
                :5
            ],
            "still_in": request.session.get("seen") is not None,
        }
        return HttpResponse(render_to_string("account/outside.html", context, request), status=403)

    def _to_sign_in(self, request: HttpRequest) -> HttpResponseBase:
        if _wants_json(request):
            return JsonResponse({"code": "sign_in"}, status=401)
        sign_in = reverse("account_login")
        if request.headers.get("HX-Request"):
            # A fragment that was asked for becomes the whole sign-in page, not a form inside a card.
            return HttpResponse(status=204, headers={"HX-Redirect": sign_in})
        if request.method == "POST" and settings.SESSION_COOKIE_NAME in request.COOKIES:
            messages.warning(
                request,
                _(
                    "What you sent from the last page could not be kept: you were signed out before it arrived. Sign in, then do "
                    "it again."
                ),
            )
        # Only a plain path comes back as `next`, never a query, which may hold a search for a person.
        path = request.path if re.fullmatch(r"(/[\w-]+)*/?", request.path, re.ASCII) else "/"
        return redirect(f"{sign_in}?next={path}" if path != "/" else sign_in)

    def _log_off_if_idle(self, request: HttpRequest) -> None:
        if why := expiry.over(request.session):
            expiry.end(request, why)
            words = {
                "idle": _("You were signed out because nothing happened for a while. Sign in to go on."),
                "longest": _(
                    "You were signed out because a sign-in lasts %(hours)d hours at most. Sign in to go on."
                )
                % {"hours": -(-sessions.LONGEST_SECONDS // 3600)},
            }
            messages.info(request, words[why])

    def _keep_up(self, request: HttpRequest) -> None:
        """Polling fragments keep nobody signed in, nor does what is refused: only what a person does. [164.312(a)(2)(iii)]"""
        if request.user.is_authenticated and not request.headers.get("X-Polling"):
            expiry.keep_up(request)

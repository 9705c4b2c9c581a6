"""A roof for the tests of sign-in: the real account pages, and under each name of the navigation a page that must be guarded."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from accounts import access
from accounts.urls import urlpatterns as accounts
from marketing import errors, health


def guarded(request: HttpRequest) -> HttpResponse:
    """Says who is asking; answers a stranger only if the guard before it has failed."""
    return HttpResponse(f"working as {access.of(request).display}", content_type="text/plain")


NAMES = ("campaigns", "contacts", "imports", "segments", "approvals", "reports")

urlpatterns = [
    path("", guarded, name="home"),
    *(path(f"{name}/", guarded, name=name) for name in NAMES),
    *accounts,
    path("health/", health.health, name="health"),
]

handler404 = errors.not_found
handler500 = errors.server_error

"""A roof for the tests of sign-in: the real account pages, and in place of each other page one that must be guarded."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from accounts import access
from accounts.urls import urlpatterns as accounts
from marketing import errors, health, urls


def guarded(request: HttpRequest, **parts: object) -> HttpResponse:
    """Says who is asking; answers a stranger only if the guard before it has failed."""
    return HttpResponse(f"working as {access.of(request).display}", content_type="text/plain")


REAL = {route.name for route in accounts} | {"health"}

urlpatterns = [
    *(
        path(str(route.pattern), guarded, name=route.name or "")
        for route in urls.urlpatterns
        if isinstance(route, URLPattern) and route.name not in REAL
    ),
    *accounts,
    path("health/", health.health, name="health"),
]

handler404 = errors.not_found
handler500 = errors.server_error

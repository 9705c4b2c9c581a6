"""Addresses of the staff's pages: each room's own, on one host. Default deny: see accounts.middleware."""

from django.urls import URLPattern, URLResolver, path

from accounts.urls import urlpatterns as accounts
from marketing import errors, health

urlpatterns: list[URLPattern | URLResolver] = [
    *accounts,
    path("health/", health.health, name="health"),
]

handler404 = errors.not_found
handler500 = errors.server_error

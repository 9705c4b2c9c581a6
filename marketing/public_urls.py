"""Addresses of the patients' pages, on a host of their own. Nothing here asks for a sign-in; every page is listed by hand."""

from django.urls import URLPattern, URLResolver, path

from campaigns.designs.public_urls import urlpatterns as designs
from campaigns.tracking.public_urls import urlpatterns as tracking
from contacts.consent.public_urls import urlpatterns as consent
from marketing import errors, health

urlpatterns: list[URLPattern | URLResolver] = [
    *consent,
    *tracking,
    *designs,
    path("health/", health.health, name="health"),
]

handler404 = errors.not_found
handler500 = errors.server_error

"""Addresses of the staff's pages: each room's own, on one host. Default deny: see accounts.middleware."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, path

from accounts.urls import urlpatterns as accounts
from campaigns.designs.urls import urlpatterns as designs
from campaigns.urls import urlpatterns as campaigns
from contacts.segments.urls import urlpatterns as segments
from contacts.urls import urlpatterns as contacts
from marketing import errors, health
from marketing.compliance.urls import urlpatterns as compliance
from marketing.demo.urls import urlpatterns as demo
from marketing.home.urls import urlpatterns as home

urlpatterns: list[URLPattern | URLResolver] = [
    *home,
    *accounts,
    *campaigns,
    *designs,
    *contacts,
    *segments,
    *compliance,
    path("health/", health.health, name="health"),
    *(demo if settings.DEMO else []),
]

handler404 = errors.not_found
handler500 = errors.server_error

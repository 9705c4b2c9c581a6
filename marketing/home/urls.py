"""Addresses of the first page."""

from django.urls import path

from marketing.home import views

urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search_page, name="search"),
    path("help/", views.help_page, name="help"),
    path("help/<slug:slug>/", views.guide, name="guide"),
    path("settings/", views.settings, name="settings"),
    path("list-health/", views.list_health, name="list_health"),
]

"""Registers the room with Django."""

from django.apps import AppConfig


class HomeConfig(AppConfig):
    """Home page and template tags."""

    name = "marketing.home"
    label = "home"
    default_auto_field = "django.db.models.BigAutoField"

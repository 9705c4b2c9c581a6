"""Registers the room with Django."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The demonstration."""

    name = "marketing.demo"
    label = "demo"
    default_auto_field = "django.db.models.BigAutoField"

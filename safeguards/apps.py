"""Registers the room with Django."""

from django.apps import AppConfig


class SafeguardsConfig(AppConfig):
    """The doors."""

    name = "safeguards"
    label = "safeguards"
    default_auto_field = "django.db.models.BigAutoField"

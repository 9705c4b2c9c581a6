"""Registers the room with Django."""

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    """Opens and clicks."""

    name = "campaigns.tracking"
    label = "tracking"
    default_auto_field = "django.db.models.BigAutoField"

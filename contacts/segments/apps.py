"""Registers the room with Django."""

from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    """Segments."""

    name = "contacts.segments"
    label = "segments"
    default_auto_field = "django.db.models.BigAutoField"

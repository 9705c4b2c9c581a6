"""Registers the room with Django."""

from django.apps import AppConfig


class DesignsConfig(AppConfig):
    """Designs and their versions."""

    name = "campaigns.designs"
    label = "designs"
    default_auto_field = "django.db.models.BigAutoField"

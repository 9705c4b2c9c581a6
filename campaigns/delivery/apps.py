"""Registers the room with Django."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    """Mailings and messages."""

    name = "campaigns.delivery"
    label = "delivery"
    default_auto_field = "django.db.models.BigAutoField"

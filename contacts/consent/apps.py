"""Registers the room with Django."""

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    """Consent, topics, suppressions."""

    name = "contacts.consent"
    label = "consent"
    default_auto_field = "django.db.models.BigAutoField"

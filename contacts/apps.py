"""Registers the room with Django."""

from django.apps import AppConfig


class ContactsConfig(AppConfig):
    """Contacts and imports."""

    name = "contacts"
    label = "contacts"
    default_auto_field = "django.db.models.BigAutoField"

"""Registers the room with Django."""

from django.apps import AppConfig


class OrganizationConfig(AppConfig):
    """The organisation and its brands."""

    name = "accounts.organization"
    label = "organization"
    default_auto_field = "django.db.models.BigAutoField"

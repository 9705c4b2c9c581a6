"""Registers the room with Django."""

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    """Reports and evidence."""

    name = "marketing.compliance"
    label = "compliance"
    default_auto_field = "django.db.models.BigAutoField"

"""Registers the roof with Django, so that its commands are found."""

from django.apps import AppConfig


class MarketingConfig(AppConfig):
    """The roof; it has no tables of its own."""

    name = "marketing"
    label = "marketing"

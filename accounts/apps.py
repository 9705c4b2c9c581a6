"""Registers the room with Django, and listens to allauth."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Staff and their factors."""

    name = "accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import bridge, checks  # noqa: F401 - connecting receivers and checks is what importing is for

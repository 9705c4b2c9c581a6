"""Registers the room with Django."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    """Mailings and messages."""

    name = "campaigns.delivery"
    label = "delivery"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have `audit verify` hold the evidence of delivery against its digests."""
        from campaigns.delivery import evidence
        from safeguards import audit

        audit.register_check("evidence of delivery", evidence.check)

"""Reads of campaigns."""

from campaigns.delivery.models import Mailing


def waiting_for_approval() -> int:
    """How many mailings wait for somebody's word."""
    return Mailing.objects.filter(state=Mailing.State.WAITING, needs_approval=True).count()

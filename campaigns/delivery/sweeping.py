"""The sweep: a lost broker message delays work and never loses it, because this finds the rows that are due."""

from django.db import close_old_connections

from campaigns.delivery.actions import claims
from campaigns.delivery.models import Audience, Mailing
from safeguards import queue


def sweep() -> None:
    """Settle dead workers' leases, freeze what was launched, wake each lane with something due, close what is done."""
    close_old_connections()
    claims.recover()
    waiting = Audience.objects.filter(mailing__state=Mailing.State.FREEZING).values_list(
        "mailing_id", flat=True
    )
    for mailing_id in set(waiting):
        queue.enqueue("delivery.freeze", mailing_id=mailing_id)
    for source_id, provider_id in claims.due_lanes():
        queue.enqueue("delivery.drain", source_id=source_id, provider_id=provider_id)
    claims.finish_mailings()

"""The sweep: a lost broker message delays work and never loses it, because this finds the rows that are due."""

from datetime import timedelta

from django.db import close_old_connections, connection
from django.utils import timezone

from campaigns.delivery.actions import claims, tallies
from campaigns.delivery.models import Audience, Mailing
from safeguards import queue


def sweep() -> None:
    """Settle dead workers' leases, freeze what was launched, wake each lane with something due, close what is done."""
    close_old_connections()
    make_months()
    claims.recover()
    claims.cancel_returned()
    waiting = Audience.objects.filter(mailing__state=Mailing.State.FREEZING).values_list(
        "mailing_id", flat=True
    )
    for mailing_id in set(waiting):
        queue.enqueue("delivery.freeze", mailing_id=mailing_id)
    for source_id, provider_id in claims.due_lanes():
        queue.enqueue("delivery.drain", source_id=source_id, provider_id=provider_id)
    claims.finish_mailings()
    tallies.forget_old()


def make_months() -> None:
    """Make this month's partitions of attempts and events, and the next one's before its first row can come (UTC)."""
    today = timezone.now().date()
    with connection.cursor() as cursor:
        for day in (today, today.replace(day=1) + timedelta(days=32)):
            cursor.execute("SELECT delivery_make_month_partitions(%s)", [day])

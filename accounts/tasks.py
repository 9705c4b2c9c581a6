"""Work of the accounts that is done in the background."""

from celery import shared_task

from accounts import alerts, expiry


@shared_task(name="accounts.end_overdue", ignore_result=True)
def end_overdue() -> None:
    """End the sessions whose time is over."""
    expiry.end_overdue()


@shared_task(name="accounts.look_for_unusual", ignore_result=True)
def look_for_unusual() -> None:
    """Raise alerts of what the audit log holds since the last time."""
    alerts.look()

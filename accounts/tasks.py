"""Work of the accounts that is done in the background."""

from celery import shared_task

from accounts import expiry


@shared_task(name="accounts.end_overdue", ignore_result=True)
def end_overdue() -> None:
    """End the sessions whose time is over."""
    expiry.end_overdue()

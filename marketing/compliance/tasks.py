"""Background work of the officer's room: ids in, one action called."""

from celery import shared_task

from accounts import access
from marketing.compliance import actions


@shared_task(name="compliance.verify", ignore_result=True)
def verify(verification_id: int) -> None:
    """Walk the audit chain."""
    actions.verify_log(actor=access.system("log"), verification_id=verification_id)


@shared_task(name="compliance.sweep", ignore_result=True)
def sweep() -> None:
    """Open the reviews of periods that have ended, remind of overdue ones, and keep the log verified."""
    actor = access.system("log")
    actions.open_reviews(actor=actor)
    actions.remind_of_reviews(actor=actor)
    actions.keep_verifying(actor=actor)

"""Work that the doors have done in the background."""

from celery import shared_task

from safeguards import audit


@shared_task(name="safeguards.chain", ignore_result=True)
def chain() -> None:
    """Chain the audit rows that have been committed since."""
    audit.chain()

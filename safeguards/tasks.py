"""Work that the doors have done in the background."""

from celery import shared_task

from safeguards import anchoring


@shared_task(name="safeguards.chain", ignore_result=True)
def chain() -> None:
    """Chain the audit rows that have been committed since, and note how far that came."""
    if anchoring.chain_all():
        anchoring.note_head()


@shared_task(name="safeguards.anchor", ignore_result=True)
def anchor() -> None:
    """Write an anchor if one is due."""
    anchoring.take(only_if_due=True)

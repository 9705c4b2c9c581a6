"""Work that delivery has done in the background; each task is an id in and one action."""

from celery import shared_task

from campaigns.delivery import actions, drain, evidence, sending_notices, sweeping


@shared_task(name="delivery.sweep", ignore_result=True)
def sweep() -> None:
    """Find what is due and wake workers for it; settle what dead workers left."""
    sweeping.sweep()


@shared_task(name="delivery.freeze", ignore_result=True)
def freeze(mailing_id: int) -> None:
    """Turn a launched mailing's audience into messages."""
    while actions.freeze_next(mailing_id):
        pass


@shared_task(name="delivery.drain", ignore_result=True)
def drain_lane(source_id: int, provider_id: int) -> None:
    """Send what is due in one lane."""
    drain.drain(source_id, provider_id)


@shared_task(name="delivery.digest", ignore_result=True)
def digest() -> None:
    """Put the new evidence under the audit chain."""
    evidence.digest_new()


@shared_task(name="delivery.send_notices", ignore_result=True)
def send_notices() -> None:
    """Send the notices that wait in the outbox."""
    sending_notices.send_waiting()

"""Background work of campaigns: ids in, one action called."""

from celery import shared_task

from accounts import access
from campaigns import actions


@shared_task(name="campaigns.sweep", ignore_result=True)
def sweep() -> None:
    """Find the campaigns whose time has come."""
    actions.sweep_scheduled()


@shared_task(name="campaigns.launch_due", ignore_result=True)
def launch_due(campaign_id: int) -> None:
    """Launch one of them."""
    actions.launch_due(actor=access.system("delivery"), campaign_id=campaign_id)

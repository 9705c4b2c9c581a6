"""What is done with campaigns: plan one, ask for approval, give it a time, launch it, hold it, end it."""

from campaigns.actions.launching import (
    approve_campaign,
    cancel_campaign,
    launch_campaign,
    pause_campaign,
    resume_campaign,
    send_back_campaign,
)
from campaigns.actions.planning import (
    choose_audience,
    create_campaign,
    duplicate_campaign,
    edit_content,
    edit_setup,
    put_back_content,
    request_approval,
    save_as_template,
    start_over,
)
from campaigns.actions.scheduling import (
    launch_due,
    schedule_campaign,
    sweep_scheduled,
    unschedule_campaign,
)
from campaigns.delivery.actions import NotPossible

__all__ = [
    "NotPossible",
    "approve_campaign",
    "cancel_campaign",
    "choose_audience",
    "create_campaign",
    "duplicate_campaign",
    "edit_content",
    "edit_setup",
    "launch_campaign",
    "launch_due",
    "pause_campaign",
    "put_back_content",
    "request_approval",
    "resume_campaign",
    "save_as_template",
    "schedule_campaign",
    "send_back_campaign",
    "start_over",
    "sweep_scheduled",
    "unschedule_campaign",
]

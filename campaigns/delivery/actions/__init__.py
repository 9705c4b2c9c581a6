"""Verbs of delivery: a mailing's life, its queue, its events."""

from campaigns.delivery.actions.brands import save_brand
from campaigns.delivery.actions.events import record_event
from campaigns.delivery.actions.freezing import freeze_next
from campaigns.delivery.actions.mailings import (
    NotPossible,
    approve_mailing,
    cancel_mailing,
    create_mailing,
    launch_mailing,
    pause_mailing,
    reject_mailing,
    resume_mailing,
)
from campaigns.delivery.actions.pools import add_pool
from campaigns.delivery.actions.sending_domains import (
    add_sending_domain,
    drop_next_key,
    give_back_key,
    prepare_key,
    retire_key,
    take_over_key,
)
from campaigns.delivery.actions.shaping import (
    change_pool_rate,
    change_provider_limits,
    rest_source,
    wake_source,
)

__all__ = [
    "NotPossible",
    "add_pool",
    "add_sending_domain",
    "approve_mailing",
    "cancel_mailing",
    "change_pool_rate",
    "change_provider_limits",
    "create_mailing",
    "drop_next_key",
    "freeze_next",
    "give_back_key",
    "launch_mailing",
    "pause_mailing",
    "prepare_key",
    "record_event",
    "reject_mailing",
    "rest_source",
    "resume_mailing",
    "retire_key",
    "save_brand",
    "take_over_key",
    "wake_source",
]

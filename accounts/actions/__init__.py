"""Verbs of the staff's accounts: what administrators do with other people's, and what everybody may with their own."""

from accounts.actions.alerts import close_alert
from accounts.actions.conditions import allow_networks, forget_device, refuse_to_shut_oneself_out
from accounts.actions.invitations import (
    InvitationGone,
    accept_invitation,
    invite_person,
    resend_invitation,
    restore_invitation,
    withdraw_invitation,
)
from accounts.actions.own import change_own, change_password, end_own_sessions, replace_factor
from accounts.actions.people import (
    add_person,
    change_role,
    deactivate_person,
    end_sessions,
    reactivate_person,
    rename_person,
    reset_factor,
)

__all__ = [
    "InvitationGone",
    "accept_invitation",
    "add_person",
    "allow_networks",
    "change_own",
    "change_password",
    "change_role",
    "close_alert",
    "deactivate_person",
    "end_own_sessions",
    "end_sessions",
    "forget_device",
    "invite_person",
    "reactivate_person",
    "refuse_to_shut_oneself_out",
    "rename_person",
    "replace_factor",
    "resend_invitation",
    "reset_factor",
    "restore_invitation",
    "withdraw_invitation",
]

"""Verbs of the staff's accounts: what administrators do with other people's, and what everybody may with their own."""

from accounts.actions.alerts import close_alert
from accounts.actions.conditions import allow_networks, forget_device, refuse_to_shut_oneself_out
from accounts.actions.factors import (
    add_passkey,
    keep_recovery_codes,
    make_recovery_codes,
    remove_factor,
    rename_passkey,
    replace_factor,
)
from accounts.actions.fields import grant_fields
from accounts.actions.invitations import (
    InvitationGone,
    accept_invitation,
    invite_person,
    resend_invitation,
    restore_invitation,
    withdraw_invitation,
)
from accounts.actions.own import change_own, change_password, end_own_sessions
from accounts.actions.passwords import (
    LinkGone,
    ask_password_link,
    send_password_link,
    set_password_by_link,
)
from accounts.actions.people import (
    add_person,
    change_role,
    deactivate_person,
    end_sessions,
    lift_lockout,
    reactivate_person,
    rename_person,
    reset_factor,
)
from accounts.actions.policy import require_passkeys

__all__ = [
    "InvitationGone",
    "LinkGone",
    "accept_invitation",
    "add_passkey",
    "add_person",
    "allow_networks",
    "ask_password_link",
    "change_own",
    "change_password",
    "change_role",
    "close_alert",
    "deactivate_person",
    "end_own_sessions",
    "end_sessions",
    "forget_device",
    "grant_fields",
    "invite_person",
    "keep_recovery_codes",
    "lift_lockout",
    "make_recovery_codes",
    "reactivate_person",
    "refuse_to_shut_oneself_out",
    "remove_factor",
    "rename_passkey",
    "rename_person",
    "replace_factor",
    "require_passkeys",
    "resend_invitation",
    "reset_factor",
    "restore_invitation",
    "send_password_link",
    "set_password_by_link",
    "withdraw_invitation",
]

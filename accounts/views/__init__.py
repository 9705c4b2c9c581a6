"""Pages of the staff's accounts: the second factor, people and roles, one's own account."""

from accounts.views.alerts import alert_close, settings_alerts
from accounts.views.conditions import access_role, access_save, account_devices, settings_access
from accounts.views.factor import enrol, replace
from accounts.views.invitations import (
    account_invitation,
    invitation_resend,
    invitation_restore,
    invitation_withdraw,
    person_invite,
)
from accounts.views.own import account, account_password, account_sessions
from accounts.views.people import (
    people,
    person,
    person_deactivate,
    person_factor,
    person_reactivate,
    person_role,
    person_sessions,
)
from accounts.views.roles import roles
from accounts.views.session import account_back, account_session

__all__ = [
    "access_role",
    "access_save",
    "account",
    "account_back",
    "account_devices",
    "account_invitation",
    "account_password",
    "account_session",
    "account_sessions",
    "alert_close",
    "enrol",
    "invitation_resend",
    "invitation_restore",
    "invitation_withdraw",
    "people",
    "person",
    "person_deactivate",
    "person_factor",
    "person_invite",
    "person_reactivate",
    "person_role",
    "person_sessions",
    "replace",
    "roles",
    "settings_access",
    "settings_alerts",
]

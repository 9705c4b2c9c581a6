"""Pages of the staff's accounts: the second factor, people and roles, one's own account."""

from accounts.views.alerts import alert_close, settings_alerts
from accounts.views.conditions import access_role, access_save, account_devices, settings_access
from accounts.views.factor import (
    enrol,
    factor_choose,
    factor_lost,
    factor_remove,
    passkey_add,
    passkey_rename,
    replace,
)
from accounts.views.invitations import (
    account_invitation,
    invitation_resend,
    invitation_restore,
    invitation_withdraw,
    person_invite,
)
from accounts.views.own import account, account_password, account_sessions
from accounts.views.passwords import password_forgotten, password_link, person_password
from accounts.views.people import (
    people,
    person,
    person_deactivate,
    person_factor,
    person_reactivate,
    person_role,
    person_sessions,
    person_unlock,
)
from accounts.views.recovery import recovery_codes, recovery_codes_kept
from accounts.views.roles import roles, roles_passkeys
from accounts.views.session import account_back, account_session
from accounts.views.sign_in import again, authenticate, recover

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
    "again",
    "alert_close",
    "authenticate",
    "enrol",
    "factor_choose",
    "factor_lost",
    "factor_remove",
    "invitation_resend",
    "invitation_restore",
    "invitation_withdraw",
    "passkey_add",
    "passkey_rename",
    "password_forgotten",
    "password_link",
    "people",
    "person",
    "person_deactivate",
    "person_factor",
    "person_invite",
    "person_password",
    "person_reactivate",
    "person_role",
    "person_sessions",
    "person_unlock",
    "recover",
    "recovery_codes",
    "recovery_codes_kept",
    "replace",
    "roles",
    "roles_passkeys",
    "settings_access",
    "settings_alerts",
]

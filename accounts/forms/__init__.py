"""The shape of what is typed: the second factor's forms, which settings name to allauth, people, and one's own account."""

from accounts.forms.conditions import AlertFilterForm, NetworksForm
from accounts.forms.factor import CodeForm, EnrolForm, KeptForm, PasskeyNameForm, RecoveryForm
from accounts.forms.own import FirstPasswordForm, ForgottenForm, OwnForm, PasswordForm
from accounts.forms.people import InviteForm, NameForm, PeopleFilterForm, ReasonForm, RoleForm, zone_field

__all__ = [
    "AlertFilterForm",
    "CodeForm",
    "EnrolForm",
    "FirstPasswordForm",
    "ForgottenForm",
    "InviteForm",
    "KeptForm",
    "NameForm",
    "NetworksForm",
    "OwnForm",
    "PasskeyNameForm",
    "PasswordForm",
    "PeopleFilterForm",
    "ReasonForm",
    "RecoveryForm",
    "RoleForm",
    "zone_field",
]

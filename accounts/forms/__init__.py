"""The shape of what is typed: the second factor's forms, which settings name to allauth, people, and one's own account."""

from accounts.forms.conditions import AlertFilterForm, NetworksForm
from accounts.forms.factor import AuthenticateForm, EnrolForm, ReauthenticateForm
from accounts.forms.own import FirstPasswordForm, OwnForm, PasswordForm
from accounts.forms.people import InviteForm, NameForm, PeopleFilterForm, ReasonForm, RoleForm, zone_field

__all__ = [
    "AlertFilterForm",
    "AuthenticateForm",
    "EnrolForm",
    "FirstPasswordForm",
    "InviteForm",
    "NameForm",
    "NetworksForm",
    "OwnForm",
    "PasswordForm",
    "PeopleFilterForm",
    "ReasonForm",
    "ReauthenticateForm",
    "RoleForm",
    "zone_field",
]

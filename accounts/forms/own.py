"""Forms of one's own account."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms.people import NameForm


class OwnForm(NameForm):
    """One's own name and time zone."""

    name = forms.CharField(
        label=_("Name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )


def new_password_field() -> forms.CharField:
    """A new password, typed once: pasting and password managers are welcome."""
    return forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=4096,
        help_text=_(
            "At least 12 characters. A few words that nobody says together are easy to keep in mind."
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class PasswordForm(forms.Form):
    """The old password and the new one."""

    old = forms.CharField(
        label=_("Present password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    new = new_password_field()


class FirstPasswordForm(forms.Form):
    """The password of somebody who was invited."""

    new = new_password_field()


class ForgottenForm(forms.Form):
    """The address of somebody who has forgotten their password."""

    email = forms.EmailField(
        label=_("Your work address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True}),
    )

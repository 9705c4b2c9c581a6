"""Forms of Settings: who is looked for, what somebody is called, which role they get, and why their factor is reset."""

from typing import Any, Self, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import rules
from accounts.models import Role, User
from accounts.queries import StaffFilter


def zone_choices(present: str = "") -> list[tuple[str, Any]]:
    """The time zones, those of the United States first; `present` is offered even where the list doesn't have it."""
    choices: list[tuple[str, Any]] = []
    known = set()
    for region, zones in rules.zones():
        named = [(zone, zone.replace("_", " ")) for zone in zones]
        known |= set(zones)
        choices += [(region, named)] if region else named
    return [(present, present), *choices] if present and present not in known else choices


def zone_field() -> forms.ChoiceField:
    """A time zone out of the list."""
    return forms.ChoiceField(label=_("Time zone"), choices=zone_choices())


class PeopleFilterForm(forms.Form):
    """What of the staff is asked for; stands in the address, since colleagues are no patients."""

    words = forms.CharField(
        label=_("Name or address"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Role"),
        required=False,
        choices=[("", _("Every role")), *Role.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("All")), ("active", _("Active")), ("deactivated", _("Deactivated"))],
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    def asked(self) -> StaffFilter:
        """The filter; what makes no sense asks for all."""
        given = self.cleaned_data if self.is_valid() else {}
        state = given.get("state", "")
        return StaffFilter(
            role=given.get("role", ""),
            active=(state == "active") if state else None,
            words=given.get("words", ""),
        )


class NameForm(forms.Form):
    """How somebody is called, and by which clock they see times."""

    name = forms.CharField(
        label=_("Name"), max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    time_zone = zone_field()

    @classmethod
    def of(cls, person: User, **kwargs: Any) -> Self:
        """As it stands now; a zone that isn't in the list is kept by being offered."""
        form = cls(initial={"name": person.name, "time_zone": person.time_zone}, **kwargs)
        cast("forms.ChoiceField", form.fields["time_zone"]).choices = zone_choices(person.time_zone)
        return form


class InviteForm(forms.Form):
    """Who is asked to open an account, and as what."""

    name = NameForm.base_fields["name"]
    email = forms.EmailField(
        label=_("Work address"),
        max_length=254,
        help_text=_("The invitation goes there, and they sign in with it."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.ANALYST)


class RoleForm(forms.Form):
    """Which role somebody is to have."""

    role = forms.ChoiceField(label=_("New role"), choices=Role.choices)


class ReasonForm(forms.Form):
    """Why a factor is reset."""

    reason = forms.CharField(
        label=_("How did they prove who they are?"),
        max_length=300,
        help_text=_("For example “came to the office with her badge”. It stands in the audit log."),
    )

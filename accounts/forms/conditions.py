"""Networks of a role as they are typed: one a line, with what people call the place."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import cidr
from accounts.cidr import BadLine, Named, Problem
from accounts.models import User
from accounts.queries import AlertFilter
from accounts.unusual import Kind

_WRONG: dict[Problem, Promise] = {
    Problem.NONE: _(
        "Line %(line)d: “%(written)s” is no network. Write it like 198.51.100.0/24 or 2001:db8:7::/48."
    ),
    Problem.HOST: _(
        "Line %(line)d: “%(written)s” is one address within a network. Write %(meant)s for the whole network, or leave the "
        "part behind the slash away for the one address."
    ),
    Problem.EVERYWHERE: _(
        "Line %(line)d: “%(written)s” is the whole world. Leave the field empty to allow every network."
    ),
    Problem.WRAPPED: _("Line %(line)d: write the IPv4 network itself, for example %(meant)s/32."),
    Problem.TWICE: _("Line %(line)d: “%(written)s” stands there already."),
    Problem.LABEL: _("Line %(line)d: the name behind the network may have up to 60 characters."),
    Problem.MANY: _("Line %(line)d: a role may have up to fifty networks. Join some into a larger one."),
}


class NetworksForm(forms.Form):
    """From where a role may be used."""

    networks = forms.CharField(
        label=_("Allowed networks"),
        required=False,
        max_length=6000,
        widget=forms.Textarea(
            attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off", "class": "networks-field"}
        ),
        help_text=_(
            "One a line: the network, then what you call the place. For example “198.51.100.0/24 Harbor Street office”. "
            "Empty allows every network."
        ),
    )

    def clean_networks(self) -> list[Named]:
        """The networks in their one spelling. Each line that names none is told with its number."""
        try:
            return cidr.lines(self.cleaned_data["networks"])
        except BadLine as bad:
            values: dict[str, Any] = {"line": bad.line, "written": bad.written[:60], "meant": bad.meant}
            raise ValidationError(str(_WRONG[bad.problem]) % values) from None


class AlertFilterForm(forms.Form):
    """Which alerts are asked for; stands in the address."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("Open")), ("closed", _("Looked at")), ("all", _("All"))],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    kind = forms.ChoiceField(
        label=_("About"),
        required=False,
        choices=[
            ("", _("Everything")),
            (Kind.CHARTS.value, _("Charts opened")),
            (Kind.RECORDS.value, _("Records opened")),
            (Kind.TAKEN.value, _("Files taken away")),
            (Kind.HOURS.value, _("Times of signing in")),
            (Kind.REFUSALS.value, _("Refusals")),
            (Kind.GUESSES.value, _("Guessed accounts")),
            (Kind.RESET.value, _("After a reset of a factor")),
        ],
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    person = forms.ModelChoiceField(
        User.objects.order_by("name", "pk"),
        label=_("Person"),
        required=False,
        empty_label=_("Everybody"),
        widget=forms.Select(attrs={"class": "form-select"}),
    )

    def asked(self) -> AlertFilter:
        """The filter; what makes no sense asks for all that is open."""
        given = self.cleaned_data if self.is_bound and self.is_valid() else {}
        person = given.get("person")
        return AlertFilter(given.get("state", ""), given.get("kind", ""), person.pk if person else None)

    @property
    def filtered(self) -> bool:
        """Whether anything but the open ones of everybody is asked for."""
        return self.asked() != AlertFilter()

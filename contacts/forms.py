"""The shape of what staff send: a search, a file, a mapping, a person, a list, a reason, a question to a person."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.actions import MAX_DESCRIPTION, MAX_NAME
from contacts.consent.models import Topic
from contacts.models import ContactList
from contacts.queries import Column
from contacts.rules import fields
from contacts.rules import mapping as rules
from contacts.rules.dates import Form
from contacts.rules.fields import Kind
from contacts.rules.problems import Problem
from contacts.rules.rows import Parsed, read_fields
from contacts.rules.values import TEXT_LIMIT
from contacts.segments.queries import NamedList
from safeguards import tokens

PURPOSES = (
    ("patient asked about their record", gettext_lazy("The person asked about their record")),
    ("correct a mistake", gettext_lazy("A mistake in the record has to be corrected")),
    ("check why a message was or wasn't sent", gettext_lazy("To see why a message was or wasn't sent")),
    ("compliance review", gettext_lazy("Compliance review")),
)
SOURCES = (
    ("asked at the front desk", gettext_lazy("They asked at the front desk")),
    ("asked by telephone", gettext_lazy("They asked by telephone")),
    ("asked during a visit", gettext_lazy("They asked during a visit")),
)


DATE_FORMS = (
    (Form.MONTH_FIRST, gettext_lazy("Month first: 05/12/1980 is May 12, 1980")),
    (Form.DAY_FIRST, gettext_lazy("Day first: 05/12/1980 is December 5, 1980")),
)


class SearchForm(forms.Form):
    """A search for people. It is posted, never put into an address, since it names patients."""

    text = forms.CharField(label=gettext_lazy("Name or e-mail address"), max_length=200, required=False)
    number = forms.IntegerField(min_value=1, max_value=100_000, required=False, widget=forms.HiddenInput)


class UploadForm(forms.Form):
    """A file of contacts. What is in it is looked at by the reader, not here."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy(
            "Up to 300 MB, with one person a row and an e-mail address each. Commas, semicolons and tabs all work."
        ),
        allow_empty_file=True,
        max_length=255,
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )

    def uploaded(self) -> UploadedFile:
        """The file that came."""
        file: UploadedFile = self.cleaned_data["file"]
        return file


class MapForm(forms.Form):
    """Which column is which field; one choice a column."""

    has_header = forms.BooleanField(
        label=gettext_lazy("The first row holds the names of the columns"), required=False
    )

    into_list = forms.TypedChoiceField(
        label=gettext_lazy("Add everybody in this file to a list"),
        required=False,
        coerce=int,
        empty_value=None,
        help_text=gettext_lazy(
            "Being on a list is not consent: it changes nothing about who may be written to."
        ),
    )
    new_list = forms.CharField(
        label=gettext_lazy("Or to a new list, called"),
        max_length=MAX_NAME,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(
        self, columns: Sequence[Column], lists: Sequence[NamedList], *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.columns = columns
        self._lists = {each.contact_list.pk: each.contact_list for each in lists}
        cast("forms.TypedChoiceField", self.fields["into_list"]).choices = [
            ("", _("No list")),
            *((each.contact_list.pk, each.name) for each in lists),
        ]
        choices = _targets()
        for column in columns:
            self.fields[f"column_{column.number}"] = forms.ChoiceField(
                label=column.name,
                choices=choices,
                required=False,
                widget=forms.Select(attrs={"class": "form-select"}),
            )

            if column.dates:
                self.fields[f"dates_{column.number}"] = forms.ChoiceField(
                    label=_("How are the dates of “%(column)s” written?") % {"column": column.name},
                    choices=DATE_FORMS,
                    initial=column.dates,
                    required=False,
                    widget=forms.Select(attrs={"class": "form-select"}),
                )

    def rows(self) -> list[tuple[Column, forms.BoundField, forms.BoundField | None]]:
        """Each column with its field, and the question about its dates where there is one, for the table."""
        return [
            (
                column,
                self[f"column_{column.number}"],
                self[f"dates_{column.number}"] if column.dates else None,
            )
            for column in self.columns
        ]

    def dates(self) -> dict[int, Form]:
        """How columns write their dates, by number, where that was asked; as it was offered where nothing came back."""
        return {
            column.number: Form(self.cleaned_data.get(f"dates_{column.number}") or column.dates)
            for column in self.columns
            if column.dates
        }

    def mapping(self) -> dict[int, str]:
        """The chosen fields by number of the column."""
        chosen = {column.number: self.cleaned_data.get(f"column_{column.number}") for column in self.columns}
        return {number: key for number, key in chosen.items() if key}

    def chosen_list(self) -> ContactList | None:
        """The list that was chosen; none where a new one is named."""
        return None if self.cleaned_data["new_list"] else self._lists.get(self.cleaned_data["into_list"])

    def clean(self) -> dict[str, Any]:
        """Refuse a mapping without an address, or with one field twice."""
        cleaned = super().clean() or {}
        for fault in rules.faults(self.mapping(), len(self.columns)):
            name, _colon, key = fault.partition(":")
            if name == "no_email":
                self.add_error(None, _("Choose the column that holds the e-mail address."))
            elif name == "twice":
                label = _(rules.label_of(key))
                self.add_error(
                    None, _("“%(field)s” is chosen for two columns. Keep one of them.") % {"field": label}
                )
        return cleaned


LANGUAGES = (("en", gettext_lazy("English")), ("es", gettext_lazy("Spanish")))
# What the sentences about a file's rows say differently of a field that somebody types.
_TYPED = {
    "email_missing": gettext_lazy("Type the e-mail address. Without one nothing can be sent."),
    "email_malformed": gettext_lazy("This is not an e-mail address. Write it as name@example.org."),
    "not_a_date": gettext_lazy("This is not a date. Write it as 2026-11-30."),
}


class ContactForm(forms.Form):
    """A person by hand. Each field is typed as a cell of a file would hold it, and read by the same rules."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    purpose = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)
    shares_address = forms.BooleanField(
        label=gettext_lazy("This is somebody else, who shares the address"), required=False
    )

    def __init__(self, *args: Any, keys: Sequence[str], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = list(keys)
        self.asks_to_share = False
        self._today = today
        for key in self.keys:
            self.fields[key] = _typed_field(fields.BY_KEY[key], self._present(key))

    @property
    def parsed(self) -> Parsed:
        """What was typed, read; for a form that is valid."""
        found: Parsed = self.cleaned_data["parsed"]
        return found

    def groups(self) -> list[tuple[str, bool, list[forms.BoundField]]]:
        """The fields by group, in the order of a contact's page: (what the group is called, whether it is of health, fields)."""
        found: dict[tuple[str, bool], list[forms.BoundField]] = {}
        for key in self.keys:
            target = fields.BY_KEY[key]
            found.setdefault((_(target.group), target.clinical), []).append(self[key])
        return [(label, clinical, bound) for (label, clinical), bound in found.items()]

    def say_known(self, by: str, *, may_share: bool) -> None:
        """Somebody is there already: say so at the field, and ask whether it is somebody else where that can be."""
        self.asks_to_share = may_share
        if by == "record_number":
            self.add_error("external_id", _("Somebody with this record number is a contact already."))
        elif may_share:
            self.add_error(
                "email",
                _(
                    "Somebody with this address is a contact already. Is this somebody else? Tick the box below, and save again."
                ),
            )
        else:
            self.add_error(
                "email",
                _(
                    "Somebody with this address is a contact already, and nothing tells the two apart: one of them needs a"
                    " record number."
                ),
            )

    def take_version(self, version: int) -> None:
        """Go on from how the contact stands now: saving again writes over it."""
        self.data = {**{name: self.data.get(name) for name in self.data}, "version": str(version)}

    def differences(self, now: Mapping[str, str]) -> list[tuple[str, str, str]]:
        """Where what was typed isn't what is stored now: (label, stored now, typed)."""
        typed = {key: str(self.cleaned_data.get(key, "")) for key in self.keys}
        return [
            (_(fields.BY_KEY[key].label), now[key], typed[key])
            for key in self.keys
            if key in now and now[key] != typed[key]
        ]

    def clean(self) -> dict[str, Any]:
        """Read the fields as a row of a file, and say at each what is wrong with it."""
        cleaned = super().clean() or {}
        typed = {key: str(cleaned.get(key) or "") for key in self.keys}
        read = read_fields(typed, today=self._today, normalise=tokens.normalise)
        if isinstance(read, Parsed):
            return cleaned | {"parsed": read}
        for problem in read:
            if problem.column not in self.errors:
                self.add_error(problem.column or None, _sentence(problem))
        return cleaned

    def _present(self, key: str) -> str:
        return str(self.data.get(key, "") if self.is_bound else self.initial.get(key, "") or "")


def _sentence(problem: Problem) -> str:
    return str(_TYPED.get(problem.code) or problem.message(_))


def _typed_field(target: fields.Field, present: str) -> forms.Field:
    """How a field of this kind is typed."""
    label, required = _(target.label), target.key == "email"
    if target.kind is Kind.YES_NO:
        choices = [("", _("Not known")), ("yes", _("Yes")), ("no", _("No"))]
        return forms.ChoiceField(label=label, required=False, choices=choices)
    if target.key == "language":
        spoken = [(code, str(name)) for code, name in LANGUAGES]
        if present and present not in dict(spoken):
            spoken.append((present, present))
        return forms.ChoiceField(label=label, required=False, choices=[("", _("Not known")), *spoken])
    attributes = {"autocomplete": "off"}
    if target.kind is Kind.DATE:
        attributes |= {"type": "date"}
    elif target.kind is Kind.MOMENT:
        attributes |= {"type": "datetime-local"}
    elif target.kind is Kind.NUMBER:
        attributes |= {"inputmode": "decimal"}
    elif target.key == "email":
        attributes |= {"inputmode": "email"}
    help_text = _("Several, separated by semicolons.") if target.kind is Kind.MANY else ""
    if target.key == "external_id":
        help_text = _(
            "The number by which your records system knows them. It can't be added or changed later."
        )
    longest = TEXT_LIMIT * (20 if target.kind is Kind.MANY else 1)
    return forms.CharField(
        label=label,
        required=required,
        max_length=longest,
        help_text=help_text,
        widget=forms.TextInput(attrs=attributes),
        error_messages={"required": str(_TYPED["email_missing"])},
    )


class ListForm(forms.Form):
    """What a list is called and for; whether it says something about health only when it is made."""

    name = forms.CharField(
        label=gettext_lazy("Name of the list"),
        max_length=MAX_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Give the list a name, such as “Walking group”.")},
    )
    description = forms.CharField(
        label=gettext_lazy("What it is for"),
        max_length=MAX_DESCRIPTION,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("For your colleagues: who belongs on it, and who looks after it."),
    )
    clinical = forms.BooleanField(
        label=gettext_lazy("Being on this list says something about somebody's health"),
        required=False,
        help_text=gettext_lazy(
            "Such as “Diabetes class”. Campaigns to such a list need approval. This can't be changed later."
        ),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, made: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if made:
            del self.fields["clinical"]


class PurposeForm(forms.Form):
    """Why somebody opens a chart; it stands in the audit log."""

    purpose = forms.ChoiceField(label=gettext_lazy("Why do you need to see them?"), choices=PURPOSES)


class AskForm(forms.Form):
    """Ask a person to confirm topics that they wanted."""

    topics = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Topics they asked for"),
        queryset=Topic.objects.all(),
        widget=forms.CheckboxSelectMultiple,
    )
    source = forms.ChoiceField(label=gettext_lazy("How they asked"), choices=SOURCES)


def _targets() -> list[tuple[str, Any]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for group, key, label in rules.targets():
        groups.setdefault(_(group), []).append((key, _(label)))
    return [("", _("Leave out")), *groups.items()]

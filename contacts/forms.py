"""The shape of what staff send: a search, a file, a mapping, a reason, a question to a person."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.consent.models import Topic
from contacts.queries import Column
from contacts.rules import mapping as rules
from contacts.rules.dates import Form

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

    def __init__(self, columns: Sequence[Column], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.columns = columns
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

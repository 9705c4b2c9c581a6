"""What may be asked of the audit log; every field stands in the address, and none of them can hold a patient's value."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from marketing.compliance.acts import GROUPS, KINDS, PARTS, TARGETS, chosen, words_of
from marketing.compliance.forms.evidence import EvidenceForm
from marketing.compliance.queries import OPENINGS, pseudonym_of, usual_hours
from marketing.compliance.rules import Kind
from marketing.compliance.wording import OUTCOMES
from safeguards.log import RowFilter

_MOMENTS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d")


class MomentField(forms.DateTimeField):
    """A day and time by the reader's clocks; a day alone is its beginning, or as an end the whole of it."""

    def __init__(self, *, ends: bool = False, **kwargs: Any) -> None:
        widget = forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
        super().__init__(input_formats=_MOMENTS, required=False, widget=widget, **kwargs)
        self.ends = ends

    def to_python(self, value: Any) -> datetime | None:
        found = super().to_python(value)
        if found and self.ends and isinstance(value, str) and len(value.strip()) == len("2026-01-01"):
            day = timezone.localtime(found).date() + timedelta(days=1)
            return timezone.make_aware(datetime.combine(day, time.min))
        return found


def _acts() -> list[tuple[Any, Any]]:
    """All acts by group, each group to be chosen whole as well."""
    found: list[tuple[Any, Any]] = [("", _("Anything"))]
    for slug, (label, acts) in GROUPS.items():
        found.append((label, [(f"group:{slug}", _("All of: %(group)s") % {"group": label}), *acts.items()]))
    return found


def _people() -> list[tuple[Any, Any]]:
    return [
        ("", _("Everybody")),
        (_("Staff"), [(str(user.pk), user.name) for user in User.objects.order_by("name")]),
        (_("Parts of the system"), list(PARTS.items())),
    ]


def _objects() -> list[tuple[Any, Any]]:
    return [
        ("", _("Anything")),
        *sorted(((key, target.words) for key, target in TARGETS.items()), key=lambda each: str(each[1])),
    ]


class LogForm(EvidenceForm):
    """The whole audit log. Without a choice it shows what the staff did, not what the system does by itself."""

    kind = Kind.LOG
    PEOPLE = frozenset({"person", "contact"})

    person = forms.ChoiceField(label=gettext_lazy("Who"), required=False, choices=_people)
    action = forms.ChoiceField(label=gettext_lazy("What"), required=False, choices=_acts)
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=[
            ("", gettext_lazy("Any")),
            *OUTCOMES.items(),
            ("not success", gettext_lazy("Refused or failed")),
        ],
    )
    by = forms.ChoiceField(
        label=gettext_lazy("Whose doings"),
        required=False,
        choices=[("", KINDS["user"]), *((key, words) for key, words in KINDS.items() if key != "user")],
    )
    since = MomentField(label=gettext_lazy("From"))  # type: ignore[assignment]
    until = MomentField(label=gettext_lazy("To"), ends=True)  # type: ignore[assignment]
    opened = forms.ChoiceField(
        label=gettext_lazy("Openings of"),
        required=False,
        choices=[
            ("", gettext_lazy("Anything")),
            *((key, words) for key, (words, *_rest) in OPENINGS.items()),
        ],
    )
    hours = forms.ChoiceField(
        label=gettext_lazy("Hours"),
        required=False,
        choices=[("", gettext_lazy("Any")), ("outside", gettext_lazy("Outside usual hours"))],
    )
    object = forms.ChoiceField(label=gettext_lazy("Kind of object"), required=False, choices=_objects)
    object_id = forms.RegexField(
        r"^[0-9A-Za-z-]{1,64}$", label=gettext_lazy("Object's number"), required=False
    )
    request = forms.RegexField(r"^[0-9a-f]{1,64}$", label=gettext_lazy("Request"), required=False)
    session = forms.RegexField(r"^[0-9a-f]{1,64}$", label=gettext_lazy("Session (its hash)"), required=False)
    ip = forms.GenericIPAddressField(label=gettext_lazy("From address"), required=False)
    contact = forms.IntegerField(
        label=gettext_lazy("About contact"), required=False, min_value=1, max_value=2**63 - 1
    )

    # What stands behind "More filters".
    MORE = ("opened", "hours", "object", "object_id", "request", "session", "ip", "contact")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(["person", "action", "outcome", "by", "since", "until"])
        for each in self.fields.values():
            each.error_messages["invalid"] = _("Not readable. Take it from a row of the log.")
        for name in ("since", "until"):
            self.fields[name].error_messages["invalid"] = _("Write a day, or a day and a time.")

    def clean_contact(self) -> int | None:
        """The contact's number; nobody of that number is a mistake to be told of, not an empty log."""
        number: int | None = self.cleaned_data["contact"]
        if number is not None and not pseudonym_of(number):
            raise forms.ValidationError(_("There is no contact of this number."))
        return number

    def more(self) -> list[forms.BoundField]:
        """The fields behind "More filters"."""
        return [self[name] for name in self.MORE]

    def first(self) -> list[forms.BoundField]:
        """The fields that always stand there."""
        return [self[name] for name in self.fields if name not in self.MORE]

    @property
    def more_is_used(self) -> bool:
        """Whether one of the fields behind "More filters" is filled in."""
        return any(self.data.get(name) for name in self.MORE)

    def _span(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"since": given.get("since"), "until": given.get("until")}

    def _word(self, name: str, value: Any) -> str:
        if name in ("since", "until"):
            return timezone.localtime(value).isoformat(timespec="minutes")
        if name == "person":
            user = User.objects.filter(pk=value).first() if value.isdigit() else None
            return user.name if user else str(PARTS.get(value, value))
        if name == "action":
            kind, _colon, slug = value.partition(":")
            return str(GROUPS[slug][0]) if kind == "group" else words_of(value)
        return super()._word(name, value)

    def _filter(self, given: dict[str, Any], days: dict[str, Any]) -> RowFilter:
        person, by, opened = given.get("person", ""), given.get("by", ""), given.get("opened", "")
        kind = {"": "user", "all": ""}.get(by, by)
        if person:
            kind = "user" if person.isdigit() else "system"
        actions = chosen(given.get("action", ""))
        _words, table, fields = OPENINGS[opened] if opened else ("", "", ())
        return RowFilter(
            actor_kind=kind,
            actor_id=person,
            actions=actions or (("phi.revealed",) if opened else ()),
            outcome=given.get("outcome", ""),
            target_kind=given.get("object", ""),
            target_id=given.get("object_id", ""),
            request_id=given.get("request", ""),
            session_hash=given.get("session", ""),
            ip=given.get("ip", ""),
            patient=pseudonym_of(given["contact"]) if "contact" in given else "",
            opened_table=table,
            opened_fields=fields,
            outside=usual_hours() if given.get("hours") else None,
            **days,
        )


class PatientForm(forms.Form):
    """Somebody who is looked up in the log, by what the clinic knows of them. Sent by POST: it names a person."""

    text = forms.CharField(
        label=gettext_lazy("E-mail address or record number"),
        max_length=320,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )

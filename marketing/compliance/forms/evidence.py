"""The filters of each kind of evidence: what may be chosen, and what was, as a filter and in words."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Role, User
from accounts.queries import StaffFilter
from campaigns.delivery.message_log import LogFilter
from campaigns.delivery.models import EgressSource, Message
from campaigns.models import Campaign
from campaigns.wording import REASONS
from contacts.consent.models import ConsentRecord, Suppression, Topic
from contacts.consent.queries import LedgerFilter, StopFilter
from marketing.compliance.queries import ACCESSES, Asked
from marketing.compliance.queries.asked import Filter
from marketing.compliance.rules import Kind, span
from marketing.compliance.wording import ACCESS_WORDS, BOUNCES, OUTCOMES, SOURCES
from safeguards.queries import EventFilter

_ANY = [("", gettext_lazy("Any"))]


class EvidenceForm(forms.Form):
    """What every list of evidence is filtered by: from one day to another, as the reader's clocks have them."""

    kind: Kind
    # Fields whose value may say who is meant; the audit log has their name alone.
    PEOPLE: frozenset[str] = frozenset()
    use_required_attribute = False

    since = forms.DateField(
        label=gettext_lazy("From day"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    until = forms.DateField(
        label=gettext_lazy("To day"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in self.fields.values():
            chooses = isinstance(each.widget, forms.Select)
            each.widget.attrs["class"] = "form-select" if chooses else "form-control"
        # The days come last, whatever a kind adds.
        self.order_fields([name for name in self.fields if name not in ("since", "until")])

    def asked(self) -> Asked:
        """What is asked for, of the fields that hold something sensible."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}
        words = {str(self.fields[name].label): self._word(name, value) for name, value in given.items()}
        named = {name: "" if name in self.PEOPLE else str(self.data.get(name, "")) for name in given}
        return Asked(self.kind, self._filter(given, self._span(given)), words, named)

    def _span(self, given: dict[str, Any]) -> dict[str, Any]:
        since, until = span(given.get("since"), given.get("until"), timezone.get_current_timezone())
        return {"since": since, "until": until}

    def _word(self, name: str, value: Any) -> str:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
            return str(dict(cast("Iterable[tuple[str, str]]", field.choices)).get(value, value))
        if name in ("since", "until"):
            return f"{value.isoformat()} ({timezone.get_current_timezone_name()})"
        return str(value)

    def _filter(self, given: dict[str, Any], days: dict[str, Any]) -> Filter:
        raise NotImplementedError


def _sources() -> list[tuple[str, str]]:
    addresses = EgressSource.objects.order_by("source_address").values_list("source_address", flat=True)
    return [("", _("Any")), *((address, address) for address in addresses)]


class MessagesForm(EvidenceForm):
    """The message log."""

    kind = Kind.MESSAGES

    campaign = forms.ModelChoiceField(
        Campaign.objects.filter(mailing__started_at__isnull=False).order_by("-mailing__started_at"),
        label=gettext_lazy("Campaign"),
        empty_label=gettext_lazy("All"),
        required=False,
    )
    state = forms.ChoiceField(
        label=gettext_lazy("State"), required=False, choices=[*_ANY, *Message.State.choices]
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        required=False,
        choices=[*_ANY, *REASONS.items(), *BOUNCES.items()],
    )
    tls = forms.ChoiceField(
        label=gettext_lazy("TLS version"),
        required=False,
        choices=[*_ANY, ("TLSv1.3", "TLS 1.3"), ("TLSv1.2", "TLS 1.2")],
    )
    source = forms.ChoiceField(label=gettext_lazy("From address"), required=False, choices=_sources)

    def _filter(self, given: dict[str, Any], days: dict[str, Any]) -> LogFilter:
        campaign = given.get("campaign")
        return LogFilter(
            mailing_id=campaign.mailing_id if campaign else None,
            state=given.get("state", ""),
            reason=given.get("reason", ""),
            tls_version=given.get("tls", ""),
            source_address=given.get("source", ""),
            **days,
        )


class ConsentForm(EvidenceForm):
    """The consent ledger."""

    kind = Kind.CONSENT
    # Typed, and so perhaps a person's: the audit log has the field's name alone.
    PEOPLE = frozenset({"source"})

    act = forms.ChoiceField(
        label=gettext_lazy("Act"), required=False, choices=[*_ANY, *ConsentRecord.Act.choices]
    )
    topic = forms.ModelChoiceField(
        Topic.objects.all(), label=gettext_lazy("Topic"), empty_label=gettext_lazy("Any"), required=False
    )
    source = forms.CharField(label=gettext_lazy("Source has"), required=False, max_length=60)

    def _filter(self, given: dict[str, Any], days: dict[str, Any]) -> LedgerFilter:
        topic = given.get("topic")
        return LedgerFilter(
            act=given.get("act", ""),
            topic_id=topic.pk if topic else None,
            source=given.get("source", ""),
            **days,
        )


class OptOutsForm(EvidenceForm):
    """Suppressions."""

    kind = Kind.OPT_OUTS

    scope = forms.ChoiceField(
        label=gettext_lazy("Stops"), required=False, choices=[*_ANY, *Suppression.Scope.choices]
    )
    source = forms.ChoiceField(
        label=gettext_lazy("Source"), required=False, choices=[*_ANY, *SOURCES.items()]
    )
    standing = forms.ChoiceField(
        label=gettext_lazy("Holds"),
        required=False,
        choices=[
            *_ANY,
            ("yes", gettext_lazy("Still holds")),
            ("no", gettext_lazy("Lifted by the person")),
        ],
    )

    def _filter(self, given: dict[str, Any], days: dict[str, Any]) -> StopFilter:
        return StopFilter(
            scope=given.get("scope", ""),
            source=given.get("source", ""),
            standing={"yes": True, "no": False}.get(given.get("standing", "")),
            **days,
        )


def people() -> list[tuple[str, str]]:
    return [
        ("", _("Everybody")),
        ("user", _("The staff")),
        ("system", _("The system")),
        *((str(user.pk), user.name) for user in User.objects.order_by("name")),
    ]


class AccessForm(EvidenceForm):
    """The access log."""

    kind = Kind.ACCESS
    PEOPLE = frozenset({"person"})

    person = forms.ChoiceField(label=gettext_lazy("Who"), required=False, choices=people)
    action = forms.ChoiceField(
        label=gettext_lazy("What"),
        required=False,
        choices=[*_ANY, *((action, ACCESS_WORDS[action]) for action in ACCESSES)],
    )
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"), required=False, choices=[*_ANY, *OUTCOMES.items()]
    )

    def _filter(self, given: dict[str, Any], days: dict[str, Any]) -> EventFilter:
        person = given.get("person", "")
        one = person.isdigit()
        return EventFilter(
            actions=(given["action"],) if given.get("action") else ACCESSES,
            actor_kind="user" if one else person,
            actor_id=person if one else "",
            outcome=given.get("outcome", ""),
            **days,
        )


class StaffForm(EvidenceForm):
    """The staff. They are as they are now, so no days are asked for."""

    kind = Kind.STAFF
    since = None  # type: ignore[assignment]
    until = None  # type: ignore[assignment]

    role = forms.ChoiceField(label=gettext_lazy("Role"), required=False, choices=[*_ANY, *Role.choices])
    active = forms.ChoiceField(
        label=gettext_lazy("Account"),
        required=False,
        choices=[*_ANY, ("yes", gettext_lazy("Active")), ("no", gettext_lazy("Closed"))],
    )

    def _filter(self, given: dict[str, Any], days: dict[str, Any]) -> StaffFilter:
        return StaffFilter(
            role=given.get("role", ""), active={"yes": True, "no": False}.get(given.get("active", ""))
        )

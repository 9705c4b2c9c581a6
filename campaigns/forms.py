"""Forms of campaign pages: the shape of what is typed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.forms import zone_field
from accounts.organization.models import Brand
from campaigns import queries, rules, wording
from campaigns.delivery.models import IpPool, Mailing
from campaigns.designs.forms import BeginForm, beginnings
from campaigns.designs.models import Design
from campaigns.models import Campaign
from contacts.consent.models import Topic
from contacts.segments.models import Segment
from contacts.segments.queries import Definition


class NameForm(forms.Form):
    """A new campaign's name."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_(
            "Only your colleagues see it, for example “June clinic news”. Don't name patients or diagnoses."
        ),
    )


class OrganizationForm(forms.Form):
    """Whom this deployment serves."""

    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("It stands above every page that your colleagues see.")
    )
    phone = forms.CharField(
        label=_("Telephone"),
        max_length=40,
        help_text=_("Whom people may call. It stands on the pages that links in messages lead to."),
    )
    time_zone = zone_field()
    time_zone.help_text = _(
        "Dates in messages, reports and imports follow this clock. Colleagues choose their own for what they see."
    )


class BrandForm(forms.Form):
    """A sender identity."""

    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("As patients know it. It stands in the footer.")
    )
    from_name = forms.CharField(
        label=_("Sender\u2019s name"), max_length=120, help_text=_("What mail programs show as the sender.")
    )
    from_address = forms.EmailField(
        label=_("Sender\u2019s address"),
        max_length=254,
        help_text=_("In a domain that this server signs mail for."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    postal_address = forms.CharField(
        label=_("Postal address"),
        max_length=300,
        help_text=_(
            "The law asks for one in every message (15 USC 7704(a)(5)): a street address or a post office box."
        ),
    )
    phone = forms.CharField(label=_("Telephone"), max_length=40)
    privacy_url = forms.URLField(
        label=_("Address of the privacy notice"),
        required=False,
        max_length=200,
        assume_scheme="https",
        help_text=_("It is linked from the pages that patients see."),
    )


class NewCampaignForm(forms.Form):
    """A new campaign's name, and what its message begins with."""

    name = NameForm.base_fields["name"]
    begin = BeginForm.base_fields["begin"]

    def __init__(self, *args: Any, templates: Sequence[Design], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["begin"]).choices = beginnings(templates)


class SetupForm(forms.Form):
    """The terms of a campaign; the purpose is found by plain questions (BEHAVIOURS C1)."""

    name = NameForm.base_fields["name"]
    brand = forms.ModelChoiceField(
        Brand.objects.order_by("name"),
        label=_("Sent by"),
        empty_label=None,
        help_text=_("Its name, address and postal address stand in the message."),
    )
    topic = forms.ModelChoiceField(
        Topic.objects.all(),
        label=_("Topic"),
        empty_label=_("Choose a topic"),
        help_text=_("People get the message only if they chose this topic. Anybody who hasn't is left out."),
    )
    purpose = forms.ChoiceField(
        label=_("What is it for?"),
        widget=forms.RadioSelect,
        choices=(
            (
                Mailing.Purpose.PROMOTIONAL,
                _("News, or our own services: newsletters, classes, new doctors, opening hours"),
            ),
            (
                Mailing.Purpose.CARE,
                _(
                    "The care of the people who get it: check-ups that are due, how to prepare, care coordination"
                ),
            ),
        ),
    )
    paid = forms.ChoiceField(
        label=_("Does anybody pay us to send it, or is it about another company's product?"),
        widget=forms.RadioSelect,
        choices=(("no", _("No")), ("yes", _("Yes"))),
    )
    tracking = forms.ChoiceField(
        label=_("What do we count?"),
        widget=forms.RadioSelect,
        choices=(
            (Mailing.Tracking.TOTALS, _("Totals only: how many opens and clicks, never whose")),
            (
                Mailing.Tracking.NONE,
                _("Nothing: no open is counted, and links lead straight to their address"),
            ),
            (
                Mailing.Tracking.PERSON,
                _("Each person who agreed to be counted; for everybody else totals only"),
            ),
        ),
        help_text=_("Opens are unreliable: mail programs open messages by themselves. Clicks tell more."),
    )
    pool = forms.ModelChoiceField(
        IpPool.objects.none(),
        label=_("Leaves by"),
        empty_label=None,
        help_text=_("The group of our own addresses that the message is sent from."),
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("name", "brand", "topic", "purpose", "tracking", "pool"):
            self.initial[name] = getattr(campaign, name)
        if campaign.topic_id is not None:
            self.initial["paid"] = "no"  # the form takes no other answer, so it was given when the topic was
        cast("forms.ModelChoiceField[IpPool]", self.fields["pool"]).queryset = queries.marketing_pools()

    def clean_paid(self) -> str:
        """Marketing by 45 CFR 164.501 needs each person's signed authorization, which this version can't check."""
        answer = str(self.cleaned_data["paid"])
        if answer == "yes":
            raise forms.ValidationError(
                _(
                    "HIPAA calls this marketing. It needs a signed authorization from every person, which Wellsent "
                    "can't check yet, so it can't be sent from here. Ask your compliance officer."
                )
            )
        return answer


class AudienceForm(forms.Form):
    """Which segment gets it."""

    segment = forms.TypedChoiceField(label=_("Segment"), widget=forms.RadioSelect, coerce=int)

    def __init__(
        self, *args: Any, segments: Sequence[Definition], chosen: Segment | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.initial["segment"] = chosen.pk if chosen else None
        cast("forms.TypedChoiceField", self.fields["segment"]).choices = [
            (definition.segment.pk, definition.name) for definition in segments
        ]


class ScheduleForm(forms.Form):
    """When to send: a day and a time by the clocks of a zone. Cleaned, `send_at` is that moment in UTC."""

    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    time = forms.TimeField(label=_("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    zone = forms.ChoiceField(label=_("By the clocks of"))

    def __init__(self, *args: Any, campaign: Campaign, zones: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = campaign.send_zone if campaign.send_zone in zones else zones[0]
        self.initial["zone"] = zone
        if campaign.send_at is not None:
            shown = campaign.send_at.astimezone(ZoneInfo(zone))
            self.initial.update(day=shown.date(), time=shown.time())
        cast("forms.ChoiceField", self.fields["zone"]).choices = [
            (each, wording.zone(each)) for each in zones
        ]

    def clean(self) -> dict[str, Any]:
        """Find the moment; clocks that are put forward skip a time, and clocks that are put back show one twice."""
        typed = self.cleaned_data
        if {"day", "time", "zone"} <= typed.keys():
            try:
                typed["send_at"] = rules.moment(typed["day"], typed["time"], typed["zone"])
            except rules.NoSuchTime:
                self.add_error(
                    "time",
                    _(
                        "This time doesn't exist on that day: the clocks are put forward. Choose an hour later."
                    ),
                )
            except rules.TwiceThatDay:
                self.add_error(
                    "time",
                    _(
                        "The clocks show this time twice on that day: they are put back. Choose an hour later."
                    ),
                )
            else:
                if typed["send_at"] <= timezone.now():
                    self.add_error("time", _("That time has passed. Choose a later one."))
        return typed


class RestForm(forms.Form):
    """Until when a source address rests, by the reader's clocks. Cleaned, `until` is that moment."""

    day = forms.DateField(label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    time = forms.TimeField(label=_("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    why = forms.CharField(
        label=_("Why"),
        max_length=200,
        help_text=_(
            "It stands on the page for your colleagues, for example “on a blocklist, removal asked for”. Don't name patients."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        later = timezone.localtime(timezone.now() + timedelta(hours=2))
        self.initial.update(day=later.date(), time=later.time())

    def clean(self) -> dict[str, Any]:
        """Find the moment; clocks that are put forward skip a time, and clocks that are put back show one twice."""
        typed = self.cleaned_data
        if {"day", "time"} <= typed.keys():
            try:
                typed["until"] = rules.moment(
                    typed["day"], typed["time"], timezone.get_current_timezone_name()
                )
            except (rules.NoSuchTime, rules.TwiceThatDay):
                self.add_error(
                    "time", _("The clocks are changed in that hour, so it isn't clear. Choose an hour later.")
                )
        return typed


class RateForm(forms.Form):
    """How many messages a second, and how many at once."""

    per_second = forms.FloatField(
        label=_("Messages a second"),
        min_value=0.01,
        max_value=10_000,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text=_("In the long run. 0.5 is one message every two seconds."),
    )
    burst = forms.IntegerField(
        label=_("At once"),
        min_value=1,
        max_value=100_000,
        help_text=_("How many may leave together after a quiet moment."),
    )


class LimitsForm(RateForm):
    """How gently each source address treats a provider."""

    connections = forms.IntegerField(
        label=_("Connections"),
        min_value=1,
        max_value=1_000,
        help_text=_("At the same time, from one address."),
    )
    per_connection = forms.IntegerField(
        label=_("Messages on each connection"),
        min_value=1,
        max_value=100_000,
        help_text=_("Then a new one is opened."),
    )


class DecisionForm(forms.Form):
    """An approver's word."""

    comment = forms.CharField(
        label=_("Comment"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Needed when you send it back: say what has to change."),
    )

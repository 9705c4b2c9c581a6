"""The shape of what is typed beside the rules: a segment's name, and the topic to count for."""

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.consent.models import Topic
from contacts.segments.actions import MAX_NAME


class SegmentForm(forms.Form):
    """The name, and the version that the page was opened at."""

    name = forms.CharField(
        label=_("Name of the segment"),
        max_length=MAX_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Give the segment a name, such as “Adults in Boston”.")},
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput())


class TopicForm(forms.Form):
    """Whose consent to count."""

    topic = forms.ModelChoiceField(
        label=_("Who could be reached about"),
        queryset=Topic.objects.all(),
        required=False,
        empty_label=_("Choose a topic"),
    )

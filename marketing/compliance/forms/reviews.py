"""What is typed into a log review."""

from django import forms
from django.utils.translation import gettext_lazy


class _NoteForm(forms.Form):
    use_required_attribute = False

    note = forms.CharField(
        label=gettext_lazy("What you looked at, and what follows"),
        max_length=4000,
        widget=forms.Textarea({"rows": 5}),
        help_text=gettext_lazy("Kept sealed, with your name and the figures. Without patients' names."),
        error_messages={
            "required": gettext_lazy("Write what you looked at; “nothing unusual” is an answer too.")
        },
    )


class SignForm(_NoteForm):
    """A signature: the note, and the digest of the figures that were looked at."""

    digest = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)


class SecondForm(_NoteForm):
    """The second reader's signature."""

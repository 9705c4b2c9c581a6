"""Forms of the editor and of the templates' pages: the shape of what is typed and chosen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from campaigns.designs.blocks import KINDS, MOST_BLOCKS, Block, MalformedDocument
from campaigns.designs.models import Design
from campaigns.designs.queries import SAMPLES
from campaigns.designs.starters import STARTERS, Starter

_COMMAND = re.compile(
    r"(?P<add>add):(?P<kind>[a-z]{1,20})(?::(?P<at>[0-9]{1,3}))?"
    r"|(?P<verb>remove|up|down|copy|upload|clear):(?P<place>[0-9]{1,3})"
    r"|(?P<move>move):(?P<source>[0-9]{1,3}):(?P<target>[0-9]{1,3})"
)


class _NeededToSend(forms.CharField):
    """Not marked as optional, since nothing is sent without it; a draft may be saved without it all the same."""

    def validate(self, value: Any) -> None:
        """Take an empty text: the lint asks for one before sending."""


class ContentForm(forms.Form):
    """Subject and preview text; the blocks beside them are read by `posted_blocks`."""

    use_required_attribute = False

    subject = _NeededToSend(
        label=_("Subject"),
        max_length=200,
        help_text=_(
            "Seen without opening the message, so it says nothing about the person. Up to 150 characters."
        ),
    )
    preheader = forms.CharField(
        label=_("Preview text"),
        max_length=200,
        required=False,
        help_text=_(
            "The line beside the subject in an inbox. Up to 140 characters; nothing about the person here either."
        ),
    )


class TemplateForm(ContentForm):
    """The same of a template, which has a name besides."""

    name = forms.CharField(
        label=_("Name of the template"), max_length=120, help_text=_("Only your colleagues see it.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(["name", "subject", "preheader"])


class TemplateNameForm(forms.Form):
    """The name under which a message is kept as a template."""

    kept_name = forms.CharField(label=_("Name of the new template"), max_length=120)


class TestForm(forms.Form):
    """Which colleague gets a test, and as whom it is shown; nobody else can be typed."""

    to = forms.ModelChoiceField(User.objects.none(), label=_("Send to"), empty_label=None)
    sample = forms.ChoiceField(
        label=_("As it would reach"), choices=[(slug, sample.label) for slug, sample in SAMPLES.items()]
    )

    def __init__(self, *args: Any, colleagues: QuerySet[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ModelChoiceField[User]", self.fields["to"]).queryset = colleagues


class BeginForm(forms.Form):
    """What to begin with: one of our starters, or one of the organisation's templates."""

    begin = forms.ChoiceField(label=_("Begin with"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, templates: Sequence[Design], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["begin"]).choices = beginnings(templates)


def beginnings(templates: Sequence[Design]) -> list[tuple[str, str]]:
    """The choices of what to begin with: the organisation's templates, then our starters."""
    own = [(f"template:{template.pk}", template.name) for template in templates]
    return own + [(f"starter:{slug}", str(starter.name)) for slug, starter in STARTERS.items()]


def chosen(value: str, templates: Sequence[Design]) -> Starter | Design | None:
    """What a choice of `beginnings` stands for; None for any other text."""
    kind, _colon, which = value.partition(":")
    if kind == "starter":
        return STARTERS.get(which)
    return next((each for each in templates if value == f"template:{each.pk}"), None)


def posted_blocks(posted: QueryDict) -> list[Block]:
    """The blocks of a design as they were typed. Raises MalformedDocument for what no page of ours posts."""
    number = posted.get("blocks", "")
    if not re.fullmatch(r"[0-9]{1,3}", number) or int(number) > MOST_BLOCKS:
        raise MalformedDocument("the number of blocks")
    blocks: list[Block] = []
    for place in range(int(number)):
        kind = KINDS.get(posted.get(f"block-{place}-kind", ""))
        if kind is None:
            raise MalformedDocument("there is no such kind of block")
        blocks.append(
            kind(**{each.name: posted.get(f"block-{place}-{each.name}", "") for each in fields(kind)})
        )
    return blocks


@dataclass(frozen=True, slots=True)
class Rearranged:
    """The blocks after a button was pressed, the place to look at next, and what was taken away."""

    blocks: list[Block]
    place: int | None = None
    removed: tuple[int, Block] | None = None
    uploads: int | None = None


def rearranged(blocks: Sequence[Block], command: str) -> Rearranged:
    """What a button makes of the blocks: `add:text` (at the end), `add:text:2` (at that place), `remove:2`, `up:2`, `down:2`,
    `copy:2`, `move:2:5`, `upload:2` and `clear:2` (a picture's file).

    Anything else changes nothing: the plain save button says "save".
    """
    changed, match = list(blocks), _COMMAND.fullmatch(command)
    if match is None:
        return Rearranged(changed)
    if match["add"]:
        return _added(changed, match["kind"], match["at"])
    source = int(match["source"] or match["place"])
    if source >= len(changed):
        return Rearranged(changed)
    if match["verb"] == "copy":
        if len(changed) < MOST_BLOCKS:
            changed.insert(source + 1, changed[source])
        return Rearranged(changed, min(source + 1, len(changed) - 1))
    if match["verb"] == "upload":
        return Rearranged(changed, source, uploads=source)
    if match["verb"] == "clear":
        changed[source] = replace(changed[source], name="", width="")  # type: ignore[type-var]
        return Rearranged(changed, source)
    block = changed.pop(source)
    if match["verb"] == "remove":
        return Rearranged(
            changed, min(source, len(changed) - 1) if changed else None, removed=(source, block)
        )
    target = {"up": source - 1, "down": source + 1}.get(match["verb"], int(match["target"] or 0))
    target = max(0, min(target, len(changed)))
    changed.insert(target, block)
    return Rearranged(changed, target)


def _added(blocks: list[Block], kind_name: str, at: str | None) -> Rearranged:
    kind = KINDS.get(kind_name)
    if kind is None or len(blocks) >= MOST_BLOCKS:
        return Rearranged(blocks)
    place = min(int(at), len(blocks)) if at else len(blocks)
    blocks.insert(place, kind())
    return Rearranged(blocks, place)

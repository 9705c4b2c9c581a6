"""Reads of designs: how a message will look, with an invented person's values in it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from html import escape

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from campaigns.designs import blocks as documents
from campaigns.designs import merge, mjml
from campaigns.designs.blocks import Block
from campaigns.designs.lint import MERGEABLE, Finding, lint
from campaigns.designs.models import Design, DesignVersion
from contacts.consent.models import Topic
from safeguards.actor import Actor


@dataclass(frozen=True, slots=True)
class Sample:
    """Somebody invented, to preview a message as; `values` by the key of the field."""

    label: Promise
    values: Mapping[str, str]


SAMPLES: dict[str, Sample] = {
    "maria": Sample(
        _("Maria Alvarez (invented)"),
        {
            "first_name": "Maria",
            "last_name": "Alvarez",
            "gender": "female",
            "language": "Spanish",
            "city": "Boston",
            "state": "MA",
            "zip": "02110",
            "payer": "Harbor Health Plan",
            "plan": "Silver",
            "clinic": "Harbor Street",
            "provider": "Dr. Osei",
            "last_visit": "March 3, 2026",
            "next_appointment": "June 9, 2026, 10:30 AM",
        },
    ),
    "long": Sample(
        _("Wilhelmina-Charlotte Featherstonehaugh-Zdrojewska (invented, long names)"),
        {
            "first_name": "Wilhelmina-Charlotte",
            "last_name": "Featherstonehaugh-Zdrojewska",
            "city": "Llanfairpwllgwyngyll",
        },
    ),
    "empty": Sample(_("Somebody of whom we know only the address"), {}),
}


@dataclass(frozen=True, slots=True)
class Preview:
    """Both parts of a message as one person would get them; links lead nowhere."""

    subject: str
    preheader: str
    html: str
    text: str


def preview(
    *, actor: Actor, design: Design, brand: Brand | None, topic: Topic | None, sample: str = "maria"
) -> Preview:
    """A design as the invented person `sample` would see it, also while it is unfinished. Raises Denied; KeyError for nobody.

    Merge tags that can't be read yet are shown as the author typed them.
    """
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    compiled = mjml.compile_message(
        subject=design.subject,
        preheader=design.preheader,
        blocks=[_showable(block) for block in documents.read(design.document)],
        lang=design.document["lang"],
        sender=mjml.Sender(
            brand=brand.name if brand else str(_("Your brand")),
            postal_address=brand.postal_address if brand else str(_("its postal address")),
            topic=topic.name if topic else str(_("the topic")),
        ),
    )
    return _filled(design.subject, design.preheader, compiled.html, compiled.text, sample)


def preview_version(*, actor: Actor, version: DesignVersion, sample: str = "maria") -> Preview:
    """A frozen version as the invented person `sample` would see it. Raises Denied; KeyError for nobody of that name."""
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    return _filled(version.subject, version.preheader, version.html, version.text, sample)


def findings(*, actor: Actor, design: Design) -> tuple[Finding, ...]:
    """What the lint says of a design. Raises Denied."""
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    return lint(subject=design.subject, preheader=design.preheader, blocks=documents.read(design.document))


def _filled(subject: str, preheader: str, html: str, text: str, sample: str) -> Preview:
    nodes = merge.parse(mjml.without_open_pixel(html), fields=_known(html), required=_places(html), html=True)
    text_nodes = merge.parse(text, fields=_known(text), required=_places(text))
    values = dict(SAMPLES[sample].values) | dict.fromkeys(_places(html) | _places(text), "#")
    shown = "".join(
        node.text if isinstance(node, merge.Text) else escape(merge.value_of(node, values)) for node in nodes
    )
    return Preview(subject, preheader, shown, merge.fill(text_nodes, values))


def _places(part: str) -> frozenset[str]:
    return frozenset(mjml.placeholders(part))


def _known(part: str) -> frozenset[str]:
    return MERGEABLE | _places(part)


def _showable(block: Block) -> Block:
    """The block with merge tags that can't be read turned into plain words."""
    authored = block.authored()
    changed: dict[str, str] = {}
    for each in fields(block):  # type: ignore[arg-type]
        if each.name not in authored:
            continue
        lines = authored[each.name].split("\n")
        changed[each.name] = "\n".join(line if _readable(line) else _disarmed(line) for line in lines)
    return replace(block, **changed) if changed else block  # type: ignore[type-var]


def _readable(line: str) -> bool:
    try:
        merge.parse(line, fields=MERGEABLE)
    except merge.MergeError:
        return False
    return True


def _disarmed(line: str) -> str:
    return line.replace("{{", "{\u2060{").replace("}}", "}\u2060}")

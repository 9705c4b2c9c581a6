"""Reads of designs: the templates, how a message will look with an invented person's values in it, and what a test mail holds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from html import escape
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _gettext
from django.utils.translation import gettext_lazy as _

from accounts import access
from accounts.access import Permission
from accounts.models import User
from accounts.organization.models import Brand
from campaigns.designs import blocks as documents
from campaigns.designs import merge, mjml, pictures
from campaigns.designs.blocks import Block
from campaigns.designs.lint import MERGEABLE, Finding, lint
from campaigns.designs.models import Asset, Design, DesignVersion
from campaigns.designs.starters import Starter
from contacts.consent.models import Topic
from contacts.rules.fields import BY_KEY, FIELDS
from safeguards import notices
from safeguards.actor import Actor

TEST = "design.test"
# Gmail shows no more of a message than this and hides the rest, the way out included.
CLIPPED_BYTES = 102 * 1024
_WEB = re.compile(r"https://[!-;=?-~]+")


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
    """Both parts of a message as one person would get them; in a preview links lead nowhere."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class MergeTag:
    """A field that may stand in a message: its name for people, and what to type."""

    label: str
    typed: str
    clinical: bool


# What stands in for a value that isn't known, where a plain word does.
_FALLBACKS = {"first_name": "there", "provider": "your doctor", "clinic": "our clinic"}


def merge_tags() -> Sequence[MergeTag]:
    """The merge tags of the menu, in the order of the fields."""
    return [
        MergeTag(
            _gettext(field.label),
            f"{{{{ {field.key}|{_FALLBACKS.get(field.key, '…')} }}}}",
            BY_KEY[field.key].clinical,
        )
        for field in FIELDS
        if field.mergeable
    ]


def templates(actor: Actor, *, search: str = "") -> QuerySet[Design]:
    """The organisation's templates that aren't archived, last changed first, each with `used`: campaigns begun from it.

    Raises Denied.
    """
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    found = Design.objects.filter(is_template=True, archived_at=None)
    if search:
        found = found.filter(Q(name__icontains=search) | Q(subject__icontains=search))
    return (
        found.select_related("updated_by", "created_by")
        .annotate(used=Count("copies", filter=Q(copies__is_template=False)))
        .order_by("-updated_at", "-pk")
    )


def template(actor: Actor, pk: int) -> Design:
    """A template, archived or not. Raises Denied; Design.DoesNotExist, also for a campaign's own design."""
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    return Design.objects.select_related("updated_by").get(pk=pk, is_template=True)


def colleagues(actor: Actor) -> QuerySet[User]:
    """Whom a test may be sent to: active staff, by name. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    return User.objects.filter(is_active=True).order_by("name", "pk")


def picture(name: str) -> tuple[bytes, str] | None:
    """The bytes and type of a picture that a mail shows, open to whoever has its name; None where there is none."""
    if content := pictures.shipped(name):
        return content, "image/png"
    asset = Asset.objects.filter(name=name).first()
    return (bytes(asset.content), asset.content_type) if asset else None


@dataclass(frozen=True, slots=True)
class TestMail:
    """How far a test mail has come, and whom it went to."""

    recipient: User | None
    sent: bool
    failed: bool
    attempts: int
    reply: str


def test_mail(actor: Actor, notice_id: UUID) -> TestMail | None:
    """How far a test mail has come; None where there is none of that id. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    found = notices.standing(TEST, notice_id)
    if found is None:
        return None
    recipient = User.objects.filter(pk=int(found.parameters["to"])).first()
    return TestMail(recipient, found.sent, found.failed, found.attempts, found.reply)


def starter_preview(*, actor: Actor, starter: Starter) -> Preview:
    """One of our starters as an invented person would see it. Raises Denied."""
    draft = Design(
        subject=starter.subject,
        preheader=starter.preheader,
        document=documents.written(starter.blocks, lang=starter.lang),
    )
    return preview(actor=actor, design=draft, brand=Brand.objects.order_by("pk").first(), topic=None)


def testable(*, actor: Actor, parameters: Mapping[str, str]) -> Preview | None:
    """What a test mail holds, by the parameters of its notice; None where its design is gone. For delivery; raises Denied.

    The author's links lead where they will lead, as far as they are addresses at all; the footer's lead to a page that says
    that this was a test.
    """
    access.require(actor, Permission.DELIVER)
    design = Design.objects.filter(pk=int(parameters["design"])).first()
    if design is None:
        return None
    brand = Brand.objects.filter(pk=int(parameters["brand"] or 0)).first() or Brand.objects.first()
    topic = Topic.objects.filter(pk=int(parameters["topic"] or 0)).first()
    compiled = _compiled(design, brand, topic)
    explained = f"{settings.PUBLIC_URL}/test/"
    leads = {
        f"link:{number}": url if _WEB.fullmatch(url) else explained
        for number, url in enumerate(compiled.links)
    }
    leads |= {mjml.PREFERENCES: explained, mjml.UNSUBSCRIBE: explained}
    # A line end in a subject that isn't finished yet must not stop the test.
    subject = " ".join("".join(each if each.isprintable() else " " for each in design.subject).split())
    return _filled(
        subject or _gettext("No subject yet"),
        design.preheader,
        compiled.html,
        compiled.text,
        parameters["sample"],
        leads,
    )


def preview(
    *, actor: Actor, design: Design, brand: Brand | None, topic: Topic | None, sample: str = "maria"
) -> Preview:
    """A design as the invented person `sample` would see it, also while it is unfinished. Raises Denied; KeyError for nobody.

    Merge tags that can't be read yet are shown as the author typed them.
    """
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    compiled = _compiled(design, brand, topic)
    return _filled(design.subject, design.preheader, compiled.html, compiled.text, sample)


def _compiled(design: Design, brand: Brand | None, topic: Topic | None) -> mjml.Compiled:
    return mjml.compile_message(
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


def footer(*, brand: str, postal_address: str) -> tuple[str, str]:
    """What every message of a brand says at its end, around the links: why one gets it, and who sends it from where."""
    topic = Topic.objects.order_by("position", "pk").first()
    sender = mjml.Sender(brand, postal_address, topic.name if topic else str(_("the topic")))
    return mjml.reason(sender), f"{brand}, {postal_address}"


def preview_version(*, actor: Actor, version: DesignVersion, sample: str = "maria") -> Preview:
    """A frozen version as the invented person `sample` would see it. Raises Denied; KeyError for nobody of that name."""
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    return _filled(version.subject, version.preheader, version.html, version.text, sample)


def findings(*, actor: Actor, design: Design) -> tuple[Finding, ...]:
    """What the lint says of a design. Raises Denied."""
    access.require(actor, Permission.VIEW_CAMPAIGNS)
    return lint(subject=design.subject, preheader=design.preheader, blocks=documents.read(design.document))


def _filled(
    subject: str,
    preheader: str,
    html: str,
    text: str,
    sample: str,
    leads: Mapping[str, str] | None = None,
) -> Preview:
    """Both parts with the invented person's values; `leads` are the targets of links, which else lead nowhere."""
    html = mjml.with_pictures(mjml.without_open_pixel(html), public_url=settings.PUBLIC_URL)
    nodes = merge.parse(html, fields=_known(html), required=_places(html), html=True)
    text_nodes = merge.parse(text, fields=_known(text), required=_places(text))
    values = (
        dict(SAMPLES[sample].values) | dict.fromkeys(_places(html) | _places(text), "#") | dict(leads or {})
    )
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

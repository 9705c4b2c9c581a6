"""What is done with designs: begin one, edit it, copy it, keep it as a template, test it, freeze it into a version.

A template is a design that stands alone; a campaign owns a copy. What a button takes away is set aside on the design and can be
put back, until the next thing is taken away.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.models import User
from accounts.organization.models import Brand
from campaigns.designs import blocks as documents
from campaigns.designs import mjml, pictures, queries
from campaigns.designs.blocks import MOST_BLOCKS, Block
from campaigns.designs.lint import Finding, lint, stops, used_fields
from campaigns.designs.models import Asset, Design, DesignVersion
from campaigns.designs.starters import CLINIC_NEWS, Starter
from contacts.consent.models import Topic
from safeguards import audit, notices
from safeguards.actor import Actor

audit.declare("design.created", starter=audit.WORD, template=bool)
audit.declare("design.copied", source=int, template=bool)
audit.declare("design.edited", blocks=int)
audit.declare("design.replaced", source=int, starter=audit.WORD)
audit.declare("design.put_back")
audit.declare("design.renamed")
audit.declare("design.archived")
audit.declare("design.restored")
audit.declare("design.frozen", version=int, digest=audit.DIGEST)
audit.declare("design.tested", recipient=int, sample=queries.SAMPLES, notice=UUID)
audit.declare("asset.kept", bytes=int, width=int, height=int, type=pictures.TYPES)
# Of a test mail the design's and people's numbers, and who it is shown as, who is invented.
notices.declare(queries.TEST, "design", "brand", "topic", "sample", "to", "by")

MOST_TESTS = 20
TESTS_WITHIN = timedelta(minutes=10)


class NotReady(ValueError):
    """The design has findings that stop a mailing; `findings` are what to mend."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} findings stop this design")
        self.findings = tuple(findings)


class NotPossible(ValueError):
    """It can't be done now; the message tells the person why."""


def create_from_starter(
    *, actor: Actor, name: str, starter: Starter = CLINIC_NEWS, template: bool = False
) -> Design:
    """Make a design, or a template, that is a copy of a starter. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        design = _made(
            actor,
            name,
            subject=starter.subject,
            preheader=starter.preheader,
            document=documents.written(starter.blocks, lang=starter.lang),
            is_template=template,
        )
        audit.record(
            "design.created",
            actor=actor,
            target=design,
            details={"starter": starter.slug, "template": template},
        )
    return design


def copy_design(*, actor: Actor, source: Design, name: str, template: bool) -> Design:
    """Make a design, or a template, that is a copy of another as it is now. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        source = Design.objects.get(pk=source.pk)
        design = _made(
            actor,
            name,
            subject=source.subject,
            preheader=source.preheader,
            document=source.document,
            is_template=template,
            copied_from=source if source.is_template else None,
        )
        audit.record(
            "design.copied", actor=actor, target=design, details={"source": source.pk, "template": template}
        )
    return design


def edit_design(
    *,
    actor: Actor,
    design: Design,
    subject: str,
    preheader: str,
    blocks: Sequence[Block],
    removed: tuple[int, Block] | None = None,
) -> Design:
    """Write a design anew. Unfinished work is taken; the lint speaks later. Raises Denied, MalformedDocument.

    `removed` is a block that a button took away just now, with its place: it is set aside, to be put back. Frozen versions stay
    as they are.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        design = _locked(design)
        design.subject, design.preheader = subject, preheader
        design.document = documents.written(blocks, lang=design.document["lang"])
        if removed is not None:
            place, block = removed
            entry = documents.written([block], lang=design.document["lang"])["blocks"][0]
            design.set_aside = {"place": place, "block": entry}
        _save(actor, design)
        audit.record("design.edited", actor=actor, target=design, details={"blocks": len(blocks)})
    return design


def replace_content(*, actor: Actor, design: Design, source: Design | Starter) -> Design:
    """Start over with the words of a template or a starter; what stood there is set aside. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        design = _locked(design)
        design.set_aside = _content(design)
        design.subject, design.preheader = source.subject, source.preheader
        named: dict[str, object]
        if isinstance(source, Starter):
            design.document = documents.written(source.blocks, lang=source.lang)
            design.copied_from, named = None, {"starter": source.slug}
        else:
            design.document, design.copied_from, named = source.document, source, {"source": source.pk}
        _save(actor, design)
        audit.record("design.replaced", actor=actor, target=design, details=named)
    return design


def put_back(*, actor: Actor, design: Design) -> Design:
    """Put back what a button took away last: a block at its place, or the whole content. Raises Denied; NotPossible."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        design = _locked(design)
        aside = design.set_aside
        if aside is None:
            raise NotPossible(_("There is nothing to put back any more."))
        if "block" in aside:
            listed = list(design.document["blocks"])
            if len(listed) >= MOST_BLOCKS:
                raise NotPossible(_("The message is full. Remove another block first."))
            listed.insert(min(int(aside["place"]), len(listed)), aside["block"])
            design.document = {**design.document, "blocks": listed}
            documents.read(design.document)
            design.set_aside = None
        else:
            design.set_aside = _content(design)
            design.subject, design.preheader = aside["subject"], aside["preheader"]
            design.document = aside["document"]
        _save(actor, design)
        audit.record("design.put_back", actor=actor, target=design)
    return design


def rename_template(*, actor: Actor, design: Design, name: str) -> Design:
    """Give a template another name. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        design = _locked(design)
        if design.name != name:
            design.name = name
            _save(actor, design)
            audit.record("design.renamed", actor=actor, target=design)
    return design


def archive_template(*, actor: Actor, design: Design) -> Design:
    """Take a template off the list; campaigns that began from it keep their copies. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        design = _locked(design)
        design.archived_at = design.archived_at or timezone.now()
        design.save(update_fields=["archived_at"])
        audit.record("design.archived", actor=actor, target=design)
    return design


def restore_template(*, actor: Actor, design: Design) -> Design:
    """Put an archived template back on the list. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        design = _locked(design)
        design.archived_at = None
        design.save(update_fields=["archived_at"])
        audit.record("design.restored", actor=actor, target=design)
    return design


def keep_picture(*, actor: Actor, chunks: Iterable[bytes]) -> Asset:
    """Draw an uploaded picture anew and keep it under a random name of 128 bits. Raises Denied; NotAPicture with words why."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    made = pictures.taken(chunks)
    ending = "jpg" if made.content_type == "image/jpeg" else "png"
    with transaction.atomic():
        asset = Asset.objects.create(
            name=f"{secrets.token_hex(16)}.{ending}",
            created_by_id=_user_id(actor),
            created_at=timezone.now(),
            **asdict(made),
        )
        audit.record(
            "asset.kept",
            actor=actor,
            target=asset,
            details={
                "bytes": len(made.content),
                "width": made.width,
                "height": made.height,
                "type": made.content_type,
            },
        )
    return asset


def send_test(
    *,
    actor: Actor,
    design: Design,
    to: User,
    sample: str,
    brand: Brand | None = None,
    topic: Topic | None = None,
) -> UUID:
    """Leave a notice that shows the design, as it is when it is sent, to a colleague; returns the notice's id.

    Nobody but active staff gets one, as somebody invented: never a contact, never a typed address. Raises Denied; NotPossible
    after twenty in ten minutes by one person; KeyError for nobody invented of that name.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    if sample not in queries.SAMPLES:
        raise KeyError(sample)
    if not to.is_active:
        raise NotPossible(_("This colleague's account is closed. Choose somebody else."))
    since = timezone.now() - TESTS_WITHIN
    if notices.left_since(queries.TEST, since, by=actor.id) >= MOST_TESTS:
        raise NotPossible(_("You have sent 20 tests in ten minutes. Wait a little, then send the next."))
    with transaction.atomic():
        notice = notices.leave(
            queries.TEST,
            address=to.email,
            language=get_language() or "en",
            parameters={
                "design": str(design.pk),
                "brand": str(brand.pk) if brand else "",
                "topic": str(topic.pk) if topic else "",
                "sample": sample,
                "to": str(to.pk),
                "by": actor.id,
            },
        )
        audit.record(
            "design.tested",
            actor=actor,
            target=design,
            details={"recipient": to.pk, "sample": sample, "notice": str(notice.pk)},
        )
    return notice.pk


def freeze(*, actor: Actor, design: Design, brand: Brand, topic: Topic) -> DesignVersion:
    """Compile a design for a brand and a topic into a version; the same content gives the same version again.

    Raises Denied; NotReady while the lint has findings that stop it.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        # The lock on the design makes two people who freeze at once get one version.
        design = Design.objects.select_for_update().get(pk=design.pk)
        blocks = documents.read(design.document)
        if bad := stops(lint(subject=design.subject, preheader=design.preheader, blocks=blocks)):
            raise NotReady(bad)
        compiled = mjml.compile_message(
            subject=design.subject,
            preheader=design.preheader,
            blocks=blocks,
            lang=design.document["lang"],
            sender=mjml.Sender(brand.name, brand.postal_address, topic.name),
        )
        version = DesignVersion(
            design=design,
            brand=brand,
            subject=design.subject,
            preheader=design.preheader,
            document=design.document,
            html=compiled.html,
            text=compiled.text,
            links=list(compiled.links),
            fields=sorted(used_fields(blocks)),
            created_at=timezone.now(),
        )
        version.digest = _digest(version)
        if same := DesignVersion.objects.filter(design=design, digest=version.digest).first():
            return same
        last = DesignVersion.objects.filter(design=design).aggregate(last=Max("number"))["last"]
        version.number = (last or 0) + 1
        version.save(force_insert=True)
        audit.record(
            "design.frozen",
            actor=actor,
            target=design,
            details={"version": version.number, "digest": version.digest},
        )
    return version


def _digest(version: DesignVersion) -> str:
    """SHA-256 over everything that a recipient gets to see and where its links lead."""
    content = {
        "brand": version.brand_id,
        "subject": version.subject,
        "preheader": version.preheader,
        "document": version.document,
        "html": version.html,
        "text": version.text,
        "links": version.links,
        "fields": version.fields,
    }
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _made(actor: Actor, name: str, **content: Any) -> Design:
    now, user = timezone.now(), _user_id(actor)
    return Design.objects.create(
        name=name, created_by_id=user, created_at=now, updated_by_id=user, updated_at=now, **content
    )


def _locked(design: Design) -> Design:
    """The design as it is now, held until the transaction ends."""
    return Design.objects.select_for_update().get(pk=design.pk)


def _save(actor: Actor, design: Design) -> None:
    design.updated_at, design.updated_by_id = timezone.now(), _user_id(actor)
    design.save()


def _user_id(actor: Actor) -> int | None:
    return int(actor.id) if actor.kind == "user" else None


def _content(design: Design) -> Mapping[str, Any]:
    return {"subject": design.subject, "preheader": design.preheader, "document": design.document}

"""What is done with designs: begin one, edit it, freeze it into a version that never changes."""

import hashlib
import json
from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from campaigns.designs import blocks as documents
from campaigns.designs import mjml
from campaigns.designs.blocks import Block
from campaigns.designs.lint import Finding, lint, stops, used_fields
from campaigns.designs.models import Design, DesignVersion
from campaigns.designs.starters import CLINIC_NEWS, Starter
from contacts.consent.models import Topic
from safeguards import audit
from safeguards.actor import Actor

audit.declare("design.created", "starter")
audit.declare("design.edited", "blocks")
audit.declare("design.frozen", "version", "digest")


class NotReady(ValueError):
    """The design has findings that stop a mailing; `findings` are what to mend."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} findings stop this design")
        self.findings = tuple(findings)


def create_from_starter(*, actor: Actor, name: str, starter: Starter = CLINIC_NEWS) -> Design:
    """Make a design that is a copy of a starter. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    now = timezone.now()
    with transaction.atomic():
        design = Design.objects.create(
            name=name,
            subject=starter.subject,
            preheader=starter.preheader,
            document=documents.written(starter.blocks, lang=starter.lang),
            created_by_id=int(actor.id) if actor.kind == "user" else None,
            created_at=now,
            updated_at=now,
        )
        audit.record("design.created", actor=actor, target=design, details={"starter": starter.slug})
    return design


def edit_design(
    *, actor: Actor, design: Design, subject: str, preheader: str, blocks: Sequence[Block]
) -> Design:
    """Write a design anew. Unfinished work is taken; the lint speaks later. Raises Denied, MalformedDocument.

    Frozen versions stay as they are.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    document = documents.written(blocks, lang=design.document["lang"])
    with transaction.atomic():
        design = Design.objects.select_for_update().get(pk=design.pk)
        design.subject, design.preheader, design.document = subject, preheader, document
        design.updated_at = timezone.now()
        design.save(update_fields=["subject", "preheader", "document", "updated_at"])
        audit.record("design.edited", actor=actor, target=design, details={"blocks": len(blocks)})
    return design


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

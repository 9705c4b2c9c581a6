"""Planning a campaign: begun, copied, changed step by step, and given to somebody else to look at."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from campaigns import queries, rules
from campaigns.actions.standing import audience_digest, locked, make_mailing, reopen
from campaigns.delivery.actions import NotPossible
from campaigns.delivery.models import IpPool, Mailing
from campaigns.designs import actions as designs
from campaigns.designs.blocks import Block
from campaigns.designs.models import Design
from campaigns.designs.starters import CLINIC_NEWS, Starter
from campaigns.models import Campaign
from contacts.consent.models import Topic
from contacts.segments.models import Segment
from safeguards import audit
from safeguards.actor import Actor

audit.declare("campaign.created")
audit.declare("campaign.duplicated", source=int)
audit.declare("campaign.edited", step=rules.Step)
audit.declare("campaign.approval_asked", mailing=int)

NAME_LENGTH = 120
COPIED = ("segment", "topic", "brand", "pool", "purpose", "tracking")


def create_campaign(*, actor: Actor, name: str, source: Design | Starter = CLINIC_NEWS) -> Campaign:
    """Begin a campaign with the first brand and pool and a copy of a template or a starter. Raises Denied."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    now = timezone.now()
    with transaction.atomic():
        if isinstance(source, Starter):
            design = designs.create_from_starter(actor=actor, name=name, starter=source)
        else:
            design = designs.copy_design(actor=actor, source=source, name=name, template=False)
        campaign = Campaign.objects.create(
            name=name,
            design=design,
            brand=Brand.objects.order_by("pk").first(),
            pool=queries.marketing_pools().first(),
            created_by_id=int(actor.id),
            created_at=now,
            updated_at=now,
        )
        audit.record("campaign.created", actor=actor, target=campaign)
    return campaign


def duplicate_campaign(*, actor: Actor, campaign: Campaign) -> Campaign:
    """Make a draft with the setup, the audience and a copy of the message of another campaign, whatever its state. Raises Denied.

    Neither its approval nor its time to send at is copied.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    now = timezone.now()
    with transaction.atomic():
        suffix = " " + _("(copy)")
        name = campaign.name[: NAME_LENGTH - len(suffix)] + suffix
        made = Campaign.objects.create(
            name=name,
            design=campaign.design
            and designs.copy_design(actor=actor, source=campaign.design, name=name, template=False),
            **{field: getattr(campaign, field) for field in COPIED},
            created_by_id=int(actor.id),
            created_at=now,
            updated_at=now,
        )
        audit.record("campaign.duplicated", actor=actor, target=made, details={"source": campaign.pk})
    return made


def edit_setup(
    *,
    actor: Actor,
    campaign: Campaign,
    name: str,
    brand: Brand,
    topic: Topic,
    purpose: str,
    tracking: str,
    pool: IpPool,
) -> Campaign:
    """Set the terms of a campaign; a change takes back an approval. Raises Denied; NotPossible once it is being sent."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        campaign = locked(campaign)
        wanted = {
            "name": name,
            "brand": brand,
            "topic": topic,
            "purpose": purpose,
            "tracking": tracking,
            "pool": pool,
        }
        if all(getattr(campaign, field) == value for field, value in wanted.items()):
            return campaign
        reopen(actor, campaign)
        for field, value in wanted.items():
            setattr(campaign, field, value)
        _save(actor, campaign, rules.Step.SETUP)
    return campaign


def choose_audience(*, actor: Actor, campaign: Campaign, segment: Segment) -> Campaign:
    """Say who is to get it; a change takes back an approval. Raises Denied; NotPossible once it is being sent."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        campaign = locked(campaign)
        if campaign.segment_id == segment.pk:
            return campaign
        reopen(actor, campaign)
        campaign.segment = segment
        _save(actor, campaign, rules.Step.AUDIENCE)
    return campaign


def edit_content(
    *,
    actor: Actor,
    campaign: Campaign,
    subject: str,
    preheader: str,
    blocks: Sequence[Block],
    removed: tuple[int, Block] | None = None,
) -> Campaign:
    """Write the message; a change takes back an approval. Raises Denied, MalformedDocument; NotPossible once it is being sent.

    `removed` is a block that a button took away just now, with its place; it can be put back.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        campaign = locked(campaign)
        if campaign.design is None:
            campaign.design = designs.create_from_starter(actor=actor, name=campaign.name)
        if queries.says_the_same(campaign.design, subject=subject, preheader=preheader, blocks=blocks):
            return campaign
        reopen(actor, campaign)
        campaign.design = designs.edit_design(
            actor=actor,
            design=campaign.design,
            subject=subject,
            preheader=preheader,
            blocks=blocks,
            removed=removed,
        )
        _save(actor, campaign, rules.Step.DESIGN)
    return campaign


def start_over(*, actor: Actor, campaign: Campaign, source: Design | Starter) -> Campaign:
    """Write the message anew from a template or a starter; what stood there can be put back, and an approval is taken back.

    Raises Denied; NotPossible once it is being sent.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        campaign = locked(campaign)
        reopen(actor, campaign)
        if campaign.design is None:
            raise NotPossible(_("This campaign has no message yet. Write one first."))
        campaign.design = designs.replace_content(actor=actor, design=campaign.design, source=source)
        _save(actor, campaign, rules.Step.DESIGN)
    return campaign


def put_back_content(*, actor: Actor, campaign: Campaign) -> Campaign:
    """Put back what a button took out of the message last; an approval is taken back.

    Raises Denied; NotPossible where there is nothing, and once it is being sent.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        campaign = locked(campaign)
        reopen(actor, campaign)
        if campaign.design is None:
            raise NotPossible(_("There is nothing to put back any more."))
        try:
            campaign.design = designs.put_back(actor=actor, design=campaign.design)
        except designs.NotPossible as error:
            raise NotPossible(str(error)) from None
        _save(actor, campaign, rules.Step.DESIGN)
    return campaign


def save_as_template(*, actor: Actor, campaign: Campaign, name: str) -> Design:
    """Keep the message as a new template; the campaign goes on with its own. Raises Denied; NotPossible without a message."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    if campaign.design is None:
        raise NotPossible(_("This campaign has no message yet. Write one first."))
    return designs.copy_design(actor=actor, source=campaign.design, name=name, template=True)


def request_approval(*, actor: Actor, campaign: Campaign) -> Mailing:
    """Freeze the campaign and let somebody else look at it.

    Raises Denied; NotPossible while something is lacking, or where the same thing already waits or was approved.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        campaign = locked(campaign)
        digest = audience_digest(actor, campaign)
        if campaign.mailing is not None and queries.state(campaign) in rules.ASKED:
            if campaign.mailing.audience_digest == digest:
                raise NotPossible(_("Approval has been asked for already, and nothing has changed since."))
            reopen(actor, campaign)
        mailing = make_mailing(actor, campaign, digest, needs_approval=True)
        audit.record("campaign.approval_asked", actor=actor, target=campaign, details={"mailing": mailing.pk})
    return mailing


def _save(actor: Actor, campaign: Campaign, step: rules.Step) -> None:
    campaign.updated_at = timezone.now()
    campaign.save()
    audit.record("campaign.edited", actor=actor, target=campaign, details={"step": step.value})

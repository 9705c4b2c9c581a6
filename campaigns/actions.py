"""What is done with campaigns: plan one, ask for approval, launch it, hold it, end it.

A campaign that has been sent for approval points to a frozen mailing. Whoever changes the campaign afterwards takes that mailing
back, so that an approval never covers what nobody approved (BEHAVIOURS C13).
"""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from campaigns import queries, rules
from campaigns.delivery import actions as delivery
from campaigns.delivery.actions import NotPossible
from campaigns.delivery.models import IpPool, Mailing
from campaigns.designs import actions as designs
from campaigns.designs.blocks import Block
from campaigns.designs.models import Design
from campaigns.designs.starters import CLINIC_NEWS, Starter
from campaigns.models import Campaign
from contacts.consent.models import Topic
from contacts.segments import queries as segments
from contacts.segments import rules as segment_rules
from contacts.segments.models import Segment
from safeguards import audit
from safeguards.actor import Actor

audit.declare("campaign.created")
audit.declare("campaign.edited", "step")
audit.declare("campaign.reopened", "mailing")
audit.declare("campaign.approval_asked", "mailing")
audit.declare("campaign.launched", "mailing", "audience")

__all__ = [
    "NotPossible",
    "approve_campaign",
    "cancel_campaign",
    "choose_audience",
    "create_campaign",
    "edit_content",
    "edit_setup",
    "launch_campaign",
    "pause_campaign",
    "put_back_content",
    "request_approval",
    "resume_campaign",
    "save_as_template",
    "send_back_campaign",
    "start_over",
]


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
        campaign = _locked(campaign)
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
        _reopen(actor, campaign)
        for field, value in wanted.items():
            setattr(campaign, field, value)
        _save(actor, campaign, rules.Step.SETUP)
    return campaign


def choose_audience(*, actor: Actor, campaign: Campaign, segment: Segment) -> Campaign:
    """Say who is to get it; a change takes back an approval. Raises Denied; NotPossible once it is being sent."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        campaign = _locked(campaign)
        if campaign.segment_id == segment.pk:
            return campaign
        _reopen(actor, campaign)
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
        campaign = _locked(campaign)
        if campaign.design is None:
            campaign.design = designs.create_from_starter(actor=actor, name=campaign.name)
        if queries.says_the_same(campaign.design, subject=subject, preheader=preheader, blocks=blocks):
            return campaign
        _reopen(actor, campaign)
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
        campaign = _locked(campaign)
        _reopen(actor, campaign)
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
        campaign = _locked(campaign)
        _reopen(actor, campaign)
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
        campaign = _locked(campaign)
        digest = _audience_digest(actor, campaign)
        if campaign.mailing is not None and queries.state(campaign) in rules.ASKED:
            if campaign.mailing.audience_digest == digest:
                raise NotPossible(_("Approval has been asked for already, and nothing has changed since."))
            _reopen(actor, campaign)
        mailing = _make_mailing(actor, campaign, digest, needs_approval=True)
        audit.record("campaign.approval_asked", actor=actor, target=campaign, details={"mailing": mailing.pk})
    return mailing


def launch_campaign(*, actor: Actor, campaign: Campaign) -> Mailing:
    """Send the campaign to everybody who is in its segment now and may be written to.

    Raises Denied; NotPossible where approval is needed and missing, or the segment's rules changed after it; IndexAway while
    nobody can say who is in the segment.
    """
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    segment = Segment.objects.filter(campaign=campaign).first()
    if segment is None:
        raise NotPossible(_("Choose who gets it first."))
    # Asked before the transaction: the index answers from its own process, and no lock should wait for it.
    tree = segments.reveal_segment(actor, segment).tree
    contact_ids = segments.members(actor, tree)
    digest = segment_rules.digest(tree)
    with transaction.atomic():
        campaign = _locked(campaign)
        if campaign.segment_id != segment.pk or _audience_digest(actor, campaign) != digest:
            raise NotPossible(_("The audience was changed a moment ago. Look at it again, then send."))
        state = queries.state(campaign)
        if campaign.mailing is not None and state in rules.ASKED:
            if campaign.mailing.audience_digest != digest:
                raise NotPossible(
                    _("The segment's rules were changed after approval was asked for. Ask for it again.")
                )
            mailing = campaign.mailing
        elif state in {rules.State.DRAFT, rules.State.RETURNED}:
            clinical = queries.is_clinical(campaign)
            if rules.needs_approval(clinical=clinical, audience_size=len(contact_ids)):
                raise NotPossible(_("Somebody else has to approve this campaign first. Ask for approval."))
            mailing = _make_mailing(actor, campaign, digest, needs_approval=False)
        else:
            raise NotPossible(_("This campaign has been sent already. Make a new one to send again."))
        mailing = delivery.launch_mailing(actor=actor, mailing=mailing, contact_ids=contact_ids)
        audit.record(
            "campaign.launched",
            actor=actor,
            target=campaign,
            details={"mailing": mailing.pk, "audience": len(contact_ids)},
        )
    return mailing


def approve_campaign(*, actor: Actor, mailing: Mailing, comment: str) -> Mailing:
    """A second person's yes.

    Raises Denied; NotPossible for the campaign's author, where it was changed meanwhile, and where the segment's rules were.
    """
    access.require(actor, Permission.APPROVE_MAILING)
    with transaction.atomic():
        asking = Campaign.objects.filter(mailing=mailing).first()
        if asking is None:
            raise NotPossible(
                _("The author has changed this campaign meanwhile. It will be asked for again.")
            )
        campaign = _locked(asking)
        if actor.id == str(campaign.created_by_id):
            raise NotPossible(_("You planned this campaign yourself. Somebody else has to approve it."))
        if _audience_digest(actor, campaign) != mailing.audience_digest:
            raise NotPossible(
                _("The segment's rules were changed after approval was asked for. Send the campaign back.")
            )
        return delivery.approve_mailing(actor=actor, mailing=mailing, comment=comment)


def send_back_campaign(*, actor: Actor, mailing: Mailing, comment: str) -> Mailing:
    """A second person's no, with what has to change; the campaign is a draft again. Raises Denied; NotPossible without words."""
    access.require(actor, Permission.APPROVE_MAILING)
    return delivery.reject_mailing(actor=actor, mailing=mailing, comment=comment)


def pause_campaign(*, actor: Actor, campaign: Campaign) -> Mailing:
    """Hold it after the batch in hand. Raises Denied; NotPossible unless it is being sent."""
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    return delivery.pause_mailing(actor=actor, mailing=_mailing_of(campaign))


def resume_campaign(*, actor: Actor, campaign: Campaign) -> Mailing:
    """Go on where it was held. Raises Denied; NotPossible unless it is paused."""
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    return delivery.resume_mailing(actor=actor, mailing=_mailing_of(campaign))


def cancel_campaign(*, actor: Actor, campaign: Campaign) -> Mailing:
    """Send nothing more of it; one that hadn't begun is a draft again. Raises Denied; NotPossible when it is over."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    return delivery.cancel_mailing(actor=actor, mailing=_mailing_of(campaign))


def _locked(campaign: Campaign) -> Campaign:
    """The campaign as it is now, held until the transaction ends: `of` itself only, since its relations may be absent."""
    return (
        Campaign.objects.select_for_update(of=("self",))
        .select_related("mailing", "design", "brand", "topic", "pool", "segment")
        .get(pk=campaign.pk)
    )


def _mailing_of(campaign: Campaign) -> Mailing:
    if campaign.mailing is None:
        raise NotPossible(_("This campaign hasn't been sent yet."))
    return campaign.mailing


def _reopen(actor: Actor, campaign: Campaign) -> None:
    """Make the campaign a draft: take back what waits or was approved. NotPossible once it is being sent."""
    if queries.state(campaign) not in rules.EDITABLE:
        raise NotPossible(_("This campaign has been sent, so it can't be changed. Make a new one."))
    if campaign.mailing is None:
        return
    mailing = campaign.mailing
    if queries.state(campaign) in rules.ASKED:
        delivery.cancel_mailing(actor=actor, mailing=mailing)
    campaign.mailing = None
    campaign.save(update_fields=["mailing"])
    audit.record("campaign.reopened", actor=actor, target=campaign, details={"mailing": mailing.pk})


def _save(actor: Actor, campaign: Campaign, step: rules.Step) -> None:
    campaign.updated_at = timezone.now()
    campaign.save()
    audit.record("campaign.edited", actor=actor, target=campaign, details={"step": step.value})


def _audience_digest(actor: Actor, campaign: Campaign) -> str:
    if campaign.segment is None:
        raise NotPossible(_("Choose who gets it first."))
    return segment_rules.digest(segments.reveal_segment(actor, campaign.segment).tree)


def _make_mailing(actor: Actor, campaign: Campaign, digest: str, *, needs_approval: bool) -> Mailing:
    """Freeze the design and make the mailing that the campaign points to from now on."""
    design, brand, topic, pool = campaign.design, campaign.brand, campaign.topic, campaign.pool
    if queries.blockers(campaign) or design is None or brand is None or topic is None or pool is None:
        raise NotPossible(_("Something is still missing. The review page says what, and where to mend it."))
    if queries.state(campaign) not in rules.EDITABLE:
        raise NotPossible(_("This campaign has been sent already. Make a new one to send again."))
    mailing = delivery.create_mailing(
        actor=actor,
        version=designs.freeze(actor=actor, design=design, brand=brand, topic=topic),
        topic=topic,
        brand=brand,
        pool=pool,
        purpose=campaign.purpose,
        tracking=campaign.tracking,
        audience_digest=digest,
        needs_approval=needs_approval,
    )
    campaign.mailing = mailing
    campaign.updated_at = timezone.now()
    campaign.save(update_fields=["mailing", "updated_at"])
    return mailing

"""A campaign on its way: approved or sent back, launched, held, ended."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from campaigns import queries, rules
from campaigns.actions.standing import audience_digest, forget_time, locked, make_mailing
from campaigns.delivery import actions as delivery
from campaigns.delivery.actions import NotPossible
from campaigns.delivery.models import Mailing
from campaigns.models import Campaign
from contacts.segments import queries as segments
from contacts.segments import rules as segment_rules
from contacts.segments.models import Segment
from safeguards import audit
from safeguards.actor import Actor

audit.declare("campaign.launched", mailing=int, audience=int, send_at=datetime)


class CannotGo(NotPossible):
    """A campaign can't be launched, for a reason that is told where its time has passed."""

    def __init__(self, why: rules.Missed, words: str) -> None:
        super().__init__(words)
        self.why = why


class NotDue(NotPossible):
    """The campaign has no such time any more: somebody gave it another, took it away, or launched it."""


def launch_campaign(*, actor: Actor, campaign: Campaign) -> Mailing:
    """Send the campaign to everybody who is in its segment now and may be written to.

    Raises Denied; NotPossible where approval is needed and missing, or the segment's rules changed after it; IndexAway while
    nobody can say who is in the segment.
    """
    return launch(actor, campaign, due=None)


def launch(actor: Actor, campaign: Campaign, *, due: datetime | None) -> Mailing:
    """Launch it, as `launch_campaign` says; where `due` is given, only if that is still its time. Raises NotDue besides.

    Its time is taken away in the transaction that launches it: so two sweeps launch once, and a crash leaves either all or
    nothing, with the time still there for the next sweep.
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
        campaign = locked(campaign)
        if due is not None and (campaign.send_at != due or campaign.missed):
            raise NotDue
        if campaign.segment_id != segment.pk or audience_digest(actor, campaign) != digest:
            raise CannotGo(
                rules.Missed.CHANGED, _("The audience was changed a moment ago. Look at it again, then send.")
            )
        state = queries.state(campaign)
        if campaign.mailing is not None and state in rules.ASKED:
            if campaign.mailing.audience_digest != digest:
                raise CannotGo(
                    rules.Missed.CHANGED,
                    _("The segment's rules were changed after approval was asked for. Ask for it again."),
                )
            mailing = campaign.mailing
            if not mailing.needs_approval:
                # It was small when it was given its time.
                _may_go_alone(campaign, len(contact_ids))
        elif state in {rules.State.DRAFT, rules.State.RETURNED}:
            _may_go_alone(campaign, len(contact_ids))
            mailing = make_mailing(actor, campaign, digest, needs_approval=False)
        else:
            raise NotPossible(_("This campaign has been sent already. Make a new one to send again."))
        if not contact_ids:
            raise CannotGo(
                rules.Missed.NOBODY, _("Nobody is in this segment now. Change its rules, or choose another.")
            )
        mailing = delivery.launch_mailing(actor=actor, mailing=mailing, contact_ids=contact_ids)
        forget_time(campaign)
        audit.record(
            "campaign.launched",
            actor=actor,
            target=campaign,
            details={"mailing": mailing.pk, "audience": len(contact_ids)}
            | ({"send_at": due.isoformat()} if due else {}),
        )
    return mailing


def _may_go_alone(campaign: Campaign, size: int) -> None:
    if rules.needs_approval(clinical=queries.is_clinical(campaign), audience_size=size):
        raise CannotGo(
            rules.Missed.NOT_APPROVED,
            _("Somebody else has to approve this campaign first. Ask for approval."),
        )


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
        campaign = locked(asking)
        if actor.id == str(campaign.created_by_id):
            raise NotPossible(_("You planned this campaign yourself. Somebody else has to approve it."))
        if audience_digest(actor, campaign) != mailing.audience_digest:
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
    """Send nothing more of it; one that hadn't begun is a draft again, with no time. Raises Denied; NotPossible once over."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        campaign = locked(campaign)
        cancelled = delivery.cancel_mailing(actor=actor, mailing=_mailing_of(campaign))
        forget_time(campaign)
    return cancelled


def _mailing_of(campaign: Campaign) -> Mailing:
    if campaign.mailing is None:
        raise NotPossible(_("This campaign hasn't been sent yet."))
    return campaign.mailing

"""A time to send at: given, taken away, kept.

The row is the queue: a sweep finds the campaigns whose time has come, and each is launched on behalf of who gave it the time, by
the very act that a press of "Send now" is.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from campaigns import queries, rules
from campaigns.actions.launching import CannotGo, NotDue, launch
from campaigns.actions.standing import audience_digest, forget_time, locked, make_mailing, reopen
from campaigns.delivery.actions import NotPossible
from campaigns.models import Campaign
from contacts.segments import queries as segments
from contacts.segments.client import IndexAway
from safeguards import audit, queue
from safeguards.actor import Actor

audit.declare("campaign.scheduled", send_at=datetime, zone=audit.ZONE)
audit.declare("campaign.unscheduled", send_at=datetime)
audit.declare("campaign.missed", send_at=datetime, why=rules.Missed)


def schedule_campaign(*, actor: Actor, campaign: Campaign, send_at: datetime, zone: str) -> Campaign:
    """Let it go by itself at a moment, given in a zone; asks for approval too where that is needed and hasn't been asked for.

    An approval that was given stays, since it covers the words, the rules and the terms, and not the time. What needs none is
    frozen as it is now, so that what goes is what was looked at.

    Raises Denied; NotPossible for a moment that has passed, while something is lacking, and once it is being sent; IndexAway
    while nobody can say how many people are in the segment.
    """
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    size = 0
    settled = queries.state(campaign) in rules.ASKED and not queries.audience_changed(actor, campaign)
    if campaign.segment is not None and not settled and not queries.is_clinical(campaign):
        # Before the transaction: the index answers from its own process, and no lock should wait for it.
        tree = segments.reveal_segment(actor, campaign.segment).tree
        size = segments.count(actor, tree).match.least
    with transaction.atomic():
        campaign = locked(campaign)
        if send_at <= timezone.now():
            raise NotPossible(_("That time has passed. Choose a later one."))
        if queries.state(campaign) not in rules.EDITABLE:
            raise NotPossible(_("This campaign has been sent already. Make a new one to send again."))
        _freeze(actor, campaign, size)
        campaign.send_at, campaign.send_zone, campaign.missed = send_at, zone, ""
        campaign.scheduled_by_id = int(actor.id)
        campaign.updated_at = timezone.now()
        campaign.save()
        audit.record(
            "campaign.scheduled",
            actor=actor,
            target=campaign,
            details={"send_at": send_at.isoformat(), "zone": zone},
        )
    return campaign


def unschedule_campaign(*, actor: Actor, campaign: Campaign) -> Campaign:
    """Take its time away; an approval stays, and what needed none is a draft again. Raises Denied; NotPossible without a time."""
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    with transaction.atomic():
        campaign = locked(campaign)
        if campaign.send_at is None:
            raise NotPossible(_("This campaign has no time to send at any more."))
        if campaign.mailing is not None and not campaign.mailing.needs_approval:
            reopen(actor, campaign)
        audit.record(
            "campaign.unscheduled",
            actor=actor,
            target=campaign,
            details={"send_at": campaign.send_at.isoformat()},
        )
        forget_time(campaign)
        campaign.updated_at = timezone.now()
        campaign.save(update_fields=["updated_at"])
    return campaign


def sweep_scheduled() -> None:
    """Wake a worker for each campaign whose time has come; one that fails holds up no other, and is woken for again."""
    for pk in queries.due(timezone.now()).values_list("pk", flat=True):
        queue.enqueue("campaigns.launch_due", campaign_id=pk)


def launch_due(*, actor: Actor, campaign_id: int) -> None:
    """Launch a campaign whose time has come, on behalf of who gave it the time; that person's permission is asked now.

    What can't go is marked with why, for the people who plan. While the index is away the time stays, and the next sweep tries
    again, for an hour. Nothing happens where the campaign isn't due any more. Raises Denied for an `actor` who isn't the system.
    """
    access.require(actor, Permission.DELIVER)
    campaign = queries.due(timezone.now()).filter(pk=campaign_id).first()
    if campaign is None or campaign.send_at is None or campaign.scheduled_by is None:
        return
    due, person = campaign.send_at, campaign.scheduled_by
    why = _missed(campaign)
    if why is None:
        try:
            launch(access.of_user(person), campaign, due=due)
        except (NotDue, IndexAway):
            return
        except access.Denied:
            why = rules.Missed.NOT_ALLOWED
        except CannotGo as error:
            why = error.why
        except NotPossible:
            why = rules.Missed.REFUSED
        else:
            return
    _miss(actor, campaign, due, why)


def _missed(campaign: Campaign) -> rules.Missed | None:
    if campaign.send_at is None or campaign.scheduled_by is None:
        return None
    return rules.missed(
        state=queries.state(campaign),
        active=campaign.scheduled_by.is_active,
        late_by=timezone.now() - campaign.send_at,
    )


def _miss(actor: Actor, campaign: Campaign, due: datetime, why: rules.Missed) -> None:
    with transaction.atomic():
        campaign = locked(campaign)
        if campaign.send_at != due or campaign.missed:
            return
        if why is rules.Missed.NOT_APPROVED and queries.state(campaign) is rules.State.APPROVED:
            mailing = campaign.mailing
            if mailing is not None and mailing.needs_approval:
                # Approved a moment ago: the next sweep launches it.
                return
        campaign.missed = why.value
        campaign.save(update_fields=["missed"])
        audit.record(
            "campaign.missed",
            actor=actor,
            target=campaign,
            outcome="failure",
            details={"send_at": due.isoformat(), "why": why.value},
        )


def _freeze(actor: Actor, campaign: Campaign, size: int) -> None:
    """Make the mailing that goes at the time, unless there is one for exactly this already."""
    digest = audience_digest(actor, campaign)
    if campaign.mailing is not None and queries.state(campaign) in rules.ASKED:
        if campaign.mailing.audience_digest == digest:
            return
        reopen(actor, campaign)
    needed = rules.needs_approval(clinical=queries.is_clinical(campaign), audience_size=size)
    mailing = make_mailing(actor, campaign, digest, needs_approval=needed)
    if needed:
        audit.record("campaign.approval_asked", actor=actor, target=campaign, details={"mailing": mailing.pk})

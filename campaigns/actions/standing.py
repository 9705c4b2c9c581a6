"""A campaign as it stands: held while it is changed, its mailing made or taken back.

A campaign that has been sent for approval points to a frozen mailing. Whoever changes the campaign afterwards takes that mailing
back, so that an approval never covers what nobody approved (BEHAVIOURS C13).
"""

from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns import queries, rules
from campaigns.delivery import actions as delivery
from campaigns.delivery.actions import NotPossible
from campaigns.delivery.models import Mailing
from campaigns.designs import actions as designs
from campaigns.models import Campaign
from contacts.segments import queries as segments
from contacts.segments import rules as segment_rules
from safeguards import audit
from safeguards.actor import Actor

audit.declare("campaign.reopened", mailing=int)


def locked(campaign: Campaign) -> Campaign:
    """The campaign as it is now, held until the transaction ends: `of` itself only, since its relations may be absent."""
    return (
        Campaign.objects.select_for_update(of=("self",))
        .select_related("mailing", "design", "brand", "topic", "pool", "segment")
        .get(pk=campaign.pk)
    )


def reopen(actor: Actor, campaign: Campaign) -> None:
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


def audience_digest(actor: Actor, campaign: Campaign) -> str:
    if campaign.segment is None:
        raise NotPossible(_("Choose who gets it first."))
    return segment_rules.digest(segments.reveal_segment(actor, campaign.segment).tree)


def make_mailing(actor: Actor, campaign: Campaign, digest: str, *, needs_approval: bool) -> Mailing:
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
        clinical=queries.is_clinical(campaign),
    )
    campaign.mailing = mailing
    campaign.updated_at = timezone.now()
    campaign.save(update_fields=["mailing", "updated_at"])
    return mailing


def forget_time(campaign: Campaign) -> None:
    """Take a campaign's time away; the zone stays for the next one."""
    campaign.send_at, campaign.scheduled_by, campaign.missed = None, None, ""
    campaign.save(update_fields=["send_at", "scheduled_by", "missed"])

"""A mailing's life: made, approved or sent back, launched, paused, resumed, cancelled."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.models import User
from accounts.organization.models import Brand
from campaigns.delivery import gate
from campaigns.delivery.models import Approval, Audience, IpPool, Link, Mailing, Message, SendingDomain
from campaigns.designs.models import DesignVersion
from contacts.consent.models import Topic
from safeguards import audit, phi, queue
from safeguards.actor import Actor

audit.declare("mailing.created", digest=audit.DIGEST, needs_approval=bool)
audit.declare("mailing.approved", digest=audit.DIGEST)
audit.declare("mailing.sent_back", digest=audit.DIGEST)
audit.declare("mailing.launched", audience=int)
audit.declare("mailing.paused")
audit.declare("mailing.resumed")
audit.declare("mailing.cancelled", messages=int)
audit.declare("mailing.finished", states=audit.COUNTS)

SLICE = 10_000
_State = Mailing.State


class NotPossible(Exception):
    """The mailing is not in a state in which this can be done; the text says why, for the person who tried."""


def create_mailing(
    *,
    actor: Actor,
    version: DesignVersion,
    topic: Topic,
    brand: Brand,
    pool: IpPool,
    purpose: str,
    tracking: str,
    audience_digest: str,
    needs_approval: bool,
    clinical: bool,
) -> Mailing:
    """Freeze an instruction to send. It waits for approval, or is ready where none is needed.

    `clinical` says whether its audience or its message speaks of health.
    Refused with NotPossible where the brand's domain has no signing key or the pool no address.
    """
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    if not SendingDomain.objects.filter(domain=brand.domain).exists():
        raise NotPossible(
            _("%s can't sign its mail yet. Ask an administrator to add the sending domain.") % brand.domain
        )
    if not pool.entries.exists():
        raise NotPossible(_("The pool %s has no address to send from.") % pool.name)
    with transaction.atomic():
        mailing = Mailing(
            state=_State.WAITING if needs_approval else _State.READY,
            purpose=purpose,
            topic=topic,
            brand=brand,
            pool=pool,
            version=version,
            tracking=tracking,
            audience_digest=audience_digest,
            needs_approval=needs_approval,
            clinical=clinical,
            requested_by=User.objects.get(pk=actor.id),
            requested_at=timezone.now(),
        )
        mailing.content_digest = gate.content_digest(mailing)
        mailing.save()
        Link.objects.bulk_create(
            Link(mailing=mailing, number=number, url=url) for number, url in enumerate(version.links)
        )
        audit.record(
            "mailing.created",
            actor=actor,
            target=mailing,
            details={"digest": mailing.content_digest, "needs_approval": needs_approval},
        )
    return mailing


def _locked(mailing: Mailing, *states: str) -> Mailing:
    found = Mailing.objects.select_for_update().get(pk=mailing.pk)
    if found.state not in states:
        raise NotPossible(_("This can't be done now: the mailing is “%s”.") % found.get_state_display())
    return found


def _word(actor: Actor, mailing: Mailing, comment: str, approved: bool) -> Mailing:
    access.require(actor, Permission.APPROVE_MAILING)
    with transaction.atomic():
        found = _locked(mailing, _State.WAITING)
        if str(found.requested_by_id) == actor.id:
            raise NotPossible(_("You asked for this approval yourself. Somebody else has to give it."))
        Approval.objects.create(
            mailing=found,
            approver=User.objects.get(pk=actor.id),
            digest=found.content_digest,
            approved=approved,
            comment=comment[:500],
            at=timezone.now(),
        )
        found.state = _State.READY if approved else _State.CANCELLED
        found.save(update_fields=["state"])
        audit.record(
            "mailing.approved" if approved else "mailing.sent_back",
            actor=actor,
            target=found,
            details={"digest": found.content_digest},
        )
    return found


def approve_mailing(*, actor: Actor, mailing: Mailing, comment: str = "") -> Mailing:
    """A second person's yes, bound to what they saw. Refused to the author (C13)."""
    return _word(actor, mailing, comment, approved=True)


def reject_mailing(*, actor: Actor, mailing: Mailing, comment: str) -> Mailing:
    """A second person's no, with why; the author changes the campaign and asks again. NotPossible without a comment."""
    if not comment.strip():
        raise NotPossible(_("Say what has to change, so that the author can change it."))
    return _word(actor, mailing, comment, approved=False)


def launch_mailing(*, actor: Actor, mailing: Mailing, contact_ids: Sequence[int]) -> Mailing:
    """Fix who gets it, sealed, and wake the workers. Refused with NotPossible unless approved, or where nobody would get it."""
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    with transaction.atomic():
        found = _locked(mailing, _State.READY)
        if gate.approval_problem(found) is not None:
            raise NotPossible(_("The approval doesn't cover what would be sent. Ask for it again."))
        if not contact_ids:
            raise NotPossible(_("Nobody is in this segment now. Change its rules, or choose another."))
        ids = sorted(set(contact_ids))
        slices = [ids[start : start + SLICE] for start in range(0, len(ids), SLICE)]
        for number, (pk, part) in enumerate(zip(phi.allot(Audience, len(slices)), slices, strict=True)):
            Audience.objects.create(
                pk=pk,
                mailing=found,
                number=number,
                sealed=phi.seal(Audience, "sealed", pk, {"contact_ids": part}),
            )
        found.state = _State.FREEZING
        found.audience_size = len(ids)
        found.started_at = timezone.now()
        found.save(update_fields=["state", "audience_size", "started_at"])
        audit.record("mailing.launched", actor=actor, target=found, details={"audience": len(ids)})
        queue.enqueue("delivery.freeze", mailing_id=found.pk)
    return found


def pause_mailing(*, actor: Actor, mailing: Mailing) -> Mailing:
    """Stop sending after the batch in hand."""
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    with transaction.atomic():
        found = _locked(mailing, _State.SENDING)
        found.state, found.paused_at = _State.PAUSED, timezone.now()
        found.save(update_fields=["state", "paused_at"])
        audit.record("mailing.paused", actor=actor, target=found)
    return found


def resume_mailing(*, actor: Actor, mailing: Mailing) -> Mailing:
    """Go on sending where it stopped."""
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    with transaction.atomic():
        found = _locked(mailing, _State.PAUSED)
        if found.paused_at is not None:
            _give_back(found, timezone.now() - found.paused_at)
        found.state, found.paused_at = _State.SENDING, None
        found.save(update_fields=["state", "paused_at"])
        audit.record("mailing.resumed", actor=actor, target=found)
        queue.enqueue("delivery.sweep")
    return found


def _give_back(mailing: Mailing, pause: timedelta) -> None:
    """Add the length of a pause to the life of what had been tried before it: nobody tried it meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_message SET first_due = first_due + make_interval(secs => %s)"
            " WHERE mailing_id = %s AND state = %s AND first_due IS NOT NULL",
            [pause.total_seconds(), mailing.pk, Message.State.QUEUED],
        )


def cancel_mailing(*, actor: Actor, mailing: Mailing) -> Mailing:
    """Send nothing more of it, ever. What has left can't be called back; what is in a worker's hands may still leave."""
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    with transaction.atomic():
        found = _locked(mailing, _State.WAITING, _State.READY, _State.FREEZING, _State.SENDING, _State.PAUSED)
        found.state = _State.CANCELLED
        found.finished_at = timezone.now()
        found.save(update_fields=["state", "finished_at"])
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE delivery_message SET state = %s, updated_at = %s WHERE mailing_id = %s AND state = %s",
                [Message.State.CANCELLED, found.finished_at, found.pk, Message.State.QUEUED],
            )
            cancelled = cursor.rowcount
        audit.record("mailing.cancelled", actor=actor, target=found, details={"messages": cancelled})
    return found

"""Invitations: somebody is asked by mail to open their own account, by a link that works once and for seven days."""

from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.actions.people import opened
from accounts.models import Invitation, Role, User
from safeguards import audit, notices, tokens
from safeguards.actor import Actor

audit.declare("invitation.sent", role=Role, superseded=int)
audit.declare("invitation.sent_again", role=Role)
audit.declare("invitation.withdrawn", role=Role)
audit.declare("invitation.restored", role=Role)
audit.declare("invitation.accepted", invitation=int, role=Role)

KIND = "staff.invitation"
notices.declare(KIND, "name", "by", "role")
LIFE = timedelta(days=7)


class InvitationGone(Exception):
    """The link was never ours, was used, withdrawn or superseded, is too old, or its sender may not invite any more."""


def invite_person(*, actor: Actor, email: str, name: str, role: str) -> Invitation:
    """Ask somebody to open an account of this role, by a link in a mail; an open invitation to the address is superseded.

    Needs the permission to manage people. Raises ValidationError for a malformed address, an empty name, an unknown role, and
    where somebody has an account with the address.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    try:
        address = tokens.normalise(email)
    except ValueError as error:
        raise ValidationError({"email": str(error)}) from None
    _refuse_a_known(address)
    token, token_hash = tokens.new_single_use()
    now = timezone.now()
    invitation = Invitation(
        email=address,
        name=" ".join(name.split()),
        role=role,
        token_hash=token_hash,
        invited_by=User.objects.filter(pk=actor.id).first() if actor.kind == "user" else None,
        created_at=now,
        sent_at=now,
        expires_at=now + LIFE,
    )
    # Accepting and withdrawing come later: nothing stands there yet.
    invitation.clean_fields(exclude={"invited_by", "withdrawn_at", "accepted_by"})
    try:
        with transaction.atomic():
            superseded = Invitation.objects.filter(
                email__iexact=address, withdrawn_at=None, accepted_by=None
            ).update(withdrawn_at=now)
            invitation.save()
            _send(actor, invitation, token)
            audit.record(
                "invitation.sent",
                actor=actor,
                target=invitation,
                details={"role": role, "superseded": superseded},
            )
    except IntegrityError:
        # Two at the same moment; the other one stands.
        raise ValidationError({"email": _("A colleague has just invited this address.")}) from None
    return invitation


def resend_invitation(*, actor: Actor, invitation: Invitation) -> None:
    """Send an open invitation again with a new link and seven more days; the link before works no more.

    Needs the permission to manage people. Raises InvitationGone where it isn't open any more.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    token, token_hash = tokens.new_single_use()
    with transaction.atomic():
        found = _locked(invitation)
        now = timezone.now()
        found.token_hash, found.sent_at, found.expires_at = token_hash, now, now + LIFE
        # Whoever sends it again answers for it from now on.
        found.invited_by = User.objects.filter(pk=actor.id).first() if actor.kind == "user" else None
        found.save(update_fields=["token_hash", "sent_at", "expires_at", "invited_by"])
        _send(actor, found, token)
        audit.record("invitation.sent_again", actor=actor, target=found, details={"role": found.role})


def withdraw_invitation(*, actor: Actor, invitation: Invitation) -> None:
    """Make an open invitation's link work no more. Needs the permission to manage people. Raises InvitationGone otherwise."""
    access.require(actor, Permission.MANAGE_PEOPLE)
    with transaction.atomic():
        found = _locked(invitation)
        found.withdrawn_at = timezone.now()
        found.save(update_fields=["withdrawn_at"])
        audit.record("invitation.withdrawn", actor=actor, target=found, details={"role": found.role})


def restore_invitation(*, actor: Actor, invitation: Invitation) -> None:
    """Take a withdrawal back: the link in the mail works again, for as long as it would have.

    Needs the permission to manage people. Raises InvitationGone where it was accepted, is too old, or there is a newer one or an
    account.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    try:
        _refuse_a_known(invitation.email)
        with transaction.atomic():
            restored = Invitation.objects.filter(
                pk=invitation.pk,
                accepted_by=None,
                withdrawn_at__isnull=False,
                expires_at__gt=timezone.now(),
            ).update(withdrawn_at=None)
            if not restored:
                raise InvitationGone
            audit.record(
                "invitation.restored", actor=actor, target=invitation, details={"role": invitation.role}
            )
    except (IntegrityError, ValidationError):
        raise InvitationGone from None


def accept_invitation(*, actor: Actor, token: str, password: str, time_zone: str = "") -> User:
    """Open the account that a link invites to, with a password of the person's own; the second factor is enrolled next.

    The token is the authority; `actor` tells from where, and becomes the new person. Of two at once one opens it. Raises
    InvitationGone for a link that doesn't work (any more), ValidationError for a short or common password (BEHAVIOURS A10).
    """
    with transaction.atomic():
        found = (
            Invitation.objects.select_for_update().filter(token_hash=tokens.hash_single_use(token)).first()
        )
        if found is None or not access.invitation_stands(found):
            raise InvitationGone
        person = opened(
            email=found.email, name=found.name, role=found.role, password=password, time_zone=time_zone
        )
        found.accepted_by = person
        found.save(update_fields=["accepted_by"])
        themselves = replace(actor, id=str(person.pk), display=person.name, role=person.role)
        audit.record("person.added", actor=themselves, target=person, details={"role": person.role})
        audit.record(
            "invitation.accepted",
            actor=themselves,
            target=person,
            details={"invitation": found.pk, "role": person.role},
        )
    return person


def _locked(invitation: Invitation) -> Invitation:
    found = (
        Invitation.objects.select_for_update()
        .filter(pk=invitation.pk, withdrawn_at=None, accepted_by=None)
        .first()
    )
    if found is None:
        raise InvitationGone
    return found


def _refuse_a_known(address: str) -> None:
    known = User.objects.filter(email__iexact=address).first()
    if known is None:
        return
    if known.is_active:
        raise ValidationError({"email": _("Somebody has an account with this address already.")})
    raise ValidationError(
        {"email": _("This address belongs to a deactivated account. Reactivate it on its page instead.")}
    )


def _send(actor: Actor, invitation: Invitation, token: str) -> None:
    notices.leave(
        KIND,
        address=invitation.email,
        language="en",
        parameters={
            "name": invitation.name,
            "by": actor.display,
            "role": str(Role(invitation.role).label),
        },
        secret=f"{settings.STAFF_URL}{reverse('account_invitation', args=[token])}",
    )

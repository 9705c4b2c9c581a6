"""A forgotten password: a link by mail, asked for by the person or sent by an administrator, that sets a new one.

It is no way in: whoever follows it signs in afterwards with the new password and their second factor (BEHAVIOURS A10).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access, sessions
from accounts.access import Permission
from accounts.models import PasswordLink, User
from safeguards import audit, notices, queue, tokens
from safeguards.actor import Actor

audit.declare("password.link_asked")
audit.declare("password.link_sent")
audit.declare("password.reset", sessions=int)

KIND = "staff.password_link"
notices.declare(KIND, "name", "by")
CHANGED = "staff.password_changed"
notices.declare(CHANGED, "name")
LIFE = timedelta(hours=1)
# So that nobody fills a colleague's inbox; whoever asks more often is told the same words and gets no further mail.
MOST, WITHIN = 3, timedelta(hours=1)


class LinkGone(Exception):
    """The link was never ours, was used, is too old, or its person has changed their password or left."""


class _Nobody(Exception):
    """Nobody with this address may have a link now; what was begun is taken back."""


def ask_password_link(*, actor: Actor, email: str) -> None:
    """Leave a link in the outbox if somebody active has this address and hasn't asked three times within the hour.

    Whoever asks learns nothing: the answer, the rows written meanwhile and the work done are the same either way, only that
    without somebody they are taken back (ASVS 6.3.8). The audit row names the account where there is one, never what was typed.
    """
    person = User.objects.filter(email__iexact=email.strip(), is_active=True).first()
    now = timezone.now()
    asked = PasswordLink.objects.filter(
        user_id=person.pk if person else 0, asked_by=None, created_at__gt=now - WITHIN
    ).count()
    with transaction.atomic():
        # Stands for whoever isn't there, so that the same is asked, sealed and written; nothing of it stays.
        anybody = User.objects.order_by("pk").first()
        somebody = person or anybody
        try:
            with transaction.atomic():
                if somebody is not None:
                    _leave(somebody, by="", asked_by=None, now=now)
                if person is None or asked >= MOST:
                    raise _Nobody
        except _Nobody:
            # The outbox is woken in any case.
            queue.enqueue("delivery.send_notices")
        themselves = (
            replace(actor, id=str(person.pk), display=person.name, role=person.role) if person else actor
        )
        refused = person is None or asked >= MOST
        audit.record(
            "password.link_asked", actor=themselves, target=person, outcome="denied" if refused else "success"
        )


def send_password_link(*, actor: Actor, person: User) -> None:
    """Send somebody a link to set a new password; the one that they have works until then. Nobody else learns either.

    Needs the permission to manage people. Raises ValidationError for a closed account.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    if not person.is_active:
        raise ValidationError(_("This account is deactivated. Reactivate it first."))
    sender = User.objects.filter(pk=actor.id).first() if actor.kind == "user" else None
    with transaction.atomic():
        _leave(person, by=actor.display, asked_by=sender, now=timezone.now())
        audit.record("password.link_sent", actor=actor, target=person)


def set_password_by_link(*, actor: Actor, token: str, password: str) -> User:
    """Set the password that a link's person chose, end all their sessions and links, and tell them by mail.

    The token is the authority; `actor` tells from where, and becomes the person. Of two at once one succeeds. Raises LinkGone for
    a link that doesn't work (any more), and ValidationError for a short or common password, after which it still works.
    """
    with transaction.atomic():
        found = (
            PasswordLink.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(token_hash=tokens.hash_single_use(token))
            .first()
        )
        if found is None or not access.password_link_stands(found):
            raise LinkGone
        person = found.user
        validate_password(password, person)
        person.set_password(password)
        person.save(update_fields=["password"])
        ended = sessions.end(person)
        changed(person)
        themselves = replace(actor, id=str(person.pk), display=person.name, role=person.role)
        audit.record("password.reset", actor=themselves, target=person, details={"sessions": ended})
    return person


def changed(person: User) -> None:
    """What follows on a new password, in the caller's transaction: links sent before work no more, and the person is told."""
    PasswordLink.objects.filter(user=person, ended_at=None).update(ended_at=timezone.now())
    notices.leave(CHANGED, address=person.email, language="en", parameters={"name": person.name})


def _leave(person: User, *, by: str, asked_by: User | None, now: datetime) -> None:
    token, token_hash = tokens.new_single_use()
    PasswordLink.objects.create(
        user=person, token_hash=token_hash, asked_by=asked_by, created_at=now, expires_at=now + LIFE
    )
    notices.leave(
        KIND,
        address=person.email,
        language="en",
        parameters={"name": person.name, "by": by},
        secret=f"{settings.STAFF_URL}{reverse('password_link', args=[token])}",
    )

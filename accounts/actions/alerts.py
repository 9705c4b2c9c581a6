"""Alerts are closed by somebody who has looked, with a word about what they found."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.models import Alert
from accounts.unusual import Kind
from safeguards import audit
from safeguards.actor import Actor

audit.declare("alert.closed", alert=int, kind=Kind)

WORD = 300


def close_alert(*, actor: Actor, alert: Alert, word: str) -> bool:
    """Say that somebody has looked at an alert, and what they found; whether it was still open.

    Needs the permission to manage people. Raises ValidationError without a word, for one that is too long, and for an alert about
    oneself while there is another administrator to look at it.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    found = " ".join(word.split())
    if not found:
        raise ValidationError(_("Say what you found, in a few words: it is kept in the audit log."))
    if len(found) > WORD:
        raise ValidationError(_("Say it in 300 characters or less."))
    if actor.kind == "user" and actor.id == str(alert.person_id) and access.others_manage_people(actor):
        raise ValidationError(_("This one is about yourself. Another administrator has to look at it."))
    with transaction.atomic():
        closed = Alert.objects.filter(pk=alert.pk, closed_at=None).update(
            closed_at=timezone.now(), closed_by_id=int(actor.id) if actor.kind == "user" else None, word=found
        )
        if closed:
            details = {"alert": alert.pk, "kind": alert.kind}
            audit.record("alert.closed", actor=actor, target=alert.person, reason=found, details=details)
    return bool(closed)

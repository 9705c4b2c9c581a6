"""What everybody may do with their own account, and with nobody else's."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import sessions
from accounts.access import Denied
from accounts.actions.passwords import changed
from accounts.actions.people import renamed
from accounts.models import User
from safeguards import audit
from safeguards.actor import Actor

audit.declare("password.changed", sessions=int)
audit.declare("password.refused")


def change_own(*, actor: Actor, person: User, name: str, time_zone: str) -> None:
    """Change one's own name and time zone. Raises Denied for anybody else's, ValidationError for what makes no sense."""
    _own(actor, person)
    renamed(actor, person, name, time_zone)


def change_password(*, actor: Actor, person: User, old: str, new: str, session: str = "") -> int:
    """Change one's own password, and end all sessions but the present one; returns how many were open. A mail tells the person.

    Raises Denied for anybody else's account, and ValidationError where the old password is wrong (with an audit row, since
    somebody may sit at an unlocked screen), or the new one is the old one, short or common (BEHAVIOURS A10).
    """
    _own(actor, person)
    if not person.check_password(old):
        audit.record("password.refused", actor=actor, target=person, outcome="denied")
        raise ValidationError({"old": _("This isn't your present password.")})
    if old == new:
        raise ValidationError({"new": _("This is the password that you have. Choose another one.")})
    try:
        validate_password(new, person)
    except ValidationError as error:
        raise ValidationError({"new": error.messages}) from None
    with transaction.atomic():
        person.set_password(new)
        person.save(update_fields=["password"])
        ended = sessions.end(person, keep=session)
        changed(person)
        audit.record("password.changed", actor=actor, target=person, details={"sessions": ended})
    return ended


def end_own_sessions(*, actor: Actor, person: User, only: int | None = None, keep: str = "") -> int:
    """End one's own sessions but `keep`, or the one of record `only`; returns how many were open. Raises Denied for others'."""
    _own(actor, person)
    with transaction.atomic():
        if ended := sessions.end(person, only=only, keep=keep):
            audit.record("sessions.ended", actor=actor, target=person, details={"sessions": ended})
    return ended


def _own(actor: Actor, person: User) -> None:
    if actor.kind != "user" or actor.id != str(person.pk):
        raise Denied("somebody else's account")

"""Verbs of the staff's accounts: add somebody, let somebody go, and help somebody who lost their phone."""

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.models import Role, User
from safeguards import audit, tokens
from safeguards.actor import Actor

audit.declare("person.added", "role")
audit.declare("person.deactivated", "sessions")
audit.declare("factor.reset", "sessions")


def add_person(*, actor: Actor, email: str, name: str, role: str, password: str, time_zone: str = "") -> User:
    """Make an account for a member of the staff, who enrols a second factor at the first sign-in and sees times in `time_zone`.

    Needs the permission to manage people. Raises ValidationError, in words for the administrator, for a malformed or taken
    address, an empty name, an unknown role, or a password that is short or common (BEHAVIOURS A10).
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    try:
        address = tokens.normalise(email)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    person = User(email=address, name=" ".join(name.split()), role=role)
    if time_zone:
        person.time_zone = time_zone
    person.set_password(password)
    validate_password(password, person)
    with transaction.atomic():
        if User.objects.filter(email__iexact=address).exists():
            raise ValidationError(_("Somebody has an account with this address already."))
        person.full_clean()
        person.save()
        audit.record("person.added", actor=actor, target=person, details={"role": role})
    return person


def deactivate_person(*, actor: Actor, person: User) -> int:
    """Let somebody go: they can't sign in any more, and their sessions end in the same transaction; returns how many.

    Needs the permission to manage people. Raises ValidationError for the last active administrator, after whom nobody could let
    anybody in. Doing it twice changes nothing. [164.308(a)(3)(ii)(C)]
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    with transaction.atomic():
        # All administrators are locked, so that two of them can't let each other go at once.
        administrators = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True)
        if [administrator.pk for administrator in administrators] == [person.pk]:
            raise ValidationError(_("This is the last administrator. Add another one first."))
        if not User.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
            return 0
        ended = _end_sessions(person)
        audit.record("person.deactivated", actor=actor, target=person, details={"sessions": ended})
    person.is_active = False
    return ended


def reset_factor(*, actor: Actor, person: User, reason: str) -> int:
    """Forget the second factor of somebody who lost it: their sessions end (returns how many), and the next sign-in enrols anew.

    Needs the permission to manage people, and somebody else than the person. `reason` says how they proved who they are, and
    stands in the audit row. Raises ValidationError without one, or for oneself (BEHAVIOURS A3).
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    if not reason.strip():
        raise ValidationError(_("Say how the person proved who they are."))
    if actor.kind == "user" and actor.id == str(person.pk):
        raise ValidationError(_("Another administrator has to do this for you."))
    with transaction.atomic():
        Authenticator.objects.filter(user=person).delete()
        ended = _end_sessions(person)
        audit.record(
            "factor.reset", actor=actor, target=person, reason=reason.strip(), details={"sessions": ended}
        )
    return ended


def _end_sessions(person: User) -> int:
    # A session's person stands in its signed content alone; the staff's sessions are few enough to look at each.
    theirs = [
        session.pk
        for session in Session.objects.filter(expire_date__gt=timezone.now())
        if session.get_decoded().get("_auth_user_id") == str(person.pk)
    ]
    ended, _by_model = Session.objects.filter(pk__in=theirs).delete()
    return ended

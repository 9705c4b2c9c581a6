"""What administrators do with accounts: add, rename, give another role, let go and in again, help whoever lost a phone."""

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import access, lockouts, rules, sessions
from accounts.access import Permission
from accounts.models import Lockout, RecoveryDevice, Role, User
from safeguards import audit, notices, tokens
from safeguards.actor import Actor

audit.declare("person.added", role=Role)
audit.declare("person.changed", fields=audit.CHANGED)
audit.declare("person.role_changed", before=Role, after=Role)
audit.declare("person.deactivated", sessions=int)
audit.declare("person.reactivated", role=Role)
audit.declare("factor.reset", sessions=int)
audit.declare("sessions.ended", sessions=int)
audit.declare("lockout.lifted", counts=int)

# To somebody whose factor was reset, so that whoever talked an administrator into it is noticed (BEHAVIOURS A3).
FACTOR_RESET = "staff.factor_reset"
notices.declare(FACTOR_RESET, "name", "by")


def add_person(*, actor: Actor, email: str, name: str, role: str, password: str, time_zone: str = "") -> User:
    """Make an account for a member of the staff, who enrols a second factor at the first sign-in and sees times in `time_zone`.

    Needs the permission to manage people. Raises ValidationError, in words for the administrator, for a malformed or taken
    address, an empty name, an unknown role, or a password that is short or common (BEHAVIOURS A10).
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    with transaction.atomic():
        person = opened(email=email, name=name, role=role, password=password, time_zone=time_zone)
        audit.record("person.added", actor=actor, target=person, details={"role": role})
    return person


def opened(*, email: str, name: str, role: str, password: str, time_zone: str = "") -> User:
    """The account itself, for actions that have asked whether it may be opened, and write the audit row."""
    try:
        address = tokens.normalise(email)
    except ValueError as error:
        raise ValidationError(str(error)) from None
    person = User(email=address, name=" ".join(name.split()), role=role)
    if time_zone:
        person.time_zone = time_zone
    person.set_password(password)
    validate_password(password, person)
    if User.objects.filter(email__iexact=address).exists():
        raise ValidationError(_("Somebody has an account with this address already."))
    person.full_clean()
    person.save()
    return person


def rename_person(*, actor: Actor, person: User, name: str, time_zone: str) -> None:
    """Change how somebody is called and by which clock they see times.

    Needs the permission to manage people. Raises ValidationError for an empty name or a zone that doesn't exist.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    renamed(actor, person, name, time_zone)


def renamed(actor: Actor, person: User, name: str, time_zone: str) -> None:
    """The change itself; the audit row names the fields, not what stood in them."""
    name = " ".join(name.split())
    if not name:
        raise ValidationError(_("Write a name."))
    if not rules.is_zone(time_zone):
        raise ValidationError(_("There is no such time zone. Choose one from the list."))
    given = {"name": name, "time_zone": time_zone}
    changes = audit.changed(person, {field: getattr(person, field) for field in given}, given)
    if not changes:
        return
    with transaction.atomic():
        User.objects.filter(pk=person.pk).update(name=name, time_zone=time_zone)
        audit.record("person.changed", actor=actor, target=person, details={"fields": changes})
    person.name, person.time_zone = name, time_zone


def change_role(*, actor: Actor, person: User, role: str) -> str:
    """Give somebody another role, which holds from their next request on; returns the role before.

    Needs the permission to manage people. Raises ValidationError for an unknown role, and for the last active administrator,
    after whom nobody could let anybody in.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    if role not in Role.values:
        raise ValidationError(_("There is no such role."))
    with transaction.atomic():
        _keep_one_administrator(person, still=role == Role.ADMINISTRATOR)
        before = User.objects.select_for_update().get(pk=person.pk).role
        if before != role:
            User.objects.filter(pk=person.pk).update(role=role)
            audit.record(
                "person.role_changed",
                actor=actor,
                target=person,
                details={"before": before, "after": role},
            )
    person.role = role
    return before


def deactivate_person(*, actor: Actor, person: User) -> int:
    """Let somebody go: they can't sign in any more, and their sessions end in the same transaction; returns how many.

    Needs the permission to manage people. Raises ValidationError for the last active administrator, after whom nobody could let
    anybody in. Doing it twice changes nothing. [164.308(a)(3)(ii)(C)]
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    with transaction.atomic():
        _keep_one_administrator(person, still=False)
        if not User.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
            return 0
        ended = sessions.end(person)
        audit.record("person.deactivated", actor=actor, target=person, details={"sessions": ended})
    person.is_active = False
    return ended


def reactivate_person(*, actor: Actor, person: User) -> None:
    """Let somebody in again, with the role, password and second factor that they had. Doing it twice changes nothing.

    Needs the permission to manage people.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    with transaction.atomic():
        if User.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
            audit.record("person.reactivated", actor=actor, target=person, details={"role": person.role})
    person.is_active = True


def _keep_one_administrator(person: User, *, still: bool) -> None:
    """Refuse what would leave nobody who can let anybody in; `still` says whether the person stays an administrator."""
    # All administrators are locked, so that two of them can't let each other go at once.
    administrators = (
        User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True).order_by("pk")
    )
    if [administrator.pk for administrator in administrators] == [person.pk] and not still:
        raise ValidationError(_("This is the last administrator. Make somebody else an administrator first."))


def reset_factor(*, actor: Actor, person: User, reason: str) -> int:
    """Forget every second factor of somebody who lost them, recovery codes too: their sessions end (returns how many), and the
    next sign-in enrols anew.

    The person is told by mail. Needs the permission to manage people, and somebody else than the person. `reason` says how they
    proved who they are, and stands in the audit row. Raises ValidationError without one, or for oneself (BEHAVIOURS A3).
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    if not reason.strip():
        raise ValidationError(_("Say how the person proved who they are."))
    if actor.kind == "user" and actor.id == str(person.pk):
        raise ValidationError(_("Another administrator has to do this for you."))
    with transaction.atomic():
        Authenticator.objects.filter(user=person).delete()
        RecoveryDevice.objects.filter(user=person).delete()
        lockouts.passed(person.email, Lockout.Kind.FACTOR)
        ended = sessions.end(person)
        notices.leave(
            FACTOR_RESET,
            address=person.email,
            language="en",
            parameters={"name": person.name, "by": actor.display},
        )
        audit.record(
            "factor.reset", actor=actor, target=person, reason=reason.strip(), details={"sessions": ended}
        )
    return ended


def lift_lockout(*, actor: Actor, person: User) -> bool:
    """Let somebody try again at once who was locked out by wrong guesses; whether there was anything to lift.

    Needs the permission to manage people.
    """
    access.require(actor, Permission.MANAGE_PEOPLE)
    with transaction.atomic():
        if counts := lockouts.lift(person):
            audit.record("lockout.lifted", actor=actor, target=person, details={"counts": counts})
    return bool(counts)


def end_sessions(*, actor: Actor, person: User, only: int | None = None) -> int:
    """End somebody's sessions, or the one of record `only`; returns how many were open. Needs the permission to manage people."""
    access.require(actor, Permission.MANAGE_PEOPLE)
    with transaction.atomic():
        if ended := sessions.end(person, only=only):
            audit.record("sessions.ended", actor=actor, target=person, details={"sessions": ended})
    return ended

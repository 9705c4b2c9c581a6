"""What everybody may do with their own second factors and recovery codes, and with nobody else's."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import access, recovery, sessions
from accounts.access import Denied
from accounts.bridge import device_of
from accounts.models import FactorDevice, User
from safeguards import audit
from safeguards.actor import Actor

audit.declare("factor.replaced", sessions=int)
audit.declare("factor.renamed", kind=Authenticator.Type)
audit.declare("factor.removed", kind=Authenticator.Type)
audit.declare("recovery.made", codes=int)
audit.declare("recovery.kept", codes=int)

# As many as fit on one page; nobody carries more.
MOST_PASSKEYS = 10
NAME_LENGTH = 60


def add_passkey(
    *, actor: Actor, person: User, name: str, credential: dict[str, Any], sign_count: int
) -> Authenticator:
    """Keep a passkey that the caller has checked, under a name of the person's own.

    Raises Denied for anybody else's account, ValidationError for an empty name and for an eleventh passkey.
    """
    _own(actor, person)
    name = _named(name)
    with transaction.atomic():
        # Locked, so that two at once are counted.
        User.objects.select_for_update().get(pk=person.pk)
        if _passkeys(person).count() >= MOST_PASSKEYS:
            raise ValidationError(_("You have ten passkeys. Remove one that you don't use first."))
        added = Authenticator.objects.create(
            user=person, type=Authenticator.Type.WEBAUTHN, data={"name": name, "credential": credential}
        )
        FactorDevice.objects.filter(pk=device_of(added).pk).update(sign_count=sign_count)
        audit.record("factor.added", actor=actor, target=person, details={"kind": str(added.type)})
    return added


def rename_passkey(*, actor: Actor, person: User, passkey: Authenticator, name: str) -> None:
    """Call one's own passkey something else. Raises Denied for anybody else's, ValidationError for an empty name."""
    _own(actor, person, passkey)
    name = _named(name)
    with transaction.atomic():
        found = _passkeys(person).select_for_update().filter(pk=passkey.pk).first()
        if found is None or found.data["name"] == name:
            return
        found.data["name"] = name
        found.save(update_fields=["data"])
        audit.record("factor.renamed", actor=actor, target=person, details={"kind": str(found.type)})


def remove_factor(*, actor: Actor, person: User, factor: Authenticator) -> None:
    """Take one of one's own factors out of use; sessions that stand on it are no longer verified.

    Raises Denied for anybody else's, and ValidationError for the last one (recovery codes are none), and for the last passkey
    of somebody whose role needs one.
    """
    _own(actor, person, factor)
    with transaction.atomic():
        # All are locked, so that two that are removed at once don't both find the other.
        owned = list(Authenticator.objects.select_for_update().filter(user=person).order_by("pk"))
        others = [each for each in owned if each.pk != factor.pk]
        if len(others) == len(owned):
            return
        if not others:
            raise ValidationError(
                _(
                    "This is your only second factor. Add another one first: recovery codes alone don't sign you in."
                )
            )
        if access.needs_passkey(person.role) and all(
            each.type != Authenticator.Type.WEBAUTHN for each in others
        ):
            raise ValidationError(
                _("Your role needs a passkey, and this is your only one. Add another one first.")
            )
        Authenticator.objects.filter(pk=factor.pk).delete()
        audit.record("factor.removed", actor=actor, target=person, details={"kind": str(factor.type)})


def replace_factor(*, actor: Actor, person: User, session: str) -> int:
    """Take one's old authenticator app out of use, for the new one that the caller enrols in the same transaction.

    All sessions but the present one end (returns how many were open): they may stand on the old app. Passkeys stay. Raises
    Denied for anybody else's account.
    """
    _own(actor, person)
    with transaction.atomic():
        removed, _each = Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).delete()
        if not removed:
            return 0
        ended = sessions.end(person, keep=session)
        audit.record("factor.replaced", actor=actor, target=person, details={"sessions": ended})
    return ended


def make_recovery_codes(*, actor: Actor, person: User) -> list[str]:
    """New recovery codes, to be shown this once; the old ones work until these are kept. Raises Denied for anybody else's."""
    _own(actor, person)
    with transaction.atomic():
        codes = recovery.fresh(person)
        audit.record("recovery.made", actor=actor, target=person, details={"codes": len(codes)})
    return codes


def keep_recovery_codes(*, actor: Actor, person: User) -> bool:
    """Put the codes that were shown last into force; the old ones end. Returns whether there were any.

    Raises Denied for anybody else's account.
    """
    _own(actor, person)
    with transaction.atomic():
        if kept := recovery.keep(person):
            details = {"codes": recovery.left(person)}
            audit.record("recovery.kept", actor=actor, target=person, details=details)
    return kept


def _passkeys(person: User) -> Any:
    return Authenticator.objects.filter(user=person, type=Authenticator.Type.WEBAUTHN)


def _named(name: str) -> str:
    name = " ".join(name.split())[:NAME_LENGTH]
    if not name:
        raise ValidationError(_("Give it a name that you will know it by, such as “Work laptop”."))
    return name


def _own(actor: Actor, person: User, factor: Authenticator | None = None) -> None:
    if actor.kind != "user" or actor.id != str(person.pk) or (factor and factor.user_id != person.pk):
        raise Denied("somebody else's account")

"""Guesses at an account are counted in the database: after a few typing mistakes one waits, each time longer (BEHAVIOURS A8).

The count is committed before the guess is looked at, whatever becomes of the caller's work, so that neither a rolled-back
transaction nor many guesses at once get past it. An address that nobody has waits like one that somebody has.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import rules
from accounts.bridge import actor_of
from accounts.models import Lockout, User
from safeguards import audit, notices, tokens

Kind = Lockout.Kind

audit.declare("lockout.began", kind=Kind, failures=int, seconds=int)

NOTICE = "staff.lockout"
notices.declare(NOTICE, "name", "failures")

# Who hasn't guessed for a day begins anew.
_FORGOTTEN = timedelta(days=1)
# Old rows go a few at a time, as new ones come: addresses that nobody has would pile up otherwise.
_SWEPT = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """What a lockout looks like to an administrator."""

    kind: str
    failures: int
    until: datetime | None


def key_of(address: str) -> bytes:
    """The key of what was typed as an address."""
    return tokens.mac("lockout", " ".join(address.split()).lower().encode(), 16)


def attempt(address: str, kind: Kind) -> datetime | None:
    """Count one guess that is about to be looked at; gives until when it mustn't be, or None. `passed` takes the count back."""
    now = timezone.now()
    with transaction.atomic():
        found, made = Lockout.objects.select_for_update().get_or_create(
            key=key_of(address), kind=kind, defaults={"last_at": now}
        )
        if found.until is not None and found.until > now:
            return found.until
        if found.last_at < now - _FORGOTTEN:
            found.failures, found.told = 0, False
        found.failures += 1
        found.last_at = now
        wait = rules.wait_after(found.failures)
        found.until = now + timedelta(seconds=wait) if wait else None
        found.save()
        if made:
            old = Lockout.objects.filter(last_at__lt=now - _FORGOTTEN).values("pk")[:_SWEPT]
            Lockout.objects.filter(pk__in=old).delete()
    return None


def passed(address: str, kind: Kind) -> None:
    """The guess was right: the count begins anew."""
    Lockout.objects.filter(key=key_of(address), kind=kind).delete()


def failed(request: HttpRequest, address: str, kind: Kind, person: User | None) -> datetime | None:
    """The guess was wrong; gives until when nothing more is tried, or None. Where it is somebody's, they get one mail."""
    with transaction.atomic():
        found = Lockout.objects.select_for_update().filter(key=key_of(address), kind=kind).first()
        if found is None or found.until is None:
            return None
        audit.record(
            "lockout.began",
            actor=actor_of(request, person or User(name="")),
            target=person,
            outcome="denied",
            details={
                "kind": kind.value,
                "failures": found.failures,
                "seconds": rules.wait_after(found.failures),
            },
        )
        if not found.told:
            Lockout.objects.filter(pk=found.pk).update(told=True)
            if person is not None and person.is_active:
                notices.leave(
                    NOTICE,
                    address=person.email,
                    language="en",
                    parameters={"name": person.name, "failures": str(found.failures)},
                )
    return found.until


def of(person: User) -> list[Standing]:
    """What is locked of somebody's account now, or was guessed at in the last day so often that it would be."""
    found = Lockout.objects.filter(
        key=key_of(person.email),
        failures__gt=rules.FREE_GUESSES,
        last_at__gt=timezone.now() - _FORGOTTEN,
    )
    now = timezone.now()
    return [
        Standing(each.kind, each.failures, each.until if each.until and each.until > now else None)
        for each in found.order_by("kind")
    ]


def lift(person: User) -> int:
    """Forget every guess at somebody's account; returns how many counts there were."""
    return Lockout.objects.filter(key=key_of(person.email)).delete()[0]


def tell(request: HttpRequest, until: datetime) -> str:
    """The wait in words; the page shows it counting down as well (`request.wait_until`)."""
    request.wait_until = until  # type: ignore[attr-defined]
    seconds = max(1, round((until - timezone.now()).total_seconds()))
    minutes = -(-seconds // 60)
    wait = (
        ngettext("%(number)d second", "%(number)d seconds", seconds) % {"number": seconds}
        if seconds < 100
        else ngettext("%(number)d minute", "%(number)d minutes", minutes) % {"number": minutes}
    )
    return _("Too many wrong tries. Wait %(wait)s, then try again.") % {"wait": wait}

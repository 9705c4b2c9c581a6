"""Log reviews: opened when a period has ended, signed with the figures that were looked at, read by a second one where need be.

[164.308(a)(1)(ii)(D), BEHAVIOURS A8]
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from accounts import access
from accounts.access import Permission
from accounts.models import Role, User
from accounts.organization.models import Organization
from marketing.compliance import queries
from marketing.compliance.models import Review
from marketing.compliance.rules import digest_of, ended_periods
from safeguards import audit, log, notices, phi
from safeguards.actor import Actor

audit.declare("review.opened", begins=datetime, ends=datetime)
audit.declare("review.reminded", people=int)
audit.declare(
    "review.signed", digest=audit.DIGEST, begins=datetime, ends=datetime, own=int, second_asked=bool
)
audit.declare("review.second_signed", digest=audit.DIGEST, begins=datetime, ends=datetime)
notices.declare("staff.review_overdue", "name", "begins", "ends")

# From the end of a period; then it stands on the first page as overdue, and officers get a mail.
DUE = timedelta(days=7)
# Of a deployment that was switched off for long, or has just been updated, no more than so many are opened.
AT_MOST = 12


class AlreadySigned(Exception):
    """Somebody has signed it meanwhile."""


class FiguresChanged(Exception):
    """The figures aren't those that were looked at."""


class NotTheirs(Exception):
    """All of the period was this person's own doing, and there is somebody else to read it; or it isn't theirs to read again."""


def open_reviews(*, actor: Actor) -> list[Review]:
    """Open a review of each period that has ended and has none; returns them. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    organization = Organization.objects.first()
    oldest = log.oldest_at()
    if organization is None or oldest is None:
        return []
    now, zone = timezone.now(), organization.time_zone
    last = Review.objects.order_by("-begins").first()
    missing = ended_periods(last.ends if last else oldest, now, queries.how_often(), zone)
    return [
        made
        for begins, ends in list(missing)[-AT_MOST:]
        if (made := _opened(actor, begins, ends, zone)) is not None
    ]


def _opened(actor: Actor, begins: datetime, ends: datetime, zone: str) -> Review | None:
    with transaction.atomic():
        made, new = Review.objects.get_or_create(
            begins=begins,
            defaults={"ends": ends, "zone": zone, "opened_at": timezone.now(), "due_at": ends + DUE},
        )
        if not new:
            return None
        audit.record("review.opened", actor=actor, target=made, details=_period(made))
        return made


def _period(review: Review) -> dict[str, str]:
    return {"begins": review.begins.isoformat(), "ends": review.ends.isoformat()}


def remind_of_reviews(*, actor: Actor) -> int:
    """Mail the compliance officers, or administrators where there are none, of each review that is overdue; once. Returns how
    many were told of. Needs the permission to view the audit log.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    told = 0
    overdue = Review.objects.filter(signed_at=None, reminded_at=None, due_at__lte=timezone.now())
    for pk in overdue.order_by("begins").values_list("pk", flat=True)[:AT_MOST]:
        with transaction.atomic():
            review = Review.objects.select_for_update().get(pk=pk)
            if review.reminded_at or review.signed_at:
                continue
            people = _officers()
            review.reminded_at = timezone.now()
            review.save(update_fields=["reminded_at"])
            for person in people:
                notices.leave(
                    "staff.review_overdue",
                    address=person.email,
                    language="en",
                    parameters={"name": person.name, **_days(review)},
                )
            audit.record("review.reminded", actor=actor, target=review, details={"people": len(people)})
            told += 1
    return told


def _officers() -> list[User]:
    readers = queries.readers()
    return [each for each in readers if each.role == Role.COMPLIANCE] or readers


def _days(review: Review) -> dict[str, str]:
    first, last = queries.days_of(review)
    return {"begins": date_format(first), "ends": date_format(last)}


def sign_review(*, actor: Actor, review: Review, digest: str, note: str) -> Review:
    """Sign a review: the note is sealed, the figures are kept, and their digest stands in the audit log.

    Where rows of the period are the signer's own doing and somebody else may read the log, a second reader is asked for. Needs
    the permission to view the audit log. Raises AlreadySigned; FiguresChanged where the digest isn't that of the figures now;
    NotTheirs where all of it was the signer's own doing and somebody else could read it.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    with transaction.atomic():
        held = Review.objects.select_for_update().get(pk=review.pk)
        if held.signed_at is not None:
            raise AlreadySigned
        figures = queries.figures_of(held.begins, held.ends, held.zone).as_json()
        if digest_of(held.begins, held.ends, figures) != digest:
            raise FiguresChanged
        own, by_people = queries.own_part(actor, held.begins, held.ends)
        others = queries.readers(without=int(actor.id))
        if own and own == by_people and others:
            raise NotTheirs
        held.figures, held.digest = figures, digest
        held.note = phi.seal(Review, "note", held.pk, {"note": note})
        held.signed_by_id, held.signed_name = int(actor.id), actor.display
        held.signed_at = timezone.now()
        held.second_asked = bool(own and others)
        held.save()
        audit.record(
            "review.signed",
            actor=actor,
            target=held,
            details={"digest": digest, **_period(held), "own": own, "second_asked": held.second_asked},
        )
    return held


def sign_second(*, actor: Actor, review: Review, note: str) -> Review:
    """The second reader's word on a review that was signed by somebody whose doings are in it.

    Needs the permission to view the audit log. Raises AlreadySigned, and NotTheirs where nobody asked for a second reader or it
    is the one who signed.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    with transaction.atomic():
        held = Review.objects.select_for_update().get(pk=review.pk)
        if held.second_at is not None:
            raise AlreadySigned
        if not held.second_asked or held.signed_by_id == int(actor.id):
            raise NotTheirs
        held.second_note = phi.seal(Review, "second_note", held.pk, {"note": note})
        held.second_by_id, held.second_name = int(actor.id), actor.display
        held.second_at = timezone.now()
        held.save()
        audit.record(
            "review.second_signed",
            actor=actor,
            target=held,
            details={"digest": held.digest, **_period(held)},
        )
    return held

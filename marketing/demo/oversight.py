"""What is looked at and looked after over the weeks: colleagues open records, Olive reviews the audit log and signs."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import access
from contacts.models import Contact
from marketing.compliance import actions as compliance
from marketing.compliance.models import Review, Verification
from marketing.compliance.queries import digest_now, figures_of
from marketing.demo import people
from safeguards import audit, log

At = Callable[[datetime], AbstractContextManager[None]]
Doing = Callable[[Client], None]

_ZONE = ZoneInfo("America/New_York")
_WEEK, _DAY = timedelta(days=7), timedelta(days=1)
# What Ada opens health fields for, one campaign after the other: choices of the page.
_REASONS = ("patient asked about their record", "correct a mistake", "check why a message was or wasn't sent")
# What Olive writes under a period, by what was in it.
_NOTES = {
    "sign_ins_refused": "The wrong passwords are Dana's after her holiday; she called me herself.",
    "exports": "The one file is the consent ledger, which I took to file it.",
    "health_opened": "Ada opened health fields; the reasons fit what the desk noted.",
}
_SEEN = "Compared the sign-ins with the rota: known people on known devices."
_SECOND = "Compared with the folder of evidence and the rota. I agree."
# Around which campaign she takes a file, so that the period holds her own doing, and Dana mistypes her password.
_TAKES = 2


def doings(number: int) -> Mapping[str, Doing]:
    """What people look at around a campaign, once they have signed in."""
    patients = list(Contact.objects.filter(deleted_at=None).order_by("pk")[20 + number : 200 : 30])
    found: dict[str, Doing] = {"dana": _look_at(patients[:3])}
    if number < len(_REASONS):
        found["ada"] = _open_chart(patients[-1], _REASONS[number])
    if number == _TAKES:
        found["olive"] = _take_consent
    return found


def mistypes(number: int) -> bool:
    """Whether Dana types a wrong password around a campaign."""
    return number == _TAKES


def _look_at(patients: list[Contact]) -> Doing:
    def look(client: Client) -> None:
        client.get(reverse("contacts"))
        for person in patients:
            client.get(reverse("contact", args=[person.pk]))

    return look


def _open_chart(person: Contact, reason: str) -> Doing:
    def opened(client: Client) -> None:
        client.get(reverse("contact", args=[person.pk]))
        answer = client.post(reverse("contact_clinical", args=[person.pk]), {"purpose": reason})
        if answer.status_code != 200:
            raise RuntimeError(f"the chart of {person.pk} could not be opened: {answer.status_code}")

    return opened


def _take_consent(client: Client) -> None:
    client.get(reverse("evidence_consent"))
    taken = client.get(reverse("evidence_csv", args=["consent"]))
    if taken.status_code != 200:
        raise RuntimeError(f"the consent ledger could not be taken: {taken.status_code}")
    taken.close()


def until(at: At, moment: datetime) -> None:
    """Live the nights up to a moment: the log is verified in each, and a review is opened when its week is over."""
    keeper = access.system("log")
    for night in _nights(moment):
        with at(night):
            while audit.chain():
                pass
            walk = compliance.ask_verification(actor=keeper)
            compliance.verify_log(actor=keeper, verification_id=walk.pk)
            compliance.open_reviews(actor=keeper)


def sign(at: At) -> None:
    """Olive signs each review on its Monday, but for the last one, which waits for whoever tries the demonstration.

    By the actions, once all else has been lived: a code of her app of then would be refused, since later ones were used.
    """
    for review in list(Review.objects.order_by("begins")):
        if review.ends + _WEEK <= timezone.now():
            _reviewed(at, review)


def _nights(moment: datetime) -> list[datetime]:
    """Half past three of each night since the last verification."""
    last = Verification.objects.order_by("-pk").first()
    since = last.asked_at if last else log.oldest_at()
    if since is None:
        return []
    day = since.astimezone(_ZONE).date() + _DAY
    found = []
    while (night := datetime.combine(day, time(3, 30), _ZONE)) < moment:
        found.append(night)
        day += _DAY
    return found


def _reviewed(at: At, review: Review) -> None:
    olive, ada = (access.of_user(people.user(short)) for short in ("olive", "ada"))
    figures = figures_of(review.begins, review.ends, review.zone)
    found = {each.key: each.number for each in figures.figures}
    said = [words for key, words in _NOTES.items() if found[key]]
    note = " ".join([_SEEN, *(said or ["Nothing unusual."])])
    with at(review.ends + timedelta(hours=9, minutes=20)):
        signed = compliance.sign_review(
            actor=olive, review=review, digest=digest_now(olive, review.pk), note=note
        )
    if signed.second_asked:
        with at(review.ends + timedelta(hours=14)):
            compliance.sign_second(actor=ada, review=review, note=_SECOND)

"""What is looked at and looked after over the weeks: colleagues open records, and Olive reviews the audit log and signs."""

import re
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
from marketing.compliance.queries import figures_of
from marketing.demo import colleagues, people
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
    """Live the nights and Mondays up to a moment: the log is verified each night, a review is opened when its week is over, and
    Olive signs it, but for the last one, which waits for whoever tries the demonstration."""
    keeper = access.system("log")
    for night in _nights(moment):
        with at(night):
            while audit.chain():
                pass
            walk = compliance.ask_verification(actor=keeper)
            compliance.verify_log(actor=keeper, verification_id=walk.pk)
            opened = compliance.open_reviews(actor=keeper)
        for each in opened:
            if each.ends + _WEEK <= timezone.now():
                _reviewed(at, each)


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
    found = {each.key: each.number for each in figures_of(review.begins, review.ends, review.zone).figures}
    said = [words for key, words in _NOTES.items() if found[key]]
    note = " ".join([_SEEN, *(said or ["Nothing unusual."])])
    with at(_after_last("olive", review.ends + timedelta(hours=9, minutes=20))):
        colleagues.sign_in("olive", doing=_sign(review, note))
    review.refresh_from_db()
    if review.second_asked:
        with at(_after_last("ada", review.ends + timedelta(hours=14))):
            colleagues.sign_in("ada", doing=_sign(review, _SECOND))


def _after_last(short: str, moment: datetime) -> datetime:
    """That moment, or an hour after they signed in last: no code of before it would be taken."""
    last = people.user(short).last_login
    return max(moment, last + timedelta(hours=1)) if last else moment


def _sign(review: Review, note: str) -> Doing:
    def sign(client: Client) -> None:
        client.get(reverse("log_reviews"))
        page = client.get(reverse("log_review", args=[review.pk])).content.decode()
        digest = re.search(r'name="digest" value="([0-9a-f]{64})"', page)
        given = {"note": note, "digest": digest[1] if digest else ""}
        answer = client.post(reverse("log_review_sign", args=[review.pk]), given)
        if answer.status_code != 302:
            raise RuntimeError(f"review {review.pk} could not be signed: {answer.status_code}")

    return sign

"""The weeks that lie behind the demo's clinic: lived by the product's own actions, one after the other, under a clock set back.

Nothing is inserted. Whoever acts acts as they would today; what workers do is done here, in this process, since a clock can't be
set back for processes that run already. Mail goes over real SMTP and TLS to a sandbox that this process runs as well.
"""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import time_machine
from django.conf import settings
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts import access
from accounts.organization.models import Brand
from campaigns import actions as campaigns
from campaigns.delivery import actions as delivery
from campaigns.delivery import drain, sending_notices, sweeping
from campaigns.delivery.actions import claims
from campaigns.delivery.sandbox import Sandbox
from contacts import actions as contacts
from contacts.consent import actions as consent
from contacts.consent.models import Confirmation, Topic
from contacts.models import Contact, Import
from contacts.segments.models import Segment
from marketing.demo import by_hand, colleagues, dana, oversight, patients, people, sample, watching
from marketing.demo.plans import PAST, SEGMENTS, Plan
from safeguards import audit, tokens

Say = Callable[[str], None]
WEEKS = 7
# Invented patients are the same at every start.
_chance = random.Random(7)  # noqa: S311 - plays dice for a story, guards nothing
_EVENING = 20
# In which week of the story the guest book comes, and somebody whom no file brings.
_OPEN_DAY, _NEWCOMER = 2, 4
_WITHOUT_TLS = "@countryisp.example"
_ZONE = ZoneInfo("America/New_York")


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Let it be that moment, for all that this process does: in the demonstration alone, whose evidence proves nothing."""
    if not settings.DEMO:
        raise RuntimeError("the clock is set back in the demonstration alone")
    with time_machine.travel(moment, tick=True):
        yield


def _moment(days_ago: int, hour: int) -> datetime:
    """An hour of a day, in the clinic's zone."""
    day = timezone.localdate() - timedelta(days=days_ago)
    return datetime.combine(day, time(hour, _chance.randrange(60), _chance.randrange(60)), _ZONE)


def _evening(days_ago: int) -> datetime:
    """When a day's doings lie behind; without a throw of the dice, so that the patients of the story stay the same."""
    return datetime.combine(timezone.localdate() - timedelta(days=days_ago), time(_EVENING + 2), _ZONE)


def hire() -> None:
    """The four people of the story, who were there before it."""
    with at(_moment(WEEKS * 7 + 1, 8)):
        people.create()
        watching.begin()


def live(say: Say) -> None:
    """Seven weeks: a first import, confirmations, campaigns and what patients did with them."""
    _host, _colon, port = settings.DELIVERY_DNS.rpartition(":")
    with Sandbox(settings.SANDBOX_DIR, settings.DELIVERY_SMTP_PORT, int(port)):
        today = timezone.localdate()
        with at(_moment(WEEKS * 7, 9)):
            _first_import(today)
            dana.keep_templates()
            found = {name: dana.describe(name) for name in SEGMENTS}
            by_hand.begin()
        colleagues.came(at, WEEKS * 7 - 1)
        for week, plan in enumerate(PAST):
            oversight.until(at, _evening(plan.days_ago + 3))
            _campaign(week, plan, found[plan.segment])
            _confirmations(plan.days_ago - 1)
            with at(_moment(plan.days_ago - 1, 15)):
                by_hand.each_week(week)
                if week == _OPEN_DAY:
                    by_hand.guest_book(sample.known_on(timezone.localdate(), today))
                if week == _NEWCOMER:
                    by_hand.newcomer()
                    sending_notices.send_waiting()
            while audit.chain():
                pass
        watching.weeks(at, _moment)
        colleagues.went(at, 2)
        oversight.until(at, _evening(1))
        oversight.sign(at)
    say(f"{len(PAST)} campaigns of the past {WEEKS} weeks, with what patients did")


def _first_import(today: date) -> None:
    """What the clinic had then: the people whose word it had, as far as it was known on that day."""
    content = sample.known_on(timezone.localdate(), today)
    source = dana.upload(content)
    contacts.check_import(actor=access.system("importer"), import_id=source.pk)
    contacts.start_import(actor=dana.actor(), import_id=source.pk)
    contacts.run_import(actor=access.system("importer"), import_id=source.pk)
    source.refresh_from_db()
    if source.state != Import.State.DONE:
        raise RuntimeError(f"the first import ended as {source.state}: {source.problem}")


def _campaign(week: int, plan: Plan, segment: Segment) -> None:
    marcus = access.of_user(people.user("marcus"))
    sent = _moment(plan.days_ago, plan.hour)
    colleagues.worked(at, sent, oversight.doings(week), mistyped=oversight.mistypes(week))
    with at(sent - timedelta(hours=27)):
        campaign = dana.write(plan, segment)
    if plan.back:
        with at(sent - timedelta(hours=26)):
            asked = campaigns.request_approval(actor=dana.actor(), campaign=campaign)
            campaigns.send_back_campaign(actor=marcus, mailing=asked, comment=plan.back)
    with at(sent - timedelta(hours=22)):
        campaign.refresh_from_db()
        asked = campaigns.request_approval(actor=dana.actor(), campaign=campaign)
    with at(sent - timedelta(hours=3)):
        campaigns.approve_campaign(actor=marcus, mailing=asked, comment=plan.comment)
    with at(sent):
        campaign.refresh_from_db()
        sweeping.make_months()
        mailing = campaigns.launch_campaign(actor=dana.actor(), campaign=campaign)
        while delivery.freeze_next(mailing.pk):
            pass
        if plan.stopped:
            _drain(first=True)
            campaign.refresh_from_db()
            campaigns.cancel_campaign(actor=dana.actor(), campaign=campaign)
            claims.cancel_returned()
            return
        _drain()
        claims.finish_mailings()
    watching.looked(at, sent + timedelta(hours=3))
    _patients(plan, sent)


def _drain(*, first: bool = False) -> None:
    """What the workers do: each lane in a thread of its own until nothing is due, or the first batch of one lane alone."""

    def lane(source_id: int, provider_id: int) -> None:
        try:
            while drain.drain(source_id, provider_id):
                pass
        finally:
            connections.close_all()

    lanes = claims.due_lanes()
    with ThreadPoolExecutor(max_workers=4) as workers:
        list(workers.map(lambda each: lane(*each), lanes[:1] if first else lanes))


def _patients(plan: Plan, sent: datetime) -> None:
    """Over the days after, some open, of those some click, and a few want no more."""
    acts: list[tuple[datetime, str, str]] = []
    for mail in patients.mails_in(patients.mailbox(), plan.subject):
        opened = sent + timedelta(minutes=_chance.expovariate(1 / 700))
        if _chance.random() < plan.interest / 10 and mail.pixel:
            acts.append((opened, "open", mail.pixel))
            if _chance.random() < 0.45 and mail.links:
                acts.append((opened + timedelta(seconds=40), "click", _chance.choice(mail.links)))
        if _chance.random() < 0.015:
            acts.append((opened + timedelta(minutes=2), "stop", mail.one_click))
    patient = Client(headers={"host": settings.PUBLIC_URL.split("://")[1], "user-agent": "Mozilla/5.0"})
    now = timezone.now()
    for moment, act, url in sorted(acts):
        if moment < now:
            with at(moment):
                path = url.removeprefix(settings.PUBLIC_URL)
                patient.post(path, {"List-Unsubscribe": "One-Click"}) if act == "stop" else patient.get(path)


def _confirmations(days_ago: int) -> None:
    """At the desk two people without a word in the ledger ask for mail; one of them presses the button in the evening."""
    brand = Brand.objects.order_by("pk")[0]
    asked: list[str] = []
    with at(_moment(days_ago, 11)):
        by_hand.sign_up([contact for contact, _address, _language in _without_a_word(2)])
        for contact, address, language in _without_a_word(2):
            asked.append(address)
            consent.ask_confirmation(
                actor=dana.actor(),
                address=address,
                person_key=bytes(contact.person_key),
                brand=brand,
                topics=list(Topic.objects.all()[:2]),
                source="front desk",
                language=language,
            )
        sending_notices.send_waiting()
    with at(_moment(days_ago, _EVENING)):
        for entry in patients.mailbox().entries():
            if entry.recipient in asked[:1] and (
                link := patients.confirmation_in(patients.mailbox(), entry.id)
            ):
                Client(headers={"host": settings.PUBLIC_URL.split("://")[1]}).post(
                    link.removeprefix(settings.PUBLIC_URL)
                )


def _without_a_word(count: int) -> list[tuple[Contact, str, str]]:
    """Living adults of whom the file holds no yes and no no, with address and language; other ones each time."""
    found = []
    for address, language in sample.never_asked(timezone.localdate()):
        # Whose mail host offers no TLS can't get the link either: the desk calls them instead.
        if address.endswith(_WITHOUT_TLS):
            continue
        contact = Contact.objects.filter(address_hash=tokens.address_key(address)).first()
        if contact and not Confirmation.objects.filter(address_hash=bytes(contact.address_hash)).exists():
            found.append((contact, address, language))
    return found[:count]

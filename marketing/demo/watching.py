"""What the demo's administrator was alerted to over the weeks, and what she found; and where a role may work from."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client

from accounts import access, actions, alerts
from accounts.cidr import Named
from accounts.models import Alert, Role
from accounts.unusual import Kind
from campaigns.delivery import sending_notices
from campaigns.models import Campaign
from marketing.compliance import actions as compliance
from marketing.compliance.queries import messages_of_mailing
from marketing.demo import colleagues, people
from safeguards.actor import Actor

At = Callable[[datetime], AbstractContextManager[None]]
Moment = Callable[[int, int], datetime]

OFFICE = Named("198.51.100.0/24", "Harbor Street office")
_VPN = Named("2001:db8:7::/48", "VPN")
_ELSEWHERE = "192.0.2.77"


def begin() -> None:
    """From here on the log is looked at."""
    alerts.look()


def looked(at: At, moment: datetime) -> None:
    """The look that a worker takes each minute, and the mails that it leaves."""
    with at(moment):
        alerts.look()
        sending_notices.send_waiting()


def weeks(at: At, moment: Moment) -> None:
    """A file taken, a night at a conference, and somebody who guesses: two are explained, one waits."""
    with at(moment(30, 14)):
        actions.allow_networks(actor=_ada(), role=Role.ANALYST, wanted=[OFFICE, _VPN])
    _taken(at, moment(9, 15))
    _answered(at, moment(8, 9), Kind.TAKEN, "Her monthly file for the privacy board; the minutes have it")
    with at(moment(5, 4)):
        colleagues.sign_in("dana", device=(colleagues.IPHONE, "203.0.113.140"))
    looked(at, moment(5, 5))
    _answered(at, moment(4, 10), Kind.HOURS, "Asked Dana: she was at a conference, and woke early")
    _guessed(at, moment(2, 21))


def _taken(at: At, when: datetime) -> None:
    """Olive takes the messages of the first campaign away."""
    with at(when):
        mailing = Campaign.objects.exclude(mailing=None).order_by("pk")[0].mailing_id
        asked = messages_of_mailing(mailing or 0)
        with compliance.export_evidence(actor=access.of_user(people.user("olive")), asked=asked).file:
            pass
    looked(at, when + timedelta(minutes=1))


def _guessed(at: At, when: datetime) -> None:
    """Somebody elsewhere guesses at Olive's password, slowly, so that the limits don't stop them."""
    stranger = Client(headers={"host": urlsplit(settings.STAFF_URL).netloc}, REMOTE_ADDR=_ELSEWHERE)
    for number in range(9):
        with at(when + timedelta(minutes=6 * number)):
            stranger.post(
                "/account/login/",
                {"login": people.user("olive").email, "password": f"northfield-{2018 + number}"},
            )
    looked(at, when + timedelta(minutes=56))


def _answered(at: At, when: datetime, kind: Kind, word: str) -> None:
    with at(when):
        for alert in Alert.objects.filter(kind=kind.value, closed_at=None):
            actions.close_alert(actor=_ada(), alert=alert, word=word)


def _ada() -> Actor:
    return access.of_user(people.user("ada"))

"""The demo's staff over the weeks: who signed in from where, who has left, and who is invited and hasn't come yet."""

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import access, actions, devices
from accounts.models import Role, User
from marketing.demo import people
from safeguards.actor import Actor

At = Callable[[datetime], AbstractContextManager[None]]
Doing = Callable[[Client], None]

_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1"
# Who works at what: the clinic's network, and home or the road.
_DEVICES = {
    "dana": ((_WINDOWS, "198.51.100.23"), (IPHONE, "203.0.113.87")),
    "marcus": ((_MAC, "198.51.100.41"),),
    "olive": ((_WINDOWS, "198.51.100.52"),),
    "ada": ((_MAC, "198.51.100.12"), (IPHONE, "203.0.113.9")),
}
_browsers: dict[tuple[str, str], dict[str, str]] = {}
# Of its own, so that the patients of the story stay the same.
_chance = random.Random(11)  # noqa: S311 - plays dice for a story, guards nothing
_LEFT = "priya@northfield.example"


def sign_in(
    short: str,
    *,
    sign_out: bool = True,
    device: tuple[str, str] | None = None,
    doing: Doing | None = None,
    mistyped: bool = False,
) -> None:
    """One of the people signs in by the pages themselves, does something there, and as a rule signs out."""
    player = people.player(short)
    if player is None:
        raise RuntimeError(f"the demo has nobody called {short}")
    user_agent, network = device or _chance.choice(_DEVICES[short])
    client = Client(
        headers={"host": urlsplit(settings.STAFF_URL).netloc, "user-agent": user_agent}, REMOTE_ADDR=network
    )
    # Each browser keeps its cookie over the weeks, so that it is new but once.
    browser = _browsers.setdefault((short, user_agent), {})
    if kept := browser.get(devices.COOKIE):
        client.cookies[devices.COOKIE] = kept
    if mistyped:
        for typed in ("northfield", "Northfield1"):
            client.post("/account/login/", {"login": player.email, "password": typed})
    client.post("/account/login/", {"login": player.email, "password": player.password})
    client.post("/account/factor/", {"code": player.code})
    if client.get("/account/").status_code != 200:
        raise RuntimeError(f"{player.name} could not sign in")
    browser[devices.COOKIE] = client.cookies[devices.COOKIE].value
    if doing is not None:
        doing(client)
    if sign_out:
        client.post("/account/logout/")


def worked(at: At, sent: datetime, doings: Mapping[str, Doing], *, mistyped: bool = False) -> None:
    """The people around a campaign that was sent then: who wrote it, who approved it, and who looked after them."""
    for short, before in (("dana", 24), ("ada", 22), ("dana", 2), ("marcus", 1), ("olive", -2)):
        with at(sent - timedelta(hours=before, minutes=_chance.randrange(50))):
            sign_in(short, doing=doings.get(short), mistyped=mistyped and short == "dana")


def came(at: At, days_ago: int) -> None:
    """A colleague who has left since."""
    with at(timezone.now() - timedelta(days=days_ago)):
        actions.add_person(
            actor=_ada(),
            email=_LEFT,
            name="Priya Nair",
            role=Role.ANALYST,
            password=people.unguessable(),
        )


def went(at: At, days_ago: int) -> None:
    """She leaves the clinic; her account stays, and lets nobody in."""
    with at(timezone.now() - timedelta(days=days_ago)):
        actions.deactivate_person(actor=_ada(), person=User.objects.get(email=_LEFT))


def today() -> None:
    """Two are at work, and a third was just invited: the mail with the link lies in the inbox."""
    for short in ("dana", "marcus"):
        sign_in(short, sign_out=False)
    actions.invite_person(
        actor=_ada(), email="theo@northfield.example", name="Theo Brandt", role=Role.MARKETER
    )


def _ada() -> Actor:
    return access.of_user(people.user("ada"))

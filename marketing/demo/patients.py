"""The demo plays the patients: takes the mail that arrived, and opens, clicks and unsubscribes over real HTTP."""

import email
import email.policy
import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from campaigns.delivery.sandbox.mailbox import Mailbox

_HREF = re.compile(r'href="([^"]+)"')
_CONFIRM = re.compile(r"https?://\S+/f/confirm/\S+")
_PIXEL = re.compile(r'src="([^"]+/o/[^"]+\.gif)"')


@dataclass(frozen=True, slots=True)
class Played:
    """What the patients did, counted as they did it: to be compared with what the product then says."""

    mails: int
    opened: int
    clicked: int
    unsubscribed: int


@dataclass(frozen=True, slots=True)
class Mail:
    """What a patient can follow in one mail: the pixel, the tracked links, the one-click address."""

    pixel: str
    links: tuple[str, ...]
    one_click: str


def mails_in(mailbox: Mailbox, subject: str) -> Iterator[Mail]:
    """The mails of one campaign, in the order in which they arrived."""
    for entry in mailbox.entries():
        message = email.message_from_bytes(mailbox.read(entry.id), policy=email.policy.default)
        part = message.get_body(("html",))
        if message["Subject"] != subject or part is None:
            continue
        page = part.get_content()
        pixel = _PIXEL.search(page)
        yield Mail(
            pixel=pixel.group(1) if pixel else "",
            links=tuple(url for url in _HREF.findall(page) if "/c/" in url),
            one_click=str(message["List-Unsubscribe"]).strip("<> \r\n"),
        )


def mailbox() -> Mailbox:
    """Where everybody's mail arrives."""
    return Mailbox(settings.SANDBOX_DIR / "mail")


def confirmation_in(box: Mailbox, mail_id: str) -> str:
    """The link by which somebody confirms, if the mail has one."""
    part = email.message_from_bytes(box.read(mail_id), policy=email.policy.default).get_body(("plain",))
    found = _CONFIRM.search(part.get_content()) if part is not None else None
    return found.group() if found else ""


def _ask(method: str, url: str, form: dict[str, str] | None = None) -> int:
    """One request to our own public host, as a mail program makes it: no cookie, no redirect followed. Gives the status."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        headers = {"User-Agent": "Mozilla/5.0 (demo patient)"}
        body = None
        if form is not None:
            body = urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, parts.path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def unsubscribe(one_click: str) -> int:
    """Post to a one-click address as a mail program does (RFC 8058 section 3.2). Gives the status."""
    return _ask("POST", one_click, {"List-Unsubscribe": "One-Click"})


def play(subject: str) -> Played:
    """Of those who got the mail four in seven open it, two click, and one in nineteen unsubscribes with one click (RFC 8058)."""
    opened = clicked = unsubscribed = mails = 0
    for number, mail in enumerate(mails_in(mailbox(), subject)):
        mails += 1
        if mail.pixel and number % 7 in (0, 1, 3, 5):
            opened += _ask("GET", mail.pixel) == 200
        if mail.links and number % 7 in (1, 5):
            clicked += _ask("GET", mail.links[0]) == 302
        if number % 19 == 4:
            unsubscribed += unsubscribe(mail.one_click) == 200
    return Played(mails, opened, clicked, unsubscribed)

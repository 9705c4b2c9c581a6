"""Mail that arrived in the sandbox, as its receiver's mail host and program see it: what the headers say, and what holds."""

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage

import dkim
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.delivery.sandbox.mailbox import Mailbox, Received
from campaigns.delivery.sandbox.names import look_up

_UNSIGNED_LINK = re.compile(r"<(https?://[^>]+)>")
_PIXEL = re.compile(r'<img[^>]+src="[^"]*/o/')
_SIGNED = re.compile(r"\bh=([^;]+)", re.IGNORECASE)
_TAG = re.compile(r"\b([ds])=\s*([^;\s]+)")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it arrived."""

    received: Received
    raw: bytes
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def html(self) -> str:
        """The part that most programs show; empty where there is none."""
        return _content(self.message, "html")

    @property
    def text(self) -> str:
        """The plain-text part; empty where there is none."""
        return _content(self.message, "plain")

    @property
    def counts_opens(self) -> bool:
        """Whether the mail has a picture that tells when it is opened; mail to the staff, for one, has none."""
        return _PIXEL.search(self.html) is not None

    @property
    def source(self) -> str:
        """What was transmitted."""
        return self.raw.decode("utf-8", "replace")

    @property
    def one_click(self) -> str:
        """The address that a mail program posts to, where the mail offers it (RFC 8058 section 3.1); empty otherwise."""
        found = _UNSIGNED_LINK.search(str(self.message["List-Unsubscribe"] or ""))
        return found.group(1) if found and self.message["List-Unsubscribe-Post"] else ""

    @property
    def signed_fields(self) -> frozenset[str]:
        """The names of the headers that the DKIM signature covers, in lower case."""
        found = _SIGNED.search(str(self.message["DKIM-Signature"] or ""))
        return frozenset(name.strip().lower() for name in found.group(1).split(":")) if found else frozenset()

    @property
    def signer(self) -> tuple[str, str]:
        """Domain and selector of the signature."""
        tags = dict(_TAG.findall(str(self.message["DKIM-Signature"] or "")))
        return tags.get("d", ""), tags.get("s", "")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a receiving host looks at, whether it holds, and what that means."""

    name: Promise
    holds: bool
    found: str
    means: Promise


def read(box: Mailbox, mail_id: str) -> Mail:
    """One mail of the box; KeyError if there is none of that id."""
    raw = box.read(mail_id)
    return Mail(box.entry(mail_id), raw, _parsed(raw))


def subject(box: Mailbox, mail_id: str) -> str:
    """The subject alone, as a list shows it."""
    return str(_parsed(box.read(mail_id))["Subject"] or "")


def _parsed(raw: bytes) -> EmailMessage:
    message: EmailMessage = email.message_from_bytes(raw, policy=email.policy.default)
    return message


def _content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""


def _published(name: bytes, timeout: float = 5) -> bytes:
    """What the sandbox's name server says of a DKIM key."""
    address, _colon, port = settings.DELIVERY_DNS.rpartition(":")
    return look_up(name.decode().rstrip("."), address=address, port=int(port), timeout=timeout).encode()


def checks(mail: Mail) -> list[Check]:
    """What a receiving host looks at: signature, alignment, the way, the way out, the envelope."""
    domain, selector = mail.signer
    received = mail.received
    signed = bool(domain) and bool(dkim.verify(mail.raw, dnsfunc=_published))
    sender = str(mail.message["From"] or "").rpartition("@")[2].strip("<> ")
    out = {"list-unsubscribe", "list-unsubscribe-post"}
    return [
        Check(
            _("DKIM signature"),
            signed,
            f"{domain} · {selector}",
            _(
                "The key published for this domain proves that neither the words nor these headers were changed on the way."
            ),
        ),
        Check(
            _("Sender and signer agree"),
            bool(sender) and (sender == domain or sender.endswith(f".{domain}")),
            sender,
            _("The address in From belongs to the domain that signed, which is what DMARC asks for."),
        ),
        Check(
            _("Encrypted on the way"),
            received.tls_version >= "TLSv1.2",
            f"{received.tls_version} · {received.tls_cipher}",
            _(
                "The sender checked this host's certificate first; without it the message would have been withheld."
            ),
        ),
        Check(
            _("Unsubscribe with one click"),
            bool(mail.one_click) and out <= mail.signed_fields,
            "RFC 8058",
            _(
                "Mail programs show their own “Unsubscribe”. Both headers stand under the signature, so nobody can swap the link."
            ),
        ),
        Check(
            _("One recipient"),
            not mail.message["Cc"] and not mail.message["Bcc"] and "," not in str(mail.message["To"] or ""),
            received.recipient,
            _("Each message is for one person alone; nobody sees who else got it."),
        ),
    ]


_MEANING: dict[str, Promise] = {
    "dkim-signature": _("The signature over the body and the headers that it names."),
    "from": _("Who sends it, in words and address."),
    "to": _("The one person it is for."),
    "subject": _("Seen on locked screens, so nothing of anybody's health may stand here."),
    "date": _("When it was made."),
    "message-id": _("Names this message alone; made by chance and a keyed hash, not from the address."),
    "list-id": _("Lets mail programs file it; names the sender, never a segment."),
    "list-unsubscribe": _(
        "Where a mail program's own “Unsubscribe” goes. The token is sealed and holds no address."
    ),
    "list-unsubscribe-post": _("Says that one POST suffices, without a page in between."),
    "feedback-id": _("Lets large providers report complaints by campaign, without naming anybody."),
    "mime-version": _("The format of what follows."),
    "content-type": _("Two parts: HTML, and plain text for those who prefer it."),
    "auto-submitted": _("Sent by a machine: out-of-office replies stay away."),
}


def explained(mail: Mail) -> list[tuple[str, str, Promise | str, bool]]:
    """Each header: its name, its value, what it is for, and whether the signature covers it."""
    return [
        (name, str(value), _MEANING.get(name.lower(), ""), name.lower() in mail.signed_fields)
        for name, value in mail.message.items()
    ]

"""Makes the bytes of a message: what everybody gets is encoded once, what differs is put in between.

A design version is compiled to byte segments in quoted-printable. Before and after each value stands a
soft line break, so that no value, however long, makes a line of more than 76 columns (RFC 2045 §6.7), and
nothing that is the same for everybody is encoded twice. Values are escaped for the place where they stand:
as HTML, as part of a URL, or not at all.
"""

import binascii
import html as markup
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Self
from urllib.parse import quote

from campaigns.delivery.places import Escape, Slot, UnsafePlace, is_address, place_html, place_text
from campaigns.delivery.routes import ascii_domain
from campaigns.designs.merge import Field, Node, Text, value_of

__all__ = ["Compiled", "Headers", "UnsafePlace", "address", "header_block", "quoted_printable"]

_LONGEST_LINE = 76
_LONGEST_HEADER = 900

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
# Plain http only to this very machine, where the demonstration and the tests play the patients.
_WEB = re.compile(r"(?:https://|http://(?:localhost|127\.0\.0\.1)[:/])[!-;=?-~]+")
_ATOM_TEXT = re.compile(r"[\x20-\x7e]*")
_PLAIN_LINE = re.compile(r"[!-<>-~](?:[ -<>-~]{0,72}[!-<>-~])?")
"""What is its own quoted-printable, with room for a soft line break behind it."""
_UNSAFE_BREAKS = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Headers:
    """What stands in the header block of one message.

    `token` is the opaque left side of the Message-ID. `list_unsubscribe` is the one-click address (RFC
    8058) and must be https; None leaves both headers out, as in a transactional message. `automatic` marks
    a notice that nobody should answer (RFC 3834). `at` is aware and shown in UTC.
    """

    sender_name: str
    sender_address: str
    recipient: str
    subject: str
    at: datetime
    token: str
    domain: str
    list_unsubscribe: str | None = None
    list_id: str | None = None
    feedback_id: str | None = None
    reply_to: str | None = None
    automatic: bool = False

    def __repr__(self) -> str:
        return f"Headers({self.token})"


class Compiled:
    """A design version ready for any number of recipients."""

    __slots__ = ("_content_type", "_segments", "_slots")

    def __init__(self, content_type: bytes, parts: Sequence[bytes | Slot]) -> None:
        """Take alternating parts; use `Compiled.build`."""
        self._content_type = content_type
        self._segments = [part if isinstance(part, bytes) else b"" for part in parts]
        places: dict[Slot, list[int]] = {}
        for place, part in enumerate(parts):
            if isinstance(part, Slot):
                places.setdefault(part, []).append(place)
        self._slots = tuple((slot, tuple(each)) for slot, each in places.items())

    @classmethod
    def build(
        cls, *, html_nodes: Sequence[Node], text_nodes: Sequence[Node], links: Sequence[str] = ()
    ) -> Self:
        """Compile both parts of a design.

        `links` are the addresses behind `link:0`, `link:1`…; one whose redirect is not among the values of
        a message leads there directly. Refuses (UnsafePlace) a merge tag inside a tag, a script or a style
        sheet, where no escaping is safe; in a quoted attribute it is fine.
        """
        for link in links:
            _web_address(link)
        html = list(place_html([_with_target(node, links) for node in html_nodes]))
        text = list(place_text([_with_target(node, links) for node in text_nodes]))
        # "=_" never occurs in quoted-printable, so no content can hold the boundary (RFC 2045 §6.7).
        boundary = f"=_{sha256(repr((html, text)).encode('utf-8')).hexdigest()[:32]}".encode("ascii")
        parts: list[bytes | Slot] = []
        for kind, nodes in ((b"plain", text), (b"html", html)):
            head = (
                b"--%s\r\nContent-Type: text/%s; charset=utf-8\r\n"
                b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" % (boundary, kind)
            )
            parts += [head, *_encode(nodes), b"\r\n"]
        parts.append(b"--%s--\r\n" % boundary)
        content_type = b'multipart/alternative;\r\n boundary="%s"' % boundary
        return cls(content_type, list(_joined(parts)))

    @property
    def fields(self) -> frozenset[str]:
        """Name the fields that a message of this design needs or may use."""
        return frozenset(slot.field.name for slot, _ in self._slots)

    def render(self, headers: Headers, values: Mapping[str, str]) -> bytes:
        """Make the message of one recipient: CRLF, ASCII, body lines of at most 76 columns.

        Raises MissingValue where a value has neither content nor fallback, and ValueError for anything in
        the headers or in a link that could break out of its place.
        """
        segments = self._segments.copy()
        for slot, places in self._slots:
            encoded = _encoded_value(slot, values)
            for place in places:
                segments[place] = encoded
        return b"".join([header_block(headers, self._content_type), *segments])


def header_block(headers: Headers, content_type: bytes) -> bytes:
    """Write the headers and the empty line after them; ValueError for what does not belong into a header."""
    lines = [
        _sender(headers.sender_name, headers.sender_address),
        b"To: %s\r\n" % address(headers.recipient).encode("ascii"),
        b"Subject: %s\r\n" % _phrase(headers.subject, len("Subject: ")),
        b"Date: %s\r\n" % _date(headers.at),
        b"Message-ID: <%s@%s>\r\n" % (_token(headers.token), ascii_domain(headers.domain).encode("ascii")),
        b"MIME-Version: 1.0\r\n",
        b"Content-Type: %s\r\n" % content_type,
    ]
    if headers.reply_to is not None:
        lines.append(b"Reply-To: %s\r\n" % address(headers.reply_to).encode("ascii"))
    if headers.list_unsubscribe is not None:
        lines.append(b"List-Unsubscribe:\r\n <%s>\r\n" % _web_address(headers.list_unsubscribe))
        lines.append(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n")
    if headers.list_id is not None:
        lines.append(b"List-Id: <%s>\r\n" % ascii_domain(headers.list_id).encode("ascii"))
    if headers.feedback_id is not None:
        lines.append(b"Feedback-ID: %s\r\n" % _feedback_id(headers.feedback_id))
    if headers.automatic:
        lines.append(b"Auto-Submitted: auto-generated\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def address(text: str) -> str:
    """Give an address as it goes on the wire, its domain as A-labels.

    Refuses (ValueError, without repeating the address) what is not one plain address, and a local part
    beyond ASCII: SMTPUTF8 is not offered.
    """
    local, at, domain = text.rpartition("@")
    if not at or len(local) > 64:
        raise ValueError("not an e-mail address")
    if not local.isascii():
        raise ValueError("the part before the @ has letters beyond ASCII, which cannot be delivered yet")
    if not _LOCAL.fullmatch(local):
        raise ValueError("not an e-mail address")
    return f"{local}@{ascii_domain(domain)}"


# Headers.


@lru_cache(maxsize=256)
def _sender(name: str, sender: str) -> bytes:
    wire = address(sender).encode("ascii")
    _refuse_controls(name)
    name = name.strip()
    if not name:
        return b"From: %s\r\n" % wire
    if _ATOM_TEXT.fullmatch(name) and len(name) <= 50 and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return b'From: "%s"\r\n <%s>\r\n' % (quoted.encode("ascii"), wire)
    return b"From: %s\r\n <%s>\r\n" % (_encoded_words(name), wire)


def _phrase(text: str, column: int) -> bytes:
    """Write unstructured text: as it is where safe and short, else in encoded words (RFC 2047)."""
    _refuse_controls(text)
    text = text.strip()
    plain = _ATOM_TEXT.fullmatch(text) and "=?" not in text and "  " not in text
    if plain and column + len(text) <= _LONGEST_LINE:
        return text.encode("ascii")
    return _encoded_words(text)


def _encoded_words(text: str) -> bytes:
    words: list[bytes] = []
    chunk = b""
    for letter in text:
        octets = letter.encode("utf-8")
        # 45 octets are 60 of base64: the word stays under 75, and no letter is cut in two (RFC 2047 §2, §5).
        if len(chunk) + len(octets) > 42:
            words.append(chunk)
            chunk = b""
        chunk += octets
    words.append(chunk)
    return b"\r\n ".join(b"=?utf-8?b?%s?=" % binascii.b2a_base64(word, newline=False) for word in words)


def _date(at: datetime) -> bytes:
    if at.tzinfo is None:
        raise ValueError("the date of a message must be aware")
    return format_datetime(at.astimezone(UTC).replace(microsecond=0)).encode("ascii")


def _token(token: str) -> bytes:
    if not _TOKEN.fullmatch(token) or len(token) > 128:
        raise ValueError("the token of a Message-ID must be opaque letters and digits")
    return token.encode("ascii")


def _web_address(url: str) -> bytes:
    if not _WEB.fullmatch(url) or len(url) > _LONGEST_HEADER:
        raise ValueError("a link must be an https address in ASCII without spaces")
    return url.encode("ascii")


def _feedback_id(text: str) -> bytes:
    if not text or len(text) > _LONGEST_LINE or not _ATOM_TEXT.fullmatch(text) or " " in text:
        raise ValueError("a Feedback-ID must be short printable ASCII without spaces")
    return text.encode("ascii")


def _refuse_controls(text: str) -> None:
    if not text.isprintable() and any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in text):
        raise ValueError("a header must not hold line ends or control characters")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a header must be valid Unicode") from None


def _with_target(node: Node, links: Sequence[str]) -> Node:
    """Give a link without a redirect its own address for a fallback."""
    if isinstance(node, Field) and node.name.startswith("link:"):
        number = int(node.name.removeprefix("link:"))
        return Field(node.name, links[number] if number < len(links) else None)
    return node


# Encoding.


def _encode(nodes: Sequence[Text | Slot]) -> Iterator[bytes | Slot]:
    for place, node in enumerate(nodes):
        if isinstance(node, Slot):
            yield node
            yield b"=\r\n"
        else:
            encoded = quoted_printable(node.text)
            # A value begins on a line of its own, also where the text before it does not end one.
            last = place == len(nodes) - 1
            yield encoded if last or encoded.endswith(b"\r\n") or not encoded else encoded + b"=\r\n"


def _joined(parts: Sequence[bytes | Slot]) -> Iterator[bytes | Slot]:
    """Join neighbouring bytes into one segment."""
    held = b""
    for part in parts:
        if isinstance(part, bytes):
            held += part
            continue
        yield held
        yield part
        held = b""
    yield held


def quoted_printable(text: str) -> bytes:
    """Encode text so that each line, a soft line break behind it included, has at most 76 columns."""
    octets = _UNSAFE_BREAKS.sub("\n", text).encode("utf-8")
    lines = binascii.b2a_qp(octets, istext=True).split(b"\n")
    last = lines[-1]
    if len(last) >= _LONGEST_LINE:
        # Room for "=" at its end; an escape such as =C3 must not be cut.
        cut = 70 + max(last[68:72].find(b"="), 0) - 2 if b"=" in last[68:72] else 70
        lines[-1:] = [last[:cut] + b"=", last[cut:]]
    return b"\r\n".join(lines)


def _encoded_value(slot: Slot, values: Mapping[str, str]) -> bytes:
    value = value_of(slot.field, values)
    if is_address(slot.field):
        _web_address(value)
    if slot.escape in (Escape.URL, Escape.URL_IN_MARKUP):
        return quoted_printable(quote(value, safe=""))
    if slot.escape is Escape.MARKUP:
        value = markup.escape(value)
    if _PLAIN_LINE.fullmatch(value):
        return value.encode("ascii")
    return quoted_printable(value)

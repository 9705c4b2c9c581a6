"""Blocks: what an author's document is made of. Each kind is one small class that knows its fields, its MJML and its text.

An author's words are never markup: they are escaped here and nowhere else, and what they may contain beyond plain text is a
merge tag and, in paragraphs, `**bold**`. Web addresses leave this module as the placeholders `{{ link:0 }}`, `{{ link:1 }}` …
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol
from xml.sax.saxutils import escape

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MOST_BLOCKS = 40
LONGEST = 5000
LONGEST_URL = 2000
LANGUAGES = ("en", "es")

# The name of a picture as `pictures.taken` gives it, and how wide one is shown at most: the column without its padding.
PICTURE_NAME = re.compile(r"[0-9a-f]{32}\.(?:png|jpg)")
WIDEST = 552

# What neither XML 1.0 § 2.2 nor PostgreSQL's jsonb takes, and nobody types on purpose.
_UNWRITABLE = re.compile(r"[^\t\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG_OR_STARS = re.compile(r"(\{\{.*?\}\}|\*\*)", re.DOTALL)
_HEADING_STYLE = "margin:0;font-size:24px;line-height:31px;font-weight:bold"
_QUOTES = {'"': "&quot;", "'": "&#39;"}


class MalformedDocument(ValueError):
    """A document that no page of ours writes: an unknown kind of block, a field that is not text, too many blocks."""


def clean(text: str) -> str:
    """The text with one kind of line end and without characters that can't be written in a mail."""
    return _UNWRITABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def markup(text: str) -> str:
    """An author's text as MJML: everything escaped, merge tags kept (their fallbacks escaped as well)."""
    return escape(clean(text), _QUOTES)


def literal(text: str) -> str:
    """Our own words or a brand's as MJML, in which not even a merge tag is one."""
    return markup(text.replace("{{", "{ {").replace("}}", "} }"))


@dataclass(slots=True)
class Links:
    """The web addresses of a document in the order of their first use; one address is one link."""

    urls: list[str] = field(default_factory=list)

    def placeholder(self, url: str) -> str:
        """What stands for the address until a message is made."""
        if url not in self.urls:
            self.urls.append(url)
        return f"{{{{ link:{self.urls.index(url)} }}}}"


class Block(Protocol):
    """One block. `kind` names it in the document; `title` on the page."""

    kind: ClassVar[str]
    title: ClassVar[Promise]

    def to_mjml(self, links: Links) -> str:
        """The block as MJML elements of one column."""

    def to_text(self, links: Links) -> str:
        """The block in the plain-text part; empty where it shows nothing there."""

    def authored(self) -> Mapping[str, str]:
        """The texts that may hold merge tags, by the name of their field."""

    def address(self) -> str | None:
        """The web address the block leads to; None for a block that leads nowhere."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A line in large type."""

    kind: ClassVar[str] = "heading"
    title: ClassVar[Promise] = _("Heading")

    text: str = ""

    def to_mjml(self, links: Links) -> str:
        words = markup(_one_line(self.text))
        return f'<mj-text mj-class="heading"><h1 style="{_HEADING_STYLE}">{words}</h1></mj-text>'

    def to_text(self, links: Links) -> str:
        return _one_line(self.text)

    def authored(self) -> Mapping[str, str]:
        return {"text": self.text}

    def address(self) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs, divided by empty lines; `**words**` are bold."""

    kind: ClassVar[str] = "text"
    title: ClassVar[Promise] = _("Text")

    text: str = ""

    def to_mjml(self, links: Links) -> str:
        return "".join(
            f'<mj-text mj-class="paragraph">{"<br/>".join(_bold(line) for line in paragraph)}</mj-text>'
            for paragraph in self._paragraphs()
        )

    def to_text(self, links: Links) -> str:
        return "\n\n".join(
            "\n".join(_without_stars(line) for line in paragraph) for paragraph in self._paragraphs()
        )

    def authored(self) -> Mapping[str, str]:
        return {"text": self.text}

    def address(self) -> str | None:
        return None

    def _paragraphs(self) -> Iterator[list[str]]:
        for paragraph in re.split(r"\n[ \t]*\n", clean(self.text).strip()):
            if lines := [line.strip() for line in paragraph.split("\n") if line.strip()]:
                yield lines


@dataclass(frozen=True, slots=True)
class Button:
    """A button that leads to a web address of https."""

    kind: ClassVar[str] = "button"
    title: ClassVar[Promise] = _("Button")

    label: str = ""
    url: str = ""

    def to_mjml(self, links: Links) -> str:
        href = markup(links.placeholder(self.url.strip()))
        return f'<mj-button mj-class="button" href="{href}">{markup(_one_line(self.label))}</mj-button>'

    def to_text(self, links: Links) -> str:
        return f"{_one_line(self.label)}: {links.placeholder(self.url.strip())}"

    def authored(self) -> Mapping[str, str]:
        return {"label": self.label}

    def address(self) -> str | None:
        return self.url.strip()


@dataclass(frozen=True, slots=True)
class Divider:
    """A line between two parts."""

    kind: ClassVar[str] = "divider"
    title: ClassVar[Promise] = _("Line")

    def to_mjml(self, links: Links) -> str:
        return '<mj-divider mj-class="divider" />'

    def to_text(self, links: Links) -> str:
        return "----"

    def authored(self) -> Mapping[str, str]:
        return {}

    def address(self) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of ours, by its name; `alt` says it in words, `decorative` that there is nothing to say."""

    kind: ClassVar[str] = "picture"
    title: ClassVar[Promise] = _("Image")

    name: str = ""
    width: str = ""
    alt: str = ""
    decorative: str = ""
    url: str = ""

    def to_mjml(self, links: Links) -> str:
        if not PICTURE_NAME.fullmatch(self.name):
            return ""
        # A mail is no place for a merge tag in an alt text (D5), so it is written out as words.
        alt = "" if self.decorative else literal(_one_line(self.alt))
        href = f' href="{markup(links.placeholder(self.url.strip()))}"' if self.url.strip() else ""
        wide = min(int(self.width), WIDEST) if re.fullmatch(r"[0-9]{1,4}", self.width) else WIDEST
        return f'<mj-image mj-class="picture" src="{{{{ image:{self.name} }}}}" alt="{alt}" width="{max(wide, 1)}px"{href} />'

    def to_text(self, links: Links) -> str:
        words = "" if self.decorative else _one_line(self.alt).replace("{{", "{ {").replace("}}", "} }")
        if not self.url.strip():
            return f"[{words}]" if words else ""
        return f"{words or '[…]'}: {links.placeholder(self.url.strip())}"

    def authored(self) -> Mapping[str, str]:
        return {}

    def address(self) -> str | None:
        return self.url.strip() or None


@dataclass(frozen=True, slots=True)
class Spacer:
    """Room between two parts."""

    kind: ClassVar[str] = "spacer"
    title: ClassVar[Promise] = _("Space")

    def to_mjml(self, links: Links) -> str:
        return '<mj-spacer height="32px" />'

    def to_text(self, links: Links) -> str:
        return ""

    def authored(self) -> Mapping[str, str]:
        return {}

    def address(self) -> str | None:
        return None


KINDS: dict[str, type[Heading | Text | Button | Picture | Divider | Spacer]] = {
    kind.kind: kind for kind in (Heading, Text, Button, Picture, Divider, Spacer)
}


def read(document: Mapping[str, Any]) -> tuple[Block, ...]:
    """The blocks of a stored document; MalformedDocument for one that these classes can't have written."""
    listed = document.get("blocks")
    if not isinstance(listed, list) or len(listed) > MOST_BLOCKS:
        raise MalformedDocument(f"a document is a list of at most {MOST_BLOCKS} blocks")
    if document.get("lang") not in LANGUAGES:
        raise MalformedDocument("the language of a document is one of " + ", ".join(LANGUAGES))
    return tuple(_read_one(entry) for entry in listed)


def written(blocks: Sequence[Block], *, lang: str = "en") -> dict[str, Any]:
    """The document of these blocks, as it is stored; `read` gives them back. MalformedDocument for too many or too long."""
    document = {"lang": lang, "blocks": [_write_one(block) for block in blocks]}
    read(document)
    return document


def _read_one(entry: object) -> Block:
    if not isinstance(entry, dict) or entry.get("kind") not in KINDS:
        raise MalformedDocument("there is no such kind of block")
    kind = KINDS[entry["kind"]]
    values = {name: value for name, value in entry.items() if name != "kind"}
    if set(values) - {each.name for each in fields(kind)}:
        raise MalformedDocument(f"a block of the kind {kind.kind} has no such field")
    if not all(isinstance(value, str) and len(value) <= LONGEST for value in values.values()):
        raise MalformedDocument(f"a field of a block is text of at most {LONGEST} characters")
    return kind(**values)


def _write_one(block: Block) -> dict[str, str]:
    values = {each.name: clean(getattr(block, each.name)) for each in fields(block)}  # type: ignore[arg-type]
    return {"kind": block.kind} | values


def _one_line(text: str) -> str:
    return " ".join(clean(text).split("\n")).strip()


def _bold(line: str) -> str:
    """The line with its pairs of stars made bold. Stars inside a merge tag are the fallback's; one without a partner stays."""
    pieces = _TAG_OR_STARS.split(line)
    stars = [place for place, piece in enumerate(pieces) if piece == "**"]
    paired = set(stars[: len(stars) // 2 * 2])
    opening = set(stars[::2])
    return "".join(
        (("<strong>" if place in opening else "</strong>") if place in paired else markup(piece))
        for place, piece in enumerate(pieces)
    )


def _without_stars(line: str) -> str:
    pieces = _TAG_OR_STARS.split(line)
    stars = [place for place, piece in enumerate(pieces) if piece == "**"]
    paired = set(stars[: len(stars) // 2 * 2])
    return "".join("" if place in paired else piece for place, piece in enumerate(pieces))

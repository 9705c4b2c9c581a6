"""Where a merge tag stands, and which escaping makes a value harmless there."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from campaigns.designs.merge import Field, Node, Text

_URL_BEFORE = re.compile(r"https?://\S*\Z", re.IGNORECASE)
_TAG_NAME = re.compile(r"/?([A-Za-z][^\s/>]*)")
_ATTRIBUTE_BEFORE_VALUE = re.compile(r"([^\s\"'<>/=]+)\s*=\s*\Z")
_URL_ATTRIBUTES = frozenset(
    {"href", "src", "action", "background", "poster", "cite", "formaction", "xlink:href"}
)
_CLOSED_TO_TAGS = frozenset({"script", "style"})
_CONDITIONAL = re.compile(r"<!--\[if[^\]]*\]>(?:<!-->)?|(?:<!--)?<!\[endif\]-->", re.IGNORECASE)


class UnsafePlace(ValueError):
    """A merge tag stands where no escaping makes it safe; the design must be changed."""


class Escape(Enum):
    """How a value is written where it stands."""

    PLAIN = "plain"
    MARKUP = "markup"
    URL = "url"
    URL_IN_MARKUP = "url in markup"
    """One component of a URL inside an attribute."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A merge tag with the escaping that its place asks for."""

    field: Field
    escape: Escape


def is_address(field: Field) -> bool:
    """Say whether the value of a field is a whole URL that we made ourselves."""
    return field.name.startswith("link:") or field.name.endswith("_url")


def place_text(nodes: Sequence[Node]) -> Iterator[Text | Slot]:
    """Find the escaping of each merge tag in plain text: none, except within a URL."""
    before = ""
    for node in nodes:
        if isinstance(node, Text):
            before = node.text
            yield node
        else:
            inside_url = bool(_URL_BEFORE.search(before)) and not is_address(node)
            yield Slot(node, Escape.URL if inside_url else Escape.PLAIN)
            # A second tag right behind the first is still in the same URL.
            before = "https://" if inside_url else ""


def place_html(nodes: Sequence[Node]) -> Iterator[Text | Slot]:
    """Find the escaping of each merge tag in HTML; UnsafePlace where none is safe."""
    scanner = _Scanner()
    for node in nodes:
        if isinstance(node, Text):
            scanner.feed(node.text)
            yield node
        else:
            yield Slot(node, scanner.escape_for(node))


class _Scanner:
    """Follows HTML far enough to know where it stands: between tags, in a tag, in which attribute.

    Outlook's conditional comments are read as what they hold, since Outlook does.
    """

    def __init__(self) -> None:
        self._raw = ""
        """The element whose content is not HTML and that has not ended yet."""
        self._tag: str | None = None
        """What has been read of the tag that has not ended yet."""
        self._quote = ""
        self._attribute = ""
        self._comment = False

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            at = self._step(text, at)

    def escape_for(self, field: Field) -> Escape:
        if self._raw or self._comment:
            raise UnsafePlace(f"the merge tag {field.name} stands in a script, a style sheet or a comment")
        if self._tag is None:
            return Escape.MARKUP
        if (
            not self._quote
            or self._attribute.startswith("on")
            or self._attribute in ("style", "srcset", "srcdoc")
        ):
            raise UnsafePlace(
                f"the merge tag {field.name} stands inside a tag; put it into a quoted attribute"
            )
        if self._attribute in _URL_ATTRIBUTES and not is_address(field):
            return Escape.URL_IN_MARKUP
        return Escape.MARKUP

    def _step(self, text: str, at: int) -> int:
        if self._comment:
            return self._until(text, at, "-->", self._end_comment)
        if self._quote:
            return self._until(text, at, self._quote, self._end_value)
        if self._tag is not None:
            return self._in_tag(text, at)
        if self._raw:
            return self._until(text, at, f"</{self._raw}", self._end_raw)
        return self._between(text, at)

    def _until(self, text: str, at: int, mark: str, end: Callable[[], None]) -> int:
        found = text.lower().find(mark, at)
        if found < 0:
            return len(text)
        end()
        return found + len(mark)

    def _end_comment(self) -> None:
        self._comment = False

    def _end_value(self) -> None:
        self._quote = self._attribute = ""
        self._tag = f"{self._tag} "

    def _end_raw(self) -> None:
        self._tag, self._raw = f"/{self._raw}", ""

    def _between(self, text: str, at: int) -> int:
        found = text.find("<", at)
        if found < 0:
            return len(text)
        if special := _CONDITIONAL.match(text, found):
            return special.end()
        if text.startswith("<!--", found):
            self._comment = True
            return found + 4
        self._tag = ""
        return found + 1

    def _in_tag(self, text: str, at: int) -> int:
        letter = text[at]
        so_far = self._tag or ""
        if letter == ">":
            name = _TAG_NAME.match(so_far)
            opened = name[1].lower() if name and not so_far.startswith("/") else ""
            self._raw = opened if opened in _CLOSED_TO_TAGS else ""
            self._tag = None
        elif letter in "\"'":
            name = _ATTRIBUTE_BEFORE_VALUE.search(so_far[-100:])
            self._quote, self._attribute = letter, name[1].lower() if name else "style"
        else:
            self._tag = so_far + letter
        return at + 1

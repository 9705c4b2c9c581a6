"""Reads compiled mail as a mail program does, so that tests can say what is in it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

ADDRESSES = {"href", "src", "background", "action", "srcset", "poster"}


@dataclass
class Read:
    """What was found in a mail: elements, attributes, addresses, style sheets, and the words a reader sees."""

    elements: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    style_sheets: list[str] = field(default_factory=list)
    shown: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read = Read()
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.read.elements.add(tag)
        for name, value in attrs:
            self.read.attributes.add(name)
            if name in ADDRESSES:
                self.read.addresses.add(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.read.style_sheets.append(data)
        else:
            self.read.shown += data


def read_html(html: str) -> Read:
    """Everything in a mail that a test may ask about."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.read

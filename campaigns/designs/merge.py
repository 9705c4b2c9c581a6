"""The merge language: `Hello {{ first_name|there }}`, read once into a list of nodes.

Author text is never the source of a template: there are no expressions, filters, loops or attributes, only
names from an allow-list and a fallback that is plain text. Conditions on a block are segment rules and do
not live here.

The same reader takes plain text (subject, text part) and compiled HTML: MJML passes tags through unchanged
in text and attributes, with the fallback escaped as HTML; with `html=True` names and fallbacks are
unescaped again, so that nodes always hold plain text and escaping happens once, where a message is composed.
"""

import html as markup
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext

LONGEST_FALLBACK = 200

_OPEN, _CLOSE = "{{", "}}"
_NAME = re.compile(r"[a-z][a-z0-9_]*(?::[0-9]{1,4})?")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _(message: str) -> str:
    """Mark a message for translation, which `MergeError.shown` does for whoever reads it."""
    return message


@dataclass(frozen=True, slots=True)
class Text:
    """What is the same in everybody's message."""

    text: str


@dataclass(frozen=True, slots=True)
class Field:
    """A value of the recipient; `fallback` stands in for none (None: it is never missing)."""

    name: str
    fallback: str | None = None


Node = Text | Field


class MergeError(ValueError):
    """The author's text cannot be read: where (counted from 1), what is wrong, and what to do.

    `str()` is English, for logs and tests; `shown()` is for the author.
    """

    def __init__(self, line: int, column: int, problem: str, **details: object) -> None:
        super().__init__(f"line {line}, column {column}: {problem % details}")
        self.line = line
        self.column = column
        self.problem = problem
        self.details = details

    def shown(self) -> str:
        """Say it in the language of the reader."""
        return gettext("Line %(line)d, column %(column)d: %(problem)s") % {
            "line": self.line,
            "column": self.column,
            "problem": gettext(self.problem) % self.details,
        }


class MissingValue(ValueError):
    """A message cannot be made for lack of a value without a fallback; names the field alone."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the value of {name} is missing")
        self.name = name


def parse(
    source: str, *, fields: Collection[str], required: Collection[str] = (), html: bool = False
) -> tuple[Node, ...]:
    """Read an author's text.

    `fields` are the names that may be used, and `required` those among them that every recipient has: only
    they may go without a fallback. Raises MergeError for an unknown name, a tag that is not closed or not
    readable, a missing or unprintable fallback.
    """
    nodes: list[Node] = []
    at = 0
    while (start := source.find(_OPEN, at)) >= 0:
        if start > at:
            nodes.append(Text(source[at:start]))
        end = source.find(_CLOSE, start + 2)
        inner = source[start + 2 : end] if end >= 0 else ""
        if end < 0 or _OPEN in inner:
            raise _error(source, start, _("This merge tag is not closed. End it with }}."))
        if "<" in inner and html:
            raise _error(
                source, start, _("This merge tag contains formatting. Type it again without any formatting.")
            )
        nodes.append(_field(source, start, markup.unescape(inner) if html else inner, fields, required))
        at = end + 2
    if at < len(source):
        nodes.append(Text(source[at:]))
    return tuple(nodes)


def names(nodes: Sequence[Node]) -> frozenset[str]:
    """Name the fields that a text uses."""
    return frozenset(node.name for node in nodes if isinstance(node, Field))


def value_of(field: Field, values: Mapping[str, str]) -> str:
    """Give the value of a field, or its fallback if that is empty; MissingValue without either."""
    value = values.get(field.name, "").strip()
    if value:
        return value
    if field.fallback is None:
        raise MissingValue(field.name)
    return field.fallback


def fill(nodes: Sequence[Node], values: Mapping[str, str]) -> str:
    """Write a text out for one recipient, without escaping: for a subject or a preview in plain text."""
    return "".join(node.text if isinstance(node, Text) else value_of(node, values) for node in nodes)


def _field(source: str, start: int, inner: str, fields: Collection[str], required: Collection[str]) -> Field:
    # An editor may turn the spaces in a tag into no-break ones; str.strip takes both.
    name, bar, fallback = inner.partition("|")
    name, fallback = name.strip(), fallback.strip()
    if not _NAME.fullmatch(name):
        raise _error(
            source,
            start,
            _("This merge tag has no readable name. Write it like {{ first_name|there }}."),
        )
    if name not in fields:
        known = ", ".join(sorted(each for each in fields if ":" not in each)[:20])
        raise _error(
            source,
            start,
            _("There is no field “%(name)s”. You can use: %(known)s."),
            name=name,
            known=known,
        )
    if len(fallback) > LONGEST_FALLBACK or _UNPRINTABLE.search(fallback):
        raise _error(
            source,
            start,
            _("The fallback of “%(name)s” must be at most %(most)d characters on one line."),
            name=name,
            most=LONGEST_FALLBACK,
        )
    if fallback:
        return Field(name, fallback)
    if name in required and not bar:
        return Field(name)
    raise _error(
        source,
        start,
        _("Not everybody has “%(name)s”. Say what to write instead: {{ %(name)s|… }}."),
        name=name,
    )


def _error(source: str, at: int, problem: str, **details: object) -> MergeError:
    line = source.count("\n", 0, at) + 1
    return MergeError(line, at - source.rfind("\n", 0, at), problem, **details)

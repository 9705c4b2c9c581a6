"""Help where one is stuck: the guides of docs/features, read in the product, each led to by the pages that it is about."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_FEATURES = settings.BASE_DIR / "docs" / "features"
_TOURS = settings.BASE_DIR / "docs" / "tours"
# Whose addresses begin so is explained by that guide; the longest beginning counts.
_ABOUT = {
    "/campaigns/": "campaigns-and-approval",
    "/approvals/": "campaigns-and-approval",
    "/templates/": "templates",
    "/contacts/import/": "importing-contacts",
    "/contacts/": "contacts-and-lists",
    "/lists/": "contacts-and-lists",
    "/segments/": "segments",
    "/reports/": "reports-and-evidence",
    "/compliance/": "reports-and-evidence",
    "/account/": "sign-in-and-roles",
    "/settings/": "sign-in-and-roles",
    "/settings/sending/": "sending-and-protection",
    "/sending/": "sending-and-protection",
    "/demo/": "demonstration",
}
_LINK = re.compile(r"^(?:\./)?(?:\.\./(?:features|tours)/)?([a-z-]+)\.md(#[\w-]+)?$")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a guide: its heading, where it stands on the page, and its words, for the search."""

    title: str
    anchor: str
    words: str


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide: what it is about in a sentence, its sections, and its body as HTML without the title."""

    slug: str
    title: str
    about: str
    sections: tuple[Section, ...]
    body: SafeString


def guides() -> list[Guide]:
    """All guides in the order of their list, README.md of the folder."""
    listed = re.findall(r"\]\(([a-z-]+)\.md\)", (_FEATURES / "README.md").read_text(encoding="utf-8"))
    return [_read(_FEATURES / f"{slug}.md") for slug in listed if settings.DEMO or slug != _ABOUT["/demo/"]]


def tours() -> list[Guide]:
    """What to try in the demonstration; outside it there are none."""
    return [_read(file) for file in sorted(_TOURS.glob("*.md"))] if settings.DEMO else []


def guide(slug: str) -> Guide | None:
    """The guide or tour of that name, or None."""
    return next((each for each in (*guides(), *tours()) if each.slug == slug), None)


def address_about(path: str) -> str:
    """The address of the guide about a page, or of the list of all."""
    beginning = max((each for each in _ABOUT if path.startswith(each)), key=len, default="")
    return reverse("guide", args=[_ABOUT[beginning]]) if beginning else reverse("help")


def matching(words: list[str]) -> Iterator[tuple[Guide, Section]]:
    """The sections that hold every word (in lower case), those first that name it in their heading."""
    found = [
        (each, section)
        for each in guides()
        for section in each.sections
        if all(word in f"{each.title} {section.title} {section.words}".lower() for word in words)
    ]
    yield from sorted(found, key=lambda pair: not all(word in pair[1].title.lower() for word in words))


@cache
def _read(file: Path) -> Guide:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tree = SyntaxTreeNode(parser.parse(file.read_text(encoding="utf-8")))
    [title] = [_words(node) for node in tree.children if node.tag == "h1"]
    shown = [node for node in tree.children if node.tag != "h1"]
    sections: list[Section] = []
    about = ""
    for node in shown:
        if node.tag == "h2":
            sections.append(Section(_words(node), slugify(_words(node)), ""))
        elif sections:
            sections[-1] = replace(sections[-1], words=f"{sections[-1].words} {_words(node)}")
        elif not about:
            about = _words(node)
    return Guide(file.stem, title, about, tuple(sections), _html(shown))


def _words(node: SyntaxTreeNode) -> str:
    """What a reader reads of a part, without its form."""
    if node.type in {"text", "code_inline", "code_block", "fence"}:
        return node.content
    if node.type == "softbreak":
        return " "
    inline = node.type in {"inline", "heading", "strong", "em", "link"}
    return (
        ("" if inline else " ").join(_words(each) for each in node.children).strip(" " if not inline else "")
    )


# What of Markdown the guides use, and how it is drawn. Anything else is left out, with what stands in it.
_FORMS = {
    "paragraph": "<p>{}</p>",
    "bullet_list": "<ul>{}</ul>",
    "ordered_list": "<ol>{}</ol>",
    "list_item": "<li>{}</li>",
    "strong": "<strong>{}</strong>",
    "em": "<em>{}</em>",
    "inline": "{}",
    # It may be wider than a telephone, and then has to scroll by the keyboard too.
    "table": '<div class="prose-table" tabindex="0"><table>{}</table></div>',
    "thead": "<thead>{}</thead>",
    "tbody": "<tbody>{}</tbody>",
    "tr": "<tr>{}</tr>",
    "th": "<th>{}</th>",
    "td": "<td>{}</td>",
}
_LEAVES = {
    "text": "{}",
    "code_inline": "<code>{}</code>",
    "code_block": '<pre tabindex="0"><code>{}</code></pre>',
    "fence": '<pre tabindex="0"><code>{}</code></pre>',
}


def _html(nodes: Iterable[SyntaxTreeNode]) -> SafeString:
    return format_html_join("", "{}", ((_drawn(node),) for node in nodes))


def _drawn(node: SyntaxTreeNode) -> SafeString | str:
    if node.type in _LEAVES:
        # The letters that we bring along have no arrow.
        return format_html(_LEAVES[node.type], node.content.replace("→", "›"))  # noqa: RUF001 - it is meant
    if node.type == "softbreak":
        return " "
    if node.tag in {"h2", "h3"}:
        form = '<h2 id="{}">{}</h2>' if node.tag == "h2" else '<h3 id="{}">{}</h3>'
        return format_html(form, slugify(_words(node)), _html(node.children))
    if node.type == "link":
        return _link(str(node.attrs["href"]), _html(node.children))
    if node.type not in _FORMS:
        return ""
    inner = _html(node.children)
    if node.type == "paragraph" and (node.hidden or not inner.strip()):
        return inner
    return format_html(_FORMS[node.type], inner)


def _link(href: str, words: SafeString) -> SafeString:
    """Links to other guides lead there; of those to what isn't in the product their words alone are left."""
    if found := _LINK.match(href):
        href = reverse("guide", args=[found[1]]) + (found[2] or "")
    elif not href.startswith(("https://", "#")):
        return words
    return format_html('<a href="{}">{}</a>', href, words)

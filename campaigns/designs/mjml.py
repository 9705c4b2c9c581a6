"""From blocks to a message: MJML is generated, compiled to HTML once per version, and what came out is looked over again.

The compiled parts keep merge tags and the placeholders `{{ link:n }}`, `{{ unsubscribe_url }}`, `{{ preferences_url }}` and
`{{ open_url }}` (the open pixel, in HTML only); `{{ image:… }}` is a picture of ours, whose address is put in by
`with_pictures`. `campaigns.delivery.compose` puts the recipient's values in.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from django.utils import translation
from django.utils.translation import gettext as _
from mjml import mjml2html

from campaigns.designs.blocks import PICTURE_NAME, Block, Links, clean, literal

# Placeholders that every version has, beside the author's links and merge tags.
PREFERENCES, UNSUBSCRIBE, OPEN = "preferences_url", "unsubscribe_url", "open_url"

# Exactly as it stands in the compiled mail, so that it can be taken out where nothing is counted.
OPEN_PIXEL = '<img src="{{ open_url }}" alt="" width="1" height="1" />'

_FOOTER_LINK = "color:#506268;text-decoration:underline"

_HEAD = """
<mj-attributes>
  <mj-all font-family="Helvetica, Arial, sans-serif" />
  <mj-text font-size="16px" line-height="24px" color="#15252a" />
  <mj-class name="heading" padding="8px 24px 0" />
  <mj-class name="paragraph" padding="8px 24px" />
  <mj-class name="button" padding="12px 24px" align="left" background-color="#0b736c" color="#ffffff"
            font-size="16px" border-radius="6px" inner-padding="12px 22px" />
  <mj-class name="picture" padding="8px 24px" align="left" border-radius="6px" />
  <mj-class name="divider" padding="16px 24px" border-width="1px" border-color="#dde5e7" />
  <mj-class name="footer" padding="4px 24px" font-size="13px" line-height="20px" color="#506268" />
</mj-attributes>
"""


class Unsafe(ValueError):
    """What was compiled holds something that no mail of ours may: the message says what. It is a fault of ours, never sent."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What the footer says of the sender, and why the person gets the message. [15 USC 7704(a)(5)]"""

    brand: str
    postal_address: str
    topic: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """A message before it is anybody's: both parts with their placeholders, and the addresses behind `link:n`."""

    html: str
    text: str
    links: tuple[str, ...]


def compile_message(
    *, subject: str, preheader: str, blocks: Sequence[Block], lang: str, sender: Sender
) -> Compiled:
    """Make both parts of a message. Raises Unsafe if the HTML holds anything but what blocks can make."""
    links = Links()
    with translation.override(lang):
        html = mjml2html(_mjml(subject, preheader, blocks, lang, sender, links), fonts={})
        text = _text(blocks, sender, links)
    look_over(html)
    return Compiled(html, text, tuple(links.urls))


def without_open_pixel(html: str) -> str:
    """The HTML for people whose opens aren't counted."""
    return html.replace(OPEN_PIXEL, "")


def with_pictures(html: str, *, public_url: str) -> str:
    """The HTML with the address of each picture on the patients' host, where it is kept for ever under its random name."""
    return _PICTURE.sub(rf"{public_url}/i/\1", html)


def _mjml(
    subject: str, preheader: str, blocks: Sequence[Block], lang: str, sender: Sender, links: Links
) -> str:
    body = "".join(block.to_mjml(links) for block in blocks)
    footer = "".join(
        f'<mj-text mj-class="footer">{line}</mj-text>'
        for line in (
            literal(reason(sender)),
            f'<a href="{{{{ {PREFERENCES} }}}}" style="{_FOOTER_LINK}">{literal(_("Change what you get"))}</a> &#183; '
            f'<a href="{{{{ {UNSUBSCRIBE} }}}}" style="{_FOOTER_LINK}">{literal(_("Unsubscribe"))}</a>',
            literal(f"{sender.brand}, {sender.postal_address}"),
        )
    )
    return (
        f'<mjml lang="{lang}" dir="ltr"><mj-head><mj-title>{literal(subject)}</mj-title>'
        f"<mj-preview>{literal(preheader)}</mj-preview>{_HEAD}</mj-head>"
        f'<mj-body background-color="#f6f8f8"><mj-section background-color="#ffffff"><mj-column>{body}</mj-column>'
        f"</mj-section><mj-section><mj-column>{footer}</mj-column></mj-section><mj-raw>{OPEN_PIXEL}</mj-raw></mj-body></mjml>"
    )


def _text(blocks: Sequence[Block], sender: Sender, links: Links) -> str:
    footer = [
        _plain(reason(sender)),
        f"{_('Change what you get')}: {{{{ {PREFERENCES} }}}}",
        f"{_('Unsubscribe')}: {{{{ {UNSUBSCRIBE} }}}}",
        _plain(f"{sender.brand}, {sender.postal_address}"),
    ]
    parts = [part for block in blocks if (part := block.to_text(links))]
    return "\n\n".join([*parts, "----", "\n".join(footer)]) + "\n"


def reason(sender: Sender) -> str:
    """Why the person gets the message, as the footer says it."""
    return _("You get this because you chose “%(topic)s” from %(brand)s.") % {
        "topic": sender.topic,
        "brand": sender.brand,
    }


def _plain(text: str) -> str:
    """Our own words in the text part, in which no merge tag is one."""
    return " ".join(clean(text).replace("{{", "{ {").replace("}}", "} }").split())


_ELEMENTS = frozenset(
    {"html", "head", "title", "meta", "style", "body", "div", "table", "tbody", "tr", "td"}
    | {"h1", "p", "br", "strong", "a", "img"}
)
_ADDRESSES = frozenset(
    {"href", "src", "background", "action", "srcset", "poster", "formaction", "data", "cite"}
)
_PLACEHOLDER = re.compile(r"\{\{ (link:\d{1,4}|preferences_url|unsubscribe_url|open_url) \}\}")
_PICTURE = re.compile(rf"\{{\{{ image:({PICTURE_NAME.pattern}) \}}\}}")
_REACHING_OUT = re.compile(r"url\s*\(|@import|expression\s*\(|src\s*=|href\s*=|<script", re.IGNORECASE)


class _Lookout(HTMLParser):
    """Reads compiled HTML as a mail program does and stops at the first thing that no block makes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ELEMENTS:
            raise Unsafe(f"element {tag}")
        self._in_style = tag == "style"
        for name, value in attrs:
            if name.startswith("on"):
                raise Unsafe(f"attribute {name}")
            picture = tag == "img" and name == "src" and _PICTURE.fullmatch(value or "")
            if name in _ADDRESSES and not picture and not _PLACEHOLDER.fullmatch(value or ""):
                raise Unsafe(f"address in {name}")
            if name == "style" and _REACHING_OUT.search(value or ""):
                raise Unsafe("style that reaches out")
            if tag == "meta" and name == "http-equiv" and (value or "").lower() == "refresh":
                raise Unsafe("refresh")

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style and _REACHING_OUT.search(data):
            raise Unsafe("style sheet that reaches out")

    def handle_comment(self, data: str) -> None:
        # Outlook reads conditional comments as HTML.
        if _REACHING_OUT.search(data):
            raise Unsafe("comment that reaches out")


def look_over(html: str) -> None:
    """Refuse, by raising Unsafe, HTML with a script, an event attribute, a form, or an address that isn't a placeholder.

    It guards against a change of the compiler or of a block, not against authors, whose words are escaped before.
    """
    lookout = _Lookout()
    lookout.feed(html)
    lookout.close()


def placeholders(part: str) -> frozenset[str]:
    """The names of the placeholders of a compiled part that aren't fields of a person: links, footer, pixel."""
    return frozenset(_PLACEHOLDER.findall(part))

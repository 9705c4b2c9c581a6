"""The look in templates: icons, states, times with their zone, numbers, fields, page links.

These tags are template builtins, so no template loads them. They hold the rules of the interface that a
template could forget: a time is never shown without its zone, a state is never told by colour alone, an error
stands beside its field and is tied to it, and violet belongs to health information.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import urlsplit

from django import forms, template
from django.contrib.messages import constants as levels
from django.contrib.messages.storage.base import Message
from django.core.paginator import Page
from django.forms import BoundField
from django.http import HttpRequest, QueryDict
from django.templatetags.static import static
from django.utils import dateformat, timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

register = template.Library()

ICON_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
PILL_KINDS = frozenset({"ok", "warn", "bad", "info", "mute"})
PAGE_PARAMETER = "page"

# What stands where there is no number: not zero, which would be a claim.
NO_NUMBER = "—"


@register.simple_tag
def icon(name: str, css_class: str = "") -> SafeString:
    """Draw an icon of the sprite, hidden from screen readers: the words beside it say what it means.

    A name that is not lower-case words and hyphens raises ValueError. The build puts only icons into the
    sprite that templates and Python name literally (`icon "send"`, `icon="send"`), and fails on unknown ones.
    """
    if not ICON_NAME.fullmatch(name):
        raise ValueError(f"not the name of an icon: {name!r}")
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        f" {css_class}" if css_class else "",
        static("build/icons.svg"),
        name,
    )


@register.simple_tag
def pill(kind: str, text: str) -> SafeString:
    """Show a state as a coloured word; a kind other than ok, warn, bad, info, mute raises ValueError."""
    if kind not in PILL_KINDS:
        raise ValueError(f"no such kind of pill: {kind!r}; use one of {', '.join(sorted(PILL_KINDS))}")
    return format_html('<span class="pill pill-{}">{}</span>', kind, text)


@register.simple_tag
def phi_tag() -> SafeString:
    """Mark something as protected health information: the violet lock, the only violet there is."""
    return format_html(
        '<span class="tag tag-phi" title="{}">{}{}</span>',
        _("Protected health information"),
        icon("lock"),
        pgettext("protected health information", "PHI"),
    )


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """Show a moment to the minute in the reader's time zone, with the zone; nothing for None.

    A naive datetime raises ValueError, since nobody could say which moment it is.
    """
    # Translators: how a date and time are written; the time zone follows (Django's date format letters).
    return _moment(moment, pgettext("date and time", "M j, Y, g:i A"))


@register.filter
def when_short(moment: datetime | None) -> SafeString | str:
    """Show a moment as `when` does, on one line and without the present year: for columns of a list."""
    if moment and timezone.is_aware(moment) and timezone.localtime(moment).year == timezone.localtime().year:
        # Translators: how a date of this year and a time are written in a list; the time zone follows.
        return _moment(moment, pgettext("date of this year and time", "M j, g:i A"), "nowrap")
    return _moment(moment, pgettext("date and time", "M j, Y, g:i A"), "nowrap")


@register.filter
def to_the_second(moment: datetime | None) -> SafeString | str:
    """Show a moment as `when` does, with its seconds: for evidence, where the order of things counts."""
    # Translators: how a date and time with seconds are written; the time zone follows (Django's date format letters).
    return _moment(moment, pgettext("date and time with seconds", "M j, Y, g:i:s A"))


def _moment(moment: datetime | None, form: str, css_class: str = "") -> SafeString | str:
    if not moment:
        return ""
    if timezone.is_naive(moment):
        raise ValueError("a time without a time zone can't be shown")
    local = timezone.localtime(moment)
    written = dateformat.format(local, form)
    return format_html(
        '<time{} datetime="{}">{} {}</time>',
        format_html(' class="{}"', css_class) if css_class else "",
        local.isoformat("T", "seconds"),
        written,
        _zone(local),
    )


def _zone(local: datetime) -> str:
    """Name the zone of a local time; zones that have no letters are shown by their distance from UTC."""
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name


@register.simple_tag(name="num")
def num_tag(number: int | float | Decimal | None) -> str:
    """Show a number with the thousands separators of the reader's language; a dash for None."""
    return num(number)


@register.filter
def num(number: int | float | Decimal | None) -> str:
    """Show a number with the thousands separators of the reader's language; a dash for None."""
    return NO_NUMBER if number is None else number_format(number, use_l10n=True, force_grouping=True)


@register.simple_tag
def counted(number: int | float | None, url: str = "") -> SafeString | str:
    """Show a number as `num` does, as a link to what it counts; without an address, or where it is covered, the number alone."""
    return (
        format_html('<a class="counted" href="{}">{}</a>', url, num(number))
        if url and number
        else num(number)
    )


@register.inclusion_tag("partials/progress.html")
def progress(done: int, total: int | None, label: str) -> dict[str, object]:
    """Show how far long work has come, as a bar and in words; `label` says what work it is.

    A total of None means that it isn't known yet. Counts beyond the total are shown as the total: rows may be
    added while the work runs, and a bar over its end would look like a fault.
    """
    return {
        "label": label,
        "done": done if total is None else max(0, min(done, total)),
        "total": total,
    }


@register.simple_block_tag
def listing(content: SafeString, label: str) -> SafeString:
    """Wrap a table so that it scrolls sideways, by keyboard too; `label` names it for screen readers."""
    return format_html(
        '<div class="listing-wrap" role="region" tabindex="0" aria-label="{}">{}</div>', label, content
    )


# Fields


@register.inclusion_tag("partials/field.html")
def field(bound: BoundField) -> dict[str, object]:
    """Show a form field with its label, help and errors, tied together by aria-describedby."""
    widget = bound.field.widget
    attributes: dict[str, Any] = {}
    if isinstance(widget, forms.CheckboxInput):
        kind, css_class = "check", "form-check-input"
    elif widget.use_fieldset:
        kind, css_class = "choices", ""
    elif isinstance(widget, forms.Select):
        kind, css_class = "control", "form-select"
    else:
        kind, css_class = "control", "form-control"
    own_class = widget.attrs.get("class", "")
    if css_class:
        attributes["class"] = f"{css_class} {own_class}".strip()
    if "placeholder" in widget.attrs and not widget.attrs.get("data-example"):
        # A placeholder that repeats the label is read twice and vanishes when one types. False leaves it out.
        attributes["placeholder"] = False
    return {"field": bound, "kind": kind, "control": bound.as_widget(attrs=attributes)}


# Flash messages


_FLASH_KINDS = {levels.SUCCESS: "ok", levels.WARNING: "warn", levels.ERROR: "bad"}


@register.inclusion_tag("partials/flash.html")
def flash_message(message: Message) -> dict[str, object]:
    """Show one of Django's messages; `extra_tags="undo=/path/"` adds a button that posts to that path."""
    return {
        "kind": _FLASH_KINDS.get(message.level, "info"),
        "text": message.message,
        "undo_url": _undo_path(message.extra_tags or ""),
    }


def _undo_path(extra_tags: str) -> str:
    """Return the path behind `undo=`; an address of another site is ignored."""
    for word in extra_tags.split():
        name, _equals, path = word.partition("=")
        # A backslash is a slash to browsers: /\example.org would leave this site.
        local = (
            path.startswith("/")
            and not path.startswith("//")
            and "\\" not in path
            and not urlsplit(path).netloc
        )
        if name == "undo" and local:
            return path
    return ""


# Pages of a list


class KeysetPage(Protocol):
    """A page of a list that is read by key and so knows only its neighbours."""

    @property
    def previous_url(self) -> str | None: ...

    @property
    def next_url(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class PageLink:
    """One entry of the page links; a gap has no number."""

    number: int | None
    url: str
    is_current: bool


@register.inclusion_tag("partials/page_links.html", takes_context=True)
def page_links(context: template.Context, page: "Page[Any] | KeysetPage") -> dict[str, object]:
    """Show links to the other pages of a list, keeping the filters in the query string.

    Takes a page of Django's paginator (shown with numbers; nothing for a single page), or anything with
    `previous_url` and `next_url` (shown as previous and next).
    """
    if not isinstance(page, Page):
        return {"previous_url": page.previous_url, "next_url": page.next_url, "links": ()}
    request: HttpRequest | None = context.get("request")
    query = request.GET.copy() if request is not None else QueryDict(mutable=True)
    return {
        "previous_url": _page_url(query, page.previous_page_number()) if page.has_previous() else None,
        "next_url": _page_url(query, page.next_page_number()) if page.has_next() else None,
        "links": _numbered_links(page, query),
        "first": page.start_index(),
        "last": page.end_index(),
        "count": page.paginator.count,
    }


def _numbered_links(page: "Page[Any]", query: QueryDict) -> Sequence[PageLink]:
    """Return the links to the ends and around the current page, with gaps between."""
    if not page.has_other_pages():
        return ()
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    return [
        PageLink(number, _page_url(query, number), number == page.number)
        if isinstance(number, int)
        else PageLink(None, "", False)
        for number in numbers
    ]


def _page_url(query: QueryDict, number: int) -> str:
    """Return the query string that leads to another page of the same list."""
    changed = query.copy()
    changed[PAGE_PARAMETER] = str(number)
    return f"?{changed.urlencode()}"

"""Search over everything that somebody may see: people, campaigns, templates, lists, segments, pages, guides.

Words are sent by POST and stand in no address and no log, since they may be a patient's name.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from campaigns import queries as campaigns
from campaigns.designs import queries as designs
from contacts import queries as contacts
from contacts.segments import queries as segments
from contacts.segments.client import IndexAway
from marketing.home import guides
from safeguards.actor import Actor

AT_MOST = 5
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Found:
    """One thing found: its name, what it is beside that, and its page."""

    title: str
    beside: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """The things of one kind, at most five of them; `more` of them stand behind `url`. `away` where nobody can say now."""

    label: str
    icon: str
    found: list[Found]
    more: int = 0
    url: str = ""
    health: bool = False
    away: bool = False


def search(actor: Actor, text: str, pages: Iterable[tuple[str, str]] = ()) -> list[Group]:
    """What has every word of `text` in its name, by kind; kinds that the actor may not see are left out.

    `pages` are the addresses and labels of the navigation, as the actor sees it.
    """
    words = text[:LONGEST].lower().split()
    if not words:
        return []
    groups = [
        _pages(words, pages),
        _people(actor, " ".join(words)) if access.allowed(actor, Permission.VIEW_CONTACTS) else None,
        _campaigns(actor, words) if access.allowed(actor, Permission.VIEW_CAMPAIGNS) else None,
        _templates(actor, words) if access.allowed(actor, Permission.EDIT_CAMPAIGNS) else None,
        _lists(actor, words) if access.allowed(actor, Permission.VIEW_CONTACTS) else None,
        _segments(actor, words) if access.allowed(actor, Permission.VIEW_SEGMENTS) else None,
        _help(words),
    ]
    return [group for group in groups if group is not None and (group.found or group.away)]


def _pages(words: list[str], pages: Iterable[tuple[str, str]]) -> Group:
    found = [Found(label, "", url) for url, label in pages if all(word in label.lower() for word in words)]
    return Group(_("Pages"), "layout-grid", found[:AT_MOST])


def _help(words: list[str]) -> Group:
    found = [
        Found(section.title, guide.title, f"{reverse('guide', args=[guide.slug])}#{section.anchor}")
        for guide, section in guides.matching(words)
    ]
    return Group(_("Help"), "book", found[:AT_MOST], max(0, len(found) - AT_MOST), reverse("help"))


def _people(actor: Actor, text: str) -> Group:
    label, url = _("Contacts"), reverse("contacts")
    try:
        page = contacts.found_contacts(actor, text, number=1)
    except IndexAway:
        return Group(label, "users", [], url=url, health=True, away=True)
    rows = [Found(each.name, each.email, reverse("contact", args=[each.pk])) for each in page.rows[:AT_MOST]]
    return Group(label, "users", rows, max(0, (page.total or 0) - len(rows)), url, health=True)


def _campaigns(actor: Actor, words: list[str]) -> Group:
    matching = campaigns.listed(actor)
    for word in words:
        matching = matching.filter(name__icontains=word)
    rows = [
        Found(each.name, each.topic.local_name if each.topic else "", reverse("campaign", args=[each.pk]))
        for each in matching[:AT_MOST]
    ]
    return Group(_("Campaigns"), "send", rows, max(0, matching.count() - len(rows)), reverse("campaigns"))


def _templates(actor: Actor, words: list[str]) -> Group:
    matching = designs.templates(actor)
    for word in words:
        matching = matching.filter(name__icontains=word)
    rows = [
        Found(each.name, each.subject, reverse("template_edit", args=[each.pk]))
        for each in matching[:AT_MOST]
    ]
    return Group(_("Templates"), "template", rows, max(0, matching.count() - len(rows)), reverse("templates"))


def _lists(actor: Actor, words: list[str]) -> Group:
    # Their names are sealed too.
    matching = [
        each for each in segments.lists_to_choose(actor) if all(word in each.name.lower() for word in words)
    ]
    rows = [Found(each.name, "", reverse("list", args=[each.contact_list.pk])) for each in matching[:AT_MOST]]
    return Group(_("Lists"), "list-details", rows, len(matching) - len(rows), reverse("lists"))


def _segments(actor: Actor, words: list[str]) -> Group:
    may_edit = access.allowed(actor, Permission.EDIT_SEGMENTS)
    # Their names are sealed, so that the database can't be asked.
    matching = [
        each for each in segments.segment_list(actor) if all(word in each.name.lower() for word in words)
    ]
    rows = [
        Found(
            each.name,
            "",
            reverse("segment_edit", args=[each.segment.pk]) if may_edit else reverse("segments"),
        )
        for each in matching[:AT_MOST]
    ]
    return Group(_("Segments"), "filter", rows, len(matching) - len(rows), reverse("segments"))

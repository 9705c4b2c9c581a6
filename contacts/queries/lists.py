"""Reads of lists: all of them, one with a page of its people, where it is used, and how many of it could be reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from contacts.consent.models import Topic
from contacts.models import Contact, ContactList, Membership
from contacts.queries.people import PER_PAGE, Listed, found_contacts, listed
from contacts.segments import queries as segments
from contacts.segments.masking import Figure
from contacts.segments.models import Segment
from contacts.segments.ops import LISTS, ON_ANY
from safeguards import phi
from safeguards.actor import Actor

LISTS_PER_PAGE = 25
MOST_TOPICS = 8


@dataclass(frozen=True, slots=True)
class OpenList:
    """A list, opened; `broken` where it can't be. `used` is how many segments name it; `named` whether its people may be."""

    contact_list: ContactList
    name: str
    description: str
    used: int = 0
    broken: bool = False
    named: bool = True


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of lists, and how many are archived."""

    rows: list[OpenList]
    page: Page[Any]
    archived: int


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a list's people: who, and since when (None in a search, which is by name)."""

    person: Listed
    added_at: datetime | None = None
    added_by: str = ""


@dataclass(frozen=True, slots=True)
class Members:
    """A page of a list's people; by key, or of a search with its number, as `Contacts` has them."""

    rows: list[Member]
    before: int | None = None
    after: int | None = None
    total: int | None = None
    number: int = 1
    pages: int = 1


@dataclass(frozen=True, slots=True)
class Reach:
    """How many of a list could be reached about a topic."""

    topic: Topic
    figure: Figure | None


def may_be_named(actor: Actor, contact_list: ContactList) -> bool:
    """Whether somebody may read who is on a list, and how many: of one that says something about health, that takes the
    permission to open charts (BEHAVIOURS A7, E4). Whoever may edit contacts can put people on it all the same.
    """
    return not contact_list.clinical or access.allowed(actor, Permission.VIEW_CLINICAL)


def list_page(actor: Actor, number: str | None, *, archived: bool = False) -> ListPage:
    """One page of the lists, the last changed first; of the archived ones, where asked. Raises Denied."""
    access.require(actor, Permission.VIEW_CONTACTS)
    used = Count("segments", distinct=True)
    found = ContactList.objects.filter(archived_at__isnull=not archived).annotate(used=used)
    page = Paginator(found.order_by("-updated_at", "-pk"), LISTS_PER_PAGE).get_page(number)
    put_away = ContactList.objects.filter(archived_at__isnull=False).count()
    return ListPage(_open(actor, list(page.object_list), "lists"), page, put_away)


def list_of(actor: Actor, pk: int) -> OpenList:
    """One list, opened. Raises Denied, and ContactList.DoesNotExist."""
    access.require(actor, Permission.VIEW_CONTACTS)
    found = ContactList.objects.select_related("created_by").get(pk=pk)
    return _open(actor, [found], "list")[0]


def _open(actor: Actor, lists: Sequence[ContactList], purpose: str) -> list[OpenList]:
    grant = access.grant(actor, Permission.VIEW_CONTACTS)
    opened = phi.reveal_sound(lists, ["name", "description"], grant=grant, purpose=purpose)
    return [
        OpenList(
            each,
            str(values["name"]) if values else "",
            str(values["description"] or "") if values else "",
            getattr(each, "used", 0),
            broken=values is None,
            named=may_be_named(actor, each),
        )
        for each, values in zip(lists, opened, strict=True)
    ]


def members(
    actor: Actor,
    contact_list: ContactList,
    *,
    before: int | None = None,
    after: int | None = None,
    text: str = "",
    number: int = 1,
) -> Members:
    """A page of who is on a list, the last added first, by key; or of those whose name or address has the words of `text`.

    Nobody where they may not be named. Raises Denied, and with a text IndexAway.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    if not may_be_named(actor, contact_list):
        return Members([])
    if text:
        found = found_contacts(actor, text, number=number, list_id=contact_list.pk)
        return Members(
            [Member(row) for row in found.rows], total=found.total, number=number, pages=found.pages
        )
    there = Membership.objects.select_related("contact", "added_by").filter(
        contact_list=contact_list, removed_at=None, contact__deleted_at=None
    )
    if after is not None:
        rows = list(there.filter(pk__gt=after).order_by("pk")[: PER_PAGE + 1])
        has_newer, rows = len(rows) > PER_PAGE, rows[:PER_PAGE][::-1]
        has_older = True
    else:
        older = there.filter(pk__lt=before) if before is not None else there
        rows = list(older.order_by("-pk")[: PER_PAGE + 1])
        has_older, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
        has_newer = before is not None
    shown = listed(actor, [row.contact for row in rows], "people of a list")
    return Members(
        [
            Member(person, row.added_at, row.added_by.name if row.added_by else "")
            for person, row in zip(shown, rows, strict=True)
        ],
        before=rows[-1].pk if rows and has_older else None,
        after=rows[0].pk if rows and has_newer else None,
    )


def segments_with(actor: Actor, contact_list: ContactList) -> list[segments.Definition]:
    """The segments whose rules name a list, the last changed first, at most 20. Raises Denied."""
    access.require(actor, Permission.VIEW_SEGMENTS)
    found = Segment.objects.filter(lists=contact_list).order_by("-updated_at")[:20]
    return segments.opened(actor, list(found))


def reach_of(actor: Actor, contact_list: ContactList) -> list[Reach]:
    """For each topic, how many on a list could be reached. Raises Denied, IndexAway."""
    rule = {"field": LISTS.key, "op": ON_ANY.key, "value": [str(contact_list.pk)]}
    tree = {"match": "all", "rules": [rule]}
    brand = Brand.objects.order_by("pk").first()
    if brand is None:
        return []
    return [
        Reach(topic, segments.count(actor, tree, topic=topic, brand=brand).reachable)
        for topic in Topic.objects.all()[:MOST_TOPICS]
    ]


def on_lists(contact: Contact) -> list[Membership]:
    """Every time on a list that a contact has had, the newest first."""
    return list(
        contact.memberships.select_related("contact_list", "added_by", "removed_by").order_by("-pk")[:500]
    )

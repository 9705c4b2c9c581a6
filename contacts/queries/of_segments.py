"""Who is in a segment now, page by page: for those who may know."""

from dataclasses import dataclass

from accounts import access
from accounts.access import Permission
from contacts.models import Contact
from contacts.queries.people import PER_PAGE, Listed, listed
from contacts.segments import queries as segments
from contacts.segments.models import Segment
from safeguards.actor import Actor


@dataclass(frozen=True, slots=True)
class SegmentPeople:
    """A page of a segment's people, by key; nobody where `named` is false, since who is in it tells of their health."""

    definition: segments.Definition
    words: str
    rows: list[Listed]
    after: int | None
    named: bool


def people_of_segment(actor: Actor, segment: Segment, *, after: int = 0) -> SegmentPeople:
    """Who matches a segment's rules now, those with ids above `after`, in the order in which they were added.

    Raises Denied without the permissions to view segments and contacts, SealBroken, and IndexAway.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    definition = segments.reveal_segment(actor, segment)
    words = segments.plain_words(actor, definition.tree)
    if not segments.may_be_named(actor, definition.tree):
        return SegmentPeople(definition, words, [], None, named=False)
    ids = segments.members_page(actor, definition.tree, after=after, limit=PER_PAGE + 1)
    shown = ids[:PER_PAGE]
    by_id = Contact.objects.filter(deleted_at=None).in_bulk(shown)
    rows = listed(actor, [by_id[pk] for pk in shown if pk in by_id], "people of a segment")
    return SegmentPeople(definition, words, rows, shown[-1] if len(ids) > PER_PAGE else None, named=True)

"""Who is in a segment, or matches rules that are still being made, page by page: for those who may know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts import access
from accounts.access import Permission
from contacts.models import Contact
from contacts.queries.people import PER_PAGE, Listed, listed
from contacts.segments import queries as segments
from contacts.segments.models import Segment
from safeguards.actor import Actor


@dataclass(frozen=True, slots=True)
class PeopleOfRules:
    """A page of the people who match some rules, by key; nobody where `named` is false: who matches tells of their health."""

    words: str
    rows: list[Listed]
    after: int | None
    named: bool


def people_of_segment(
    actor: Actor, segment: Segment, *, after: int = 0, standing: segments.Standing | None = None
) -> tuple[segments.Definition, PeopleOfRules]:
    """A segment, and who matches its rules now.

    Raises Denied without the permissions to view segments and contacts, SealBroken, and IndexAway.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    definition = segments.reveal_segment(actor, segment)
    return definition, people_of_rules(actor, definition.tree, after=after, standing=standing)


def people_of_rules(
    actor: Actor, tree: Mapping[str, Any], *, after: int = 0, standing: segments.Standing | None = None
) -> PeopleOfRules:
    """Who matches some rules now, saved or not: those with ids above `after`, in the order in which they were added.

    With a standing those alone who stand so to a topic.

    Raises Denied without the permissions to view segments and contacts, RuleError, and IndexAway.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    words = segments.plain_words(actor, tree)
    if not segments.may_be_named_by(actor, tree, standing.reason if standing else ""):
        return PeopleOfRules(words, [], None, named=False)
    ids = segments.members_page(actor, tree, after=after, limit=PER_PAGE + 1, standing=standing)
    shown = ids[:PER_PAGE]
    by_id = Contact.objects.filter(deleted_at=None).in_bulk(shown)
    rows = listed(actor, [by_id[pk] for pk in shown if pk in by_id], "people of a segment")
    return PeopleOfRules(words, rows, shown[-1] if len(ids) > PER_PAGE else None, named=True)

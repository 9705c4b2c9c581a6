"""What has happened to one person, as far as this floor knows: how they came, what they agreed to, what was changed, which lists.

Each part is read by the person: the audit log by its index of patients, the ledgers by address and person, lists by contact.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from contacts.consent.models import Topic
from contacts.consent.queries import history
from contacts.models import Contact, Import
from contacts.queries.lists import may_be_named, on_lists
from contacts.rules import fields
from contacts.segments import queries as segments
from safeguards.actor import Actor
from safeguards.queries import events_of_person

PER_PAGE = 20
MOST_EVENTS = 500


class Kind(StrEnum):
    """What the timeline can be narrowed to."""

    ALL = "all"
    CONSENT = "consent"
    CHANGES = "changes"
    LISTS = "lists"


@dataclass(frozen=True, slots=True)
class Happening:
    """One line: when (UTC), what of which kind, more about it, by whom, and a page that tells more (or "")."""

    at: datetime
    kind: Kind
    what: str
    about: str = ""
    by: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of it, the newest first."""

    kind: Kind
    rows: list[Happening]
    page: Page[Happening]


_ACTS = {
    "contact.added",
    "contact.edited",
    "contact.address_changed",
    "contact.deleted",
    "contact.restored",
}


def timeline(actor: Actor, contact: Contact, *, kind: Kind = Kind.ALL, number: str | None = None) -> Timeline:
    """What has happened to a person. Names of fields stand in it, never their values. Raises Denied."""
    access.require(actor, Permission.VIEW_CONTACTS)
    found: list[Happening] = []
    if kind in {Kind.ALL, Kind.CONSENT}:
        found += _consent(contact)
    if kind in {Kind.ALL, Kind.CHANGES}:
        found += _changes(actor, contact)
    if kind in {Kind.ALL, Kind.LISTS}:
        found += _lists(actor, contact)
    found.sort(key=lambda each: each.at, reverse=True)
    page = Paginator(found, PER_PAGE).get_page(number)
    return Timeline(kind, list(page.object_list), page)


def _consent(contact: Contact) -> list[Happening]:
    patient = bytes(contact.person_key).hex()
    said = [
        Happening(entry.at, Kind.CONSENT, entry.what[:1].upper() + entry.what[1:], entry.about, entry.source)
        for entry in history(bytes(contact.address_hash), bytes(contact.person_key))
    ]
    asked = events_of_person(patient, ["consent.asked"], limit=MOST_EVENTS)
    names = {topic.pk: topic.local_name for topic in Topic.objects.all()} if asked else {}
    return said + [
        Happening(
            event.at,
            Kind.CONSENT,
            _("Asked to confirm"),
            ", ".join(names[pk] for pk in event.details["topics"] if pk in names),
            event.actor_display,
        )
        for event in asked
    ]


def _changes(actor: Actor, contact: Contact) -> list[Happening]:
    events = events_of_person(bytes(contact.person_key).hex(), _ACTS, limit=MOST_EVENTS)
    ids = {UUID(event.details["import"]) for event in events if "import" in event.details}
    if contact.imported_by_id:
        ids.add(contact.imported_by_id)
    imports = Import.objects.select_related("created_by").in_bulk(ids) if ids else {}
    may_see = access.allowed(actor, Permission.IMPORT_CONTACTS)

    def url(source: Import | None) -> str:
        return reverse("import", args=[source.pk]) if source and may_see else ""

    found = []
    for event in events:
        source = imports.get(UUID(event.details["import"])) if "import" in event.details else None
        what, about = _told(event.action, event.details)
        by = source.created_by.name if source else event.actor_display
        found.append(Happening(event.at, Kind.CHANGES, what, about, by, url(source)))
    if contact.imported_by_id and (first := imports.get(contact.imported_by_id)):
        found.append(
            Happening(
                contact.created_at,
                Kind.CHANGES,
                _("Added by an import"),
                "",
                first.created_by.name,
                url(first),
            )
        )
    return found


def _told(action: str, details: dict[str, Any]) -> tuple[str, str]:
    """An act on the contact in words: what, and more about it."""
    match action:
        case "contact.added":
            again = _("Was deleted before; nothing of the old record was taken up.")
            return _("Added by hand"), again if details.get("returned") else ""
        case "contact.edited":
            keys = [key for key in details["fields"] if key in fields.BY_KEY]
            return _("Edited"), ", ".join(_(fields.BY_KEY[key].label) for key in keys)
        case "contact.address_changed":
            about = _("What they agreed to and refused holds for the new one.")
            if "import" in details:
                return _("E-mail address changed by an import"), about
            return _("E-mail address changed"), about
        case "contact.deleted":
            return _("Deleted"), ""
        case _:
            return _("Brought back"), ""


def _lists(actor: Actor, contact: Contact) -> list[Happening]:
    rows = [row for row in on_lists(contact) if may_be_named(actor, row.contact_list)]
    named = segments.named_lists(actor, {row.contact_list_id for row in rows})
    names = {each.contact_list.pk: each.name for each in named}
    found = []
    for row in rows:
        name, url = names[row.contact_list_id], reverse("list", args=[row.contact_list_id])
        by = row.added_by.name if row.added_by else ""
        what = _("Added to a list by an import") if row.imported_by_id else _("Added to a list")
        found.append(Happening(row.added_at, Kind.LISTS, what, name, by, url))
        if row.removed_at:
            by = row.removed_by.name if row.removed_by else ""
            found.append(Happening(row.removed_at, Kind.LISTS, _("Removed from a list"), name, by, url))
    return found

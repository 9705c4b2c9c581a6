"""Who looked at one person's record: for those who may see contacts, in the words that their role needs (decision 28)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.models import User
from contacts.models import Contact
from contacts.rules import fields
from safeguards import audit, log
from safeguards.actor import Actor
from safeguards.log import RowFilter

audit.declare("lookers.viewed", count=int)

PER_PAGE = 25
LATELY = timedelta(days=30)
TABLE = Contact._meta.db_table
_LOOKS = ("phi.revealed", "phi.amended", "messages.viewed", "evidence.viewed")
_CLINICAL = frozenset(each.key for each in fields.FIELDS if each.clinical)


@dataclass(frozen=True, slots=True)
class Look:
    """One look: who, in which role today, when, at what. `people` is above 1 where others stood on the same page of a list.

    `purpose` is empty for those who needn't know it.
    """

    id: int
    at: datetime
    who: str
    role: str
    action: str
    people: int
    health: bool
    purpose: str


@dataclass(frozen=True, slots=True)
class Looks:
    """A page of them, the newest first, and the id that the next page begins behind (None: it is the last)."""

    rows: list[Look]
    next: int | None
    with_purposes: bool


def looks(actor: Actor, contact: Contact, *, after: int | None) -> Looks:
    """Who on the staff looked at somebody's record, with an audit row of this look. Needs the permission to view contacts."""
    access.require(actor, Permission.VIEW_CONTACTS)
    patient = bytes(contact.person_key).hex()
    asked = RowFilter(patient=patient, actor_kind="user", actions=_LOOKS)
    events = log.page_of_rows(asked, after=after, limit=PER_PAGE + 1)
    with_purposes = access.allowed(actor, Permission.VIEW_CLINICAL) or access.allowed(
        actor, Permission.VIEW_AUDIT
    )
    roles = _roles({event.actor_id for event in events})
    rows = [
        Look(
            id=event.pk,
            at=event.at,
            who=event.actor_display,
            role=roles.get(event.actor_id, ""),
            action=event.action,
            people=event.details.get("count", 1) if event.action == "phi.revealed" else 1,
            health=bool(_CLINICAL & set(event.details.get("fields", ()))),
            purpose=event.purpose if with_purposes else "",
        )
        for event in events[:PER_PAGE]
    ]
    audit.record("lookers.viewed", actor=actor, target=contact, patient=patient, details={"count": len(rows)})
    return Looks(rows, rows[-1].id if len(events) > PER_PAGE else None, with_purposes)


def _roles(ids: set[str]) -> Mapping[str, str]:
    people = User.objects.filter(pk__in=[int(each) for each in ids if each.isdigit()])
    return {str(person.pk): person.get_role_display() for person in people}


def openers_lately(contact: Contact) -> int:
    """How many of the staff opened somebody's record in the last 30 days, alone or on a page of a list."""
    patient = bytes(contact.person_key).hex()
    return len(log.openers_of(patient, table=TABLE, since=timezone.now() - LATELY))

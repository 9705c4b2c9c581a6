"""Lists: made, renamed and archived; people added by hand, by a search or by an import, removed, and put back.

Whoever changes who is on a list holds the contacts first, in the order of their ids, and then the list's row, whose count they
keep: so no two wait for each other, and a contact that is deleted meanwhile is counted once or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from contacts.models import Contact, ContactList, Import, Membership
from safeguards import audit, phi
from safeguards.actor import Actor

audit.declare("list.made", clinical=bool)
audit.declare("list.changed", version=int, fields=audit.CHANGED)
audit.declare("list.archived")
audit.declare("list.restored")
audit.declare("list.people_added", added=int, known=int, batch=UUID)
audit.declare("list.people_taken_back", removed=int, batch=UUID)
audit.declare("list.person_removed", list=int)
audit.declare("list.person_put_back", list=int)

MAX_NAME = 120
MAX_DESCRIPTION = 500
# More at once than anybody picks by hand: whoever means more describes them by a segment, or imports them into the list.
MOST_AT_ONCE = 20_000


class NameMissing(ValueError):
    """A list needs a name of 1 to 120 characters."""


class ListChanged(Exception):
    """Somebody else has changed the list since its page was opened."""


class Archived(Exception):
    """The list is archived; nobody is added until it is restored."""


class TooMany(ValueError):
    """More people than can be added at once."""


@dataclass(frozen=True, slots=True)
class Added:
    """How many came onto the list, how many were on it already, and the batch by which it can be undone."""

    added: int
    known: int
    batch: UUID


def create_list(*, actor: Actor, name: str, description: str = "", clinical: bool = False) -> ContactList:
    """Make a list; name and description are sealed together. `clinical`: being on it says something about somebody's health.

    Raises Denied, and NameMissing.
    """
    access.require(actor, Permission.EDIT_CONTACTS)
    record = _record(name, description)
    with transaction.atomic():
        [number] = phi.allot(ContactList, 1)
        now = timezone.now()
        made = ContactList.objects.create(
            pk=number,
            record=phi.seal(ContactList, "record", number, record),
            clinical=clinical,
            created_by_id=_user_id(actor),
            created_at=now,
            updated_at=now,
        )
        audit.record("list.made", actor=actor, target=made, details={"clinical": clinical})
    return made


def edit_list(
    *, actor: Actor, contact_list: ContactList, name: str, description: str, seen_version: int
) -> ContactList:
    """Give a list another name and description. Raises Denied, NameMissing, and ListChanged where somebody was faster."""
    access.require(actor, Permission.EDIT_CONTACTS)
    record = _record(name, description)
    with transaction.atomic():
        held = ContactList.objects.select_for_update().get(pk=contact_list.pk)
        if held.version != seen_version:
            raise ListChanged
        grant = access.grant(actor, Permission.EDIT_CONTACTS)
        held.record, changes = phi.amend(held, record, grant=grant, purpose="edit list")
        held.version += 1
        held.updated_at = timezone.now()
        held.save(update_fields=["record", "version", "updated_at"])
        audit.record(
            "list.changed",
            actor=actor,
            target=held,
            details={"version": held.version, "fields": changes},
        )
    return held


def archive_list(*, actor: Actor, contact_list: ContactList) -> None:
    """Take a list off the pages where one is chosen. Segments that name it go on as before. Archiving twice changes nothing."""
    access.require(actor, Permission.EDIT_CONTACTS)
    with transaction.atomic():
        if ContactList.objects.filter(pk=contact_list.pk, archived_at=None).update(
            archived_at=timezone.now()
        ):
            audit.record("list.archived", actor=actor, target=contact_list)


def restore_list(*, actor: Actor, contact_list: ContactList) -> None:
    """Bring an archived list back. Doing it twice changes nothing."""
    access.require(actor, Permission.EDIT_CONTACTS)
    with transaction.atomic():
        archived = ContactList.objects.filter(pk=contact_list.pk, archived_at__isnull=False)
        if archived.update(archived_at=None):
            audit.record("list.restored", actor=actor, target=contact_list)


def add_people(*, actor: Actor, contact_list: ContactList, contact_ids: Sequence[int]) -> Added:
    """Put contacts on a list; those who are on it stay, and ids of nobody are passed over.

    It gives no consent. Raises Denied, Archived, and TooMany above 20,000.
    """
    access.require(actor, Permission.EDIT_CONTACTS)
    wanted = sorted(set(contact_ids))
    if len(wanted) > MOST_AT_ONCE:
        raise TooMany(len(wanted))
    batch = uuid4()
    with transaction.atomic():
        living = Contact.objects.select_for_update().filter(pk__in=wanted, deleted_at=None)
        held = list(living.order_by("pk").values_list("pk", flat=True))
        # Held too, so that nobody archives it at this moment.
        if ContactList.objects.select_for_update().get(pk=contact_list.pk).archived_at is not None:
            raise Archived
        added = enlist(contact_list.pk, held, batch=batch, added_by=_user_id(actor))
        audit.record(
            "list.people_added",
            actor=actor,
            target=contact_list,
            details={"added": added, "known": len(held) - added, "batch": str(batch)},
        )
    return Added(added, len(held) - added, batch)


_ENLIST = """
INSERT INTO contacts_membership (contact_list_id, contact_id, batch, added_at, added_by_id, imported_by_id)
SELECT %s, contact_id, %s, %s, %s, %s FROM unnest(%s::bigint[]) AS said (contact_id)
ON CONFLICT (contact_list_id, contact_id) WHERE removed_at IS NULL DO NOTHING
"""


def enlist(
    list_id: int,
    contact_ids: Sequence[int],
    *,
    batch: UUID,
    added_by: int | None = None,
    source: Import | None = None,
) -> int:
    """Write contacts onto a list in the caller's transaction, which holds them; returns how many weren't on it yet."""
    if not contact_ids:
        return 0
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _ENLIST, [list_id, batch, now, added_by, source.pk if source else None, sorted(set(contact_ids))]
        )
        added = int(cursor.rowcount)
    if added:
        ContactList.objects.filter(pk=list_id).update(people=F("people") + added, last_added_at=now)
    return added


def take_back(*, actor: Actor, contact_list: ContactList, batch: UUID) -> int:
    """Undo an adding by hand: whoever came onto the list by it and is still there leaves it. Returns how many. Raises Denied."""
    access.require(actor, Permission.EDIT_CONTACTS)
    with transaction.atomic():
        standing = Membership.objects.filter(
            contact_list=contact_list, batch=batch, removed_at=None, imported_by=None
        )
        ids = list(standing.values_list("contact_id", flat=True))
        list(Contact.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
        living = standing.filter(contact__deleted_at=None).count()
        removed = standing.update(removed_at=timezone.now(), removed_by_id=_user_id(actor))
        _count_down(contact_list.pk, living)
        if removed:
            audit.record(
                "list.people_taken_back",
                actor=actor,
                target=contact_list,
                details={"removed": removed, "batch": str(batch)},
            )
    return removed


def remove_person(*, actor: Actor, contact_list: ContactList, contact: Contact) -> Membership | None:
    """Take a contact off a list; returns what `put_person_back` undoes, None where they weren't on it. Raises Denied."""
    access.require(actor, Permission.EDIT_CONTACTS)
    with transaction.atomic():
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        standing = Membership.objects.filter(contact_list=contact_list, contact=held, removed_at=None).first()
        if standing is None:
            return None
        standing.removed_at, standing.removed_by_id = timezone.now(), _user_id(actor)
        standing.save(update_fields=["removed_at", "removed_by"])
        if held.deleted_at is None:
            _count_down(contact_list.pk, 1)
        audit.record(
            "list.person_removed",
            actor=actor,
            target=contact_list,
            patient=bytes(held.person_key).hex(),
            details={"list": contact_list.pk},
        )
    return standing


def put_person_back(*, actor: Actor, contact_list: ContactList, membership_id: int) -> None:
    """Undo `remove_person`. Changes nothing for somebody who is on the list again. Raises Denied."""
    access.require(actor, Permission.EDIT_CONTACTS)
    with transaction.atomic():
        left = Membership.objects.filter(
            pk=membership_id, contact_list=contact_list, removed_at__isnull=False
        ).first()
        if left is None:
            return
        held = Contact.objects.select_for_update().get(pk=left.contact_id)
        if Membership.objects.filter(contact_list=contact_list, contact=held, removed_at=None).exists():
            return
        left.removed_at, left.removed_by_id = None, None
        left.save(update_fields=["removed_at", "removed_by"])
        if held.deleted_at is None:
            ContactList.objects.filter(pk=contact_list.pk).update(people=F("people") + 1)
        audit.record(
            "list.person_put_back",
            actor=actor,
            target=contact_list,
            patient=bytes(held.person_key).hex(),
            details={"list": contact_list.pk},
        )


def count_out(contact: Contact) -> None:
    """A contact who is deleted counts on no list any more; the caller holds the contact."""
    _lists_of(contact).update(people=Greatest(F("people") - 1, 0))


def count_in(contact: Contact) -> None:
    """A contact whose deletion is undone counts again."""
    _lists_of(contact).update(people=F("people") + 1)


def forget_lists(contacts: Sequence[Contact], now: datetime) -> None:
    """Contacts who come back after deletion begin anew, on no list; they aren't counted since they were deleted."""
    if contacts:
        Membership.objects.filter(contact__in=contacts, removed_at=None).update(removed_at=now)


def _lists_of(contact: Contact) -> QuerySet[ContactList]:
    standing = Membership.objects.filter(contact_list=OuterRef("pk"), contact=contact, removed_at=None)
    return ContactList.objects.filter(Exists(standing))


def _count_down(list_id: int, number: int) -> None:
    ContactList.objects.filter(pk=list_id).update(people=Greatest(F("people") - number, 0))


def _record(name: str, description: str) -> dict[str, str]:
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise NameMissing
    return {"name": name, "description": description.strip()[:MAX_DESCRIPTION]}


def _user_id(actor: Actor) -> int | None:
    return int(actor.id) if actor.kind == "user" else None

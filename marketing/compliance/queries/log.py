"""Reads of the whole audit log: pages of rows, one row and what stands around it, and what was done with one patient.

Reading is logged (F3): one row a look. A look is one filter, or one row, in one session within a quarter of an hour, so that
turning its pages leaves no further rows. What is logged are the filter's names and values, but for those that say who is meant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import access
from accounts import queries as accounts
from accounts.access import Permission
from accounts.organization.models import Organization
from campaigns.models import Campaign
from contacts.models import Contact
from contacts.rules import fields
from marketing.compliance.acts import PARTS
from safeguards import audit, log, tokens
from safeguards.actor import Actor
from safeguards.log import Event, Hours, Place, RowFilter

audit.declare("audit.viewed", count=int, filters=audit.FILTERS)
audit.declare("audit.patient_looked_up", found=int)

LOOK = timedelta(minutes=15)
COUNTED = 10_000
AROUND = 10
# By the clocks of the organisation; sign-ins outside of them, and on Sundays, are shown in a log review.
FIRST_HOUR, LAST_HOUR = 6, 20
CONTACTS_TABLE = Contact._meta.db_table
HEALTH_FIELDS = tuple(each.key for each in fields.FIELDS if each.clinical)
# What openings can be narrowed to: words, table, and fields of which one has to be among them.
OPENINGS: dict[str, tuple[Promise, str, tuple[str, ...]]] = {
    "people": (_("Contacts"), CONTACTS_TABLE, ()),
    "health": (_("Health fields of contacts"), CONTACTS_TABLE, HEALTH_FIELDS),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row as the pages show it. `who` is the name it was written with, `contact_id` the patient's, where there is one."""

    event: Event
    who: str
    role: str
    contact_id: int | None

    @property
    def fields(self) -> list[str]:
        """The fields that were opened or changed."""
        return list(self.event.details.get("fields", []))

    @property
    def count(self) -> int | None:
        """Of how many things the row tells."""
        count: int | None = self.event.details.get("count", self.event.details.get("rows"))
        return count


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of the log; `count` is None where there are more than are counted."""

    rows: list[Row]
    count: int | None
    more: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """One row with all that it tells, its place in the chain (None: it waits), and its neighbours."""

    row: Row
    place: Place | None
    same_request: list[Row]
    same_session: list[Row]
    campaign: Campaign | None


def usual_hours() -> Hours:
    """When people work, by the organisation's clocks."""
    organization = Organization.objects.first()
    return Hours(FIRST_HOUR, LAST_HOUR, organization.time_zone if organization else "UTC")


def pseudonym_of(contact_id: int) -> str:
    """A contact's pseudonym, also of one who is deleted; empty where there is nobody of that number."""
    key = Contact.objects.filter(pk=contact_id).values_list("person_key", flat=True).first()
    return bytes(key).hex() if key else ""


def log_rows(
    actor: Actor, asked: RowFilter, *, after: int | None, limit: int, named: Mapping[str, str]
) -> Rows:
    """A page of the log, newest first, with an audit row of the look. Needs the permission to view the audit log.

    `named` is the filter as the audit row tells it.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    events = log.page_of_rows(asked, after=after, limit=limit + 1)
    count = log.count_of_rows(asked, at_most=COUNTED)
    shown = shown_rows(actor, events[:limit])
    looked(actor, named, len(shown), patient=asked.patient)
    return Rows(shown, count if count <= COUNTED else None, len(events) > limit)


def looked(actor: Actor, named: Mapping[str, str], count: int, *, patient: str = "") -> None:
    """Leave the row of a look at the log, unless it goes on with one."""
    filters = dict(named)
    if not log.seen_lately(
        actor_id=actor.id,
        session_hash=actor.session_hash,
        action="audit.viewed",
        patient=patient,
        filters=filters,
        since=timezone.now() - LOOK,
    ):
        audit.record(
            "audit.viewed", actor=actor, patient=patient, details={"count": count, "filters": filters}
        )


def shown_rows(actor: Actor, events: Iterable[Event]) -> list[Row]:
    """Rows with the names and roles of today, and the contacts whom they are about."""
    found = list(events)
    names = accounts.names(actor)
    keys = {event.patient or (event.actor_id if event.actor_kind == "patient" else "") for event in found}
    contacts = {
        bytes(key).hex(): pk
        for pk, key in Contact.objects.filter(
            person_key__in=[bytes.fromhex(key) for key in keys if key]
        ).values_list("pk", "person_key")
    }
    return [
        Row(
            event=event,
            who=_who(event),
            role=names.get(event.actor_id, ("", ""))[1] if event.actor_kind == "user" else "",
            contact_id=contacts.get(event.patient or event.actor_id),
        )
        for event in found
    ]


def _who(event: Event) -> str:
    if event.actor_kind == "system":
        return str(PARTS.get(event.actor_id, event.actor_id))
    if event.actor_kind == "patient":
        return str(_("A patient"))
    return event.actor_display or event.actor_id


def log_row(actor: Actor, pk: int) -> Detail | None:
    """One row whole, checked against the chain now, with its neighbours; None where there is no such row. Logged as a look.

    Needs the permission to view the audit log.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    event = log.row(pk)
    if event is None:
        return None
    request, session = log.of_request(event, limit=2 * AROUND), log.of_session(event, each=AROUND)
    shown = shown_rows(actor, [event, *request, *session])
    looked(actor, {"row": str(pk)}, 1, patient=event.patient)
    mailing = event.target_kind == "delivery.mailing" and event.target_id
    return Detail(
        row=shown[0],
        place=log.place_of(event),
        same_request=shown[1 : 1 + len(request)],
        same_session=shown[1 + len(request) :],
        campaign=Campaign.objects.filter(mailing_id=int(mailing)).first() if mailing else None,
    )


@dataclass(frozen=True, slots=True)
class Patient:
    """Somebody whom the log is read for: the contact's number, their pseudonym, and when they came; never who they are."""

    contact_id: int
    pseudonym: str
    is_deleted: bool


def find_patients(actor: Actor, text: str) -> list[Patient]:
    """Who has this e-mail address or this record number, deleted people too; at most 20. What was typed is logged nowhere.

    Needs the permission to view the audit log.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    wanted = text.strip()
    if "@" in wanted:
        found = Contact.objects.filter(address_hash=tokens.address_key(wanted))
    else:
        found = Contact.objects.filter(person_key=tokens.person_key(wanted))
    people = [_patient(contact) for contact in found.order_by("pk")[:20]]
    audit.record("audit.patient_looked_up", actor=actor, details={"found": len(people)})
    return people


def _patient(contact: Contact) -> Patient:
    return Patient(contact.pk, bytes(contact.person_key).hex(), contact.deleted_at is not None)


@dataclass(frozen=True, slots=True)
class PatientView:
    """What was done with one patient, page by page, and what no row can tell.

    `unnamed` counts pages of lists that people opened while rows didn't name who stood on them, capped; None: more than that.
    `carried` counts batches in which parts of the system opened contacts, which name nobody.
    """

    patient: Patient
    rows: Rows
    openers: list[tuple[str, int]]
    unnamed: int | None
    carried: int | None


def patient_view(
    actor: Actor, contact_id: int, *, by: str, after: int | None, limit: int
) -> PatientView | None:
    """All rows that name a patient, or None where there is nobody of this number. Logged as a look at that patient.

    `by` narrows it to a kind of actor. Needs the permission to view the audit log.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    contact = Contact.objects.filter(pk=contact_id).first()
    if contact is None:
        return None
    patient = _patient(contact)
    asked = RowFilter(patient=patient.pseudonym, actor_kind=by)
    rows = log_rows(actor, asked, after=after, limit=limit, named={"patient": "", "by": by})
    batches = RowFilter(
        actions=("phi.revealed",), opened_table=CONTACTS_TABLE, batches=True, since=contact.created_at
    )
    unnamed = log.count_of_rows(replace(batches, actor_kind="user"), at_most=COUNTED)
    carried = log.count_of_rows(replace(batches, actor_kind="system"), at_most=COUNTED)
    return PatientView(
        patient=patient,
        rows=rows,
        openers=log.openers_of(patient.pseudonym, table=CONTACTS_TABLE),
        unnamed=unnamed if unnamed <= COUNTED else None,
        carried=carried if carried <= COUNTED else None,
    )

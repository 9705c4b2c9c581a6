"""Reads of contacts: the list, a search, one person's page, opened for whoever may see it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand, Organization
from contacts.consent.models import Topic
from contacts.consent.queries import standings_by_topic
from contacts.consent.rules import Standing
from contacts.models import Contact, ImportedAgain
from contacts.rules import fields
from contacts.rules.fields import Kind
from contacts.rules.rows import as_typed
from contacts.segments import queries as segments
from safeguards import phi
from safeguards.actor import Actor
from safeguards.queries import events_of_person

PER_PAGE = 50
SealBroken = phi.SealBroken
"""Raised where one thing alone was to be opened, and it isn't what was sealed."""
_LISTED = ("first_name", "last_name", "email", "language", "city")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list of contacts."""

    pk: int
    name: str
    email: str
    language: str
    city: str
    updated_at: datetime
    broken: bool = False  # the record can't be opened; an incident row says so


@dataclass(frozen=True, slots=True)
class Contacts:
    """One page of contacts, and the ids or page numbers that lead to its neighbours (None where there is none)."""

    rows: list[Listed]
    before: int | None  # the page of older ones holds ids below this
    after: int | None  # the page of newer ones holds ids above this
    total: int | None = None
    number: int = 1
    pages: int = 1


@dataclass(frozen=True, slots=True)
class Fact:
    """One field of a contact as the page shows it. `value` is empty where nothing is known."""

    key: str
    label: str
    value: str
    clinical: bool
    masked: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the contact page shows of one person. `email`, `language` are those of the record."""

    contact: Contact
    name: str
    email: str
    language: str
    groups: list[tuple[str, list[Fact]]]
    standings: list[tuple[Topic, Standing]]
    lists: list[segments.NamedList]
    opened: bool
    may_open: bool
    broken: bool = False


def newest_contacts(
    actor: Actor,
    *,
    before: int | None = None,
    after: int | None = None,
    added_by: UUID | None = None,
    updated_by: UUID | None = None,
) -> Contacts:
    """A page of contacts, the last added first, by key: ids below `before`, or the ids nearest above `after`.

    With an import, of those alone whom it added, or who were in its file and known before.

    Raises Denied. One audit row says how many people's names were shown.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    living = Contact.objects.filter(deleted_at=None)
    if added_by is not None:
        living = living.filter(imported_by=added_by)
    if updated_by is not None:
        again = ImportedAgain.objects.filter(source_id=updated_by)
        living = living.filter(pk__in=again.values("contact_id"))
    if after is not None:
        found = list(living.filter(pk__gt=after).order_by("pk")[: PER_PAGE + 1])
        has_newer, found = len(found) > PER_PAGE, found[:PER_PAGE][::-1]
        has_older = True
    else:
        if before is not None:
            living = living.filter(pk__lt=before)
        found = list(living.order_by("-pk")[: PER_PAGE + 1])
        has_older, found = len(found) > PER_PAGE, found[:PER_PAGE]
        has_newer = before is not None
    return Contacts(
        rows=listed(actor, found, "contact list"),
        before=found[-1].pk if found and has_older else None,
        after=found[0].pk if found and has_newer else None,
    )


def found_contacts(
    actor: Actor, text: str, *, number: int, list_id: int | None = None, per_page: int = PER_PAGE
) -> Contacts:
    """A page (from 1) of the contacts, of one list or of all, whose name or address has the words of `text`.

    Raises Denied, and IndexAway where the index process doesn't answer.
    """
    page = segments.search(actor, text, page=number, per_page=per_page, list_id=list_id)
    by_id = Contact.objects.filter(deleted_at=None).in_bulk(page.ids)
    found = [by_id[pk] for pk in page.ids if pk in by_id]
    return Contacts(
        rows=listed(actor, found, "contact search"),
        before=None,
        after=None,
        total=page.total,
        number=number,
        pages=max(1, -(-page.total // per_page)),
    )


def ids_found(actor: Actor, text: str, most: int) -> list[int] | None:
    """The ids of everybody whom a search finds; None where they are more than `most`. Raises Denied, IndexAway."""
    page = segments.search(actor, text, page=1, per_page=most)
    return page.ids if page.total <= most else None


def listed(actor: Actor, contacts: Sequence[Contact], purpose: str) -> list[Listed]:
    grant = access.grant(actor, Permission.VIEW_CONTACTS)
    opened = phi.reveal_sound(contacts, _LISTED, grant=grant, purpose=purpose)
    return [
        _line(contact, values) if values else Listed(contact.pk, "", "", "", "", contact.updated_at, True)
        for contact, values in zip(contacts, opened, strict=True)
    ]


def named(actor: Actor, ids: Collection[int], *, purpose: str) -> dict[int, tuple[str, str]]:
    """Name and address of some contacts by id, without those that are gone; one audit row says how many were shown.

    Raises Denied. A record that can't be opened is told as such in the place of its name.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    living = list(Contact.objects.filter(pk__in=ids, deleted_at=None))
    return {
        line.pk: (broken() if line.broken else line.name, line.email)
        for line in listed(actor, living, purpose)
    }


def _line(contact: Contact, values: dict[str, Any]) -> Listed:
    return Listed(
        contact.pk,
        _name(values),
        values["email"] or "",
        values["language"] or "",
        values["city"] or "",
        contact.updated_at,
    )


def _name(values: dict[str, Any]) -> str:
    return " ".join(filter(None, (values["first_name"], values["last_name"]))) or _("No name")


def chart(actor: Actor, contact: Contact, *, brand: Brand | None, purpose: str = "") -> Chart:
    """One person's page: who they are, and what they agreed to. With a purpose, their clinical fields too.

    Raises Denied, with a purpose also where the actor may not see clinical fields.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    shown: Collection[str] = access.IDENTITY_FIELDS
    if purpose:
        access.require(actor, Permission.VIEW_CLINICAL)
        shown = list(fields.BY_KEY)
    grant = access.grant(actor, Permission.VIEW_CONTACTS)
    (values,) = phi.reveal_sound([contact], shown, grant=grant, purpose=purpose or "contact page")
    address_hash, person_key = bytes(contact.address_hash), bytes(contact.person_key)
    return Chart(
        contact=contact,
        name=_name(values) if values else _("A person whose record can't be opened"),
        email=values["email"] or "" if values else "",
        language=values["language"] or "" if values else "",
        groups=_groups(values) if values else [],
        standings=standings_by_topic(address_hash, person_key, brand.pk) if brand else [],
        lists=lists_of(actor, contact),
        opened=bool(purpose),
        may_open=values is not None and access.allowed(actor, Permission.VIEW_CLINICAL),
        broken=values is None,
    )


def lists_of(actor: Actor, contact: Contact) -> list[segments.NamedList]:
    """The lists that somebody is on, archived ones left away, by name; those about health for who may open charts alone.

    Raises Denied.
    """
    on = contact.memberships.filter(removed_at=None, contact_list__archived_at=None)
    if not access.allowed(actor, Permission.VIEW_CLINICAL):
        on = on.filter(contact_list__clinical=False)
    return segments.named_lists(actor, list(on.values_list("contact_list_id", flat=True)))


def values_to_edit(actor: Actor, contact: Contact, *, purpose: str = "") -> dict[str, str] | None:
    """What is known of a person as it is typed, by field; with a purpose the health fields too. None where it can't be opened.

    Raises Denied, with a purpose also where the actor may not see clinical fields.
    """
    access.require(actor, Permission.EDIT_CONTACTS)
    if purpose:
        access.require(actor, Permission.VIEW_CLINICAL)
    shown = list(fields.BY_KEY) if purpose else sorted(access.IDENTITY_FIELDS)
    grant = access.grant(actor, Permission.EDIT_CONTACTS)
    (values,) = phi.reveal_sound([contact], shown, grant=grant, purpose=purpose or "edit contact")
    return None if values is None else {key: as_typed(fields.BY_KEY[key], values[key]) for key in shown}


def may_type(actor: Actor) -> list[str]:
    """The fields that somebody may type of a new person: those of health only where they may see them."""
    if access.allowed(actor, Permission.VIEW_CLINICAL):
        return list(fields.BY_KEY)
    return [key for key in fields.BY_KEY if key in fields.identity()]


def today_at_the_clinic() -> date:
    """The day by which dates of birth and death are judged."""
    return datetime.now(_clinic_zone()).date()


def last_edit(contact: Contact) -> tuple[str, list[str]]:
    """Who changed a contact last by hand, and which fields (their English labels); empty where nobody has."""
    events = events_of_person(bytes(contact.person_key).hex(), ["contact.edited"], limit=1)
    if not events:
        return "", []
    labels = [fields.BY_KEY[key].label for key in events[0].details["fields"] if key in fields.BY_KEY]
    return events[0].actor_display, labels


def address_of(actor: Actor, contact: Contact) -> tuple[str, str]:
    """Address and language ("en" where unknown) of a contact about to be asked for consent. Raises Denied, SealBroken."""
    grant = access.grant(actor, Permission.VIEW_CONTACTS)
    (values,) = phi.reveal([contact], ["email", "language"], grant=grant, purpose="ask for confirmation")
    return str(values["email"]), str(values["language"] or "en")


def _groups(values: dict[str, Any]) -> list[tuple[str, list[Fact]]]:
    groups: dict[str, list[Fact]] = {}
    for target in fields.FIELDS:
        fact = Fact(
            key=target.key,
            label=_(target.label),
            value=_shown(target.kind, values.get(target.key)),
            clinical=target.clinical,
            masked=target.key not in values,
        )
        groups.setdefault(_(target.group), []).append(fact)
    return list(groups.items())


def _shown(kind: Kind, value: Any) -> str:
    if value is None:
        return ""
    if kind is Kind.DATE:
        return date_format(date.fromisoformat(value))
    if kind is Kind.MOMENT:
        local = datetime.fromisoformat(value).replace(tzinfo=_clinic_zone())
        return f"{date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"
    if kind is Kind.YES_NO:
        return _("Yes") if value else _("No")
    if kind is Kind.NUMBER:
        return number_format(value)
    if kind is Kind.MANY:
        return ", ".join(value)
    return str(value)


def _clinic_zone() -> ZoneInfo:
    organization = Organization.objects.first()
    return ZoneInfo(organization.time_zone if organization else "UTC")


def broken() -> str:
    """What stands in the place of something that can't be opened."""
    return _(
        "Can't be opened: damaged or tampered with. It is recorded in the audit log; tell your administrator."
    )

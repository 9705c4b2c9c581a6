"""What Dana does by hand over the weeks: lists that grow, a telephone number that has changed, somebody whom no file brought."""

import csv
import io
from dataclasses import dataclass

from accounts import access
from accounts.organization.models import Brand
from contacts import actions as contacts
from contacts.consent import actions as consent
from contacts.consent.models import Topic
from contacts.models import Contact, ContactList, Import
from contacts.rules.rows import Parsed, read_fields
from contacts.segments import actions as saving
from contacts.segments import queries as segments
from marketing.demo import dana, sample
from safeguards import tokens


@dataclass(frozen=True, slots=True)
class ListPlan:
    """A list of the clinic's."""

    name: str
    description: str


WALKERS = ListPlan(
    "Walking group", "Sundays at ten from the main entrance. Grace at the front desk adds whoever asks."
)
GUESTS = ListPlan(
    "Open day guests, October", "Everybody who signed the guest book on the open day, from Tom's file."
)
SIGN_UPS = ListPlan(
    "Newsletter sign-ups at the front desk",
    "Asked for the newsletter at the desk and got the link to confirm.",
)
# Who walks: rows of the file, counted from its beginning; three join at first, and a few more each week.
_WALKERS = tuple(range(4, 200, 9))
_GUESTS = range(30, 64)
_NEWCOMER = {
    "external_id": "7700123",
    "email": "rosa.ferrer@goodmail.example",
    "first_name": "Rosa",
    "last_name": "Ferrer",
    "birth_date": "1958-06-21",
    "language": "es",
    "phone": "555-310-2277",
    "city": "Boston",
    "state": "Massachusetts",
    "zip": "02118",
}
# What somebody says at the desk, a week each.
_CORRECTIONS: tuple[dict[str, str], ...] = (
    {"phone": "555-310-4406"},
    {"street": "18 Mill Lane", "zip": "02113"},
    {"last_name": "Whitfield"},
    {"language": "es"},
    {"phone": "555-310-9921", "city": "Cambridge", "zip": "02139"},
    {"first_name": "Katherine"},
)


def begin() -> None:
    """The clinic's lists, and the first who walk."""
    made = [
        contacts.create_list(actor=dana.actor(), name=plan.name, description=plan.description)
        for plan in (WALKERS, SIGN_UPS)
    ]
    contacts.add_people(actor=dana.actor(), contact_list=made[0], contact_ids=_known(_WALKERS[:3]))
    rule = {"field": "lists", "op": "any_of", "value": [str(made[0].pk)]}
    saving.save_segment(
        actor=dana.actor(), segment=None, name=WALKERS.name, tree={"match": "all", "rules": [rule]}
    )


def each_week(week: int) -> None:
    """A few more walk, and somebody's details are corrected."""
    more = _WALKERS[3 + 3 * week : 6 + 3 * week]
    contacts.add_people(actor=dana.actor(), contact_list=_list(WALKERS), contact_ids=_known(more))
    ids = _known(range(70 + week, 90 + week))
    if ids and week < len(_CORRECTIONS):
        person = Contact.objects.get(pk=ids[0])
        contacts.edit_contact(
            actor=dana.actor(),
            contact=person,
            record=_CORRECTIONS[week],
            seen_version=person.version,
        )


def sign_up(people: list[Contact]) -> None:
    """Those who asked at the desk go on its list."""
    ids = [person.pk for person in people]
    contacts.add_people(actor=dana.actor(), contact_list=_list(SIGN_UPS), contact_ids=ids)


def guest_book(content: bytes) -> None:
    """The guests of the open day come as a file of their own, onto a list of theirs."""
    rows = list(csv.DictReader(io.StringIO(content.decode())))[_GUESTS.start : _GUESTS.stop]
    columns = ["mrn", "email", "first_name", "last_name"]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    file = out.getvalue().encode()
    source = contacts.upload_file(
        actor=dana.actor(), name="guest-book-october.csv", chunks=[file], size=len(file)
    )
    contacts.map_columns(
        actor=dana.actor(),
        import_id=source.pk,
        mapping={int(column): key for column, key in source.mapping.items()},
        has_header=True,
        first=tuple(columns),
        new_list=GUESTS.name,
    )
    source.refresh_from_db()
    made = source.into_list
    if made is None:
        raise RuntimeError("the guest book has no list")
    contacts.edit_list(
        actor=dana.actor(),
        contact_list=made,
        name=GUESTS.name,
        description=GUESTS.description,
        seen_version=made.version,
    )
    importer = access.system("importer")
    contacts.check_import(actor=importer, import_id=source.pk)
    contacts.start_import(actor=dana.actor(), import_id=source.pk)
    contacts.run_import(actor=importer, import_id=source.pk)
    source.refresh_from_db()
    if source.state != Import.State.DONE:
        raise RuntimeError(f"the guest book ended as {source.state}: {source.problem}")


def newcomer() -> None:
    """Rosa is new in town and in no file yet: she is added at the desk, walks, and is asked to confirm that she wants mail."""
    today = sample.WRITTEN
    parsed = read_fields(_NEWCOMER, today=today, normalise=tokens.normalise)
    if not isinstance(parsed, Parsed):
        raise TypeError(parsed)
    rosa = contacts.add_contact(actor=dana.actor(), parsed=parsed)
    contacts.add_people(actor=dana.actor(), contact_list=_list(WALKERS), contact_ids=[rosa.pk])
    consent.ask_confirmation(
        actor=dana.actor(),
        address=parsed.email,
        person_key=bytes(rosa.person_key),
        brand=Brand.objects.order_by("pk")[0],
        topics=list(Topic.objects.all()[:1]),
        source="asked at the front desk",
        language="es",
    )


def _list(plan: ListPlan) -> ContactList:
    return next(
        each.contact_list for each in segments.lists_to_choose(dana.actor()) if each.name == plan.name
    )


def _known(rows: "range | tuple[int, ...]") -> list[int]:
    """Contacts of rows of the file who are known by now, in the file's order."""
    addresses = sample.addresses()
    keys = [tokens.address_key(addresses[row]) for row in rows if addresses[row]]
    found = {
        bytes(contact.address_hash): contact.pk
        for contact in Contact.objects.filter(address_hash__in=keys, deleted_at=None)
    }
    return [found[key] for key in keys if key in found]

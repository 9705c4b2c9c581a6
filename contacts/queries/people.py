"""Reads of contacts and imports: what a page shows, opened for whoever may see it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand, Organization
from contacts.consent.models import Topic
from contacts.consent.queries import Entry, history, standings_by_topic
from contacts.consent.rules import Standing
from contacts.models import Contact, Import, ImportProblem
from contacts.rules import fields
from contacts.rules.dates import Form, Seen, likeliest
from contacts.rules.fields import Kind
from contacts.rules.problems import Problem, Unreadable, mask
from contacts.segments import queries as segments
from safeguards import phi
from safeguards.actor import Actor

PER_PAGE = 50
IMPORTS_PER_PAGE = 25
SHOWN_PROBLEMS = 20
SAMPLES = 3
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
    history: list[Entry]
    opened: bool
    may_open: bool
    broken: bool = False


@dataclass(frozen=True, slots=True)
class ListedImport:
    """One line of the list of imports."""

    source: Import
    name: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an uploaded file: its number, what it is called, and a few values.

    `dates` is how its dates would be read, where somebody has to say; otherwise None.
    """

    number: int
    name: str
    samples: list[str]
    dates: Form | None = None


@dataclass(frozen=True, slots=True)
class ListedProblem:
    """One row with problems, masked: (label of the column, sentence) each."""

    row: int
    refused: bool
    sentences: list[tuple[str, str]]


def newest_contacts(actor: Actor, *, before: int | None = None, after: int | None = None) -> Contacts:
    """A page of contacts, the last added first, by key: ids below `before`, or the ids nearest above `after`.

    Raises Denied. One audit row says how many people's names were shown.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    living = Contact.objects.filter(deleted_at=None)
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
        rows=_listed(actor, found, "contact list"),
        before=found[-1].pk if found and has_older else None,
        after=found[0].pk if found and has_newer else None,
    )


def found_contacts(actor: Actor, text: str, *, number: int) -> Contacts:
    """A page (from 1) of the contacts whose name or address has the words of `text`.

    Raises Denied, and IndexAway where the index process doesn't answer.
    """
    page = segments.search(actor, text, page=number, per_page=PER_PAGE)
    by_id = Contact.objects.filter(deleted_at=None).in_bulk(page.ids)
    found = [by_id[pk] for pk in page.ids if pk in by_id]
    return Contacts(
        rows=_listed(actor, found, "contact search"),
        before=None,
        after=None,
        total=page.total,
        number=number,
        pages=max(1, -(-page.total // PER_PAGE)),
    )


def _listed(actor: Actor, contacts: Sequence[Contact], purpose: str) -> list[Listed]:
    grant = access.grant(actor, Permission.VIEW_CONTACTS)
    opened = phi.reveal_sound(contacts, _LISTED, grant=grant, purpose=purpose)
    return [
        _line(contact, values) if values else Listed(contact.pk, "", "", "", "", contact.updated_at, True)
        for contact, values in zip(contacts, opened, strict=True)
    ]


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
        history=history(address_hash, person_key),
        opened=bool(purpose),
        may_open=values is not None and access.allowed(actor, Permission.VIEW_CLINICAL),
        broken=values is None,
    )


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


def import_page(actor: Actor, number: str | None) -> tuple[list[ListedImport], Page[Import]]:
    """One page of the imports, the newest first, with the names of their files. Raises Denied."""
    access.require(actor, Permission.IMPORT_CONTACTS)
    imports = Import.objects.select_related("created_by").order_by("-created_at", "-pk")
    page = Paginator(imports, IMPORTS_PER_PAGE).get_page(number)
    grant = access.grant(actor, Permission.IMPORT_CONTACTS)
    sources = list(page.object_list)
    opened = phi.reveal_sound(sources, ["name"], grant=grant, purpose="list of imports", sealed_field="about")
    return [
        ListedImport(s, str(o["name"]) if o else broken()) for s, o in zip(sources, opened, strict=True)
    ], page


def broken() -> str:
    """What stands in the place of something that can't be opened."""
    return _(
        "Can't be opened: damaged or tampered with. It is recorded in the audit log; tell your administrator."
    )


def import_of(actor: Actor, import_id: UUID) -> Import:
    """An import by its id. Raises Denied, and Import.DoesNotExist."""
    access.require(actor, Permission.IMPORT_CONTACTS)
    return Import.objects.select_related("created_by").get(pk=import_id)


def file_of(actor: Actor, source: Import) -> tuple[str, tuple[str, ...], list[Column]]:
    """The name of the file, its first row, and its columns with a few values each.

    Values are shown to whoever uploaded them and to those who may see clinical fields; others see first letters. Raises Denied.
    """
    grant = access.grant(actor, Permission.IMPORT_CONTACTS)
    (about,) = phi.reveal_sound(
        [source], ["name", "first", "samples"], grant=grant, purpose="map columns", sealed_field="about"
    )
    if about is None:
        # The columns are numbered then, and can be mapped all the same.
        about = {"name": broken(), "first": [""] * source.columns, "samples": None}
    first, rows = tuple(about["first"] or ()), list(about["samples"] or ())
    open_to = may_see_rows(actor, source)
    rows = rows if source.has_header else [list(first), *rows]
    columns = []
    seen = [_dates_of(rows, number) for number in range(len(first))]
    for number in range(len(first)):
        values = [row[number].strip() for row in rows if len(row) > number]
        samples = [value if open_to else mask(value) for value in values if value][:SAMPLES]
        dates = _asked(source, number, seen)
        columns.append(Column(number, _column_name(source, first, number), samples, dates))
    return str(about["name"]), first, columns


def _dates_of(rows: Sequence[Sequence[str]], number: int) -> Seen:
    seen = Seen()
    for row in rows:
        if len(row) > number:
            seen.add(row[number])
    return seen


def _asked(source: Import, number: int, seen: Sequence[Seen]) -> Form | None:
    """How to offer to read a column's dates, where the samples leave it open, or the check did."""
    read = source.dates.get(str(number))
    if read and read["by"] != "values":
        return Form(read["form"])
    if read or not seen[number].is_open:
        return None
    return likeliest(seen[number], seen)


def dates_read(source: Import, columns: Sequence[Column]) -> list[tuple[str, Form, bool]]:
    """How the check read dates with slashes: (column, form, whether a person has to confirm it)."""
    found = sorted(source.dates.items(), key=lambda item: int(item[0]))
    return [(columns[int(column)].name, Form(read["form"]), read["by"] == "nobody") for column, read in found]


def may_see_rows(actor: Actor, source: Import) -> bool:
    """Whether the actor may see what the file's rows hold: who uploaded it had them, others need the clinical permission (A7)."""
    return actor.id == str(source.created_by_id) or access.allowed(actor, Permission.VIEW_CLINICAL)


def _column_name(source: Import, first: Sequence[str], number: int) -> str:
    name = first[number].strip() if source.has_header else ""
    return name or _("Column %(number)d") % {"number": number + 1}


def first_problems(actor: Actor, source: Import) -> list[ListedProblem]:
    """The first rows with problems, without what they hold. Raises Denied."""
    grant = access.grant(actor, Permission.IMPORT_CONTACTS)
    found = list(source.problems.order_by("row_number")[:SHOWN_PROBLEMS])
    opened = phi.reveal_sound(found, ["problems"], grant=grant, purpose="problems of an import")
    listed = []
    for problem, values in zip(found, opened, strict=True):
        if values is None:
            listed.append(ListedProblem(problem.row_number, True, [("", broken())]))
            continue
        unpacked = [Problem.unpacked(packed) for packed in values["problems"]]
        sentences = [(_label(one.column), one.message(_, masked=True)) for one in unpacked]
        refused = problem.codes != ["consent_incomplete"]
        listed.append(ListedProblem(problem.row_number, refused, sentences))
    return listed


def problem_rows(actor: Actor, source: Import) -> Iterator[list[str]]:
    """The rows with problems as cells of a table, header first: row number, problems, and the row as it came.

    Reads 500 at a time, each with its audit row. Raises Denied.
    """
    grant = access.grant(actor, Permission.IMPORT_CONTACTS)
    _name_of_file, first, _columns = file_of(actor, source)
    names = [_column_name(source, first, number) for number in range(len(first))]
    # A file that was mended and had problems again has our own two columns already, in whichever language it was downloaded.
    own = 2 if source.has_header and tuple(names[:2]) in _own_columns() else 0
    yield [_("Row"), _("Problems"), *names[own:]]
    last = 0
    while found := _next_problems(source, last):
        opened = phi.reveal_sound(found, ["cells", "problems"], grant=grant, purpose="problems file")
        for problem, values in zip(found, opened, strict=True):
            if values is None:
                yield [str(problem.row_number), broken()]
                continue
            cells = values["cells"]
            # A row that couldn't be read as one is a single cell.
            cells = cells[own:] if len(cells) > own else cells
            yield [str(problem.row_number), _sentences(values["problems"]), *cells]
        last = found[-1].row_number


def _own_columns() -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for code, _name_of_language in settings.LANGUAGES:
        with translation.override(code):
            found.add((_("Row"), _("Problems")))
    return found


def _next_problems(source: Import, last: int) -> list[ImportProblem]:
    return list(source.problems.filter(row_number__gt=last).order_by("row_number")[:500])


def _sentences(packed: Sequence[dict[str, Any]]) -> str:
    problems = [Problem.unpacked(one) for one in packed]
    return " ".join(
        f"{label}: {one.message(_)}" if (label := _label(one.column)) else one.message(_) for one in problems
    )


def _label(key: str) -> str:
    if not key:
        return ""
    return _(fields.BY_KEY[key].label if key in fields.BY_KEY else fields.EVIDENCE_LABELS[key])


def why_failed(source: Import) -> str:
    """What went wrong with an import and what to do, in the reader's language; empty where nothing did."""
    if not source.problem:
        return ""
    return Unreadable(source.problem["code"], **source.problem["values"]).message(_)

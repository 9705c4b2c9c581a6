"""Reads of imports: the files there have been, their columns, and the rows with problems."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from contacts.models import Import, ImportedAgain, ImportProblem
from contacts.queries.people import broken
from contacts.rules import fields
from contacts.rules.dates import Form, Seen, likeliest
from contacts.rules.problems import Problem, Unreadable, mask
from safeguards import phi
from safeguards.actor import Actor

IMPORTS_PER_PAGE = 25
SHOWN_PROBLEMS = 20
SAMPLES = 3


@dataclass(frozen=True, slots=True)
class ListedImport:
    """One line of the list of imports. `leads` says that the people whom it updated are known."""

    source: Import
    name: str
    leads: bool


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


def import_page(actor: Actor, number: str | None) -> tuple[list[ListedImport], Page[Import]]:
    """One page of the imports, the newest first, with the names of their files. Raises Denied."""
    access.require(actor, Permission.IMPORT_CONTACTS)
    imports = Import.objects.select_related("created_by").order_by("-created_at", "-pk")
    page = Paginator(imports, IMPORTS_PER_PAGE).get_page(number)
    grant = access.grant(actor, Permission.IMPORT_CONTACTS)
    sources = list(page.object_list)
    opened = phi.reveal_sound(sources, ["name"], grant=grant, purpose="list of imports", sealed_field="about")
    # Of imports from before their people were noted the number is all that's known.
    again = Exists(ImportedAgain.objects.filter(source=OuterRef("pk")))
    noted = set(Import.objects.filter(again, pk__in=[s.pk for s in sources]).values_list("pk", flat=True))
    return [
        ListedImport(s, str(o["name"]) if o else broken(), s.pk in noted)
        for s, o in zip(sources, opened, strict=True)
    ], page


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

"""The import wizard: upload, map, check, import; one page whose content follows the state of the import."""

import csv
from collections.abc import Iterator
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access, step_up
from accounts.access import Permission
from contacts import actions, queries
from contacts.forms import MapForm, UploadForm
from contacts.models import Import
from contacts.rules import mapping as rules
from contacts.rules.problems import Unreadable
from contacts.segments import queries as segments
from safeguards.actor import Actor

State = Import.State
# What a spreadsheet would take for a formula (BEHAVIOURS F5).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """`/contacts/import/`: a form for a file, and the imports there have been."""
    actor = access.of(request)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.uploaded()
        try:
            source = actions.upload_file(
                actor=actor, name=file.name or "", chunks=file.chunks(), size=file.size or 0
            )
        except Unreadable as error:
            form.add_error("file", error.message(_))
        else:
            return redirect("import", pk=source.pk)
    listed, page = queries.import_page(actor, request.GET.get("page"))
    context = {"form": form, "listed": listed, "page": page, "trail": [(_("Contacts"), reverse("contacts"))]}
    return render(request, "contacts/imports.html", context, status=422 if form.errors else 200)


@require_GET
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """`/contacts/import/<id>/`: whatever comes next for this import; `?map` shows the columns again after a check."""
    actor = access.of(request)
    return _page(request, actor, _source(actor, pk))


@require_POST
def map_columns(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the mapping and have the file checked."""
    actor = access.of(request)
    source = _source(actor, pk)
    _name, first, columns = queries.file_of(actor, source)
    form = MapForm(columns, segments.lists_to_choose(actor), request.POST)
    if not form.is_valid():
        return _page(request, actor, source, form)
    try:
        actions.map_columns(
            actor=actor,
            import_id=pk,
            mapping=form.mapping(),
            has_header=form.cleaned_data["has_header"],
            first=first,
            dates=form.dates(),
            into_list=form.chosen_list(),
            new_list=form.cleaned_data["new_list"],
        )
    except Unreadable as error:
        form.add_error("has_header", error.message(_))
        return _page(request, actor, source, form)
    except actions.NotNow:
        _say_not_now(request)
    return redirect("import", pk=pk)


@require_POST
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Begin the import, or go on with a stopped one."""
    actor = access.of(request)
    _source(actor, pk)
    try:
        actions.start_import(actor=actor, import_id=pk)
    except actions.NotNow:
        _say_not_now(request)
    return redirect("import", pk=pk)


@require_POST
def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop what runs."""
    actor = access.of(request)
    _source(actor, pk)
    try:
        actions.stop_import(actor=actor, import_id=pk)
    except actions.NotNow:
        _say_not_now(request)
    return redirect("import", pk=pk)


@require_GET
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """How far it is, asked for every second; when it has come to an end, the page loads anew."""
    source = _source(access.of(request), pk)
    response = render(request, "contacts/import_progress.html", {"source": source})
    if source.state not in {State.CHECKING, State.IMPORTING}:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@step_up.required(Permission.IMPORT_CONTACTS, takes_away=True)
def problems(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The rows that weren't taken, as CSV, to be mended and imported again."""
    actor = access.of(request)
    source = _source(actor, pk)
    actions.record_problems_opened(actor=actor, source=source, rows=source.problems.count())
    response = StreamingHttpResponse(_csv(actor, source), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="rows-with-problems.csv"'
    return response


def _source(actor: Actor, pk: UUID) -> Import:
    try:
        return queries.import_of(actor, pk)
    except Import.DoesNotExist:
        raise Http404 from None


def _page(request: HttpRequest, actor: Actor, source: Import, form: MapForm | None = None) -> HttpResponse:
    name, _first, columns = queries.file_of(actor, source)
    mapping = {int(number): key for number, key in source.mapping.items()}
    maps = form is not None or source.state == State.UPLOADED
    maps = maps or (source.state == State.CHECKED and "map" in request.GET)
    if maps and form is None:
        initial: dict[str, object] = {f"column_{number}": key for number, key in mapping.items()}
        initial |= {
            "has_header": source.has_header,
            "into_list": source.into_list_id or request.GET.get("list"),
        }
        form = MapForm(columns, segments.lists_to_choose(actor), initial=initial)
    shows_problems = not maps and source.state not in {State.CHECKING, State.IMPORTING}
    context = {
        "source": source,
        "name": name,
        "form": form if maps else None,
        "steps": _steps(source, maps=maps),
        "trail": [(_("Contacts"), reverse("contacts")), (_("Imports"), reverse("imports"))],
        "dates": queries.dates_read(source, columns) if source.state == State.CHECKED else [],
        "lacks_evidence": rules.lacks_evidence(mapping),
        "problems": queries.first_problems(actor, source) if shows_problems else [],
        "problem_count": source.rejected + source.warned,
        "has_problems": source.problems.exists(),
        "added_url": f"{reverse('contacts')}?import={source.pk}",
        "updated_url": f"{reverse('contacts')}?updated={source.pk}" if source.again.exists() else "",
        "problems_url": "#problems",
        "may_see_rows": queries.may_see_rows(actor, source),
        "why_failed": queries.why_failed(source),
        "into_list": next(iter(segments.named_lists(actor, _listed(source))), None),
    }
    refused = form is not None and bool(form.errors)
    return render(request, "contacts/import.html", context, status=422 if refused else 200)


def _listed(source: Import) -> list[int]:
    return [source.into_list_id] if source.into_list_id else []


def _steps(source: Import, *, maps: bool) -> list[tuple[str, str, str]]:
    """The stepper's steps: words, address, state."""
    at = {
        State.UPLOADED: 1,
        State.CHECKING: 2,
        State.CHECKED: 2,
        State.IMPORTING: 3,
        State.STOPPED: 3,
        State.FAILED: 3 if source.rows_total else 2,
        State.DONE: 4,
    }[State(source.state)]
    at = 1 if maps else at
    words = (_("Upload"), _("Map columns"), _("Check"), _("Import"))
    now = "problem" if source.state == State.FAILED else "current"
    return [
        (text, "", "done" if number < at else now if number == at else "ahead")
        for number, text in enumerate(words)
    ]


def _say_not_now(request: HttpRequest) -> None:
    messages.warning(
        request,
        _("That can't be done any more: this is how the import stands now. Somebody else may have acted."),
    )


class _Echo:
    """A file that hands back what is written to it, so that rows stream."""

    def write(self, text: str) -> str:
        return text


def _csv(actor: Actor, source: Import) -> Iterator[str]:
    writer = csv.writer(_Echo())
    # Spreadsheets take a file without this mark for Windows' encoding.
    yield "\ufeff"
    for row in queries.problem_rows(actor, source):
        yield writer.writerow(["'" + cell if cell.startswith(_FORMULA) else cell for cell in row])

"""Settings, Fields: what may be known of a contact, who sees it, and what a file may call it."""

import csv
import io

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from contacts import queries


@require_GET
def fields(request: HttpRequest) -> HttpResponse:
    """`/settings/fields/`: the fields by group, for whoever sees contacts."""
    actor = access.of(request)
    return render(
        request,
        "settings/fields.html",
        {"groups": queries.field_groups(actor), "consent": queries.consent_columns(actor)},
    )


@require_GET
def empty_file(request: HttpRequest) -> HttpResponse:
    """`/settings/fields/contacts.csv`: a file with a column for each field and nobody in it."""
    line = io.StringIO()
    csv.writer(line).writerow(queries.headers(access.of(request)))
    # The mark lets spreadsheets read it as UTF-8.
    response = HttpResponse("\ufeff" + line.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="contacts.csv"'
    return response

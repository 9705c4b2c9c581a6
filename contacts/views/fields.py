"""Settings, Fields: what may be known of a contact, who sees it and may open it, and what a file may call it."""

import csv
import io

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import access, step_up
from accounts.access import Permission
from accounts.models import Role
from contacts import actions, queries


@require_GET
def fields(request: HttpRequest) -> HttpResponse:
    """`/settings/fields/`: the fields by group, for whoever sees contacts."""
    actor = access.of(request)
    return render(
        request,
        "settings/fields.html",
        {
            "groups": queries.field_groups(actor),
            "consent": queries.consent_columns(actor),
            "may_grant": access.allowed(actor, Permission.MANAGE_PEOPLE),
        },
    )


@require_GET
def grants(request: HttpRequest) -> HttpResponse:
    """`/settings/fields/grants/`: which fields of a chart each role may open, one person at a time and for a reason."""
    actor = access.of(request)
    groups = queries.grants(actor)
    context = {
        "trail": [(_("Fields"), reverse("settings_fields"))],
        "roles": [
            (
                role,
                Role(role).label,
                [
                    (
                        group,
                        [
                            (each, next(has for name, _words, has in each.roles if name == role))
                            for each in found
                        ],
                    )
                    for group, found in groups
                ],
            )
            for role in access.grantable_roles()
        ],
        "all_of_them": [role.label for role in Role if Permission.VIEW_CLINICAL in access.ROLES[role]],
    }
    return render(request, "settings/grants.html", context)


@require_http_methods(["GET", "POST"])
@step_up.required(Permission.MANAGE_PEOPLE)
def grant(request: HttpRequest, role: str) -> HttpResponse:
    """`/settings/fields/grants/<role>/`: what would change if the role had just the fields `field`; by POST they are granted."""
    actor = access.of(request)
    access.require(actor, Permission.MANAGE_PEOPLE)
    if role not in access.grantable_roles():
        raise Http404
    wanted = (request.POST if request.method == "POST" else request.GET).getlist("field")
    try:
        if request.method == "POST":
            actions.grant_fields(actor=actor, role=role, wanted=wanted)
            messages.success(request, _("Saved. It holds from everybody's next page on."))
            return redirect("fields_grants")
        change = actions.change_of(role, wanted)
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("fields_grants")
    context = {
        "trail": [
            (_("Fields"), reverse("settings_fields")),
            (_("Who may open what"), reverse("fields_grants")),
        ],
        "role": role,
        "role_label": Role(role).label,
        "wanted": wanted,
        "granted": queries.labels(change.granted),
        "taken": queries.labels(change.taken),
        "people": queries.people_of_role(actor, role),
        **step_up.asking(request),
    }
    return render(request, "settings/grant.html", context)


@require_GET
def empty_file(request: HttpRequest) -> HttpResponse:
    """`/settings/fields/contacts.csv`: a file with a column for each field and nobody in it."""
    line = io.StringIO()
    csv.writer(line).writerow(queries.headers(access.of(request)))
    # The mark lets spreadsheets read it as UTF-8.
    response = HttpResponse("\ufeff" + line.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="contacts.csv"'
    return response

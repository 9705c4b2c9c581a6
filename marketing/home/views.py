"""The staff's first page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Permission
from campaigns import queries, wording
from marketing.home.queries import first_steps, needs_you

RECENT_CAMPAIGNS = 6


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What needs this person, and the campaigns that changed last."""
    actor = access.of(request)
    may_view = access.allowed(actor, Permission.VIEW_CAMPAIGNS)
    recent = queries.rows(actor, queries.listed(actor)[:RECENT_CAMPAIGNS]) if may_view else []
    return render(
        request,
        "home/home.html",
        {
            "waiting": needs_you(actor),
            "rows": [(row, wording.STATES[row.state]) for row in recent],
            "first_steps": [] if recent else first_steps(actor),
            "may_view": may_view,
            "may_edit": access.allowed(actor, Permission.EDIT_CAMPAIGNS),
        },
    )

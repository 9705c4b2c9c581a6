"""The staff's first page."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import access
from accounts.access import Permission
from accounts.queries import administrators
from campaigns import queries
from campaigns.views.steps import with_pills
from marketing.home import guides
from marketing.home.context import navigation
from marketing.home.queries import first_steps, needs_you
from marketing.home.search import LONGEST, search
from marketing.home.settings_tabs import tabs
from marketing.home.trend import reach, trend

RECENT_CAMPAIGNS = 6


@require_http_methods(["GET", "POST"])
def search_page(request: HttpRequest) -> HttpResponse:
    """`/search/`: what is found by POST, since an address line is no place for a name; by GET the box and what it finds."""
    text = request.POST.get("text", "").strip()[:LONGEST]
    pages = [(url, label) for _group, items in navigation(request) for url, label, *_rest in items]
    groups = search(access.of(request), text, pages) if text else []
    return render(request, "home/search.html", {"text": text, "groups": groups})


@require_GET
def list_health(request: HttpRequest) -> HttpResponse:
    """Whom each topic reaches: a fragment, since the index is asked for each topic and the page shouldn't wait."""
    actor = access.of(request)
    people_url = reverse("contacts") if access.allowed(actor, Permission.VIEW_CONTACTS) else ""
    return render(request, "home/list_health.html", {"reach": reach(actor), "people_url": people_url})


@require_GET
def settings(request: HttpRequest) -> HttpResponse:
    """`/settings/`: on to the first tab that the person may see. Whoever may see none finds no page."""
    for url, _words, _is_current in tabs(access.of(request).role):
        return redirect(url)
    raise access.Denied("settings")


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What needs this person, what has been sent of late, and the campaigns that changed last."""
    actor = access.of(request)
    may_view = access.allowed(actor, Permission.VIEW_CAMPAIGNS)
    recent = queries.rows(actor, queries.listed(actor)[:RECENT_CAMPAIGNS]) if may_view else []
    return render(
        request,
        "home/home.html",
        {
            "waiting": needs_you(actor),
            "rows": with_pills(recent),
            "first_steps": [] if recent else first_steps(actor),
            "trend": trend(actor) if recent and access.allowed(actor, Permission.VIEW_REPORTS) else None,
            "may_count": access.allowed(actor, Permission.VIEW_SEGMENTS),
            "may_view": may_view,
            "may_edit": access.allowed(actor, Permission.EDIT_CAMPAIGNS),
        },
    )


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """`/help/`: the guides, in the demonstration what to try, the keys, and whom of the organisation to ask."""
    access.of(request)
    return render(
        request,
        "home/help.html",
        {"guides": guides.guides(), "tours": guides.tours(), "administrators": administrators()},
    )


@require_GET
def guide(request: HttpRequest, slug: str) -> HttpResponse:
    """`/help/<guide>/`: one guide."""
    access.of(request)
    found = guides.guide(slug)
    if found is None:
        raise Http404
    return render(
        request,
        "home/guide.html",
        {
            "guide": found,
            "others": [each for each in guides.guides() if each.slug != slug],
            "trail": [(_("Help"), reverse("help"))],
        },
    )

"""Who is in a segment, behind its count."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Permission
from contacts import queries
from contacts.segments.client import IndexAway
from contacts.segments.models import Segment


@require_GET
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """`/segments/<id>/people/`: who matches its rules now, by key (`after`), for those who may know."""
    actor = access.of(request)
    access.require(actor, Permission.VIEW_CONTACTS)
    segment = get_object_or_404(Segment, pk=pk)
    given = request.GET.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
    try:
        found = queries.people_of_segment(actor, segment, after=after)
    except queries.SealBroken:
        messages.error(request, queries.broken())
        return redirect("segments")
    except IndexAway:
        messages.error(
            request,
            _("People can't be listed right now, since the index doesn't answer. Try again in a moment."),
        )
        return redirect("segments")
    address = reverse("segment_people", args=[pk])
    context = {
        "found": found,
        "trail": [(_("Segments"), reverse("segments"))],
        "first_url": address if after else None,
        "next_url": f"{address}?after={found.after}" if found.after else None,
        "broken": queries.broken(),
        "may_edit": access.allowed(actor, Permission.EDIT_SEGMENTS),
    }
    return render(request, "segments/people.html", context)

"""Who is in a segment, or matches rules that are still being made, behind their count."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import access
from accounts.access import Permission
from contacts import queries
from contacts.segments import builder
from contacts.segments.client import IndexAway
from contacts.segments.models import Segment


@require_GET
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """`/segments/<id>/people/`: who matches its rules now, by key (`after`), for those who may know."""
    actor = access.of(request)
    access.require(actor, Permission.VIEW_CONTACTS)
    segment = get_object_or_404(Segment, pk=pk)
    after = _key(request.GET.get("after", ""))
    try:
        definition, found = queries.people_of_segment(actor, segment, after=after)
    except queries.SealBroken:
        messages.error(request, queries.broken())
        return redirect("segments")
    except IndexAway:
        return _away(request)
    address = reverse("segment_people", args=[pk])
    may_edit = access.allowed(actor, Permission.EDIT_SEGMENTS)
    context = {
        "name": definition.name,
        "found": found,
        "trail": [(_("Segments"), reverse("segments"))],
        "first_url": address if after else None,
        "next_url": f"{address}?after={found.after}" if found.after else None,
        "broken": queries.broken(),
        "edit_url": reverse("segment_edit", args=[pk]) if may_edit else None,
    }
    return render(request, "segments/people.html", context)


@require_POST
def matching(request: HttpRequest) -> HttpResponse:
    """`/segments/people/`: who matches rules as they stand in the builder, saved or not. By POST, for they may name a disease."""
    actor = access.of(request)
    access.require(actor, Permission.VIEW_CONTACTS)
    root = builder.read(request.POST)
    context: dict[str, object] = {
        "name": _("People who match these rules"),
        "trail": [(_("Segments"), reverse("segments"))],
        "broken": queries.broken(),
    }
    if builder.mark(root, _, everything=True):
        return render(request, "segments/people.html", context | {"unfinished": True}, status=422)
    after = _key(request.POST.get("after", ""))
    try:
        context["found"] = queries.people_of_rules(actor, root.as_json(), after=after)
    except IndexAway:
        return _away(request)
    context["carried"] = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in {"after", "csrfmiddlewaretoken"}
        for value in values
    ]
    context["is_first"] = not after
    return render(request, "segments/people.html", context)


def _away(request: HttpRequest) -> HttpResponse:
    messages.error(
        request,
        _("People can't be listed right now, since the index doesn't answer. Try again in a moment."),
    )
    return redirect("segments")


def _key(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

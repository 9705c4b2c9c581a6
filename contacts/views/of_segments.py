"""Who is in a segment, or matches rules that are still being made, behind their count."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from contacts import queries
from contacts.consent.models import Topic
from contacts.segments import builder
from contacts.segments import queries as segments
from contacts.segments.client import IndexAway
from contacts.segments.models import Segment

# Those of a segment who stand so to a topic, in words.
STANDINGS = {
    "deceased": gettext_lazy("Those who have died."),
    "minor": gettext_lazy("Those who are under 18."),
    "no_consent": gettext_lazy("Those who have not agreed to “%(topic)s”."),
    "suppressed": gettext_lazy("Those who have unsubscribed or can't be delivered to."),
    "reachable": gettext_lazy("Those who could be reached about “%(topic)s”."),
}


@require_GET
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """`/segments/<id>/people/`: who matches its rules now, by key (`after`), for those who may know."""
    actor = access.of(request)
    access.require(actor, Permission.VIEW_CONTACTS)
    segment = get_object_or_404(Segment, pk=pk)
    after, standing = _key(request.GET.get("after", "")), _standing(request.GET)
    try:
        definition, found = queries.people_of_segment(actor, segment, after=after, standing=standing)
    except queries.SealBroken:
        messages.error(request, queries.broken())
        return redirect("segments")
    except IndexAway:
        return _away(request)
    address = reverse("segment_people", args=[pk])
    asked = {
        name: request.GET[name] for name in ("topic", "brand", "reason") if standing and name in request.GET
    }
    may_edit = access.allowed(actor, Permission.EDIT_SEGMENTS)
    context = {
        "name": definition.name,
        "found": found,
        "trail": [(_("Segments"), reverse("segments"))],
        "standing": _words(standing),
        "everybody_url": address if standing else None,
        "first_url": (f"{address}?{urlencode(asked)}" if asked else address) if after else None,
        "next_url": f"{address}?{urlencode(asked | {'after': found.after})}" if found.after else None,
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
        standing = _standing(request.POST)
        context["found"] = queries.people_of_rules(actor, root.as_json(), after=after, standing=standing)
        context["standing"] = _words(standing)
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


def _standing(given: QueryDict) -> segments.Standing | None:
    """How those asked for stand to a topic (`topic`, `reason`, and `brand`, or the first one); None where that makes no sense."""
    reason = given.get("reason", "")
    topic = Topic.objects.filter(pk=_key(given.get("topic", ""))).first()
    brands = Brand.objects.order_by("pk")
    brand = brands.filter(pk=_key(str(given["brand"]))).first() if "brand" in given else brands.first()
    if reason not in STANDINGS or topic is None or brand is None:
        return None
    return segments.Standing(topic, brand, reason)


def _words(standing: segments.Standing | None) -> str:
    return str(STANDINGS[standing.reason]) % {"topic": standing.topic.local_name} if standing else ""


def _away(request: HttpRequest) -> HttpResponse:
    messages.error(
        request,
        _("People can't be listed right now, since the index doesn't answer. Try again in a moment."),
    )
    return redirect("segments")


def _key(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

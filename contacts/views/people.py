"""The list of contacts, one contact's page, and what can be done there."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from contacts import queries
from contacts.consent import actions as consent
from contacts.forms import AskForm, PurposeForm, SearchForm
from contacts.models import Contact, Import
from contacts.segments import queries as segments
from contacts.segments.client import IndexAway
from safeguards.actor import Actor

_MESSAGES = "messages"


class _Neighbours:
    """The links under a list that is read by key."""

    def __init__(self, page: queries.Contacts, **kept: str) -> None:
        self.previous_url = f"?{urlencode(kept | {'after': page.after})}" if page.after else None
        self.next_url = f"?{urlencode(kept | {'before': page.before})}" if page.before else None


@require_http_methods(["GET", "POST"])
def contacts(request: HttpRequest) -> HttpResponse:
    """`/contacts/`: everybody, the newest first; by POST a search, since an address line is no place for a name."""
    actor = access.of(request)
    form = SearchForm(request.POST if request.method == "POST" else None)
    text = form.cleaned_data["text"].strip() if form.is_valid() else ""
    away = False
    page = None
    if text:
        try:
            page = queries.found_contacts(actor, text, number=form.cleaned_data["number"] or 1)
        except IndexAway:
            away = True
    source = _import(request, "import") if page is None else None
    again = _import(request, "updated") if page is None and source is None else None
    if page is None:
        page = queries.newest_contacts(
            actor,
            before=_id(request, "before"),
            after=_id(request, "after"),
            added_by=source.pk if source else None,
            updated_by=again.pk if again else None,
        )
    kept = {"import": source, "updated": again}
    context: dict[str, object] = {
        "page": page,
        "neighbours": _Neighbours(page, **{name: str(each.pk) for name, each in kept.items() if each}),
        "source": source,
        "again": again,
        "form": form,
        "text": text,
        "broken": queries.broken(),
        "away": away,
        "may_import": access.allowed(actor, Permission.IMPORT_CONTACTS),
        "may_edit": access.allowed(actor, Permission.EDIT_CONTACTS),
    }
    if context["may_edit"] and page.rows:
        context["lists"] = segments.lists_to_choose(actor)
    fragment = request.method == "POST" and request.headers.get("HX-Request")
    return render(request, "contacts/people.html" if fragment else "contacts/list.html", context)


@require_GET
def contact(request: HttpRequest, pk: int) -> HttpResponse:
    """`/contacts/<id>/`: who somebody is, what they agreed to, what they were sent."""
    return _chart(request, access.of(request), pk)


@require_POST
def clinical(request: HttpRequest, pk: int) -> HttpResponse:
    """The same page with the clinical fields open, for a reason that goes into the audit log."""
    form = PurposeForm(request.POST)
    if not form.is_valid():
        return _chart(request, access.of(request), pk, purpose_form=form)
    return _chart(request, access.of(request), pk, purpose=form.cleaned_data["purpose"])


@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the person the link by which they confirm what they asked for."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONSENT)
    form = AskForm(request.POST)
    brand = Brand.objects.first()
    if not form.is_valid() or brand is None:
        return _chart(request, actor, pk, ask_form=form)
    person = get_object_or_404(Contact, pk=pk, deleted_at=None)
    try:
        address, language = queries.address_of(actor, person)
    except queries.SealBroken:
        return redirect("contact", pk=pk)  # whose page says what is wrong
    consent.ask_confirmation(
        actor=actor,
        address=address,
        person_key=bytes(person.person_key),
        brand=brand,
        topics=list(form.cleaned_data["topics"]),
        source=form.cleaned_data["source"],
        language=language,
    )
    messages.success(request, _("The person gets an e-mail with a link to confirm. It works for seven days."))
    return redirect("contact", pk=pk)


def _chart(
    request: HttpRequest,
    actor: Actor,
    pk: int,
    *,
    purpose: str = "",
    purpose_form: PurposeForm | None = None,
    ask_form: AskForm | None = None,
) -> HttpResponse:
    access.require(actor, Permission.VIEW_CONTACTS)
    person = get_object_or_404(Contact, pk=pk, deleted_at=None)
    refused = bool((purpose_form and purpose_form.errors) or (ask_form and ask_form.errors))
    chart = queries.chart(actor, person, brand=Brand.objects.first(), purpose=purpose)
    context: dict[str, object] = {
        "chart": chart,
        "contact": person,
        "trail": [(_("Contacts"), reverse("contacts"))],
        "purpose_form": purpose_form or PurposeForm(),
        "ask_form": ask_form or AskForm(),
        "broken": queries.broken() if chart.broken else "",
        "may_ask": not chart.broken and access.allowed(actor, Permission.EDIT_CONSENT),
        "messages_url": _messages_url(pk),
        "may_edit": access.allowed(actor, Permission.EDIT_CONTACTS),
        "just_added": "added" in request.GET,
        "openers": queries.openers_lately(person),
    }
    context |= _happened(request, actor, person)
    if context["may_edit"]:
        on = {each.contact_list.pk for each in chart.lists}
        context["lists"] = [
            each for each in segments.lists_to_choose(actor) if each.contact_list.pk not in on
        ]
    return render(request, "contacts/contact.html", context, status=422 if refused else 200)


@require_GET
def timeline(request: HttpRequest, pk: int) -> HttpResponse:
    """What has happened to somebody, or a part of it: a fragment of their page."""
    actor = access.of(request)
    access.require(actor, Permission.VIEW_CONTACTS)
    person = get_object_or_404(Contact, pk=pk, deleted_at=None)
    context = {"contact": person, "messages_url": _messages_url(pk)} | _happened(request, actor, person)
    return render(request, "contacts/timeline.html", context)


def _happened(request: HttpRequest, actor: Actor, person: Contact) -> dict[str, object]:
    """The chosen part of the timeline; messages, which are an upper room's, are fetched from there."""
    chosen = request.GET.get("show", "")
    kind = queries.Kind(chosen) if chosen in set(queries.Kind) else queries.Kind.ALL
    shown = chosen if chosen == _MESSAGES else kind.value
    return {
        "timeline": None
        if shown == _MESSAGES
        else queries.timeline(actor, person, kind=kind, number=request.GET.get("page")),
        "shown": shown,
        "parts": [
            (queries.Kind.ALL.value, _("All")),
            (queries.Kind.CONSENT.value, _("Consent")),
            (queries.Kind.CHANGES.value, _("Changes")),
            (queries.Kind.LISTS.value, _("Lists")),
            (_MESSAGES, _("Messages")),
        ],
    }


def _messages_url(pk: int) -> str:
    """Where the messages sent to a contact are shown: a page of an upper room, known by its name alone."""
    try:
        return reverse("contact_messages", args=[pk])
    except NoReverseMatch:
        return ""


def _import(request: HttpRequest, name: str) -> Import | None:
    """The import whose people are asked for by this parameter, if there is one of that id."""
    try:
        return Import.objects.filter(pk=UUID(request.GET[name])).first()
    except (KeyError, ValueError):
        return None


def _id(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

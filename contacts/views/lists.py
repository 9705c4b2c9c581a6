"""The lists, one list's page with its people, and what can be done there."""

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import Permission
from contacts import actions, queries
from contacts.forms import ListForm, SearchForm
from contacts.models import Contact, ContactList
from contacts.segments.client import IndexAway
from safeguards.actor import Actor

FOUND = 10  # people offered to be added by a search on the list's page


class _Neighbours:
    """The links under people who are read by key."""

    def __init__(self, page: queries.Members) -> None:
        self.previous_url = f"?{urlencode({'after': page.after})}" if page.after else None
        self.next_url = f"?{urlencode({'before': page.before})}" if page.before else None


@require_GET
def lists(request: HttpRequest) -> HttpResponse:
    """`/lists/`: the lists; with `?archived` those put away."""
    actor = access.of(request)
    archived = "archived" in request.GET
    shown = queries.list_page(actor, request.GET.get("page"), archived=archived)
    context = {"shown": shown, "archived": archived, "may_edit": _may_edit(actor)}
    return render(request, "lists/lists.html", context)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """`/lists/new/`: a name, and what the list is for."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    form = ListForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        made = actions.create_list(
            actor=actor,
            name=form.cleaned_data["name"],
            description=form.cleaned_data["description"],
            clinical=form.cleaned_data["clinical"],
        )
        messages.success(
            request, _("The list is made. Add people to it: search for them here, or import a file.")
        )
        return redirect("list", pk=made.pk)
    context = {"form": form, "trail": [(_("Lists"), reverse("lists"))]}
    return render(request, "lists/new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """`/lists/<id>/`: who is on it. By POST a search, among its people (`text`) or for people to add (`find`)."""
    actor = access.of(request)
    shown = _found(actor, pk)
    within = SearchForm(request.POST if request.method == "POST" and "text" in request.POST else None)
    text = within.cleaned_data["text"].strip() if within.is_valid() else ""
    away = False
    people = None
    if text:
        try:
            people = queries.members(
                actor, shown.contact_list, text=text, number=within.cleaned_data["number"] or 1
            )
        except IndexAway:
            away = True
    if people is None:
        people = queries.members(
            actor, shown.contact_list, before=_id(request, "before"), after=_id(request, "after")
        )
    context = {
        "list": shown,
        "people": people,
        "neighbours": _Neighbours(people),
        "text": text,
        "away": away,
        "broken": queries.broken(),
        "may_edit": _may_edit(actor),
    }
    if request.method == "POST" and "find" in request.POST:
        context |= _to_add(request, actor, shown.contact_list)
        if request.headers.get("HX-Request"):
            return render(request, "lists/found.html", context)
    elif request.method == "POST" and request.headers.get("HX-Request"):
        return render(request, "lists/people.html", context)
    if access.allowed(actor, Permission.VIEW_SEGMENTS):
        context["segments"] = queries.segments_with(actor, shown.contact_list)
    context |= {
        "trail": [(_("Lists"), reverse("lists"))],
        "may_import": access.allowed(actor, Permission.IMPORT_CONTACTS),
        "may_edit_segments": access.allowed(actor, Permission.EDIT_SEGMENTS),
    }
    return render(request, "lists/list.html", context)


def _to_add(request: HttpRequest, actor: Actor, contact_list: ContactList) -> dict[str, object]:
    """Whom a search finds who could be added, and who of them is on the list already."""
    access.require(actor, Permission.EDIT_CONTACTS)
    form = SearchForm({"text": request.POST.get("find", "")})
    find = form.cleaned_data["text"].strip() if form.is_valid() else ""
    if not find:
        return {"find": "", "found": None}
    try:
        found = queries.found_contacts(actor, find, number=1, per_page=FOUND)
    except IndexAway:
        return {"find": find, "found": None, "find_away": True}
    # Who is on a list about health isn't told by the way either.
    ids = [row.pk for row in found.rows] if queries.may_be_named(actor, contact_list) else []
    on = set(
        contact_list.memberships.filter(contact__in=ids, removed_at=None).values_list("contact_id", flat=True)
    )
    return {"find": find, "found": [(row, row.pk in on) for row in found.rows], "found_total": found.total}


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """`/lists/<id>/edit/`: another name, another description."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    shown = _found(actor, pk)
    initial = {
        "name": shown.name,
        "description": shown.description,
        "version": shown.contact_list.version,
    }
    form = ListForm(request.POST if request.method == "POST" else None, initial=initial, made=True)
    if form.is_valid():
        try:
            actions.edit_list(
                actor=actor,
                contact_list=shown.contact_list,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                seen_version=form.cleaned_data["version"] or 0,
            )
        except actions.ListChanged:
            form.add_error(
                None,
                _(
                    "Somebody else has changed this list since you opened it. Open it in another tab and compare."
                ),
            )
        else:
            messages.success(request, _("Saved."))
            return redirect("list", pk=pk)
    context = {
        "form": form,
        "list": shown,
        "broken": queries.broken() if shown.broken else "",
        "trail": [(_("Lists"), reverse("lists")), (_("List"), reverse("list", args=[pk]))],
    }
    return render(request, "lists/edit.html", context, status=422 if form.errors else 200)


@require_POST
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Off the pages, with a button that brings it back."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    actions.archive_list(actor=actor, contact_list=get_object_or_404(ContactList, pk=pk))
    messages.success(
        request,
        _("The list is archived. Segments that name it go on as before, and say so."),
        extra_tags=f"undo={reverse('list_restore', args=[pk])}",
    )
    return redirect("lists")


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    """Back among the lists."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    actions.restore_list(actor=actor, contact_list=get_object_or_404(ContactList, pk=pk))
    messages.success(request, _("The list is back."))
    return redirect("list", pk=pk)


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """`/lists/add/`: people onto a list, from the list of contacts, a search, a list's page or a person's."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    back = _back(request)
    try:
        ids = _chosen(request, actor)
    except IndexAway:
        messages.warning(
            request, _("Searching is not possible right now. Nobody was added; try again in a moment.")
        )
        return redirect(back)
    if ids is None:
        messages.warning(
            request,
            _(
                "These are too many to pick by hand. Search for fewer, import them into a list, or describe them by a segment."
            ),
        )
        return redirect(back)
    if not ids:
        messages.warning(request, _("Nobody was chosen. Tick people first, then add them."))
        return redirect(back)
    onto = _onto(request, actor)
    if onto is None:
        messages.warning(request, _("Choose a list, or write the name of a new one. Nobody was added yet."))
        return redirect(back)
    try:
        added = actions.add_people(actor=actor, contact_list=onto, contact_ids=ids)
    except actions.Archived:
        messages.warning(request, _("This list is archived. Bring it back, then add people."))
        return redirect("list", pk=onto.pk)
    _say_added(request, onto, added, named=queries.may_be_named(actor, onto))
    return redirect(back if request.POST.get("from") == "contact" else reverse("list", args=[onto.pk]))


def _say_added(request: HttpRequest, onto: ContactList, added: actions.Added, *, named: bool) -> None:
    if not named:
        messages.success(request, _("Whom you chose is on the list."))
        return
    if not added.added:
        messages.info(request, _("Everybody you chose is on the list already."))
        return
    if added.added == 1 and not added.known:
        words = _("One person was added.")
    elif added.known:
        words = _("%(added)s added; %(known)s were on the list already.") % {
            "added": added.added,
            "known": added.known,
        }
    else:
        words = _("%(added)s people were added.") % {"added": added.added}
    undo = reverse("list_take_back", args=[onto.pk, added.batch])
    messages.success(request, words, extra_tags=f"undo={undo}")


def _chosen(request: HttpRequest, actor: Actor) -> list[int] | None:
    """Ids of the contacts meant: those ticked, all of the page, or everybody found (None: too many). Raises IndexAway."""
    who = request.POST.get("who", "ticked")
    if who == "found" and (text := request.POST.get("text", "").strip()[:200]):
        return queries.ids_found(actor, text, actions.MOST_AT_ONCE)
    names = request.POST.getlist("on_page" if who == "page" else "contact")
    return [int(one) for one in names if one.isascii() and one.isdigit() and len(one) < 19]


def _onto(request: HttpRequest, actor: Actor) -> ContactList | None:
    """The list that was chosen, or one made under the name that was typed."""
    name = " ".join(request.POST.get("name", "").split())[: actions.MAX_NAME]
    chosen = request.POST.get("list", "")
    if chosen.isascii() and chosen.isdigit() and len(chosen) < 19:
        return ContactList.objects.filter(pk=int(chosen)).first()
    return actions.create_list(actor=actor, name=name) if name else None


def _back(request: HttpRequest) -> str:
    """Where the form stood: a person's page, a list's, or the list of contacts."""
    place, one = request.POST.get("from", ""), request.POST.get("contact", "")
    if place == "contact" and one.isascii() and one.isdigit() and len(one) < 19:
        return reverse("contact", args=[int(one)])
    chosen = request.POST.get("list", "")
    if place == "list" and chosen.isascii() and chosen.isdigit() and len(chosen) < 19:
        return reverse("list", args=[int(chosen)])
    return reverse("contacts")


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """One person off the list, with a button that puts them back."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    contact_list = get_object_or_404(ContactList, pk=pk)
    one = request.POST.get("contact", "")
    if not (one.isascii() and one.isdigit() and len(one) < 19):
        return redirect("list", pk=pk)
    person = get_object_or_404(Contact, pk=int(one))
    left = actions.remove_person(actor=actor, contact_list=contact_list, contact=person)
    if left is not None:
        messages.success(
            request,
            _("The person is off the list. They stay a contact, and what they agreed to stays as it is."),
            extra_tags=f"undo={reverse('list_back', args=[pk, left.pk])}",
        )
    if request.POST.get("from") == "contact":
        return redirect("contact", pk=person.pk)
    return redirect("list", pk=pk)


@require_POST
def back(request: HttpRequest, pk: int, membership: int) -> HttpResponse:
    """Undo taking somebody off."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    contact_list = get_object_or_404(ContactList, pk=pk)
    actions.put_person_back(actor=actor, contact_list=contact_list, membership_id=membership)
    messages.success(request, _("The person is on the list again."))
    return redirect("list", pk=pk)


@require_POST
def take_back(request: HttpRequest, pk: int, batch: UUID) -> HttpResponse:
    """Undo an adding."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CONTACTS)
    contact_list = get_object_or_404(ContactList, pk=pk)
    actions.take_back(actor=actor, contact_list=contact_list, batch=batch)
    messages.success(request, _("Whoever was just added is off the list again."))
    return redirect("list", pk=pk)


@require_GET
def reach(request: HttpRequest, pk: int) -> HttpResponse:
    """How many of a list could be reached, by topic: a fragment of its page."""
    actor = access.of(request)
    shown = _found(actor, pk)
    try:
        figures = queries.reach_of(actor, shown.contact_list)
    except IndexAway:
        figures = None
    context = {
        "list": shown,
        "figures": figures,
        "may_edit_segments": access.allowed(actor, Permission.EDIT_SEGMENTS),
    }
    return render(request, "lists/reach.html", context)


def _found(actor: Actor, pk: int) -> queries.OpenList:
    try:
        return queries.list_of(actor, pk)
    except ContactList.DoesNotExist:
        raise Http404 from None


def _may_edit(actor: Actor) -> bool:
    return access.allowed(actor, Permission.EDIT_CONTACTS)


def _id(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

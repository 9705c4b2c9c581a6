"""Pages of segments: the list, the builder, and the counts that both ask for."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from contacts.consent.models import Topic
from contacts.segments import actions, builder, queries, rules
from contacts.segments.builder import DraftGroup, ListChoice
from contacts.segments.client import IndexAway
from contacts.segments.forms import SegmentForm, TopicForm
from contacts.segments.models import Segment
from contacts.segments.ops import CHOICES, LISTS, ON_ANY
from safeguards.actor import Actor


@require_GET
def segments(request: HttpRequest) -> HttpResponse:
    """The list of segments."""
    actor = access.of(request)
    definitions, page = queries.segment_page(actor, request.GET.get("page"))
    lists = queries.list_words(actor, [each.tree for each in definitions if not each.broken])
    listed = [
        (each, _broken() if each.broken else queries.plain_words(actor, each.tree, lists))
        for each in definitions
    ]
    may_edit = access.allowed(actor, Permission.EDIT_SEGMENTS)
    context = {"listed": listed, "page": page, "may_edit": may_edit}
    return render(request, "segments/segments.html", context)


@require_GET
def segment_size(request: HttpRequest, pk: int) -> HttpResponse:
    """One segment's count, for its row in the list."""
    actor = access.of(request)
    segment = get_object_or_404(Segment, pk=pk)
    try:
        count = queries.count(actor, queries.reveal_segment(actor, segment).tree)
    except (IndexAway, queries.SealBroken):
        count = None
    # The page stands a floor above; who may see no contact has nowhere to go.
    people_url = (
        reverse("segment_people", args=[pk]) if access.allowed(actor, Permission.VIEW_CONTACTS) else ""
    )
    context = {"count": count, "segment": segment, "people_url": people_url}
    return render(request, "segments/parts/size.html", context)


@require_http_methods(["GET", "POST"])
def segment_new(request: HttpRequest) -> HttpResponse:
    """The builder for a new segment."""
    return _builder(request, None)


@require_http_methods(["GET", "POST"])
def segment_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The builder for a segment that exists."""
    return _builder(request, get_object_or_404(Segment, pk=pk))


@require_POST
def segment_duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a copy of a segment, and open it."""
    try:
        copy = actions.duplicate_segment(actor=access.of(request), segment=get_object_or_404(Segment, pk=pk))
    except queries.SealBroken:
        messages.error(request, _broken())
        return redirect("segments")
    messages.success(request, _("This is the copy. Give it a name of its own."))
    return redirect("segment_edit", copy.pk)


@require_POST
def segment_count(request: HttpRequest) -> HttpResponse:
    """The live panel alone, for rules as they are being typed."""
    actor = access.of(request)
    root = builder.read(request.POST)
    live = _live(actor, root, _topic(request), everything=False)
    return render(request, "segments/parts/counted.html", {"live": live, "root": root})


def _broken() -> str:
    return _(
        "Can't be opened: damaged or tampered with. It is recorded in the audit log; tell your administrator."
    )


def _builder(request: HttpRequest, segment: Segment | None) -> HttpResponse:
    actor = access.of(request)
    access.require(actor, Permission.EDIT_SEGMENTS)
    if request.method == "GET":
        tree: dict[str, Any] = {"match": "all", "rules": []}
        initial: dict[str, object] = {}
        if segment is None and (begun := _begun(request, actor)):
            tree, initial = begun
        if segment is not None:
            try:
                definition = queries.reveal_segment(actor, segment)
            except queries.SealBroken:
                messages.error(request, _broken())
                return redirect("segments")
            tree, initial = definition.tree, {"name": definition.name, "version": segment.version}
        return _page(request, actor, segment, SegmentForm(initial=initial), builder.draft_of(tree))
    root = builder.read(request.POST)
    if "save" in request.POST:
        return _save(request, actor, segment, root)
    builder.press(root, request.POST.get("press", ""))
    if request.headers.get("HX-Request"):
        context = _rules_context(request, actor, segment, root)
        return render(request, "segments/parts/rebuilt.html", context)
    # Without a script the whole page comes back, with what was typed.
    form = SegmentForm(initial=request.POST.dict())
    return _page(request, actor, segment, form, root)


def _begun(request: HttpRequest, actor: Actor) -> tuple[dict[str, Any], dict[str, object]] | None:
    """What a new segment begins with where its address names a list: everybody on it, under its name."""
    text = request.GET.get("list", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        return None
    for named in queries.named_lists(actor, [int(text)]):
        rule = {"field": LISTS.key, "op": ON_ANY.key, "value": [str(named.contact_list.pk)]}
        return {"match": "all", "rules": [rule]}, {"name": named.name[: actions.MAX_NAME]}
    return None


def _save(request: HttpRequest, actor: Actor, segment: Segment | None, root: DraftGroup) -> HttpResponse:
    form = SegmentForm(request.POST)
    wrong = builder.mark(root, _, everything=True)
    if form.is_valid() and not wrong:
        try:
            actions.save_segment(
                actor=actor,
                segment=segment,
                name=form.cleaned_data["name"],
                tree=root.as_json(),
                seen_version=form.cleaned_data["version"],
            )
        except actions.Changed:
            form.add_error(
                None,
                _(
                    "Somebody else has changed this segment since you opened it. Open it again in another tab and compare."
                ),
            )
        else:
            messages.success(request, _("The segment is saved."))
            return redirect("segments")
    return _page(request, actor, segment, form, root, everything=True)


def _page(
    request: HttpRequest,
    actor: Actor,
    segment: Segment | None,
    form: SegmentForm,
    root: DraftGroup,
    *,
    everything: bool = False,
) -> HttpResponse:
    context = _rules_context(request, actor, segment, root, everything=everything)
    context |= {
        "form": form,
        "segment": segment,
        "topic_form": TopicForm(request.POST or (request.GET if "topic" in request.GET else None)),
    }
    refused = form.is_bound and (bool(form.errors) or context["live"].unfinished)
    return render(request, "segments/segment.html", context, status=422 if refused else 200)


def _rules_context(
    request: HttpRequest,
    actor: Actor,
    segment: Segment | None,
    root: DraftGroup,
    *,
    everything: bool = False,
) -> dict[str, Any]:
    suggestions = _suggest(actor, root)
    _offer_lists(actor, root)
    return {
        "segment": segment,
        "root": root,
        "groups": _field_groups(),
        "suggestions": suggestions,
        "live": _live(actor, root, _topic(request), everything=everything),
    }


def _field_groups() -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """The fields a rule may ask about, for the list: (group, [(key, label, clinical)])."""
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for about in CHOICES:
        found.setdefault(_(about.group), []).append((about.key, _(about.label), about.clinical))
    return list(found.items())


def _suggest(actor: Actor, root: DraftGroup) -> dict[str, list[str]]:
    """The values that people have, for the fields in the form; without the index there are none to suggest."""
    wanted = sorted({rule.about.key for rule in root.every_rule() if rule.suggests})
    try:
        found = queries.values(actor, wanted)
    except IndexAway:
        return {}
    names = {key: sorted(value for value, _people in pairs) for key, pairs in found.items()}
    for rule in root.every_rule():
        values = names.get(rule.about.key, [])
        # A long list is typed into, not scrolled through; a value that nobody has any more stays choosable.
        if rule.suggests and 0 < len(values) < 100 and not rule.text.endswith("*"):
            rule.choices = values if not rule.text or rule.text in values else [rule.text, *values]
    return names


def _offer_lists(actor: Actor, root: DraftGroup) -> None:
    """The lists to tick, in the rules that ask about them: archived ones stay only where they are ticked."""
    asking = [rule for rule in root.every_rule() if rule.control == "lists"]
    if not asking:
        return
    offered = {each.contact_list.pk: each for each in queries.lists_to_choose(actor)}
    ticked = {int(one) for rule in asking for one in rule.ticked}
    gone = queries.named_lists(actor, ticked - set(offered))
    for rule in asking:
        chosen = {int(one) for one in rule.ticked}
        rule.lists = [
            ListChoice(each.contact_list.pk, _choice_name(each), each.contact_list.pk in chosen)
            for each in [*offered.values(), *gone]
            if each.contact_list.archived_at is None or each.contact_list.pk in chosen
        ]


def _choice_name(named: queries.NamedList) -> str:
    if named.contact_list.archived_at:
        return _("%(name)s (archived)") % {"name": named.name}
    return named.name


def _topic(request: HttpRequest) -> Topic | None:
    form = TopicForm(request.POST or request.GET)
    return form.cleaned_data["topic"] if form.is_valid() else None


@dataclass(frozen=True, slots=True)
class Live:
    """The panel beside the rules."""

    count: queries.Count | None = None
    # Words, figure, and the reason where its people may be looked at.
    reasons: list[tuple[str, Any, str]] = field(default_factory=list)
    words: str = ""
    clinical: bool = False
    unfinished: bool = False
    topic: Topic | None = None
    may_look: bool = False  # at who they are, which a page of an upper floor shows


def _live(actor: Actor, root: DraftGroup, topic: Topic | None, *, everything: bool) -> Live:
    if builder.mark(root, _, everything=everything):
        return Live(unfinished=True, clinical=any(rule.about.clinical for rule in root.every_rule()))
    tree = root.as_json()
    words = queries.plain_words(actor, tree)
    clinical = rules.clinical(tree, queries.health_lists(tree))
    brand = Brand.objects.order_by("pk").first() if topic else None
    try:
        count = queries.count(actor, tree, topic=topic if brand else None, brand=brand)
    except IndexAway:
        return Live(words=words, clinical=clinical, topic=topic)
    labels = {
        "deceased": _("Have died"),
        "minor": _("Are under 18"),
        "no_consent": _("Have not agreed to this topic"),
        "suppressed": _("Have unsubscribed or can't be delivered to"),
    }
    reasons = [
        (labels[reason], figure, reason if queries.may_be_named_by(actor, tree, reason) else "")
        for reason, figure in count.reasons
    ]
    may_look = count.match.exact != 0 and queries.may_be_named(actor, tree)
    return Live(count=count, reasons=reasons, words=words, clinical=clinical, topic=topic, may_look=may_look)

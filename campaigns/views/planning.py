"""Pages on which a campaign is planned: the list, its name, terms and audience, and the review."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from campaigns import actions, queries, rules, wording
from campaigns.designs import queries as designs
from campaigns.designs.forms import chosen
from campaigns.designs.lint import Finding, Level
from campaigns.designs.starters import CLINIC_NEWS, STARTERS
from campaigns.forms import AudienceForm, NewCampaignForm, ScheduleForm, SetupForm
from campaigns.models import Campaign
from campaigns.views import steps
from campaigns.views.steps import with_pills
from contacts.segments import queries as segments
from contacts.segments.client import IndexAway
from contacts.segments.queries import Count, Definition
from safeguards.actor import Actor

PER_PAGE = 20


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Campaigns, the last changed first: those on one shelf, of one brand, or whose name has some words in it."""
    actor = access.of(request)
    name, wanted = request.GET.get("q", "").strip(), request.GET.get("state", "")
    shelf = rules.Shelf(wanted) if wanted in set(rules.Shelf) else rules.Shelf.ALL
    given = request.GET.get("brand", "")
    of_brand = given.isascii() and given.isdigit() and len(given) < 19
    brand = Brand.objects.filter(pk=int(given)).first() if of_brand else None
    found, numbers = queries.found(actor, name=name, shelf=shelf, brand=brand)
    kept = ({"q": name} if name else {}) | ({"brand": str(brand.pk)} if brand else {})
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "campaigns/list.html",
        {
            "page": page,
            "rows": with_pills(queries.rows(actor, page.object_list)),
            "name": name,
            "shelf": shelf,
            "shelves": [
                (
                    "?" + urlencode({"state": each.value} | kept),
                    wording.SHELVES[each],
                    numbers[each],
                    each is shelf,
                )
                for each in rules.Shelf
            ],
            "brand": brand,
            "filtered": bool(name or brand) or shelf is not rules.Shelf.ALL,
            "may_edit": access.allowed(actor, Permission.EDIT_CAMPAIGNS),
        },
    )


@require_POST
def duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft with the same setup, audience and message."""
    actor = steps.editor(request)
    made = actions.duplicate_campaign(actor=actor, campaign=steps.found(request, pk))
    messages.success(request, _("This is the copy: a draft. Give it a name of its own."))
    return steps.to_page(made, rules.Step.SETUP)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Name a new campaign, and choose what its message begins with."""
    actor = steps.editor(request)
    templates = list(designs.templates(actor))
    form = NewCampaignForm(
        request.POST if request.method == "POST" else None,
        templates=templates,
        initial={"begin": request.GET.get("begin") or f"starter:{CLINIC_NEWS.slug}"},
    )
    if form.is_valid() and (source := chosen(form.cleaned_data["begin"], templates)):
        campaign = actions.create_campaign(actor=actor, name=form.cleaned_data["name"], source=source)
        return steps.to_page(campaign, rules.Step.SETUP)
    return render(
        request,
        "campaigns/new.html",
        {
            "form": form,
            "templates": templates,
            "starters": STARTERS.values(),
            "begin": form["begin"].value(),
            "trail": steps.crumbs(),
        },
    )


@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest, pk: int) -> HttpResponse:
    """The terms: sender, topic, purpose, what is counted, and where it leaves by."""
    actor, campaign, state = steps.planned(request, pk)
    if state not in rules.EDITABLE:
        return redirect("campaign", pk=pk)
    form = SetupForm(request.POST if request.method == "POST" else None, campaign=campaign)
    if form.is_valid():
        terms = {name: value for name, value in form.cleaned_data.items() if name != "paid"}
        if steps.change(
            request, state, campaign, lambda: actions.edit_setup(actor=actor, campaign=campaign, **terms)
        ):
            return steps.to_page(campaign, rules.Step.AUDIENCE)
    return steps.page(request, "campaigns/setup.html", campaign, rules.Step.SETUP, state, form=form)


@require_http_methods(["GET", "POST"])
def audience(request: HttpRequest, pk: int) -> HttpResponse:
    """Who gets it: a segment, how many are in it, and how many of them can be written to."""
    actor, campaign, state = steps.planned(request, pk)
    if state not in rules.EDITABLE:
        return redirect("campaign", pk=pk)
    listed = segments.segment_list(actor)
    form = AudienceForm(
        request.POST if request.method == "POST" else None, segments=listed, chosen=campaign.segment
    )
    if form.is_valid():
        by_id = {each.segment.pk: each.segment for each in listed}
        chosen = by_id[form.cleaned_data["segment"]]
        if steps.change(
            request,
            state,
            campaign,
            lambda: actions.choose_audience(actor=actor, campaign=campaign, segment=chosen),
        ):
            # The count of the new choice stands on the same page.
            return steps.to_page(campaign, rules.Step.AUDIENCE)
    definition = next((each for each in listed if each.segment.pk == campaign.segment_id), None)
    lists = segments.list_words(actor, [each.tree for each in listed])
    return steps.page(
        request,
        "campaigns/audience.html",
        campaign,
        rules.Step.AUDIENCE,
        state,
        form=form,
        choices=[
            {
                "definition": each,
                "words": segments.plain_words(actor, each.tree, lists),
                "chosen": each is definition,
            }
            for each in listed
        ],
        **forecast(actor, campaign, definition),
    )


@require_GET
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """What is still lacking, who would get it and who not, and the buttons that send it, now or later, or ask for approval."""
    return review_page(request, pk)


def review_page(request: HttpRequest, pk: int, form: ScheduleForm | None = None) -> HttpResponse:
    """The review, with a time to send at as it was typed."""
    actor, campaign, state = steps.planned(request, pk)
    if state not in rules.EDITABLE:
        return redirect("campaign", pk=pk)
    definition = segments.reveal_segment(actor, campaign.segment) if campaign.segment else None
    expected = forecast(actor, campaign, definition)
    counted = expected["count"]
    size = counted.match.least if isinstance(counted, Count) else 0
    clinical = queries.is_clinical(campaign)
    return steps.page(
        request,
        "campaigns/review.html",
        campaign,
        rules.Step.REVIEW,
        state,
        definition=definition,
        words=segments.plain_words(actor, definition.tree) if definition else "",
        lacking=[
            (wording.BLOCKERS[blocker], wording.STEPS[step], reverse(steps.PAGES[step], args=[pk]))
            for blocker in queries.blockers(campaign)
            for step in [rules.STEP_OF[blocker]]
        ],
        warnings=[finding for finding in _findings(actor, campaign) if finding.level is Level.WARN],
        clinical=clinical,
        large=rules.LARGE_AUDIENCE,
        must_ask=rules.needs_approval(clinical=clinical, audience_size=size),
        changed=queries.audience_changed(actor, campaign),
        may_launch=access.allowed(actor, Permission.LAUNCH_CAMPAIGN),
        form=form or ScheduleForm(campaign=campaign, zones=steps.zones()),
        **steps.timing(campaign),
        **expected,
    )


def forecast(actor: Actor, campaign: Campaign, definition: Definition | None) -> dict[str, object]:
    """How many would get it and how many not and why, or that nobody can say right now."""
    if definition is None:
        return {"count": None, "away": ""}
    try:
        count = segments.count(actor, definition.tree, topic=campaign.topic, brand=campaign.brand)
    except IndexAway:
        return {"count": None, "away": steps.index_away()}
    # Who is in it stands with the segments, for whoever sees contacts.
    may_look = access.allowed(actor, Permission.VIEW_CONTACTS)
    people_url = reverse("segment_people", args=[definition.segment.pk]) if may_look else ""

    def lead(reason: str) -> str:
        if campaign.topic is None or campaign.brand is None:
            return ""
        if not segments.may_be_named_by(actor, definition.tree, reason):
            return ""
        asked = {"topic": campaign.topic.pk, "brand": campaign.brand.pk, "reason": reason}
        return f"{people_url}?{urlencode(asked)}" if people_url else ""

    return {
        "count": count,
        "reasons": [
            (wording.REASONS.get(reason, reason), figure, lead(reason)) for reason, figure in count.reasons
        ],
        "away": "",
        "people_url": people_url,
        "reachable_url": lead("reachable"),
    }


def _findings(actor: Actor, campaign: Campaign) -> tuple[Finding, ...]:
    return designs.findings(actor=actor, design=campaign.design) if campaign.design else ()

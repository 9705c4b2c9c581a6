"""The page on which a campaign's message is written, the frame that shows it, and what else is done with it there."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from campaigns import actions, rules
from campaigns.designs import editor
from campaigns.designs import queries as designs
from campaigns.designs.forms import BeginForm, ContentForm, TemplateNameForm, chosen
from campaigns.designs.frame import framed
from campaigns.designs.models import Design
from campaigns.models import Campaign
from campaigns.views import steps
from safeguards.actor import Actor


@require_http_methods(["GET", "POST"])
def design(request: HttpRequest, pk: int) -> HttpResponse:
    """The message: subject, preview text and blocks, with a preview and the checks beside them."""
    actor, campaign, state = steps.planned(request, pk)
    if state not in rules.EDITABLE or campaign.design is None:
        return redirect("campaign", pk=pk)
    saved, addresses = campaign.design, _addresses(pk)
    form = ContentForm(
        request.POST if request.method == "POST" else None,
        initial={"subject": saved.subject, "preheader": saved.preheader},
        auto_id="%s",
    )
    posted = editor.read(request, actor, form, saved)
    if request.method == "POST" and form.is_valid() and _write(request, actor, campaign, state, form, posted):
        if request.headers.get("HX-Request"):
            campaign = steps.found(request, pk)
            return editor.side(
                request, actor, _design_of(campaign), addresses, brand=campaign.brand, topic=campaign.topic
            )
        if posted.removed:
            editor.removed_message(request, addresses)
        if request.POST.get("command") == "next":
            return steps.to_page(campaign, rules.Step.REVIEW)
        return redirect(addresses.edit + (f"#block-{posted.place}" if posted.place is not None else ""))
    if request.headers.get("HX-Request"):
        return editor.side(
            request, actor, saved, addresses, brand=campaign.brand, topic=campaign.topic, form=form
        )
    templates = list(designs.templates(actor))
    return steps.page(
        request,
        "campaigns/design.html",
        campaign,
        rules.Step.DESIGN,
        state,
        form=form,
        template_form=TemplateNameForm(initial={"kept_name": campaign.name}),
        begin_form=BeginForm(templates=templates, auto_id="over-%s"),
        **editor.context(
            request,
            actor,
            saved,
            posted.blocks,
            addresses,
            # What was approved isn't taken back by a stray key: then only the button saves.
            saves_by_itself=state not in rules.ASKED,
            brand=campaign.brand,
            topic=campaign.topic,
        ),
    )


@require_GET
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The message as an invented person gets it, for the frame beside the blocks."""
    actor, campaign = access.of(request), steps.found(request, pk)
    sample = editor.sample_of(request)
    if not sample or campaign.design is None:
        raise Http404
    shown = designs.preview(
        actor=actor, design=campaign.design, brand=campaign.brand, topic=campaign.topic, sample=sample
    )
    return framed(editor.as_part(request, shown))


@require_POST
def start_over(request: HttpRequest, pk: int) -> HttpResponse:
    """The words of a template or starter in place of these, which can be put back."""
    actor, campaign, state = steps.planned(request, pk)
    templates = list(designs.templates(actor))
    source = chosen(request.POST.get("begin", ""), templates)
    if source is None:
        messages.error(request, _("Choose what to start over with."))
    elif steps.change(
        request,
        state,
        campaign,
        lambda: actions.start_over(actor=actor, campaign=campaign, source=source),
    ):
        undo = _addresses(pk).undo
        messages.success(
            request, _("The message starts over. What stood here is kept."), extra_tags=f"undo={undo}"
        )
    return redirect("campaign_design", pk=pk)


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Put back what a button took away."""
    actor, campaign, state = steps.planned(request, pk)
    if steps.change(
        request, state, campaign, lambda: actions.put_back_content(actor=actor, campaign=campaign)
    ):
        messages.success(request, _("It is back."))
    return redirect("campaign_design", pk=pk)


@require_POST
def save_as_template(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the message as a template, under a name."""
    actor, campaign, _state = steps.planned(request, pk)
    form = TemplateNameForm(request.POST)
    if form.is_valid():
        name = form.cleaned_data["kept_name"]
        steps.attempt(
            request,
            lambda: actions.save_as_template(actor=actor, campaign=campaign, name=name),
            _("Kept as the template “%(name)s”. You find it under Templates.") % {"name": name},
        )
    else:
        messages.error(request, _("Give the template a name of at most 120 characters."))
    return redirect("campaign_design", pk=pk)


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the message to oneself or a colleague."""
    _actor, campaign, _state = steps.planned(request, pk)
    return editor.send_test(request, _design_of(campaign), brand=campaign.brand, topic=campaign.topic)


def _design_of(campaign: Campaign) -> Design:
    if campaign.design is None:
        raise Http404
    return campaign.design


def _addresses(pk: int) -> editor.Addresses:
    names = ("campaign_design", "campaign_preview", "campaign_undo", "campaign_test")
    return editor.Addresses(*(reverse(name, args=[pk]) for name in names))


def _write(
    request: HttpRequest,
    actor: Actor,
    campaign: Campaign,
    before: rules.State,
    form: ContentForm,
    posted: editor.Posted,
) -> bool:
    return steps.change(
        request,
        before,
        campaign,
        lambda: actions.edit_content(
            actor=actor,
            campaign=campaign,
            subject=form.cleaned_data["subject"],
            preheader=form.cleaned_data["preheader"],
            blocks=posted.blocks,
            removed=posted.removed,
        ),
    )

"""The page on which a message is written, and the frame that shows it."""

from dataclasses import asdict

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import access
from campaigns import actions, rules
from campaigns.designs import blocks as documents
from campaigns.designs import queries as designs
from campaigns.designs.blocks import KINDS, LONGEST, MOST_BLOCKS, Block, MalformedDocument
from campaigns.designs.frame import framed
from campaigns.designs.lint import stops
from campaigns.forms import ContentForm, posted_blocks, rearranged
from campaigns.models import Campaign
from campaigns.views import steps
from safeguards.actor import Actor


@require_http_methods(["GET", "POST"])
def design(request: HttpRequest, pk: int) -> HttpResponse:
    """The message: subject, preview text and blocks, with a preview and the checks beside them."""
    actor, campaign, state = steps.planned(request, pk)
    if state not in rules.EDITABLE or campaign.design is None:
        return redirect("campaign", pk=pk)
    saved = campaign.design
    blocks: list[Block] = list(documents.read(saved.document))
    form = ContentForm(
        request.POST if request.method == "POST" else None,
        initial={"subject": saved.subject, "preheader": saved.preheader},
        auto_id="%s",
    )
    if request.method == "POST":
        place = None
        try:
            blocks = posted_blocks(request.POST)
            blocks, place = rearranged(blocks, request.POST.get("command", ""))
            documents.written(blocks)
        except MalformedDocument:
            form.add_error(
                None,
                _(
                    "A block holds more than %(longest)d characters, or there are more than %(most)d blocks. "
                    "Shorten the message; nothing was saved."
                )
                % {"longest": LONGEST, "most": MOST_BLOCKS},
            )
        if form.is_valid() and _write(request, actor, campaign, state, form, blocks):
            if request.headers.get("HX-Request"):
                return _design_side(request, campaign.pk)
            if request.POST.get("command") == "next":
                return steps.to_page(campaign, rules.Step.REVIEW)
            target = f"#block-{place}" if place is not None else ""
            return redirect(reverse("campaign_design", args=[pk]) + target)
    return steps.page(
        request,
        "campaigns/design.html",
        campaign,
        rules.Step.DESIGN,
        state,
        form=form,
        blocks=[_shown(block) for block in blocks],
        kinds=list(KINDS.values()),
        # What was approved isn't taken back by a stray key: then only the button saves.
        saves_by_itself=state not in rules.ASKED,
        **_side(actor, campaign),
    )


@require_GET
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The message as an invented person gets it, for the frame beside the blocks."""
    actor, campaign = access.of(request), steps.found(request, pk)
    sample = request.GET.get("as", "maria")
    if sample not in designs.SAMPLES or campaign.design is None:
        raise Http404
    shown = designs.preview(
        actor=actor, design=campaign.design, brand=campaign.brand, topic=campaign.topic, sample=sample
    )
    return framed(as_part(request, shown))


def as_part(request: HttpRequest, shown: designs.Preview) -> str:
    """The part that was asked for: the HTML, or the plain text of those whose mail program shows no other."""
    if request.GET.get("part") != "text":
        return shown.html
    return format_html(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{}</title></head>'
        '<body><pre style="white-space:pre-wrap">{}</pre></body></html>',
        _("Plain text"),
        shown.text,
    )


def _write(
    request: HttpRequest,
    actor: Actor,
    campaign: Campaign,
    before: rules.State,
    form: ContentForm,
    blocks: list[Block],
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
            blocks=blocks,
        ),
    )


def _shown(block: Block) -> dict[str, object]:
    """A block as the template fills its fields in."""
    return {"kind": block.kind, "title": block.title, "values": asdict(block)}  # type: ignore[call-overload]


def _design_side(request: HttpRequest, pk: int) -> HttpResponse:
    """The checks and the preview anew, after the page saved by itself."""
    campaign = steps.found(request, pk)
    side = _side(access.of(request), campaign)
    return render(
        request,
        "campaigns/design_side.html",
        {"campaign": campaign, "saves_by_itself": True, "saved_now": True, **side},
    )


def _side(actor: Actor, campaign: Campaign) -> dict[str, object]:
    found = designs.findings(actor=actor, design=campaign.design) if campaign.design else ()
    return {
        "findings": found,
        "stopping": len(stops(found)),
        "samples": designs.SAMPLES,
        # Another address makes the frame load anew.
        "stamp": int(timezone.now().timestamp() * 1000),
    }

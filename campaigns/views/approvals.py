"""Pages of approvers: what waits for their word, and everything that they answer for when they give it."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import access, step_up
from accounts.access import Permission
from campaigns import actions, queries, rules
from campaigns.delivery.models import Mailing
from campaigns.designs import blocks as documents
from campaigns.designs import editor
from campaigns.designs import queries as designs
from campaigns.designs.frame import framed
from campaigns.designs.lint import Level, lint
from campaigns.forms import DecisionForm
from campaigns.models import Campaign
from campaigns.views import steps
from campaigns.views.planning import forecast
from contacts.segments import queries as segments
from safeguards.actor import Actor

PER_PAGE = 20


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """What waits, the oldest first."""
    actor = access.of(request)
    page = Paginator(queries.waiting(actor), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "campaigns/approvals.html", {"page": page, "actor": actor})


@require_http_methods(["GET", "POST"])
def approval(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One mailing that waits: what is said to whom and why, and the two buttons. `pk` is the mailing's.

    To approve it asks for a fresh factor (BEHAVIOURS A4); to send it back doesn't.
    """
    answer = _after_a_fresh_factor if request.POST.get("decision") == "approve" else _approval
    return answer(request, pk)


def _approval(request: HttpRequest, pk: int) -> HttpResponseBase:
    actor = access.of(request)
    campaign, mailing = _asked(actor, pk)
    form = DecisionForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _decide(request, actor, mailing, form.cleaned_data["comment"]):
        return redirect("approvals")
    definition = segments.reveal_segment(actor, campaign.segment) if campaign.segment else None
    version = mailing.version
    findings = lint(
        subject=version.subject, preheader=version.preheader, blocks=documents.read(version.document)
    )
    return render(
        request,
        "campaigns/approval.html",
        {
            "campaign": campaign,
            "mailing": mailing,
            "version": version,
            "form": form,
            "trail": [(_("Approvals"), reverse("approvals"))],
            "definition": definition,
            "words": segments.plain_words(actor, definition.tree) if definition else "",
            "changed": queries.audience_changed(actor, campaign),
            "warnings": [finding for finding in findings if finding.level is Level.WARN],
            "clinical": queries.is_clinical(campaign),
            "waits": mailing.state == Mailing.State.WAITING,
            "word": mailing.approvals.select_related("approver").last(),
            "own": actor.id in {str(mailing.requested_by_id), str(campaign.created_by_id)},
            "large": rules.LARGE_AUDIENCE,
            "samples": designs.SAMPLES,
            "shown_as": "maria",
            "width": editor.WIDTHS[0],
            **forecast(actor, campaign, definition),
        },
    )


_after_a_fresh_factor = step_up.required(Permission.APPROVE_MAILING)(_approval)


@require_GET
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The very version that an approval would bind, for the frame."""
    actor = access.of(request)
    _campaign, mailing = _asked(actor, pk)
    sample = editor.sample_of(request)
    if not sample:
        raise Http404
    shown = designs.preview_version(actor=actor, version=mailing.version, sample=sample)
    return framed(editor.as_part(request, shown))


def _asked(actor: Actor, pk: int) -> tuple[Campaign, Mailing]:
    try:
        campaign = queries.asked_for(actor, pk)
    except Campaign.DoesNotExist:
        # Changed meanwhile, so nobody is asked for this mailing any more.
        raise Http404 from None
    if campaign.mailing is None:
        raise Http404
    return campaign, campaign.mailing


def _decide(request: HttpRequest, actor: Actor, mailing: Mailing, comment: str) -> bool:
    if request.POST.get("decision") == "approve":
        return steps.attempt(
            request,
            lambda: actions.approve_campaign(actor=actor, mailing=mailing, comment=comment),
            _("Approved. The author can send it now."),
        )
    return steps.attempt(
        request,
        lambda: actions.send_back_campaign(actor=actor, mailing=mailing, comment=comment),
        _("Sent back. The author sees your comment."),
    )

"""Pages and buttons of a campaign that is on its way: ask for approval, send, pause, resume, cancel, and how far it has got."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts import access
from accounts.access import Permission
from campaigns import actions, queries, rules, wording
from campaigns.delivery import queries as delivery
from campaigns.models import Campaign
from campaigns.views import steps
from contacts.segments import queries as segments
from safeguards.actor import Actor


@require_GET
def campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """How a campaign is getting on; a draft leads those who may edit it to its next step."""
    actor, shown = access.of(request), steps.found(request, pk)
    state = queries.state(shown)
    may_edit = access.allowed(actor, Permission.EDIT_CAMPAIGNS)
    # One whose time passed says so first.
    if may_edit and state in {rules.State.DRAFT, rules.State.RETURNED} and not shown.missed:
        return steps.to_page(shown, steps.next_step(shown))
    name = ""
    if shown.segment and access.allowed(actor, Permission.VIEW_SEGMENTS):
        name = segments.reveal_segment(actor, shown.segment).name
    return render(
        request,
        "campaigns/campaign.html",
        {
            "trail": steps.crumbs(),
            "segment_name": name,
            "changed": bool(name) and queries.audience_changed(actor, shown),
            "approval": shown.mailing.approvals.filter(approved=True).last() if shown.mailing else None,
            **_progress(actor, shown),
        },
    )


@require_GET
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The moving part of the page, asked for again every two seconds while the campaign is sent."""
    shown = steps.found(request, pk)
    return render(request, "campaigns/progress.html", _progress(access.of(request), shown))


def _progress(actor: Actor, shown: Campaign) -> dict[str, object]:
    state = queries.state(shown)
    found = delivery.progress(shown.mailing.pk) if shown.mailing and shown.mailing.started_at else None
    seen = queries.shown(found, cover=queries.is_covered(actor, shown)) if found else None
    reasons = (seen.reasons if seen else None) or {}
    return {
        "campaign": shown,
        "state": state,
        "pill": steps.pill(shown, state),
        **steps.timing(shown),
        "live": state in rules.LIVE,
        "progress": seen,
        "reasons": [
            (wording.REASONS.get(reason, reason), number, reason) for reason, number in reasons.items()
        ],
        "leads": queries.leads(actor, shown),
        "report_url": _report_url(shown) if found else "",
        "may_launch": access.allowed(actor, Permission.LAUNCH_CAMPAIGN),
        "may_edit": access.allowed(actor, Permission.EDIT_CAMPAIGNS),
    }


def _report_url(shown: Campaign) -> str:
    # Reports lie above this room and are known here by the name of their address alone.
    try:
        return reverse("report", args=[shown.pk])
    except NoReverseMatch:
        return ""


@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask somebody else for approval."""
    actor, shown = access.of(request), steps.found(request, pk)
    done = _("Approval is asked for. You can leave this page; whoever may approve sees it under Approvals.")
    if steps.attempt(request, lambda: actions.request_approval(actor=actor, campaign=shown), done):
        return redirect("campaign", pk=pk)
    return steps.to_page(shown, rules.Step.REVIEW)


@require_POST
def launch(request: HttpRequest, pk: int) -> HttpResponse:
    """Send it."""
    actor, shown = access.of(request), steps.found(request, pk)
    done = _("The campaign is on its way. You can leave this page; sending goes on.")
    if steps.attempt(request, lambda: actions.launch_campaign(actor=actor, campaign=shown), done):
        return redirect("campaign", pk=pk)
    return steps.to_page(shown, rules.Step.REVIEW)


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Hold it."""
    actor, shown = access.of(request), steps.found(request, pk)
    done = _("Paused. What is being handed over right now may still leave.")
    steps.attempt(request, lambda: actions.pause_campaign(actor=actor, campaign=shown), done)
    return redirect("campaign", pk=pk)


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on."""
    actor, shown = access.of(request), steps.found(request, pk)
    done = _("Sending goes on.")
    steps.attempt(request, lambda: actions.resume_campaign(actor=actor, campaign=shown), done)
    return redirect("campaign", pk=pk)


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Send nothing more of it."""
    actor, shown = access.of(request), steps.found(request, pk)
    begun = shown.mailing is not None and shown.mailing.started_at is not None
    done = (
        _("Cancelled. Nothing more is sent; what has left can't be called back.")
        if begun
        else _("Taken back. The campaign is a draft again.")
    )
    steps.attempt(request, lambda: actions.cancel_campaign(actor=actor, campaign=shown), done)
    return redirect("campaign", pk=pk)

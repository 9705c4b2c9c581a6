"""Buttons of a campaign's time to send at: give it one, take it away, put it back."""

from datetime import UTC, datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import access
from accounts.access import Permission
from campaigns import actions, queries, rules
from campaigns.forms import ScheduleForm
from campaigns.models import Campaign
from campaigns.views import steps
from campaigns.views.planning import review_page
from safeguards.actor import Actor


@require_POST
def schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Send it at a time."""
    actor, campaign = _sender(request, pk)
    form = ScheduleForm(request.POST, campaign=campaign, zones=steps.zones())
    if not form.is_valid():
        return review_page(request, pk, form)
    if _give(request, actor, campaign, form.cleaned_data["send_at"], form.cleaned_data["zone"]):
        return redirect("campaign", pk=pk)
    return steps.to_page(campaign, rules.Step.REVIEW)


@require_POST
def unschedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Don't send it by itself, with a button that puts the time back."""
    actor, campaign = _sender(request, pk)
    before = campaign.send_at
    try:
        actions.unschedule_campaign(actor=actor, campaign=campaign)
    except actions.NotPossible as error:
        messages.error(request, str(error))
        return redirect("campaign", pk=pk)
    again = reverse("campaign_reschedule", args=[pk, int(before.timestamp())]) if before else ""
    messages.success(
        request,
        _("The time is taken away. The campaign doesn't go by itself."),
        # What has passed can't be put back.
        extra_tags=f"undo={again}" if before and before > timezone.now() else "",
    )
    return redirect("campaign", pk=pk)


@require_POST
def reschedule(request: HttpRequest, pk: int, seconds: int) -> HttpResponse:
    """Put the time back that was taken away; `seconds` is that moment since 1970, UTC."""
    actor, campaign = _sender(request, pk)
    try:
        send_at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise Http404 from None
    _give(request, actor, campaign, send_at, campaign.send_zone or "UTC")
    return redirect("campaign", pk=pk)


def _sender(request: HttpRequest, pk: int) -> tuple[Actor, Campaign]:
    actor = access.of(request)
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    return actor, steps.found(request, pk)


def _give(request: HttpRequest, actor: Actor, campaign: Campaign, send_at: datetime, zone: str) -> bool:
    given = steps.attempt(
        request,
        lambda: actions.schedule_campaign(actor=actor, campaign=campaign, send_at=send_at, zone=zone),
        _("The time is set. You can leave this page; the campaign goes by itself."),
    )
    if given and queries.state(queries.one(actor, campaign.pk)) is rules.State.WAITING:
        messages.info(request, _("It goes only if somebody else approves it before its time."))
    if given and rules.is_quiet(send_at, zone):
        messages.warning(
            request, _("That is at night, between 9 PM and 8 AM. Most people would rather get it by day.")
        )
    return given

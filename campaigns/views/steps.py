"""What the pages of one campaign share: the steps with their ticks, and news of what went wrong."""

from collections.abc import Callable, Sequence

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Organization
from campaigns import queries, rules, wording
from campaigns.delivery.actions import NotPossible
from campaigns.models import Campaign
from contacts.segments.client import IndexAway
from safeguards.actor import Actor

PAGES: dict[rules.Step, str] = {
    rules.Step.SETUP: "campaign_setup",
    rules.Step.AUDIENCE: "campaign_audience",
    rules.Step.DESIGN: "campaign_design",
    rules.Step.REVIEW: "campaign_review",
}


def found(request: HttpRequest, pk: int) -> Campaign:
    """The campaign of a page, for those who may see it; Http404 where there is none."""
    try:
        return queries.one(access.of(request), pk)
    except Campaign.DoesNotExist:
        raise Http404 from None


def editor(request: HttpRequest) -> Actor:
    """Somebody who may plan campaigns. Raises Denied."""
    actor = access.of(request)
    access.require(actor, Permission.EDIT_CAMPAIGNS)
    return actor


def planned(request: HttpRequest, pk: int) -> tuple[Actor, Campaign, rules.State]:
    """The editor, the campaign of a planning page, and where it stands."""
    actor = editor(request)
    campaign = found(request, pk)
    return actor, campaign, queries.state(campaign)


def page(
    request: HttpRequest,
    template: str,
    campaign: Campaign,
    step: rules.Step,
    state: rules.State,
    **context: object,
) -> HttpResponse:
    """A planning page: the campaign with its steps, whether approval was asked for, and what an approver wanted changed."""
    return render(
        request,
        template,
        {
            "campaign": campaign,
            "steps": stepper(campaign, step),
            "trail": crumbs(),
            "state": state,
            "asked": state in rules.ASKED,
            "pill": pill(campaign, state),
            "refusal": queries.last_refusal(campaign) if state is rules.State.RETURNED else None,
            **context,
        },
    )


def change(
    request: HttpRequest, before: rules.State, campaign: Campaign, act: Callable[[], Campaign]
) -> bool:
    """Change a campaign and say so where that took back an approval; whether it went well."""
    try:
        changed = act()
    except NotPossible as error:
        messages.error(request, str(error))
        return False
    if before in rules.ASKED and changed.mailing_id is None:
        _tell_reopened(request, before, changed)
    return True


def to_page(campaign: Campaign, step: rules.Step) -> HttpResponse:
    """Go to a step of the campaign."""
    return redirect(PAGES[step], pk=campaign.pk)


def stepper(campaign: Campaign, current: rules.Step) -> list[tuple[str, str, str]]:
    """Words, address and state of each step, for the stepper. On the review page what is lacking is called a problem."""
    lacking = {rules.STEP_OF[blocker] for blocker in queries.blockers(campaign)}
    steps = []
    for step in rules.Step:
        if step is current:
            mark = "current"
        elif step in lacking:
            mark = "problem" if current is rules.Step.REVIEW else "ahead"
        else:
            mark = "ahead" if step is rules.Step.REVIEW else "done"
        steps.append((str(wording.STEPS[step]), reverse(PAGES[step], args=[campaign.pk]), mark))
    return steps


def next_step(campaign: Campaign) -> rules.Step:
    """The first step that something is lacking on, or the review."""
    lacking = queries.blockers(campaign)
    return rules.STEP_OF[lacking[0]] if lacking else rules.Step.REVIEW


def crumbs(*pages: tuple[str, str]) -> list[tuple[str, str]]:
    """The trail to a page of a campaign."""
    return [(_("Campaigns"), reverse("campaigns")), *pages]


def with_pills(rows: Sequence[queries.Row]) -> list[tuple[queries.Row, tuple[str, Promise]]]:
    """Rows of a list, each with its pill."""
    return [(row, pill(row.campaign, row.state)) for row in rows]


def pill(campaign: Campaign, state: rules.State) -> tuple[str, Promise]:
    """The kind and the word of a campaign's pill."""
    return wording.pill(state, timed=campaign.send_at is not None, missed=campaign.missed)


def timing(campaign: Campaign) -> dict[str, object]:
    """What pages say of a campaign's time: the zone in words, whether it is night then, and why it wasn't kept."""
    if campaign.send_at is None:
        return {}
    return {
        "send_zone": wording.zone(campaign.send_zone),
        "quiet": rules.is_quiet(campaign.send_at, campaign.send_zone),
        "missed": wording.MISSED[rules.Missed(campaign.missed)] if campaign.missed else "",
    }


def zones() -> tuple[str, ...]:
    """The zones that the reader may give a time in, the organisation's first."""
    reader = timezone.get_current_timezone_name()
    organization = Organization.objects.first()
    return rules.zones(organization.time_zone if organization else reader, reader)


def attempt(request: HttpRequest, act: Callable[[], object], done: str) -> bool:
    """Do something and tell the person how it went; whether it went well."""
    try:
        act()
    except NotPossible as error:
        messages.error(request, str(error))
        return False
    except IndexAway:
        messages.error(request, index_away())
        return False
    messages.success(request, done)
    return True


def index_away() -> str:
    """What to tell somebody while nobody can say who is in a segment."""
    return _("Nobody can be counted right now: the index is starting. Try again in a minute.")


def _tell_reopened(request: HttpRequest, before: rules.State, changed: Campaign) -> None:
    """Say that a change took back what had been asked for or given, and that a time doesn't hold without it."""
    timed = changed.send_at is not None and not changed.missed
    if timed:
        messages.warning(
            request,
            _("You changed a campaign that has a time to send at. Schedule it again, or it won't go."),
        )
    elif before is rules.State.APPROVED:
        messages.warning(
            request, _("You changed an approved campaign, so its approval is void. Ask for it again.")
        )
    elif before is rules.State.WAITING:
        messages.warning(
            request, _("You changed the campaign, so it no longer waits for approval. Ask for it again.")
        )

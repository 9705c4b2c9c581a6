"""The people behind a campaign's numbers: each number of its pages leads here."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts import access
from accounts.access import Permission
from campaigns import queries, wording
from campaigns.delivery import queries as delivery
from campaigns.delivery.models import Mailing, Message
from campaigns.queries import Shown, Which
from campaigns.views import steps


@require_safe
def people(request: HttpRequest, pk: int) -> HttpResponse:
    """`/campaigns/<id>/people/?which=&reason=&after=`: who they are, for those who may know it."""
    actor, campaign = access.of(request), steps.found(request, pk)
    access.require(actor, Permission.VIEW_CONTACTS)
    mailing = campaign.mailing
    if mailing is None or mailing.started_at is None:
        raise Http404
    which = _which(request.GET.get("which", ""))
    reason = request.GET.get("reason", "") if which is Which.WITHHELD else ""
    given = request.GET.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
    named = queries.may_be_named(actor, campaign)
    shown = queries.shown(delivery.progress(mailing.pk), cover=queries.is_covered(actor, campaign))
    found = queries.recipients(actor, campaign, which, reason=reason, after=after)
    address = reverse("campaign_people", args=[pk])

    def url(**asked: str | int | None) -> str:
        return f"{address}?{urlencode({name: value for name, value in asked.items() if value})}"

    return render(
        request,
        "campaigns/people.html",
        {
            "trail": [*steps.crumbs(), (campaign.name, reverse("campaign", args=[pk]))],
            "campaign": campaign,
            "named": named,
            "tabs": [
                (url(which=each), wording.PEOPLE[each], number, each is which)
                for each, number in _numbers(shown, mailing)
                if number or each in {Which.ALL, which}
            ],
            "reasons": [
                (url(which=which, reason=each), wording.REASONS.get(each, each), number, each == reason)
                for each, number in (shown.reasons or {}).items()
            ]
            if which is Which.WITHHELD
            else [],
            "people": found,
            "rows": [
                (each, Message.State(each.state).label, wording.REASONS.get(each.reason, ""))
                for each in found.rows
            ],
            "after": after,
            "first_url": url(which=which, reason=reason),
            "next_url": url(which=which, reason=reason, after=found.next),
            "untied": which in {Which.OPENED, Which.CLICKED},
        },
    )


def _which(given: str) -> Which:
    try:
        return Which(given)
    except ValueError:
        return Which.ALL


def _numbers(shown: Shown, mailing: Mailing) -> list[tuple[Which, int | None]]:
    """The tabs with their numbers; of opens and clicks those of people, where the mailing follows any."""
    followed = mailing.tracking == Mailing.Tracking.PERSON
    return [
        (Which.ALL, shown.audience.exact),
        (Which.SENT, shown.sent),
        (Which.WAITING, shown.waiting),
        (Which.WITHHELD, shown.withheld),
        (Which.NOT_DELIVERED, shown.not_delivered),
        (Which.UNCERTAIN, shown.uncertain),
        (Which.CANCELLED, shown.cancelled),
        *([(Which.OPENED, shown.opened_people), (Which.CLICKED, shown.clicked_people)] if followed else []),
        (Which.UNSUBSCRIBED, shown.unsubscribed),
    ]

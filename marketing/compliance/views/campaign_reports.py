"""Reports: the list, and one campaign with a page of its message log."""

from datetime import date, datetime, time, timedelta

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import access
from accounts.access import Permission
from campaigns.delivery.models import Message
from campaigns.models import Campaign
from campaigns.queries import Which, leads
from campaigns.wording import REASONS
from marketing.compliance import queries

LOG_PAGE = 20
REPORTS_PAGE = 25
WEEK, DAY = timedelta(days=7), timedelta(days=1)


@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """`/reports/?week=`: every campaign that has begun to leave, or those that began in the seven days from one."""
    actor = access.of(request)
    week = _day(request.GET.get("week", ""))
    found = queries.launched(actor)
    if week is not None:
        begin = timezone.make_aware(datetime.combine(week, time.min))
        end = timezone.make_aware(datetime.combine(week + WEEK, time.min))
        found = found.filter(mailing__started_at__gte=begin, mailing__started_at__lt=end)
    page = Paginator(found, REPORTS_PAGE).get_page(request.GET.get("page"))
    rows = [
        (campaign, seen, leads(actor, campaign), reverse("report", args=[campaign.pk]))
        for campaign, seen in queries.listed(actor, page)
    ]
    return render(
        request,
        "compliance/reports.html",
        {"rows": rows, "page": page, "week": week, "last_day": week + WEEK - DAY if week else None},
    )


def _day(given: str) -> date | None:
    """A day of the reader's calendar as `YYYY-MM-DD`; None for anything else, and for days nobody lives in."""
    try:
        day = date.fromisoformat(given)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None


@require_safe
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """`/reports/<campaign>/`: what became of one campaign, and a page of its message log."""
    actor = access.of(request)
    try:
        found = queries.report(actor, pk)
    except Campaign.DoesNotExist:
        raise Http404 from None
    may_export = access.allowed(actor, Permission.EXPORT_EVIDENCE)
    given = request.GET.get("after", "")
    after = int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0
    log = queries.log_page(actor, found.mailing.pk, after, LOG_PAGE + 1) if may_export else []
    led = leads(actor, found.campaign)
    withheld = [(_why(name), count, name) for name, count in (found.progress.reasons or {}).items()]
    return render(
        request,
        "compliance/report.html",
        {
            "trail": [(_("Reports"), reverse("reports"))],
            "report": found,
            "progress": found.progress,
            "withheld": withheld,
            "leads": led,
            "opened_url": led.get(Which.OPENED, "") if found.progress.opened_people else "",
            "log": [(line, Message.State(line.state).label, _why(line.reason)) for line in log[:LOG_PAGE]],
            "next": log[LOG_PAGE - 1].message_id if len(log) > LOG_PAGE else None,
            "after": after,
            "may_export": may_export,
        },
    )


def _why(reason: str) -> object:
    """The gate's reason in words; a bounce's as it is."""
    return REASONS.get(reason, reason.replace("_", " "))

"""The calendar: what is to be sent, and what was, by the days of the reader's zone."""

from calendar import SUNDAY, Calendar
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.views.decorators.http import require_GET

from accounts import access
from accounts.access import Permission
from campaigns import queries
from campaigns.views import steps
from campaigns.views.steps import crumbs

# Months that a link may name; beyond them nothing was and nothing will be.
YEARS = range(2000, 2100)


@dataclass(slots=True)
class Day:
    """A day of the calendar, with what goes on it: when, the campaign's row, and its pill."""

    day: date
    inside: bool
    today: bool
    entries: list[tuple[datetime, queries.Row, tuple[str, Promise]]] = field(default_factory=list)


@require_GET
def calendar(request: HttpRequest) -> HttpResponse:
    """One month, of the days that its weeks have, from Sunday; `?month=2026-12` names it."""
    actor = access.of(request)
    today = timezone.localdate()
    first = _month(request.GET.get("month", ""), today)
    days = {
        day: Day(day, day.month == first.month, day == today)
        for day in Calendar(SUNDAY).itermonthdates(first.year, first.month)
    }
    zone = timezone.get_current_timezone()
    begin = datetime.combine(min(days), time(), zone)
    end = datetime.combine(max(days) + timedelta(days=1), time(), zone)
    for at, row in queries.between(actor, begin, end):
        days[timezone.localtime(at).date()].entries.append((at, row, steps.pill(row.campaign, row.state)))
    return render(
        request,
        "campaigns/calendar.html",
        {
            "trail": crumbs(),
            "first": first,
            "days": list(days.values()),
            "week": list(days)[:7],
            "any": any(day.entries for day in days.values()),
            "previous": first - timedelta(days=1),
            "next": first + timedelta(days=32),
            "this_month": first == today.replace(day=1),
            "zone": timezone.localtime().tzname(),
            "may_edit": access.allowed(actor, Permission.EDIT_CAMPAIGNS),
        },
    )


def _month(wanted: str, today: date) -> date:
    try:
        first = date.fromisoformat(f"{wanted}-01")
    except ValueError:
        first = today
    return (first if first.year in YEARS else today).replace(day=1)

"""Looks for what is unusual in the audit log as it grows, and tells the administrators, each thing once (BEHAVIOURS A8).

The log is read by its ledger's watermark, which moves in the transaction that raises what was found: a crash in between loses
nothing, and what is read again finds its alert there already.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import access, cidr, unusual
from accounts.models import Alert, AlertMark, Role, User
from accounts.unusual import Kind
from safeguards import audit, ledger, notices
from safeguards.actor import Actor
from safeguards.queries import EventFilter, all_events, count_of_events

audit.declare("alert.raised", alert=int, kind=Kind, counts=audit.COUNTS)

RAISED = "staff.alerts"
notices.declare(RAISED, "name", "number", "lines", "address")
# At most one mail in so long to each; what comes meanwhile stands in the next.
_TELL_EVERY = timedelta(hours=1)
_LINES = 12
# So many pages of the log a turn; the next turn goes on.
_PAGES = 20
_MARK = 1
_COLUMNS = ("id", "at", "action", "outcome", "actor_kind", "actor_id", "target_id", "ip", "details")
_SELF = Actor(kind="system", id="alerts", display="alerts", role="alerts")
_HABIT = timedelta(days=90)
# Fields that say who somebody is; whatever else a record holds is their chart.
_NO_CHART = access.IDENTITY_FIELDS | access.SEGMENT_FIELDS | access.LIST_FIELDS
_REFUSED = ("session.", "factor.", "password.", "access.")


@dataclass(frozen=True, slots=True)
class _Act:
    id: int
    at: datetime
    action: str
    outcome: str
    actor_id: str
    target_id: str
    ip: str
    details: dict[str, Any]


@dataclass(slots=True)
class _Found:
    """What may be unusual: its key, and what an alert of it would say."""

    kind: Kind
    key: str
    person: User | None
    begins_at: datetime
    ends_at: datetime
    counts: dict[str, int] = field(default_factory=dict)
    network: str = ""


def look() -> int:
    """Look at what the log holds since the last time; returns how many alerts were raised. One at a time; others return 0."""
    raised = 0
    for _page in range(_PAGES):
        with transaction.atomic():
            mark = _mark()
            if mark is None:
                return raised
            news = ledger.since("safeguards_audit_event", mark.watermark, _COLUMNS)
            raised += _raise(_judge(_acts(news.rows)))
            mark.watermark = news.watermark
            mark.save(update_fields=["watermark"])
            _tell()
        if news.complete:
            break
    return raised


def _mark() -> AlertMark | None:
    """The mark, locked; None while another one looks. A new deployment begins with what happens from now on."""
    if not AlertMark.objects.filter(pk=_MARK).exists():
        begin = ledger.since("safeguards_audit_event", 2**62, ["id"]).watermark
        AlertMark.objects.bulk_create([AlertMark(pk=_MARK, watermark=begin)], ignore_conflicts=True)
    return AlertMark.objects.select_for_update(skip_locked=True).filter(pk=_MARK).first()


def _acts(rows: Iterable[tuple[Any, ...]]) -> list[_Act]:
    """What people did or were refused; what parts of the system do by themselves is none of it."""
    return [
        _Act(row[0], row[1], row[2], row[3], row[5], row[6], str(row[7] or ""), _details(row[8]))
        for row in rows
        if row[4] == "user"
    ]


def _details(value: Any) -> dict[str, Any]:
    # By the driver itself JSON comes as text or as what it means, as its loaders are set.
    return json.loads(value) if isinstance(value, str) else dict(value or {})


def _judge(acts: list[_Act]) -> list[_Found]:
    people = {
        str(user.pk): user
        for user in User.objects.filter(pk__in={int(act.actor_id) for act in acts if act.actor_id.isdigit()})
    }
    days: dict[tuple[str, str, date], list[_Act]] = defaultdict(list)
    found: list[_Found] = []
    guesses: dict[str, list[_Act]] = defaultdict(list)
    for act in acts:
        person = people.get(act.actor_id)
        if person is None:
            if act.outcome == "denied" and act.ip:
                guesses[cidr.surroundings(act.ip)].append(act)
            continue
        if subject := _subject(act):
            days[act.actor_id, subject, act.at.astimezone(ZoneInfo(person.time_zone)).date()].append(act)
        if act.action == "session.started":
            found += _hours(person, act)
        elif act.action == "session.new_device":
            found += _reset(person, act)
    for (person_id, subject, day), these in days.items():
        person = people[person_id]
        judge = {"opened": _opened, "taken": _taken, "refused": _refusals}[subject]
        found += judge(person, day, these)
    for network, these in guesses.items():
        found += _guesses(network, these)
    return found


def _subject(act: _Act) -> str:
    if act.outcome == "denied" and act.action.startswith(_REFUSED):
        return "refused"
    if act.outcome != "success":
        return ""
    if act.action == "phi.revealed":
        return "opened"
    return "taken" if act.action.endswith(".exported") else ""


def _span(person: User, day: date, days: int = 1) -> tuple[datetime, datetime]:
    zone = ZoneInfo(person.time_zone)
    return (
        datetime.combine(day, time.min, zone),
        datetime.combine(day + timedelta(days=days), time.min, zone),
    )


def _opened(person: User, day: date, _these: list[_Act]) -> list[_Found]:
    """Charts, and records of any kind, that were opened that day, beside the thirty days before."""
    zone = ZoneInfo(person.time_zone)
    since, _until = _span(person, day - unusual.PAST)
    begins, until = _span(person, day)
    sums: dict[Kind, dict[date, int]] = {Kind.CHARTS: defaultdict(int), Kind.RECORDS: defaultdict(int)}
    last = begins
    asked = EventFilter(("phi.revealed",), "user", str(person.pk), "success", since, until)
    for event in all_events(asked):
        count, on = int(event.details.get("count", 0)), event.at.astimezone(zone).date()
        sums[Kind.RECORDS][on] += count
        if set(event.details.get("fields", ())) - _NO_CHART:
            sums[Kind.CHARTS][on] += count
        if on == day:
            last = event.at
    return [
        _Found(
            kind,
            f"{kind.value}:{person.pk}:{day.isoformat()}",
            person,
            begins,
            last,
            {"count": today, "usual": max(by_day.values(), default=0)},
        )
        for kind, by_day in sums.items()
        if unusual.many(kind, today := by_day.pop(day, 0), by_day)
    ]


def _taken(person: User, day: date, these: list[_Act]) -> list[_Found]:
    """Files that were taken away that day: each is worth a look, and a day's are one alert."""
    begins, until = _span(person, day)
    actions = sorted({act.action for act in these})
    asked = EventFilter(actions, "user", str(person.pk), "success", begins, until)
    events = list(all_events(asked))
    rows = sum(int(event.details.get("rows", 0) or 0) for event in events)
    key = f"{Kind.TAKEN.value}:{person.pk}:{day.isoformat()}"
    if not events:
        return []
    counts = {"count": len(events), "rows": rows}
    return [_Found(Kind.TAKEN, key, person, events[0].at, events[-1].at, counts)]


def _refusals(person: User, day: date, these: list[_Act]) -> list[_Found]:
    """Refusals of one person, also those of the hour before midnight."""
    begins, until = _span(person, day)
    asked = EventFilter(
        sorted({act.action for act in these} | {"session.refused", "factor.refused", "access.denied"}),
        "user",
        str(person.pk),
        "denied",
        begins - unusual.HOUR,
        until,
    )
    hour = unusual.burst(Kind.REFUSALS, (event.at for event in all_events(asked)))
    key = f"{Kind.REFUSALS.value}:{person.pk}:{day.isoformat()}"
    return [_Found(Kind.REFUSALS, key, person, hour[0], hour[1], {"count": hour[2]})] if hour else []


def _guesses(network: str, these: list[_Act]) -> list[_Found]:
    """Refusals of whoever names nobody that we know, from one network."""
    last = max(act.at for act in these)
    asked = EventFilter(
        ("session.refused",), "user", "None", "denied", min(act.at for act in these) - unusual.HOUR
    )
    if count_of_events(asked) < unusual.LIMITS[Kind.GUESSES]:
        return []
    hour = unusual.burst(
        Kind.GUESSES,
        (event.at for event in all_events(asked) if cidr.surroundings(event.ip) == network),
    )
    key = f"{Kind.GUESSES.value}:{network}:{last.date().isoformat()}"
    return [_Found(Kind.GUESSES, key, None, hour[0], hour[1], {"count": hour[2]}, network)] if hour else []


def _hours(person: User, act: _Act) -> list[_Found]:
    """A sign-in at a time of day at which this person hardly ever did, by their own clock."""
    zone = ZoneInfo(person.time_zone)
    asked = EventFilter(("session.started",), "user", str(person.pk), "success", act.at - _HABIT, act.at)
    before = [event.at.astimezone(zone) for event in all_events(asked) if event.pk != act.id]
    here = act.at.astimezone(zone)
    if not unusual.odd_hour(here, before):
        return []
    key = f"{Kind.HOURS.value}:{person.pk}:{here.date().isoformat()}"
    counts = {"hour": here.hour, "minute": here.minute, "usual": len(before)}
    return [_Found(Kind.HOURS, key, person, act.at, act.at, counts, cidr.surroundings(act.ip))]


def _reset(person: User, act: _Act) -> list[_Found]:
    """A first sign-in with another device, soon after somebody had this person's factor reset."""
    asked = EventFilter(("factor.reset",), since=act.at - unusual.AFTER_RESET, until=act.at)
    resets = [event.at for event in all_events(asked) if event.target_id == str(person.pk)]
    reset = resets[-1] if resets else None
    if reset is None or not unusual.soon_after(reset, act.at):
        return []
    hours = int((act.at - reset).total_seconds() // 3600)
    key = f"{Kind.RESET.value}:{person.pk}:{act.id}"
    return [_Found(Kind.RESET, key, person, reset, act.at, {"hours": hours}, cidr.surroundings(act.ip))]


def _raise(found: list[_Found]) -> int:
    raised = 0
    for each in found:
        now = timezone.now()
        values = {
            "kind": each.kind.value,
            "person": each.person,
            "network": each.network,
            "begins_at": each.begins_at,
            "ends_at": each.ends_at,
            "counts": each.counts,
            "raised_at": now,
        }
        alert, made = Alert.objects.get_or_create(key=each.key, defaults=values)
        if made:
            raised += 1
            details = {"alert": alert.pk, "kind": alert.kind, "counts": alert.counts}
            audit.record("alert.raised", actor=_SELF, target=each.person, details=details)
        elif alert.closed_at is None and alert.counts != each.counts:
            # It has gone on meanwhile; whoever looks at it sees all of it.
            Alert.objects.filter(pk=alert.pk).update(counts=each.counts, ends_at=each.ends_at)
    return raised


def _tell() -> None:
    """One mail to each administrator about all that nobody was told of yet, at most once an hour."""
    untold = list(Alert.objects.filter(told_at=None).select_related("person").order_by("raised_at")[:500])
    now = timezone.now()
    if not untold or notices.left_since(RAISED, now - _TELL_EVERY):
        return
    shown = [f"- {words(alert)}" for alert in untold[:_LINES]]
    if more := len(untold) - len(shown):
        shown.append(ngettext("- and %(more)d more", "- and %(more)d more", more) % {"more": more})
    for administrator in User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("pk"):
        notices.leave(
            RAISED,
            address=administrator.email,
            language="en",
            parameters={
                "name": administrator.name,
                "number": ngettext("%(number)d alert", "%(number)d alerts", len(untold))
                % {"number": len(untold)},
                "lines": "\n".join(shown),
                "address": f"{settings.STAFF_URL}{reverse('settings_alerts')}",
            },
        )
    Alert.objects.filter(pk__in=[alert.pk for alert in untold]).update(told_at=now)


def words(alert: Alert) -> str:
    """What an alert says, in a sentence."""
    name = alert.person.name if alert.person else ""
    values = {"name": name, "network": alert.network or "?", **alert.counts}
    match alert.kind:
        case Kind.CHARTS:
            said = _(
                "%(name)s opened the charts of %(count)s people in a day; at most %(usual)s in the 30 days before"
            )
        case Kind.RECORDS:
            said = _(
                "%(name)s opened %(count)s records with names and addresses in a day; at most %(usual)s in the 30 days before"
            )
        case Kind.TAKEN:
            said = ngettext(
                "%(name)s took away %(count)s file of evidence with %(rows)s rows",
                "%(name)s took away %(count)s files of evidence with %(rows)s rows",
                alert.counts.get("count", 0),
            )
        case Kind.HOURS:
            values["at"] = f"{alert.counts.get('hour', 0):02d}:{alert.counts.get('minute', 0):02d}"
            said = _("%(name)s signed in at %(at)s by their own clock, which they hardly ever do")
        case Kind.REFUSALS:
            said = _("%(name)s was refused %(count)s times within an hour: passwords, codes or pages")
        case Kind.GUESSES:
            said = _(
                "%(count)s refused sign-ins within an hour from %(network)s, for accounts that don't exist"
            )
        case _:
            said = _(
                "%(name)s signed in with a new device from %(network)s, %(hours)s hours after their second factor was reset"
            )
    return said % values

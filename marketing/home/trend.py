"""What has been sent week by week, and whom the topics reach: the first page's figures, each of which leads to what it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.urls import reverse
from django.utils import timezone

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from contacts.consent.models import Topic
from contacts.segments import queries as segments
from contacts.segments.client import IndexAway
from marketing.compliance.queries import launched, listed
from safeguards.actor import Actor

WEEKS = 8
_EVERYBODY = {"match": "all", "rules": []}
# The drawing, in its own units: the browser scales it.
_WIDTH, _HEIGHT, _BASE = 640, 180, 150


@dataclass(frozen=True, slots=True)
class Week:
    """One week from its Monday, in the reader's zone. Covered numbers of a campaign are left out, and `covered` says so."""

    begins: date
    sent: int
    clicked: int
    covered: bool

    @property
    def url(self) -> str:
        """The reports of the campaigns that began in it."""
        return f"{reverse('reports')}?week={self.begins.isoformat()}"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the drawing."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Trend:
    """The weeks, oldest first, and their drawing."""

    weeks: Sequence[Week]
    bars: Sequence[Bar]
    labels: Sequence[tuple[float, date]]
    most: int

    @property
    def sent(self) -> int:
        return sum(week.sent for week in self.weeks)

    @property
    def clicked(self) -> int:
        return sum(week.clicked for week in self.weeks)

    @property
    def covered(self) -> bool:
        return any(week.covered for week in self.weeks)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many people can be reached about a topic."""

    topic: Topic
    reachable: int
    people: int
    reachable_url: str = ""


def trend(actor: Actor) -> Trend:
    """What was sent and clicked in the last eight weeks, by the week in which a campaign began.

    Needs the permission to view reports. Small numbers of campaigns by health data are left out for roles that may not know
    them, so that no sum tells them (BEHAVIOURS E4).
    """
    today = timezone.localdate()
    mondays = [today - timedelta(days=today.weekday(), weeks=back) for back in reversed(range(WEEKS))]
    sums = {monday: [0, 0, 0] for monday in mondays}
    since = timezone.now() - timedelta(weeks=WEEKS)
    for campaign, seen in listed(actor, launched(actor).filter(mailing__started_at__gte=since)):
        if campaign.mailing is None or campaign.mailing.started_at is None:
            continue
        day = timezone.localtime(campaign.mailing.started_at).date()
        found = sums.get(day - timedelta(days=day.weekday()))
        if found is not None:
            found[0] += seen.sent or 0
            found[1] += seen.clicked or 0
            found[2] |= seen.sent is None or seen.clicked is None
    weeks = [Week(monday, sent, clicked, bool(hidden)) for monday, (sent, clicked, hidden) in sums.items()]
    return _drawn(weeks)


def _drawn(weeks: Sequence[Week]) -> Trend:
    most = max([1, *(week.sent for week in weeks), *(week.clicked for week in weeks)])
    slot = _WIDTH / len(weeks)
    bars, labels = [], []
    for number, week in enumerate(weeks):
        for place, (kind, value) in enumerate((("sent", week.sent), ("clicked", week.clicked))):
            height = round((_BASE - 20) * value / most, 1)
            x = round(number * slot + slot * (0.16 + 0.35 * place), 1)
            bars.append(Bar(x, round(_BASE - height, 1), round(slot * 0.3, 1), height, kind))
        labels.append((round((number + 0.5) * slot, 1), week.begins))
    return Trend(weeks, bars, labels, most)


def reach(actor: Actor) -> list[Reach] | None:
    """For each topic, how many people can be reached; None while the index doesn't answer.

    Needs the permission to view segments. Everybody is asked about, so no number says anything of anybody's health.
    """
    access.require(actor, Permission.VIEW_SEGMENTS)
    brand = Brand.objects.order_by("pk").first()
    if brand is None:
        return []
    # The builder says who can't be reached and why, and people describe there whom to write to instead.
    may_edit = access.allowed(actor, Permission.EDIT_SEGMENTS)
    found = []
    for topic in Topic.objects.all():
        try:
            counted = segments.count(actor, _EVERYBODY, topic=topic, brand=brand)
        except IndexAway:
            return None
        if counted.reachable is not None:
            url = f"{reverse('segment_new')}?topic={topic.pk}" if may_edit else ""
            found.append(Reach(topic, counted.reachable.least, counted.match.least, url))
    return found

"""What a log review shows: figures of a period beside those of the periods before, each with the rows that it counts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts import access
from accounts.access import ROLES, Permission
from accounts.models import User
from marketing.compliance.acts import chosen
from marketing.compliance.models import Review
from marketing.compliance.queries.log import CONTACTS_TABLE, HEALTH_FIELDS, usual_hours
from marketing.compliance.rules import Every, Figure, Figures, Share, digest_of, period_of
from safeguards import log, phi
from safeguards.actor import Actor
from safeguards.log import RowFilter

# With so many periods before it a period is compared.
BEFORE = 4
_MANY = 1_000_000


@dataclass(frozen=True, slots=True)
class Looked:
    """A thing to look at: its words, the rows that are counted, and the filters of the log's page that show them."""

    words: Promise
    asked: RowFilter
    query: Mapping[str, str]


def looked_at() -> dict[str, Looked]:
    """All that a review looks at, in the order of its page."""
    opened = RowFilter(actor_kind="user", actions=("phi.revealed",), opened_table=CONTACTS_TABLE)
    with_health = RowFilter(
        actor_kind="user",
        actions=("phi.revealed",),
        opened_table=CONTACTS_TABLE,
        opened_fields=HEALTH_FIELDS,
    )
    at_night = RowFilter(actor_kind="user", actions=("session.started",), outside=usual_hours())
    return {
        "sign_ins_refused": _acts(_("Sign-ins and codes refused"), "group:sign-in", "not success"),
        "lockouts": _acts(_("Waits after wrong guesses"), "lockout.began", by="all"),
        "alerts": _acts(_("Alerts raised"), "alert.raised", by="all"),
        "unusual_hours": Looked(
            _("Sign-ins outside usual hours"), at_night, {"action": "session.started", "hours": "outside"}
        ),
        "access_denied": _acts(_("Pages and fields refused"), "group:records", "denied"),
        "records_opened": Looked(_("Openings of contacts by the staff"), opened, {"opened": "people"}),
        "health_opened": Looked(_("Of these, with health fields"), with_health, {"opened": "health"}),
        "exports": _acts(_("Files of evidence taken away"), "evidence.exported"),
        "problem_rows": _acts(_("Problem rows of imports taken away"), "import.problems_opened"),
        "role_changes": _acts(_("Roles changed"), "person.role_changed"),
        "factor_resets": _acts(_("Factors reset by somebody else"), "factor.reset"),
        "accounts": _acts(_("All that was done to accounts"), "group:accounts"),
        "settings": _acts(_("Settings and sending changed"), "group:settings"),
        "broken_seals": _acts(_("Broken seals of records"), "phi.seal_broken", by="system"),
        "verified": _acts(_("Verifications of the whole log"), "audit.verified", by="system"),
        "verified_badly": _acts(
            _("Verifications that found something"), "audit.verified", "not success", by="system"
        ),
    }


def _acts(words: Promise, wanted: str, outcome: str = "", *, by: str = "user") -> Looked:
    query = {"action": wanted, "outcome": outcome, "by": "" if by == "user" else by}
    return Looked(
        words,
        RowFilter(actor_kind="" if by == "all" else by, actions=chosen(wanted), outcome=outcome),
        {name: value for name, value in query.items() if value},
    )


# A period without any of these is worth a question, and one with any of those an answer.
WANTED = frozenset({"verified"})
NEVER_USUAL = frozenset({"verified_badly", "broken_seals"})


@dataclass(frozen=True, slots=True)
class Line:
    """One figure on the page, with where its rows are; `state` is bad, warn or empty."""

    words: Promise
    figure: Figure
    url: str
    state: str


@dataclass(frozen=True, slots=True)
class ShareLine:
    """What one person opened, with where these rows are."""

    share: Share
    url: str


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """A review as somebody looks at it: figures of now, or those that were signed.

    `own` is how many of the rows are the reader's own doing, of `by_people`. `others` are those who could read it besides.
    `intact` says of a signed one that the kept figures still have the digest that was signed.
    """

    review: Review
    lines: list[Line]
    shares: list[ShareLine]
    digest: str
    own: int
    by_people: int
    own_url: str
    others: list[User]
    note: str
    second_note: str
    intact: bool


def how_often() -> Every:
    """How often the log is reviewed: the setting of the deployment."""
    return Every(settings.LOG_REVIEW)


def readers(without: int | None = None) -> list[User]:
    """Who of the staff may read the log now, by name."""
    roles = [role for role, may in ROLES.items() if Permission.VIEW_AUDIT in may]
    found = User.objects.filter(is_active=True, role__in=roles).order_by("name", "pk")
    return list(found if without is None else found.exclude(pk=without))


def figures_of(begins: datetime, ends: datetime, zone: str) -> Figures:
    """The figures of a period, counted now, beside those of up to four periods before it."""
    edges = _edges(begins, ends, zone)
    counted = []
    for key, looked in looked_at().items():
        number, *before = log.counts_between(looked.asked, edges)
        counted.append(Figure(key, number, tuple(before)))
    shares = [
        Share(each.actor_id, each.name, each.records[0], each.openings, tuple(each.records[1:]))
        for each in log.records_by_person(edges, table=CONTACTS_TABLE)
        if each.openings
    ]
    return Figures(tuple(counted), tuple(shares))


def _edges(begins: datetime, ends: datetime, zone: str) -> list[tuple[datetime, datetime]]:
    """The period, and the whole ones before it as far as the log goes back, the newest first."""
    oldest = log.oldest_at() or begins
    edges = [(begins, ends)]
    while len(edges) <= BEFORE:
        since, until = period_of(edges[-1][0] - timedelta(hours=1), how_often(), zone)
        if since < oldest:
            break
        edges.append((since, until))
    return edges


def own_part(actor: Actor, begins: datetime, ends: datetime) -> tuple[int, int]:
    """How many of the rows that a review of the period counts are this person's own doing, and how many are anybody's."""
    counted = [
        replace(looked.asked, since=begins, until=ends)
        for looked in looked_at().values()
        if looked.asked.actor_kind != "system"
    ]
    own = [replace(each, actor_kind="user", actor_id=actor.id) for each in counted]
    return log.count_of_rows(*own, at_most=_MANY), log.count_of_rows(*counted, at_most=_MANY)


def days_of(review: Review) -> tuple[date, date]:
    """The first and the last day of a period, by the clocks that it was made with."""
    zone = ZoneInfo(review.zone)
    return review.begins.astimezone(zone).date(), (review.ends - timedelta(hours=1)).astimezone(zone).date()


def reviews(actor: Actor) -> QuerySet[Review]:
    """All reviews, the newest period first, to be paged. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    return Review.objects.order_by("-begins")


def waiting_reviews(actor: Actor) -> list[Review]:
    """Reviews that this person could sign now, the oldest first, second readings among them; at most 50.

    Needs the permission to view the audit log.
    """
    access.require(actor, Permission.VIEW_AUDIT)
    unsigned = Q(signed_at=None)
    second = Q(signed_at__isnull=False, second_asked=True, second_at=None) & ~Q(signed_by_id=int(actor.id))
    return list(Review.objects.filter(unsigned | second).order_by("begins")[:50])


def review_page(actor: Actor, pk: int) -> ReviewPage | None:
    """One review with its figures; None where there is no such one. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    review = Review.objects.select_related("signed_by", "second_by").filter(pk=pk).first()
    if review is None:
        return None
    kept = review.figures
    figures = Figures.of_json(kept) if kept else figures_of(review.begins, review.ends, review.zone)
    digest = digest_of(review.begins, review.ends, figures.as_json())
    own, by_people = own_part(actor, review.begins, review.ends)
    words = looked_at()
    return ReviewPage(
        review=review,
        lines=[
            Line(words[each.key].words, each, rows_url(review, words[each.key].query), _state(each))
            for each in figures.figures
            if each.key in words
        ],
        shares=[
            ShareLine(each, rows_url(review, {"opened": "people", "person": each.person}))
            for each in figures.shares
        ],
        digest=digest,
        own=own,
        by_people=by_people,
        own_url=rows_url(review, {"person": actor.id}),
        others=readers(without=int(actor.id)),
        note=note_of(actor, review, "note"),
        second_note=note_of(actor, review, "second_note"),
        intact=not kept or (digest == review.digest and _stands_in_log(review)),
    )


def _stands_in_log(review: Review) -> bool:
    """Whether the log has the digest that was signed; true also where the row is older than what is kept."""
    oldest = log.oldest_at()
    purged = oldest is None or (review.signed_at is not None and review.signed_at < oldest)
    return purged or log.was_recorded("review.signed", target=review, details={"digest": review.digest})


def digest_now(actor: Actor, pk: int) -> str:
    """The digest of an unsigned review's figures as they are now. Needs the permission to view the audit log."""
    access.require(actor, Permission.VIEW_AUDIT)
    review = Review.objects.get(pk=pk)
    figures = figures_of(review.begins, review.ends, review.zone)
    return digest_of(review.begins, review.ends, figures.as_json())


def note_of(actor: Actor, review: Review, name: str) -> str:
    """A note, opened for whoever may view the audit log; empty where there is none, or where it can't be opened."""
    if getattr(review, name) is None:
        return ""
    grant = access.grant(actor, Permission.VIEW_AUDIT)
    (values,) = phi.reveal_sound([review], ["note"], grant=grant, purpose="log review", sealed_field=name)
    return str(values["note"]) if values else str(_("This note can't be opened: damaged or tampered with."))


def rows_url(review: Review, query: Mapping[str, str]) -> str:
    """The page of the log that shows the rows of a period by some filters, by the reader's clocks."""
    begins, ends = (
        timezone.localtime(each).replace(tzinfo=None).isoformat(timespec="minutes")
        for each in (review.begins, review.ends)
    )
    return f"{reverse('audit_log')}?{urlencode({**query, 'since': begins, 'until': ends})}"


def _state(figure: Figure) -> str:
    if figure.key in NEVER_USUAL:
        return "bad" if figure.number else ""
    if figure.key in WANTED:
        return "" if figure.number else "bad"
    return "warn" if figure.unusual else ""

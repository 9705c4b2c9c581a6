"""Reads of the ledgers. They know hashes only, so they need no grant."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from contacts.consent.models import ConsentRecord, Suppression, Topic
from contacts.consent.rules import Act, Standing, Stop, standing

# Where somebody unsubscribed by a link in a message, and not by a call or at the desk.
_BY_LINK = ("one-click", "unsubscribe page")


@dataclass(frozen=True, slots=True)
class Ledgers:
    """The acts of each (address hash, person key), and the standing suppressions of each address hash."""

    acts: dict[tuple[bytes, bytes], list[Act]]
    stops: dict[bytes, list[Stop]]


def ledgers_of(people: Sequence[tuple[bytes, bytes]]) -> Ledgers:
    """Everything recorded of these people, in two queries."""
    hashes = {address_hash for address_hash, _key in people}
    acts: dict[tuple[bytes, bytes], list[Act]] = defaultdict(list)
    said = ConsentRecord.objects.filter(address_hash__in=hashes).values_list(
        "address_hash", "person_key", "subject", "topic_id", "act", "given_at", "pk"
    )
    for address_hash, person_key, subject, topic_id, act, given_at, pk in said:
        acts[(bytes(address_hash), bytes(person_key))].append(Act(subject, topic_id, act, given_at, pk))
    stops: dict[bytes, list[Stop]] = defaultdict(list)
    for stop in Suppression.objects.filter(address_hash__in=hashes, lifted_at=None):
        stops[bytes(stop.address_hash)].append(Stop(stop.scope, stop.brand_id, stop.topic_id))
    return Ledgers(acts, stops)


def standings_by_topic(address_hash: bytes, person_key: bytes, brand_id: int) -> list[tuple[Topic, Standing]]:
    """For each topic, whether this person may get it: for the preferences page and the contact page."""
    ledgers = ledgers_of([(address_hash, person_key)])
    acts, stops = ledgers.acts[(address_hash, person_key)], ledgers.stops[address_hash]
    return [
        (topic, standing(acts, stops, topic_id=topic.pk, brand_id=brand_id)) for topic in Topic.objects.all()
    ]


def addresses_of(person_key: bytes) -> set[bytes]:
    """The hashes of every address that the ledger has ever bound to this person."""
    found = ConsentRecord.objects.filter(person_key=person_key).values_list("address_hash", flat=True)
    return {bytes(address_hash) for address_hash in found.distinct()}


def last_addresses(person_keys: Collection[bytes]) -> dict[bytes, bytes]:
    """By person key, the hash of the address that the ledger bound last; people of whom it knows nothing are left out."""
    found = ConsentRecord.objects.filter(person_key__in=person_keys).order_by("pk")
    return {bytes(key): bytes(address) for key, address in found.values_list("person_key", "address_hash")}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of somebody's history: when (UTC), what, about what, from where."""

    at: datetime
    what: str
    about: str
    source: str


def history(address_hash: bytes, person_key: bytes) -> list[Entry]:
    """All acts of consent and all suppressions of one person, newest first."""
    entries = [
        Entry(
            record.given_at,
            record.get_act_display(),
            record.topic.local_name if record.topic else record.get_subject_display(),
            record.source,
        )
        for record in ConsentRecord.objects.filter(
            address_hash=address_hash, person_key=person_key
        ).select_related("topic")
    ]
    for stop in Suppression.objects.filter(address_hash=address_hash).select_related("topic"):
        about = stop.topic.local_name if stop.topic else stop.get_scope_display()
        entries.append(Entry(stop.at, _("stopped"), about, stop.source))
        if stop.lifted_at:
            entries.append(Entry(stop.lifted_at, _("came back"), about, stop.lifted_by))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def stopped_everything(address_hash: bytes, brand_id: int) -> bool:
    """Whether a suppression wider than a topic stands for the address."""
    return (
        Suppression.objects.filter(address_hash=address_hash, lifted_at=None)
        .exclude(scope=Suppression.Scope.TOPIC)
        .filter(Q(brand_id=brand_id) | Q(brand=None))
        .exists()
    )


def unmendable_here(address_hash: bytes) -> bool:
    """Whether a suppression stands that no choice on the preferences page takes back: then the person has to call."""
    return Suppression.objects.filter(
        address_hash=address_hash,
        lifted_at=None,
        scope__in=(Suppression.Scope.ALL, Suppression.Scope.HARD_BOUNCE),
    ).exists()


def messages_that_ended(mailing_id: int) -> QuerySet[Suppression, int | None]:
    """Ids of the mailing's messages by whose links somebody unsubscribed, whether or not they came back."""
    return _ended_by(mailing_id).values_list("message_id", flat=True)


def unsubscribed_by_mailings(mailing_ids: Collection[int]) -> dict[int, int]:
    """How many people some mailings made unsubscribe, whether or not they came back; mailings that made nobody are left away."""
    found = Suppression.objects.filter(mailing_id__in=mailing_ids, source__in=_BY_LINK).order_by()
    counted = found.values("mailing_id").annotate(people=Count("address_hash", distinct=True))
    return {int(row["mailing_id"] or 0): row["people"] for row in counted}


def _ended_by(mailing_id: int) -> QuerySet[Suppression]:
    return Suppression.objects.filter(mailing_id=mailing_id, source__in=_BY_LINK)


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which acts of consent are asked for; empty asks for all. `since` and `until` (aware, excluded) bound when it was given."""

    act: str = ""
    topic_id: int | None = None
    source: str = ""
    since: datetime | None = None
    until: datetime | None = None


def _acts(asked: LedgerFilter) -> QuerySet[ConsentRecord]:
    found = ConsentRecord.objects.select_related("topic")
    if asked.act:
        found = found.filter(act=asked.act)
    if asked.topic_id:
        found = found.filter(topic_id=asked.topic_id)
    if asked.source:
        found = found.filter(source__icontains=asked.source)
    if asked.since:
        found = found.filter(given_at__gte=asked.since)
    if asked.until:
        found = found.filter(given_at__lt=asked.until)
    return found


def page_of_acts(asked: LedgerFilter, *, before: int | None, limit: int) -> list[ConsentRecord]:
    """A page of the consent ledger, the act recorded last first, behind a row's id."""
    found = _acts(asked)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def all_acts(asked: LedgerFilter) -> Iterator[ConsentRecord]:
    """All acts that are asked for, in the order in which they were recorded, in pages."""
    last = 0
    while page := list(_acts(asked).filter(pk__gt=last).order_by("pk")[:2000]):
        yield from page
        last = page[-1].pk


@dataclass(frozen=True, slots=True)
class StopFilter:
    """Which suppressions are asked for; empty asks for all. `standing` None asks for those lifted too."""

    scope: str = ""
    source: str = ""
    standing: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


def _stops(asked: StopFilter) -> QuerySet[Suppression]:
    found = Suppression.objects.select_related("topic", "brand")
    if asked.scope:
        found = found.filter(scope=asked.scope)
    if asked.source:
        found = found.filter(source=asked.source)
    if asked.standing is not None:
        found = found.filter(lifted_at__isnull=asked.standing)
    if asked.since:
        found = found.filter(at__gte=asked.since)
    if asked.until:
        found = found.filter(at__lt=asked.until)
    return found


def page_of_stops(asked: StopFilter, *, before: int | None, limit: int) -> list[Suppression]:
    """A page of suppressions, the newest first, behind a row's id."""
    found = _stops(asked)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def pages_of_stops(asked: StopFilter) -> Iterator[list[Suppression]]:
    """All suppressions that are asked for, oldest first, page by page."""
    last = 0
    while page := list(_stops(asked).filter(pk__gt=last).order_by("pk")[:2000]):
        yield page
        last = page[-1].pk


def recorded_since(since: datetime) -> tuple[int, int]:
    """How many acts of consent, and how many suppressions, were written down since then."""
    return (
        ConsentRecord.objects.filter(recorded_at__gte=since).count(),
        Suppression.objects.filter(at__gte=since).count(),
    )


def acts_behind(address_hash: bytes, person_key: bytes, topic_id: int) -> list[ConsentRecord]:
    """What one person at one address said of a topic, of every topic, or of being counted, in the order in which they said it."""
    return list(
        ConsentRecord.objects.filter(address_hash=address_hash, person_key=person_key)
        .filter(Q(topic_id=topic_id) | Q(topic=None))
        .select_related("topic")
        .order_by("given_at", "pk")
    )


def stops_of(address_hash: bytes) -> list[Suppression]:
    """Every suppression of an address, those lifted too, oldest first."""
    return list(
        Suppression.objects.filter(address_hash=address_hash).select_related("topic", "brand").order_by("pk")
    )

"""Reads of segments: who may ask what, the audit row of each answer, and small numbers covered."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext as _

from accounts import access
from accounts.access import Permission
from accounts.organization.models import Brand
from contacts.consent.models import Topic
from contacts.models import ContactList
from contacts.segments import masking, rules, wire
from contacts.segments.client import ask
from contacts.segments.masking import Figure
from contacts.segments.models import Segment
from contacts.segments.ops import CHOICES
from safeguards import audit, phi
from safeguards.actor import Actor

audit.declare("segment.counted", digest=audit.DIGEST, count=int, topic_id=int | None, brand_id=int | None)
audit.declare("segment.listed", digest=audit.DIGEST, count=int)
audit.declare("segment.values", fields=audit.WORDS)
audit.declare("contacts.searched", count=int, page=int)

SealBroken = phi.SealBroken
"""Raised where one segment was to be opened, and it isn't what was sealed."""
PER_PAGE = 25
MOST_LISTS = 500  # lists to choose from; the oldest are left away
# An answer older than this is shown with a warning, and is not sent to.
STALE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Count:
    """How many people a segment has, as this actor may see it.

    `reachable`, `left_out` and `reasons` are for the topic and brand asked about, and None or empty without them; reasons are
    "deceased", "minor", "no_consent" and "suppressed", in that order, and left away where telling them apart would tell of few.
    `stale` says that the index hasn't heard from the database for some seconds.
    """

    match: Figure
    reachable: Figure | None
    left_out: Figure | None
    reasons: tuple[tuple[str, Figure], ...]
    masked: bool
    stale: bool


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Ids of contacts in the order to show them, and how many there are on all pages."""

    ids: list[int]
    total: int


@dataclass(frozen=True, slots=True)
class Definition:
    """A segment, opened."""

    segment: Segment
    name: str
    tree: dict[str, Any]
    broken: bool = False  # it can't be opened; an incident row says so


def count(
    actor: Actor, tree: Mapping[str, Any], *, topic: Topic | None = None, brand: Brand | None = None
) -> Count:
    """How many people match, and with a topic and a brand how many of them can be reached and why the others can't.

    The audit row is written first, with the digest of the rules and the true count. Numbers under 11 of a clinical tree are
    covered for roles that may not open charts, and of every tree how few have died. Raises Denied, RuleError and IndexAway.
    """
    access.require(actor, Permission.VIEW_SEGMENTS)
    group = rules.parse(tree)
    answer = ask(
        wire.CountPeople(
            actor=actor.id,
            purpose="segment count",
            tree=group.as_json(),
            topic_id=topic.pk if topic else None,
            brand_id=brand.pk if brand else None,
        )
    )
    match, parts = answer.result
    audit.record(
        "segment.counted",
        actor=actor,
        purpose="segment count",
        details={
            "digest": rules.digest(group),
            "count": match,
            "topic_id": topic.pk if topic else None,
            "brand_id": brand.pk if brand else None,
        },
    )
    if access.allowed(actor, Permission.VIEW_CLINICAL):
        shown = masking.told(match, parts)
    elif rules.clinical(group, health_lists(group)):
        shown = masking.mask(match, parts)
    else:
        shown = masking.told_without_charts(match, parts)
    return Count(
        match=shown.match,
        reachable=shown.reachable,
        left_out=shown.left_out,
        reasons=shown.reasons,
        masked=shown.masked,
        stale=answer.age > STALE_SECONDS,
    )


def members(actor: Actor, tree: Mapping[str, Any]) -> list[int]:
    """Ids of the contacts who match, ascending, for those who may launch a campaign; consent is asked at sending.

    Raises Denied, RuleError, and IndexAway also where the index hasn't heard from the database for three seconds: an audience
    isn't frozen from old news.
    """
    access.require(actor, Permission.LAUNCH_CAMPAIGN)
    group = rules.parse(tree)
    question = wire.ListMembers(actor=actor.id, purpose="audience", tree=group.as_json())
    found: list[int] = ask(question, timeout=30, freshness=STALE_SECONDS).result
    details = {"digest": rules.digest(group), "count": len(found)}
    audit.record("segment.listed", actor=actor, purpose="audience", details=details)
    return found


def may_be_named(actor: Actor, tree: Mapping[str, Any]) -> bool:
    """Whether somebody may read who matches: of rules by health data, that takes the permission to open charts (A7, E4)."""
    if not access.allowed(actor, Permission.VIEW_CONTACTS):
        return False
    group = rules.parse(tree)
    return access.allowed(actor, Permission.VIEW_CLINICAL) or not rules.clinical(group, health_lists(group))


@dataclass(frozen=True, slots=True)
class Standing:
    """How some of those who match stand to a topic of a brand: a reason of `count`, or "reachable"."""

    topic: Topic
    brand: Brand
    reason: str


# What stands in the chart: who has died, and who is a child.
CHART_REASONS = frozenset({"deceased", "minor"})


def may_be_named_by(actor: Actor, tree: Mapping[str, Any], reason: str) -> bool:
    """Whether somebody may read who matches and stands so: for a reason of the chart that takes the permission to open charts."""
    if reason in CHART_REASONS and not access.allowed(actor, Permission.VIEW_CLINICAL):
        return False
    return may_be_named(actor, tree)


def members_page(
    actor: Actor, tree: Mapping[str, Any], *, after: int, limit: int, standing: Standing | None = None
) -> list[int]:
    """The first `limit` ids above `after` of the contacts who match, ascending: to look at, not to send to.

    With a standing those alone who stand so. Raises Denied, also where they may not be named, RuleError and IndexAway.
    """
    access.require(actor, Permission.VIEW_SEGMENTS)
    if not may_be_named_by(actor, tree, standing.reason if standing else ""):
        raise access.Denied(Permission.VIEW_CLINICAL.value)
    group = rules.parse(tree)
    question = wire.ListMembers(
        actor=actor.id,
        purpose="people of a segment",
        tree=group.as_json(),
        after=after,
        limit=limit,
        topic_id=standing.topic.pk if standing else None,
        brand_id=standing.brand.pk if standing else None,
        reason=standing.reason if standing else "",
    )
    found: list[int] = ask(question).result
    details = {"digest": rules.digest(group), "count": len(found)}
    audit.record("segment.listed", actor=actor, purpose="people of a segment", details=details)
    return found


def search(actor: Actor, text: str, *, page: int, per_page: int, list_id: int | None = None) -> SearchPage:
    """One page (from 1) of the contacts whose name and address contain every word of `text`; all of them for empty text.

    With a list, of those on it alone.

    Ordered by last name, first name, id; case and accents don't matter. What was searched for is in no log. Raises Denied and
    IndexAway.
    """
    access.require(actor, Permission.VIEW_CONTACTS)
    question = wire.FindPeople(
        actor=actor.id,
        purpose="contact search",
        text=text,
        page=max(page, 1),
        per_page=per_page,
        list_id=list_id,
    )
    ids, total = ask(question).result
    details = {"count": total, "page": page}
    audit.record("contacts.searched", actor=actor, purpose="contact search", details=details)
    return SearchPage(ids, total)


def values(actor: Actor, fields: Sequence[str]) -> dict[str, list[tuple[str, int | None]]]:
    """For each field the up to 200 most frequent values, with how many people have each.

    Of clinical fields, roles that may not open charts get None for fewer than 11. Raises Denied and IndexAway, and ValueError
    for a field that rules may not ask about.
    """
    access.require(actor, Permission.VIEW_SEGMENTS)
    clinical = {field.key: field.clinical for field in CHOICES}
    if unknown := set(fields) - set(clinical):
        raise ValueError(sorted(unknown))
    if not fields:
        return {}
    question = wire.ListValues(actor=actor.id, purpose="segment builder", fields=list(fields))
    found: dict[str, list[tuple[str, int]]] = ask(question).result
    audit.record("segment.values", actor=actor, purpose="segment builder", details={"fields": sorted(fields)})
    all_told = access.allowed(actor, Permission.VIEW_CLINICAL)
    return {
        key: [
            (value, people if all_told or not clinical[key] or people >= masking.SMALL else None)
            for value, people in pairs
        ]
        for key, pairs in found.items()
    }


def segment_list(actor: Actor) -> list[Definition]:
    """Every segment that can be opened, by name: for choosing one. Raises Denied."""
    opened = [one for one in _open(actor, list(Segment.objects.all()), "list of segments") if not one.broken]
    return sorted(opened, key=lambda definition: (definition.name.casefold(), definition.segment.pk))


def opened(actor: Actor, found: Sequence[Segment]) -> list[Definition]:
    """Some segments in their order, damaged ones too. Raises Denied."""
    return _open(actor, list(found), "segments of a list")


def segment_page(actor: Actor, number: int | str | None) -> tuple[list[Definition], Page[Segment]]:
    """One page of the segments, the last changed first; only those on it are opened. Raises Denied."""
    page = Paginator(Segment.objects.order_by("-updated_at", "-pk"), PER_PAGE).get_page(number)
    return _open(actor, list(page.object_list), "list of segments"), page


def reveal_segment(actor: Actor, segment: Segment) -> Definition:
    """A segment's name and rules. Raises Denied, and SealBroken: nobody is written to by rules that aren't what was saved."""
    grant = access.grant(actor, Permission.VIEW_SEGMENTS)
    (values,) = phi.reveal([segment], ["name", "tree"], grant=grant, purpose="segment")
    return _definition(segment, values)


def _open(actor: Actor, segments: list[Segment], purpose: str) -> list[Definition]:
    grant = access.grant(actor, Permission.VIEW_SEGMENTS)
    opened = phi.reveal_sound(segments, ["name", "tree"], grant=grant, purpose=purpose)
    return [
        _definition(segment, values) if values else Definition(segment, "", {}, broken=True)
        for segment, values in zip(segments, opened, strict=True)
    ]


def _definition(segment: Segment, values: Mapping[str, Any]) -> Definition:
    return Definition(segment, str(values["name"]), dict(values["tree"] or {}))


def labels() -> dict[str, str]:
    """The fields' names in the language of the page."""
    return {field.key: _(field.label) for field in CHOICES}


def health_lists(tree: rules.Tree) -> frozenset[int]:
    """Those lists of a tree that say something about the health of whoever is on them."""
    named = rules.lists_in(tree)
    if not named:
        return frozenset()
    return frozenset(ContactList.objects.filter(pk__in=named, clinical=True).values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class NamedList:
    """A list, opened; `name` says that it can't be opened where it can't."""

    contact_list: ContactList
    name: str


def named_lists(actor: Actor, ids: Collection[int]) -> list[NamedList]:
    """Lists by their ids, archived ones too, with their names, by name. Raises Denied."""
    if not ids:
        return []
    found = list(ContactList.objects.filter(pk__in=ids).order_by("pk"))
    return _named(actor, found)


def lists_to_choose(actor: Actor) -> list[NamedList]:
    """Every list that isn't archived, by name: for choosing one. Raises Denied."""
    return _named(actor, list(ContactList.objects.filter(archived_at=None).order_by("-pk")[:MOST_LISTS]))


def _named(actor: Actor, found: list[ContactList]) -> list[NamedList]:
    permission = Permission.VIEW_SEGMENTS if access.allowed(actor, Permission.VIEW_SEGMENTS) else None
    grant = access.grant(actor, permission or Permission.VIEW_CONTACTS)
    opened = phi.reveal_sound(found, ["name"], grant=grant, purpose="names of lists")
    named = [
        NamedList(each, str(values["name"]) if values else _("a list whose name can't be opened"))
        for each, values in zip(found, opened, strict=True)
    ]
    return sorted(named, key=lambda each: (each.name.casefold(), each.contact_list.pk))


def list_words(actor: Actor, trees: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """What the lists that rules name are called in a sentence: “Walking group”, and whether one is archived. Raises Denied."""
    ids = {one for tree in trees for one in rules.lists_in(tree)}
    found = {each.contact_list.pk: _in_words(each) for each in named_lists(actor, ids)}
    return {one: found.get(one, _("a list that isn't there any more")) for one in ids}


def _in_words(named: NamedList) -> str:
    if named.contact_list.archived_at:
        return _("“%(name)s” (archived)") % {"name": named.name}
    return _("“%(name)s”") % {"name": named.name}


def plain_words(actor: Actor, tree: Mapping[str, Any], lists: Mapping[int, str] | None = None) -> str:
    """A tree's rules as one sentence in the language of the page; `lists` where `list_words` of many trees is known.

    Raises RuleError, and Denied.
    """
    return rules.words(tree, labels(), _, list_words(actor, [tree]) if lists is None else lists)

"""What the index process holds in memory, and how it answers: opened records, consent and suppressions by contact.

Nothing here reads the database or writes a log. Every public method takes the lock, for as long as one slice or answer lasts.
"""

import threading
import unicodedata
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from heapq import nsmallest
from typing import Any

from contacts.consent.rules import Act, Standing, Stop, standing
from contacts.segments import rules
from contacts.segments.ops import LISTS
from contacts.segments.rules import Group, Leaf, Node

ADULT = 18
CACHED_RULES = 64
CACHED_TOPICS = 16
MOST_VALUES = 200

# In this order, the first that holds is the person's reason (BEHAVIOURS C14 before consent).
REASONS = (
    "deceased",
    "minor",
    Standing.NO_CONSENT.value,
    Standing.SUPPRESSED.value,
    Standing.REACHABLE.value,
)

Stamp = tuple[int, bool, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Person:
    """One contact, opened. `stamp` is version, deleted, address hash, person key: what tells that a row has changed."""

    id: int
    stamp: Stamp
    record: Mapping[str, Any]
    found_by: str = field(init=False)
    order: tuple[str, str, int] = field(init=False)

    def __post_init__(self) -> None:
        first, last, email = (str(self.record.get(key) or "") for key in ("first_name", "last_name", "email"))
        object.__setattr__(self, "found_by", fold(f"{first} {last} {email}"))
        object.__setattr__(self, "order", (fold(last), fold(first), self.id))

    @property
    def address_hash(self) -> bytes:
        return self.stamp[2]

    @property
    def ledger_key(self) -> tuple[bytes, bytes]:
        return self.stamp[2], self.stamp[3]


def fold(text: str) -> str:
    """Text as it is searched and sorted: without accents and case, so that "garcia" finds "García"."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).casefold()


class Store:
    """Everybody, and what is needed to count them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Forget everything, before reading it anew."""
        with self._lock:
            self._people: dict[int, Person] = {}
            self._stamps: dict[int, Stamp] = {}
            self._at_address: dict[bytes, set[int]] = defaultdict(set)
            self._acts: dict[tuple[bytes, bytes], dict[int, Act]] = defaultdict(dict)
            self._stops: dict[bytes, dict[int, Stop]] = defaultdict(dict)
            # By list and contact the membership that stands: rows come again, an ended one after the one that followed it.
            self._on: dict[int, dict[int, int]] = defaultdict(dict)
            self._leaves: OrderedDict[tuple[str, date], tuple[Leaf, set[int]]] = OrderedDict()
            self._reasons: OrderedDict[tuple[int, int, date], dict[int, str]] = OrderedDict()
            self._sorted: list[Person] | None = None

    # News

    def is_new(self, person_id: int, stamp: Stamp) -> bool:
        """Whether a row differs from what was applied last: rows come again while an older transaction is open."""
        with self._lock:
            return self._stamps.get(person_id) != stamp

    def put(self, people: Iterable[Person]) -> None:
        """Take in a slice of new or changed contacts."""
        with self._lock:
            for person in people:
                self._forget(person.id)
                self._people[person.id] = person
                self._stamps[person.id] = person.stamp
                self._at_address[person.address_hash].add(person.id)
                for (_key, today), (leaf, holders) in self._leaves.items():
                    if rules.leaf_holds(person.record, leaf, today):
                        holders.add(person.id)
            self._sorted = None

    def remove(self, person_id: int, stamp: Stamp) -> None:
        """Leave out a contact who was deleted, or whose record can't be opened."""
        with self._lock:
            self._forget(person_id)
            self._stamps[person_id] = stamp
            self._sorted = None

    def _forget(self, person_id: int) -> None:
        before = self._people.pop(person_id, None)
        if before is not None:
            self._at_address[before.address_hash].discard(person_id)
        for _leaf, holders in self._leaves.values():
            holders.discard(person_id)
        for known in self._reasons.values():
            known.pop(person_id, None)

    def put_act(self, address_hash: bytes, person_key: bytes, act: Act) -> None:
        """Take in an act of consent. Coming again, it changes nothing."""
        with self._lock:
            self._acts[(address_hash, person_key)][act.id] = act
            self._reconsider(address_hash)

    def put_stop(self, address_hash: bytes, stop_id: int, stop: Stop | None) -> None:
        """Take in a suppression, or with None that it was lifted."""
        with self._lock:
            if stop is None:
                self._stops[address_hash].pop(stop_id, None)
            else:
                self._stops[address_hash][stop_id] = stop
            self._reconsider(address_hash)

    def put_membership(self, list_id: int, person_id: int, membership_id: int, *, stands: bool) -> None:
        """Take in that somebody is on a list, or isn't any more. Coming again, it changes nothing."""
        with self._lock:
            there = self._on[list_id]
            if stands:
                there[person_id] = membership_id
            elif there.get(person_id) == membership_id:
                del there[person_id]

    def _reconsider(self, address_hash: bytes) -> None:
        for person_id in self._at_address.get(address_hash, ()):
            for known in self._reasons.values():
                known.pop(person_id, None)

    # Answers

    def size(self) -> int:
        """How many contacts are held."""
        with self._lock:
            return len(self._people)

    def count(
        self, tree: Group, today: date, topic_id: int | None, brand_id: int | None
    ) -> tuple[int, dict[str, int]]:
        """How many match, and, with a topic and a brand, how many of them stand for each reason, in the order of REASONS."""
        with self._lock:
            found = self._matching(tree, today)
            if topic_id is None or brand_id is None:
                return len(found), {}
            known = self._reasons_for(topic_id, brand_id, today)
            tally = Counter(known.get(i) or self._reason(i, known, topic_id, brand_id, today) for i in found)
            return len(found), {reason: tally[reason] for reason in REASONS}

    def members(
        self,
        tree: Group,
        today: date,
        after: int = 0,
        limit: int | None = None,
        standing: tuple[int, int, str] | None = None,
    ) -> list[int]:
        """Ids of those who match, ascending; with a limit the first ones above `after`.

        With a standing (topic, brand, and one of REASONS) those alone whom `count` counts under it.
        """
        with self._lock:
            found = self._matching(tree, today)
            if standing is not None:
                topic_id, brand_id, reason = standing
                known = self._reasons_for(topic_id, brand_id, today)
                found = {
                    i
                    for i in found
                    if (known.get(i) or self._reason(i, known, topic_id, brand_id, today)) == reason
                }
            if limit is None:
                return sorted(found)
            return nsmallest(limit, (number for number in found if number > after))

    def search(
        self, text: str, page: int, per_page: int, list_id: int | None = None
    ) -> tuple[list[int], int]:
        """One page (from 1) of ids by last name, first name and id, and how many there are in all; of a list, if one is given."""
        wanted = fold(text).split()
        with self._lock:
            if self._sorted is None:
                self._sorted = sorted(self._people.values(), key=lambda person: person.order)
            within = self._people.keys() if list_id is None else self._on.get(list_id, {}).keys()
            found = [
                person.id
                for person in self._sorted
                if all(word in person.found_by for word in wanted) and person.id in within
            ]
        first = (page - 1) * per_page
        return found[first : first + per_page], len(found)

    def values(self, key: str) -> list[tuple[str, int]]:
        """The 200 most frequent values of a field of text, choices or lists, with how many people have each."""
        tally: Counter[str] = Counter()
        with self._lock:
            for person in self._people.values():
                value = person.record.get(key)
                said = value if isinstance(value, list) else [value]
                tally.update({one for one in said if isinstance(one, str) and one})
        return sorted(tally.most_common(MOST_VALUES), key=lambda pair: (-pair[1], pair[0]))

    def _matching(self, node: Node, today: date) -> set[int]:
        if isinstance(node, Leaf):
            return self._holders(node, today)
        everybody = self._people.keys()
        sets = [self._matching(rule, today) for rule in node.rules]
        if node.match == "any":
            found = set[int]().union(*sets)
        elif sets:
            found = set.intersection(*sorted(sets, key=len))
        else:
            found = set(everybody)
        return everybody - found if node.negated else found

    def _on_lists(self, leaf: Leaf) -> set[int]:
        """Kept by list already, so that nothing is looked up person by person and nothing cached."""
        wanted = leaf.value if isinstance(leaf.value, tuple) else ()
        everybody = self._people.keys()
        found = set[int]().union(*(self._on.get(int(one), {}).keys() for one in wanted)) & everybody
        return everybody - found if leaf.op.key == "none_of" else found

    def _holders(self, leaf: Leaf, today: date) -> set[int]:
        if leaf.field is LISTS:
            return self._on_lists(leaf)
        key = (rules.canonical_leaf(leaf), today)
        if key in self._leaves:
            self._leaves.move_to_end(key)
            return self._leaves[key][1]
        holders = {i for i, person in self._people.items() if rules.leaf_holds(person.record, leaf, today)}
        self._leaves[key] = (leaf, holders)
        if len(self._leaves) > CACHED_RULES:
            self._leaves.popitem(last=False)
        return holders

    def _reasons_for(self, topic_id: int, brand_id: int, today: date) -> dict[int, str]:
        key = (topic_id, brand_id, today)
        known = self._reasons.setdefault(key, {})
        self._reasons.move_to_end(key)
        if len(self._reasons) > CACHED_TOPICS:
            self._reasons.popitem(last=False)
        return known

    def _reason(
        self, person_id: int, known: dict[int, str], topic_id: int, brand_id: int, today: date
    ) -> str:
        person = self._people[person_id]
        age = rules.age_on(person.record, today)
        if person.record.get("deceased_date"):
            reason = "deceased"
        elif age is not None and age < ADULT:
            reason = "minor"
        else:
            acts = self._acts.get(person.ledger_key, {}).values()
            stops = self._stops.get(person.address_hash, {}).values()
            reason = standing(acts, stops, topic_id=topic_id, brand_id=brand_id).value
        known[person_id] = reason
        return reason

"""Segment rules: a tree of groups and rules as JSON, checked, answered for one record, and told in plain words.

A group is `{"match": "all"|"any", "rules": […], "not": bool}`; a rule `{"field": …, "op": …, "value": …}`. NOT is the complement
of the set: people of whom the field is unknown are in it. An empty outermost group that matches all is everybody.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from contacts.rules.fields import Field, Kind
from contacts.segments.ops import AGE, LISTS, Op, Shape, field_of, ops_of
from contacts.segments.ops import gettext_noop as _

MAX_DEPTH = 3
MAX_RULES = 50
MAX_LISTED = 50
MAX_TEXT = 120
MAX_DAYS = 36_500
MAX_NUMBER = 1e9

Translate = Callable[[str], str]
Path = tuple[int, ...]


class RuleError(ValueError):
    """A rule that can't be asked. `at` leads to it (positions from the outermost group); `text` says what to do, in English."""

    def __init__(self, at: Path, text: str, **values: object) -> None:
        super().__init__(text.format(**values))
        self.at, self.text, self.values = at, text, values

    def say(self, translate: Translate) -> str:
        """The message in the reader's language."""
        return translate(self.text).format(**self.values)


Value = None | str | tuple[str, ...] | float | tuple[float, float] | int | date


@dataclass(frozen=True, slots=True)
class Leaf:
    """One checked rule."""

    field: Field
    op: Op
    value: Value

    def as_json(self) -> dict[str, Any]:
        """The rule in its one canonical form."""
        value: Any = self.value
        if isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, tuple):
            value = list(value)
        return {"field": self.field.key, "op": self.op.key, "value": value}


@dataclass(frozen=True, slots=True)
class Group:
    """A checked group; as the outermost one, a checked tree."""

    match: str
    rules: tuple["Node", ...]
    negated: bool = False

    def as_json(self) -> dict[str, Any]:
        """The group in its one canonical form."""
        return {"match": self.match, "not": self.negated, "rules": [rule.as_json() for rule in self.rules]}

    def leaves(self) -> Iterator[Leaf]:
        """Every rule in it, at any depth."""
        for rule in self.rules:
            if isinstance(rule, Group):
                yield from rule.leaves()
            else:
                yield rule


Node = Leaf | Group


class _Reading:
    """Reads a tree once and gathers what is wrong with its rules."""

    def __init__(self) -> None:
        self.errors: list[RuleError] = []
        self.count = 0

    def group(self, node: object, at: Path) -> Group:
        if not isinstance(node, Mapping):
            raise RuleError(at, _("This group can't be read. Remove it and add it again."))
        match, rules, negated = node.get("match"), node.get("rules"), node.get("not", False)
        if match not in ("all", "any") or not isinstance(rules, list) or not isinstance(negated, bool):
            raise RuleError(at, _("Choose whether all or any of the rules in this group must hold."))
        if len(at) >= MAX_DEPTH:
            text = _("Groups may stand {depth} deep. Move these rules one group up.")
            raise RuleError(at, text, depth=MAX_DEPTH)
        if not rules and (at or match != "all" or negated):
            raise RuleError(at, _("Add a rule to this group, or remove the group."))
        read: list[Node] = []
        for position, rule in enumerate(rules):
            inside = (*at, position)
            try:
                nested = isinstance(rule, Mapping) and "rules" in rule
                read.append(self.group(rule, inside) if nested else self.leaf(rule, inside))
            except RuleError as error:
                self.errors.append(error)
        return Group(str(match), tuple(read), negated)

    def leaf(self, node: object, at: Path) -> Leaf:
        self.count += 1
        if self.count > MAX_RULES:
            text = _("A segment has at most {count} rules. Remove the ones you don't need.")
            raise RuleError(at, text, count=MAX_RULES)
        if not isinstance(node, Mapping):
            raise RuleError(at, _("This rule can't be read. Remove it and add it again."))
        key, op_key = node.get("field"), node.get("op")
        field = field_of(key) if isinstance(key, str) else None
        if field is None:
            raise RuleError(at, _("Choose a field for this rule."))
        op = next((op for op in ops_of(field) if op.key == op_key), None)
        if op is None:
            raise RuleError(at, _("Choose a test that fits this field."))
        try:
            return Leaf(field, op, _READERS[op.shape](node.get("value")))
        except ValueError as error:
            raise RuleError(at, str(error)) from None


def _read_none(value: object) -> None:
    return None


def _read_one(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise ValueError(_("Type or choose a value."))
    if len(text) > MAX_TEXT:
        raise ValueError(_("This value is too long. Shorten it to 120 characters."))
    if not text.rstrip("*"):
        raise ValueError(_("Type the beginning of a value before the asterisk, such as E11*."))
    return text


def _read_list(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(_("Type or choose at least one value; separate several by commas."))
    if len(value) > MAX_LISTED:
        raise ValueError(_("List at most 50 values. A code may end in * to take in all that begin with it."))
    return tuple(sorted({_read_one(item) for item in value}))


def _read_lists(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(_("Choose at least one list."))
    if len(value) > MAX_LISTED:
        raise ValueError(_("Choose at most 50 lists."))
    if not all(isinstance(one, str) and re.fullmatch(r"[1-9][0-9]{0,17}", one, re.ASCII) for one in value):
        raise ValueError(_("Choose lists that there are."))
    return tuple(sorted(set(value), key=int))


def _read_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(_("Type a number, such as 7 or 7.5."))
    if not abs(value) <= MAX_NUMBER:  # refuses NaN as well
        raise ValueError(_("This number is out of range. Type a smaller one."))
    # 7 and 7.0 are the same rule, and so must have the same digest.
    return int(value) if float(value).is_integer() else value


def _read_range(value: object) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(_("Type two numbers: from and to."))
    low, high = _read_number(value[0]), _read_number(value[1])
    if low > high:
        raise ValueError(_("The first number is greater than the second. Swap them."))
    return low, high


def _read_days(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_DAYS:
        raise ValueError(_("Type a whole number of days, from 1 to 36500."))
    return value


def _read_date(value: object) -> date:
    found = _date(value) if isinstance(value, str) and len(value) == 10 else None
    if found is None:
        raise ValueError(_("Choose a date."))
    return found


_READERS: dict[Shape, Callable[[object], Value]] = {
    Shape.NONE: _read_none,
    Shape.ONE: _read_one,
    Shape.LIST: _read_list,
    Shape.NUMBER: _read_number,
    Shape.RANGE: _read_range,
    Shape.DAYS: _read_days,
    Shape.DATE: _read_date,
    Shape.LISTS: _read_lists,
}

Tree = Group | Mapping[str, Any]


def problems(tree: object) -> list[RuleError]:
    """Everything that is wrong with a tree, in its order; empty where it can be asked."""
    reading = _Reading()
    try:
        reading.group(tree, ())
    except RuleError as error:
        return [error]
    return reading.errors


def parse(tree: object) -> Group:
    """A tree, checked. Raises RuleError for the first thing wrong with it, naming the rule and what to do."""
    if isinstance(tree, Group):
        return tree
    reading = _Reading()
    group = reading.group(tree, ())
    if reading.errors:
        raise reading.errors[0]
    return group


def _date(value: object) -> date | None:
    """The day of a stored date or moment; None for what isn't one."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def age_on(record: Mapping[str, Any], today: date) -> int | None:
    """Whole years since the date of birth; None where it isn't known or lies ahead."""
    born = _date(record.get("birth_date"))
    if born is None or born > today:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _like(pattern: str, value: str) -> bool:
    """Equal whatever the case; a pattern that ends in an asterisk takes in every value that begins so (E11* has E11.9)."""
    pattern, value = pattern.casefold(), value.strip().casefold()
    return value.startswith(pattern.rstrip("*")) if pattern.endswith("*") else value == pattern


def _text_holds(op: str, wanted: Any, value: object) -> bool:
    said = value if isinstance(value, str) else None
    match op:
        case "is":
            return said is not None and _like(wanted, said)
        case "is_not":
            return said is None or not _like(wanted, said)
        case _:
            return said is not None and any(_like(one, said) for one in wanted)


def _many_holds(op: str, wanted: Any, value: object) -> bool:
    said = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    found = (any(_like(pattern, one) for one in said) for pattern in wanted)
    match op:
        case "all_of":
            return all(found)
        case "none_of":
            return not any(found)
        case _:
            return any(found)


def _number_holds(op: str, wanted: Any, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    match op:
        case "at_least":
            return bool(value >= wanted)
        case "at_most":
            return bool(value <= wanted)
        case _:
            return bool(wanted[0] <= value <= wanted[1])


def _date_holds(op: str, wanted: Any, value: object, today: date) -> bool:
    day = _date(value)
    if day is None:
        return False
    match op:
        case "last_days":
            return today - timedelta(days=wanted) <= day <= today
        case "next_days":
            return today <= day <= today + timedelta(days=wanted)
        case "days_ago":
            return day < today - timedelta(days=wanted)
        case "before":
            return bool(day < wanted)
        case "after":
            return bool(day > wanted)
        case _:
            return bool(day == wanted)


def leaf_holds(record: Mapping[str, Any], leaf: Leaf, today: date) -> bool:
    """Whether one rule holds. An unknown value fails every test but "is not", "include none of" and "isn't known".

    Lists stand in no record: whoever asks about them lays the ids under `lists` beside it.
    """
    field, op = leaf.field, leaf.op.key
    value: object = age_on(record, today) if field is AGE else record.get(field.key)
    known = value is not None and value != "" and value != []
    match op:
        case "known":
            return known
        case "unknown":
            return not known
        case "yes":
            return value is True
        case "no":
            return value is False
    match field.kind:
        case Kind.NUMBER:
            return _number_holds(op, leaf.value, value)
        case Kind.DATE | Kind.MOMENT:
            return _date_holds(op, leaf.value, value, today)
        case Kind.MANY:
            return _many_holds(op, leaf.value, value)
        case _:
            return _text_holds(op, leaf.value, value)


def matches(record: Mapping[str, Any], tree: Tree, today: date) -> bool:
    """Whether a person's record satisfies the tree on the clinic's day `today`. Raises RuleError for a tree that can't be asked.

    A negated group holds exactly where the plain one doesn't, also for people of whom a field is unknown.
    """
    return _holds(record, parse(tree), today)


def _holds(record: Mapping[str, Any], node: Node, today: date) -> bool:
    if isinstance(node, Leaf):
        return leaf_holds(record, node, today)
    each = (_holds(record, rule, today) for rule in node.rules)
    return (all(each) if node.match == "all" else any(each)) != node.negated


def lists_in(tree: Tree) -> frozenset[int]:
    """The ids of the lists that the rules name."""
    leaves = (leaf for leaf in parse(tree).leaves() if leaf.field is LISTS)
    return frozenset(int(one) for leaf in leaves if isinstance(leaf.value, tuple) for one in leaf.value)


def clinical(tree: Tree, lists: Collection[int] = ()) -> bool:
    """Whether a rule asks about health, so that being in the segment says something about it.

    `lists` are the ids of those lists that say something about the health of whoever is on them.
    """
    group = parse(tree)
    return any(leaf.field.clinical for leaf in group.leaves()) or not lists_in(group).isdisjoint(lists)


def canonical(tree: Tree) -> bytes:
    """The tree's bytes in its one form: JSON with sorted keys, lists of values sorted, defaults written out."""
    return json.dumps(
        parse(tree).as_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode()


def canonical_leaf(leaf: Leaf) -> str:
    """One rule's text in its one form: the key under which the index keeps who satisfies it."""
    return json.dumps(leaf.as_json(), ensure_ascii=False, sort_keys=True)


def digest(tree: Tree) -> str:
    """SHA-256 of the canonical form, in hexadecimal: what approvals bind and the audit log keeps in place of the rules."""
    return hashlib.sha256(canonical(tree)).hexdigest()


def words(
    tree: Tree, labels: Mapping[str, str], translate: Translate, lists: Mapping[int, str] | None = None
) -> str:
    """The tree as one sentence in plain words. `labels` gives each field's translated name; absent ones fall back to English.

    `lists` gives what each list is to be called in the sentence; one that is missing there is called by its number.
    """
    group = parse(tree)
    if not group.rules:
        return translate(_("Everybody."))
    return translate(_("People for whom {rules}.")).format(
        rules=_say(group, labels, translate, lists or {}, outer=True)
    )


def _say(
    node: Node,
    labels: Mapping[str, str],
    translate: Translate,
    lists: Mapping[int, str],
    *,
    outer: bool = False,
) -> str:
    if isinstance(node, Leaf):
        return _say_leaf(node, labels, translate, lists)
    joint = translate(_(" and ")) if node.match == "all" else translate(_(" or "))
    text = joint.join(_say(rule, labels, translate, lists) for rule in node.rules)
    if node.negated:
        return translate(_("it doesn't hold, or isn't known, that ({rules})")).format(rules=text)
    return text if outer or len(node.rules) == 1 else f"({text})"


def _inside(label: str) -> str:
    """A field's name inside a sentence: "Last visit" becomes "last visit", "ZIP code" stays."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def _say_leaf(leaf: Leaf, labels: Mapping[str, str], translate: Translate, lists: Mapping[int, str]) -> str:
    field = _inside(labels.get(leaf.field.key) or leaf.field.label)
    value: Any = leaf.value
    phrase = leaf.op.one if leaf.op.one and value == 1 else leaf.op.phrase
    if leaf.op.shape is Shape.RANGE:
        return translate(phrase).format(field=field, low=value[0], high=value[1])
    if leaf.op.shape is Shape.LIST:
        value = ", ".join(value)
    if leaf.op.shape is Shape.LISTS:
        phrase = leaf.op.one if len(value) == 1 else leaf.op.phrase
        value = ", ".join(lists.get(int(one), f"№ {one}") for one in value)
    return translate(phrase).format(field=field, value=value)

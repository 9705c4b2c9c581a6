"""The builder's form: a rule tree as flat form fields and back, unfinished rules included.

Each node has an id of its own that stays while others come and go. For each, in the page's order, a hidden `node` field says
`id:parent:kind`; `m<id>` and `n<id>` are a group's match and negation; `f<id>`, `o<id>`, `v<id>`, `w<id>` a rule's field, test,
value and second value, and `b<id>` the field that it had before, so that a change of field starts the rule anew.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from contacts.rules.fields import Field, Kind
from contacts.segments import rules
from contacts.segments.ops import AGE, Op, Shape, field_of, ops_of
from contacts.segments.rules import MAX_DEPTH, MAX_LISTED, MAX_RULES, Path, RuleError

MAX_NODES = 2 * MAX_RULES
_NODE = re.compile(r"([0-9]{1,4}):([0-9]{0,4}):(group|rule)", re.ASCII)
_PRESS = re.compile(r"(rule|group|remove):([0-9]{1,4})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ListChoice:
    """A list to tick in a rule."""

    pk: int
    name: str
    ticked: bool


@dataclass(kw_only=True)
class DraftRule:
    """A rule as it stands in the form; its texts may not be a value yet."""

    id: str
    about: Field
    op: Op
    text: str = ""
    second: str = ""
    error: str = ""
    is_new: bool = False
    choices: list[str] = field(default_factory=list)
    lists: list["ListChoice"] = field(default_factory=list)

    is_group = False

    @property
    def ops(self) -> tuple[Op, ...]:
        """The tests to choose from."""
        return ops_of(self.about)

    @property
    def is_started(self) -> bool:
        """Whether something has been typed: an empty new rule isn't scolded yet."""
        return bool(self.text.strip() or self.second.strip())

    @property
    def control(self) -> str:
        """Which control the value needs: none, select, text, list, lists, number, range, days or date."""
        if self.op.shape is not Shape.ONE:
            return self.op.shape.value
        return "select" if self.choices else "text"

    @property
    def ticked(self) -> list[str]:
        """The ids of the lists that are ticked, as far as they can be ids."""
        return [one for one in split_list(self.text) if re.fullmatch(r"[1-9][0-9]{0,17}", one, re.ASCII)]

    @property
    def suggests(self) -> bool:
        """Whether the values that people have are worth suggesting."""
        return self.about.kind in {Kind.CHOICE, Kind.MANY} and self.op.shape in {Shape.ONE, Shape.LIST}

    def as_json(self) -> dict[str, Any]:
        """The rule as JSON; what can't be read stays text, for the rules to say what is wrong with it."""
        return {"field": self.about.key, "op": self.op.key, "value": _VALUES[self.op.shape](self)}


@dataclass(kw_only=True)
class DraftGroup:
    """A group as it stands in the form."""

    id: str
    match: str = "all"
    negated: bool = False
    nodes: list["DraftNode"] = field(default_factory=list)
    depth: int = 0
    error: str = ""

    is_group = True

    @property
    def may_nest(self) -> bool:
        """Whether a group may stand in this one."""
        return self.depth + 1 < MAX_DEPTH

    def as_json(self) -> dict[str, Any]:
        """The group as JSON."""
        return {
            "match": self.match,
            "not": self.negated,
            "rules": [node.as_json() for node in self.nodes],
        }

    def at(self, path: Path) -> "DraftNode":
        """The node that an error's path leads to."""
        node: DraftNode = self
        for position in path:
            if isinstance(node, DraftGroup):
                node = node.nodes[position]
        return node

    def every_rule(self) -> list[DraftRule]:
        """Its rules at any depth, in the page's order."""
        found: list[DraftRule] = []
        for node in self.nodes:
            found.extend(node.every_rule() if isinstance(node, DraftGroup) else [node])
        return found


DraftNode = DraftRule | DraftGroup


def split_list(text: str) -> list[str]:
    """Values typed into one box, separated by commas; or by semicolons, where a value has a comma of its own."""
    return [part.strip() for part in text.split(";" if ";" in text else ",") if part.strip()]


def join_list(values: list[str]) -> str:
    """The values as they'd be typed: what `split_list` reads back."""
    if any("," in value for value in values):
        return "; ".join(values) + (";" if len(values) == 1 else "")
    return ", ".join(values)


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text or None


def _days(text: str) -> object:
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text.strip(), re.ASCII) else text or None


_VALUES: dict[Shape, Any] = {
    Shape.NONE: lambda rule: None,
    Shape.ONE: lambda rule: rule.text,
    Shape.LIST: lambda rule: split_list(rule.text),
    Shape.NUMBER: lambda rule: _number(rule.text),
    Shape.RANGE: lambda rule: [_number(rule.text), _number(rule.second)],
    Shape.DAYS: lambda rule: _days(rule.text),
    Shape.DATE: lambda rule: rule.text,
    Shape.LISTS: lambda rule: split_list(rule.text),
}


def draft_of(tree: Mapping[str, Any]) -> DraftGroup:
    """A saved tree as a form. Raises RuleError for a tree that can't be read."""
    numbers = iter(range(MAX_NODES + MAX_RULES))
    return _group_of(rules.parse(tree), numbers, 0)


def _group_of(group: rules.Group, numbers: Any, depth: int) -> DraftGroup:
    draft = DraftGroup(id=str(next(numbers)), match=group.match, negated=group.negated, depth=depth)
    for node in group.rules:
        if isinstance(node, rules.Group):
            draft.nodes.append(_group_of(node, numbers, depth + 1))
        else:
            text, second = _texts(node)
            draft.nodes.append(
                DraftRule(id=str(next(numbers)), about=node.field, op=node.op, text=text, second=second)
            )
    return draft


def _texts(leaf: rules.Leaf) -> tuple[str, str]:
    value = leaf.as_json()["value"]
    if value is None:
        return "", ""
    if leaf.op.shape in {Shape.LIST, Shape.LISTS}:
        return join_list(value), ""
    if leaf.op.shape is Shape.RANGE:
        return str(value[0]), str(value[1])
    return str(value), ""


def read(posted: QueryDict) -> DraftGroup:
    """The form as it was sent. What doesn't fit together is left out, so that no form, however made, is an error."""
    root = DraftGroup(id="0")
    groups = {"0": root}
    seen = {"0"}
    for written in posted.getlist("node")[:MAX_NODES]:
        found = _NODE.fullmatch(written)
        if found is None:
            continue
        number, parent_id, kind = found.groups()
        if number == "0" and kind == "group":
            _fill_group(root, posted)
        parent = groups.get(parent_id)
        if number in seen or parent is None:
            continue
        if kind == "rule":
            parent.nodes.append(_rule_of(number, posted))
        elif parent.may_nest:
            group = DraftGroup(id=number, depth=parent.depth + 1)
            _fill_group(group, posted)
            parent.nodes.append(group)
            groups[number] = group
        seen.add(number)
    return root


def _fill_group(group: DraftGroup, posted: QueryDict) -> None:
    group.match = "any" if posted.get(f"m{group.id}") == "any" else "all"
    group.negated = posted.get(f"n{group.id}") == "on"


def _rule_of(number: str, posted: QueryDict) -> DraftRule:
    key = posted.get(f"f{number}", "")
    about = field_of(key) or AGE
    ops = ops_of(about)
    if posted.get(f"b{number}", key) != key:
        return DraftRule(id=number, about=about, op=ops[0])
    op = next((op for op in ops if op.key == posted.get(f"o{number}")), ops[0])
    text, second = posted.get(f"v{number}", ""), posted.get(f"w{number}", "")
    if op.shape is Shape.LISTS:
        text = join_list(posted.getlist(f"v{number}")[: 2 * MAX_LISTED])
    return DraftRule(id=number, about=about, op=op, text=text, second=second)


def press(root: DraftGroup, button: str) -> None:
    """Do what a button of the form says: `rule:<group>` and `group:<group>` add, `remove:<node>` takes away."""
    found = _PRESS.fullmatch(button)
    if found is None:
        return
    verb, number = found.groups()
    if verb == "remove":
        _remove(root, number)
        return
    group = _find(root, number)
    if group is None:
        return
    rule = DraftRule(id=_free_id(root), about=AGE, op=ops_of(AGE)[0], text="18", is_new=True)
    if verb == "rule":
        group.nodes.append(rule)
    elif group.may_nest:
        inner = DraftGroup(id=rule.id, match="any", depth=group.depth + 1)
        group.nodes.append(inner)
        rule.id = _free_id(root)
        inner.nodes.append(rule)


def _find(group: DraftGroup, number: str) -> DraftGroup | None:
    if group.id == number:
        return group
    inner = (_find(node, number) for node in group.nodes if isinstance(node, DraftGroup))
    return next((found for found in inner if found is not None), None)


def _remove(group: DraftGroup, number: str) -> None:
    group.nodes = [node for node in group.nodes if node.id != number]
    for node in group.nodes:
        if isinstance(node, DraftGroup):
            _remove(node, number)


def _free_id(root: DraftGroup) -> str:
    def ids(group: DraftGroup) -> list[int]:
        inner = [number for node in group.nodes if isinstance(node, DraftGroup) for number in ids(node)]
        return [int(group.id), *(int(node.id) for node in group.nodes), *inner]

    return str(max(ids(root)) + 1)


def mark(root: DraftGroup, translate: rules.Translate, *, everything: bool) -> list[RuleError]:
    """Write each error beside its rule or group; returns them all. Rules not begun yet are spared unless `everything`."""
    errors = rules.problems(root.as_json())
    for error in errors:
        node = root.at(error.at)
        if everything or isinstance(node, DraftGroup) or node.is_started:
            node.error = error.say(translate)
    return errors

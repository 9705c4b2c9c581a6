"""The builder's form: trees survive it, buttons do what they say, and no form is an error."""

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contacts.segments import builder, rules
from contacts.segments.builder import DraftGroup, DraftRule, join_list, split_list
from tests.contacts.segments.test_rules import either, every, good_trees, leaf


def posted(root: DraftGroup) -> QueryDict:
    """The form as a browser would send it."""
    form = QueryDict(mutable=True)

    def add(node: DraftGroup | DraftRule, parent: str) -> None:
        kind = "group" if isinstance(node, DraftGroup) else "rule"
        form.appendlist("node", f"{node.id}:{parent}:{kind}")
        if isinstance(node, DraftGroup):
            form[f"m{node.id}"] = node.match
            if node.negated:
                form[f"n{node.id}"] = "on"
            for inner in node.nodes:
                add(inner, node.id)
        else:
            form[f"f{node.id}"] = form[f"b{node.id}"] = node.about.key
            form[f"o{node.id}"] = node.op.key
            # Lists are ticked, each by a box of its own.
            form.setlist(f"v{node.id}", node.ticked if node.control == "lists" else [node.text])
            form[f"w{node.id}"] = node.second

    add(root, "")
    return form


@settings(max_examples=50)
@given(good_trees)
@example(every(leaf("lists", "any_of", ["1", "2"])))
def test_a_tree_comes_back_from_its_form(tree: dict[str, Any]) -> None:
    again = builder.read(posted(builder.draft_of(tree))).as_json()
    assert rules.digest(again) == rules.digest(tree)


def test_nested_groups_come_back_in_their_order() -> None:
    tree = every(
        leaf("city", "is", "Boston"),
        either(leaf("age", "between", [18, 64]), every(leaf("portal_enrolled", "yes"), negated=True)),
        leaf("last_visit", "on", "2026-01-02"),
    )
    root = builder.read(posted(builder.draft_of(tree)))
    assert rules.parse(root.as_json()) == rules.parse(tree)


def test_buttons_add_and_remove() -> None:
    root = builder.draft_of(every(leaf("city", "is", "Boston")))
    builder.press(root, "rule:0")
    builder.press(root, "group:0")
    assert [node.id for node in root.nodes] == ["1", "2", "3"]
    inner = root.nodes[2]
    assert isinstance(inner, DraftGroup)
    assert (inner.match, [node.id for node in inner.nodes]) == ("any", ["4"])
    builder.press(root, "group:3")
    deepest = inner.nodes[1]
    assert isinstance(deepest, DraftGroup)
    assert not deepest.may_nest
    builder.press(root, f"group:{deepest.id}")
    assert len(deepest.nodes) == 1
    assert rules.problems(root.as_json()) == []
    builder.press(root, "remove:3")
    builder.press(root, "remove:0")
    builder.press(root, "remove:99")
    builder.press(root, "rule:99")
    assert [node.id for node in root.nodes] == ["1", "2"]


def test_another_field_starts_the_rule_anew() -> None:
    form = posted(builder.draft_of(every(leaf("age", "between", [18, 64]))))
    form["f1"] = "city"
    rule = builder.read(form).every_rule()[0]
    assert (rule.about.key, rule.op.key, rule.text, rule.second) == ("city", "is", "", "")


def test_errors_stand_beside_their_rule_and_spare_what_is_not_begun() -> None:
    root = builder.draft_of(every(leaf("age", "at_least", 18), either(leaf("city", "is", "Boston"))))
    first, second = root.every_rule()
    first.text, second.text = "many", ""
    assert len(builder.mark(root, str, everything=False)) == 2
    assert (first.error, second.error) == ("Type a number, such as 7 or 7.5.", "")
    builder.mark(root, str, everything=True)
    assert second.error == "Type or choose a value."


def test_an_empty_group_is_told_at_the_group() -> None:
    root = builder.draft_of(every(either(leaf("city", "known"))))
    builder.press(root, "remove:2")
    builder.mark(root, str, everything=False)
    inner = root.nodes[0]
    assert inner.error == "Add a rule to this group, or remove the group."


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        ("E11*, I10 ,", ["E11*", "I10"]),
        ("Boston", ["Boston"]),
        ("Lee, MD; Cho, MD", ["Lee, MD", "Cho, MD"]),
        ("Lee, MD;", ["Lee, MD"]),
        (" , ", []),
    ],
)
def test_several_values_in_one_box(typed: str, values: list[str]) -> None:
    assert split_list(typed) == values
    if values:
        assert split_list(join_list(values)) == values


_text = st.text(max_size=8)
_name = st.sampled_from(["node", "m0", "n0", "f1", "o1", "v1", "w1", "b1", "m2", "f3", "v3"]) | _text
_node = st.builds(
    "{}:{}:{}".format,
    st.integers(0, 4),
    st.sampled_from(["", "0", "1", "2", "3"]),
    st.sampled_from(["group", "rule", "x"]),
)


@settings(max_examples=50)
@given(st.lists(st.tuples(_name, _node | _text | st.sampled_from(["age", "city", "is", "any_of"]))), _text)
def test_whatever_is_sent_becomes_a_form_again(pairs: list[tuple[str, str]], button: str) -> None:
    form = QueryDict(mutable=True)
    for name, value in pairs:
        form.appendlist(name, value)
    root = builder.read(form)
    builder.press(root, button)
    errors = builder.mark(root, str, everything=True)
    if not errors:
        assert rules.parse(root.as_json())
    assert builder.read(posted(root)).as_json() == root.as_json()

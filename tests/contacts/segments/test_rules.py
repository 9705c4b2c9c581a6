"""Segment rules: every test of every kind of field, negation, wording, and trees that can't be asked."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.rules.fields import FIELDS, Kind
from contacts.segments import rules
from contacts.segments.ops import AGE, CHOICES, OPS, Shape, ops_of
from contacts.segments.rules import RuleError

TODAY = date(2026, 11, 22)


def leaf(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


def every(*inside: dict[str, Any], negated: bool = False) -> dict[str, Any]:
    return {"match": "all", "not": negated, "rules": list(inside)}


def either(*inside: dict[str, Any], negated: bool = False) -> dict[str, Any]:
    return {"match": "any", "not": negated, "rules": list(inside)}


def holds(record: dict[str, Any], field: str, op: str, value: Any = None) -> bool:
    return rules.matches(record, every(leaf(field, op, value)), TODAY)


@pytest.mark.parametrize(
    ("value", "op", "wanted", "expected"),
    [
        ("Boston", "is", "boston", True),
        ("Boston", "is", "Salem", False),
        ("02110", "is", "021*", True),
        ("Boston", "is_not", "Salem", True),
        ("Boston", "is_not", "boston", False),
        (None, "is_not", "Salem", True),
        ("Boston", "any_of", ["Salem", "BOSTON"], True),
        ("Lowell", "any_of", ["Salem", "Boston"], False),
        (None, "any_of", ["Salem"], False),
        ("Boston", "known", None, True),
        (None, "known", None, False),
        (None, "unknown", None, True),
        ("", "unknown", None, True),
        (7, "is", "7", False),
    ],
)
def test_text_and_choices(value: object, op: str, wanted: object, expected: bool) -> None:
    assert holds({"city": value}, "city", op, wanted) is expected


@pytest.mark.parametrize(
    ("value", "op", "wanted", "expected"),
    [
        (8.0, "at_least", 8, True),
        (7.9, "at_least", 8, False),
        (8, "at_most", 8, True),
        (8.1, "at_most", 8, False),
        (7, "between", [6.5, 7.5], True),
        (7.6, "between", [6.5, 7.5], False),
        (None, "at_most", 8, False),
        ("8", "at_least", 8, False),
        (True, "at_least", 1, False),
        (0, "known", None, True),
        (None, "unknown", None, True),
    ],
)
def test_numbers(value: object, op: str, wanted: object, expected: bool) -> None:
    assert holds({"last_a1c": value}, "last_a1c", op, wanted) is expected


@pytest.mark.parametrize("field", ["last_visit", "next_appointment"])
@pytest.mark.parametrize(
    ("day", "op", "wanted", "expected"),
    [
        ("2026-11-22", "last_days", 1, True),
        ("2026-11-21", "last_days", 1, True),
        ("2026-11-20", "last_days", 1, False),
        ("2026-11-23", "last_days", 30, False),
        ("2026-11-22", "next_days", 7, True),
        ("2026-11-29", "next_days", 7, True),
        ("2026-11-30", "next_days", 7, False),
        ("2026-11-21", "next_days", 7, False),
        ("2026-05-25", "days_ago", 180, True),
        ("2026-05-26", "days_ago", 180, False),
        ("2026-01-01", "before", "2026-01-02", True),
        ("2026-01-02", "before", "2026-01-02", False),
        ("2026-01-03", "after", "2026-01-02", True),
        ("2026-01-02", "after", "2026-01-02", False),
        ("2026-01-02", "on", "2026-01-02", True),
        ("2026-01-03", "on", "2026-01-02", False),
        (None, "days_ago", 180, False),
        ("not a day", "before", "2026-01-02", False),
        ("2026-01-02", "known", None, True),
        (None, "unknown", None, True),
    ],
)
def test_dates_and_moments(field: str, day: str | None, op: str, wanted: object, expected: bool) -> None:
    value = f"{day}T23:59" if day and field == "next_appointment" else day
    assert holds({field: value}, field, op, wanted) is expected


@pytest.mark.parametrize(
    ("codes", "op", "wanted", "expected"),
    [
        (["E11.9", "I10"], "any_of", ["e11*"], True),
        (["E10.9"], "any_of", ["E11*"], False),
        (["E11.9"], "any_of", ["E11"], False),
        (["E11.9", "I10"], "all_of", ["E11*", "I10"], True),
        (["E11.9"], "all_of", ["E11*", "I10"], False),
        (["I10"], "none_of", ["E11*"], True),
        (["E11.65"], "none_of", ["E11*"], False),
        (None, "none_of", ["E11*"], True),
        (None, "any_of", ["E11*"], False),
        ([], "known", None, False),
        (["I10"], "known", None, True),
        ([], "unknown", None, True),
        ([4, None], "any_of", ["4"], False),
    ],
)
def test_lists_of_codes(codes: object, op: str, wanted: object, expected: bool) -> None:
    assert holds({"conditions": codes}, "conditions", op, wanted) is expected


@pytest.mark.parametrize(
    ("value", "op", "expected"),
    [
        (True, "yes", True),
        (False, "yes", False),
        (None, "yes", False),
        (False, "no", True),
        (None, "no", False),
        (False, "known", True),
        (None, "unknown", True),
    ],
)
def test_yes_and_no(value: object, op: str, expected: bool) -> None:
    assert holds({"portal_enrolled": value}, "portal_enrolled", op) is expected


@pytest.mark.parametrize(
    ("born", "op", "wanted", "expected"),
    [
        ("2008-11-22", "at_least", 18, True),
        ("2008-11-23", "at_least", 18, False),
        ("2008-11-23", "at_most", 17, True),
        ("1966-01-01", "between", [50, 64], True),
        ("1961-01-01", "between", [50, 64], False),
        (None, "at_most", 99, False),
        ("2027-01-01", "at_most", 99, False),
    ],
)
def test_age_comes_from_the_date_of_birth(born: str | None, op: str, wanted: object, expected: bool) -> None:
    assert holds({"birth_date": born}, "age", op, wanted) is expected


def test_groups_nest_and_negate() -> None:
    tree = every(
        leaf("age", "at_least", 18),
        either(leaf("last_visit", "days_ago", 180), leaf("last_a1c", "at_least", 8)),
        every(leaf("city", "is", "Salem"), negated=True),
    )
    person = {"birth_date": "1980-01-01", "last_a1c": 8.2, "city": "Boston"}
    assert rules.matches(person, tree, TODAY)
    assert not rules.matches(person | {"city": "Salem"}, tree, TODAY)
    assert not rules.matches(person | {"last_a1c": 7}, tree, TODAY)
    # A negated group is the complement: of whom the city isn't known, it holds.
    assert rules.matches(person | {"city": None}, tree, TODAY)


def test_no_rules_at_all_are_everybody() -> None:
    assert rules.matches({}, every(), TODAY)
    assert rules.words(every(), {}, str) == "Everybody."
    for tree in (either(), every(negated=True), every(every())):
        with pytest.raises(RuleError, match="Add a rule"):
            rules.parse(tree)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (leaf("shoe_size", "is", "9"), "Choose a field"),
        (leaf("email", "is", "ana@mail.example"), "Choose a field"),
        (leaf("city", "at_least", 3), "Choose a test"),
        (leaf("city", "is", "  "), "Type or choose a value"),
        (leaf("city", "is", "*"), "before the asterisk"),
        (leaf("city", "is", "x" * 121), "too long"),
        (leaf("conditions", "any_of", []), "at least one value"),
        (leaf("conditions", "any_of", "E11*"), "at least one value"),
        (leaf("conditions", "any_of", [str(n) for n in range(51)]), "at most 50"),
        (leaf("age", "at_least", "many"), "Type a number"),
        (leaf("age", "at_least", True), "Type a number"),
        (leaf("last_a1c", "at_least", float("nan")), "out of range"),
        (leaf("last_a1c", "at_least", 10**400), "out of range"),
        (leaf("age", "between", [64, 50]), "Swap them"),
        (leaf("age", "between", [64]), "two numbers"),
        (leaf("last_visit", "days_ago", 0), "whole number of days"),
        (leaf("last_visit", "days_ago", 1.5), "whole number of days"),
        (leaf("last_visit", "on", "2026-02-30"), "Choose a date"),
        ("nonsense", "can't be read"),
        ({"match": "some", "rules": []}, "all or any"),
    ],
)
def test_a_rule_that_cannot_be_asked_says_where_and_what_to_do(wrong: Any, words: str) -> None:
    tree = every(leaf("city", "is", "Boston"), either(leaf("city", "known"), wrong))
    with pytest.raises(RuleError, match=words) as caught:
        rules.parse(tree)
    assert caught.value.at == (1, 1)


def test_everything_wrong_is_told_at_once() -> None:
    tree = every(leaf("city", "is", ""), either(leaf("age", "at_least", None)), leaf("city", "known"))
    assert [problem.at for problem in rules.problems(tree)] == [(0,), (1, 0)]


def test_size_and_depth_are_limited() -> None:
    fifty = [leaf("city", "known")] * 50
    assert rules.problems(every(*fifty)) == []
    assert [problem.at for problem in rules.problems(every(*fifty, leaf("city", "known")))] == [(50,)]
    deep = every(every(every(leaf("city", "known"))))
    assert rules.problems(deep) == []
    with pytest.raises(RuleError, match="3 deep"):
        rules.parse(every(deep))


def test_plain_words() -> None:
    tree = every(
        leaf("age", "at_least", 18),
        either(leaf("last_visit", "days_ago", 180), leaf("next_appointment", "next_days", 1)),
        every(leaf("conditions", "any_of", ["I10", "E11*"]), negated=True),
        leaf("last_a1c", "between", [7, 8.5]),
        leaf("portal_enrolled", "yes"),
    )
    assert rules.words(tree, {"age": "age"}, str) == (
        "People for whom age is at least 18 and (last visit is more than 180 days ago or next appointment is today or "
        "tomorrow) and it doesn't hold, or isn't known, that (conditions include any of E11*, I10) and last A1c result "
        "is from 7 to 8.5 and uses the patient portal: yes."
    )


def test_a_name_in_capitals_stays_so_inside_a_sentence() -> None:
    assert rules.words(every(leaf("zip", "is", "02110")), {}, str) == "People for whom ZIP code is 02110."


def test_words_are_translated_and_braces_in_values_stay_text() -> None:
    tree = every(leaf("city", "is", "{field}"))
    said = rules.words(tree, {"city": "Ciudad"}, lambda text: text.replace(" is ", " es "))
    assert said == "People for whom ciudad es {field}."


def test_the_digest_binds_the_meaning_and_not_the_writing() -> None:
    one = every(leaf("conditions", "any_of", ["I10", "E11*", "I10"]), leaf("age", "at_least", 18))
    same = {
        "rules": [leaf("conditions", "any_of", ["E11*", "I10"]), leaf("age", "at_least", 18.0)],
        "match": "all",
    }
    assert rules.digest(one) == rules.digest(same)
    assert rules.digest(one) != rules.digest(one | {"not": True})
    assert rules.digest(rules.parse(one)) == rules.digest(one)


def test_a_canonical_tree_reads_back() -> None:
    tree = every(leaf("last_visit", "on", "2026-01-02"), either(leaf("age", "between", [1, 2]), negated=True))
    again = json.loads(rules.canonical(tree))
    assert rules.parse(again) == rules.parse(tree)


def test_health_makes_a_tree_clinical() -> None:
    assert not rules.clinical(every(leaf("age", "at_least", 18), leaf("city", "known")))
    assert rules.clinical(every(either(leaf("conditions", "known"))))


def test_who_somebody_is_cannot_be_asked_and_everything_else_can() -> None:
    assert {field.key for field in FIELDS if not field.segmentable}.isdisjoint(field.key for field in CHOICES)
    assert all(ops_of(field) for field in CHOICES)
    assert set(OPS) == set(Kind)


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["match", "rules", "not", "field"]), inner)
    ),
    max_leaves=8,
)
_hostile_leaf = st.fixed_dictionaries(
    {
        "field": st.sampled_from([field.key for field in CHOICES]) | _values,
        "op": st.sampled_from(sorted({op.key for ops in OPS.values() for op in ops})) | _values,
        "value": _values,
    }
)
_hostile = st.recursive(
    _hostile_leaf | _values,
    lambda inner: st.fixed_dictionaries(
        {
            "match": st.sampled_from(["all", "any"]) | _values,
            "not": st.booleans() | _values,
            "rules": st.lists(inner, max_size=4) | _values,
        }
    ),
    max_leaves=12,
)


@settings(max_examples=50)
@given(_hostile)
def test_whatever_is_sent_parse_reads_it_or_says_what_is_wrong(tree: object) -> None:
    try:
        read = rules.parse(tree)
    except RuleError as error:
        assert error.say(str) == str(error)
        assert rules.problems(tree)[0].at == error.at
    else:
        assert rules.problems(tree) == []
        assert rules.parse(json.loads(rules.canonical(read))) == read


def _good_value(shape: Shape) -> st.SearchStrategy[Any]:
    text = st.sampled_from(["E11*", "I10", "Boston", "Gold"])
    number = st.integers(-5, 120) | st.floats(-5, 120)
    return {
        Shape.NONE: st.none(),
        Shape.ONE: text,
        Shape.LIST: st.lists(text, min_size=1, max_size=3),
        Shape.NUMBER: number,
        Shape.RANGE: st.lists(number, min_size=2, max_size=2).map(sorted),
        Shape.DAYS: st.integers(1, 400),
        Shape.LISTS: st.lists(st.integers(1, 9).map(str), min_size=1, max_size=3),
        Shape.DATE: st.dates(date(1920, 1, 1), date(2030, 1, 1)).map(date.isoformat),
    }[shape]


_good_leaf = st.sampled_from([(field, op) for field in CHOICES for op in ops_of(field)]).flatmap(
    lambda pair: st.builds(leaf, st.just(pair[0].key), st.just(pair[1].key), _good_value(pair[1].shape))
)
good_trees = st.builds(
    lambda match, negated, inside: {"match": match, "not": negated, "rules": inside},
    st.sampled_from(["all", "any"]),
    st.booleans(),
    st.lists(_good_leaf, min_size=1, max_size=4),
)
_record = st.dictionaries(
    st.sampled_from(sorted({field.key for field in CHOICES} - {AGE.key})),
    st.none()
    | st.sampled_from(["Boston", "2026-11-20", "2026-11-25T09:00", ["E11.9"], [], 7, 8.5, True, False]),
)


@settings(max_examples=50)
@given(_record, good_trees)
def test_not_is_the_complement(record: dict[str, Any], tree: dict[str, Any]) -> None:
    opposite = tree | {"not": not tree["not"]}
    assert rules.matches(record, opposite, TODAY) is not rules.matches(record, tree, TODAY)

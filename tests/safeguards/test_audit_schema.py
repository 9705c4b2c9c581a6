"""What an audit row may say, and the bytes that are hashed of it."""

import ast
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.actions.people import rename_person
from safeguards import audit
from safeguards.audit import canonical, changes, schema
from safeguards.models import AuditEvent
from tests import cast
from tests.house.source import ROOT, calls, product


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


audit.declare(
    "test.all_kinds",
    number=int,
    yes=bool,
    colour=Colour,
    size=("small", "large"),
    place=int | None,
    import_=type(uuid4()),
    at=datetime,
    fields=audit.WORDS,
    counts=audit.COUNTS,
    digest=audit.DIGEST,
    domain=audit.DOMAIN,
    rates=audit.DECIMALS,
    zone=audit.ZONE,
    addresses=audit.ADDRESSES,
    changed=audit.CHANGED,
    title=audit.TITLE,
    perhaps=audit.maybe(Colour),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", 7),
        ("number", -(2**53) + 1),
        ("yes", False),
        ("colour", "blue"),
        ("size", "small"),
        ("place", None),
        ("place", 3),
        ("import", str(uuid4())),
        ("at", "2026-11-26T03:00:00+00:00"),
        ("fields", ["first_name", "topic:4", "*"]),
        ("counts", {"sent": 4, "bounced": 0}),
        ("digest", "0" * 64),
        ("domain", "mail.clinic.example"),
        ("rates", ["0.5", "40"]),
        ("zone", "America/New_York"),
        ("addresses", ["192.0.2.1", "2001:db8::1"]),
        ("changed", {"zip": {"old": None, "new": "6:" + "a" * 32}}),
        ("title", "Northfield Health"),
        ("perhaps", None),
    ],
)
def test_what_a_kind_admits(name: str, value: object) -> None:
    assert schema.checked("test.all_kinds", {name: value}) == {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", True),
        ("number", "7"),
        ("number", 1.0),
        ("number", 2**53),
        ("yes", 1),
        ("colour", "green"),
        ("colour", "Ana"),
        ("size", ""),
        ("place", "3"),
        ("import", "not-a-uuid"),
        ("at", "2026-11-26T03:00:00"),
        ("at", "yesterday"),
        ("fields", "first_name"),
        ("fields", ["Ana Lopez"]),
        ("fields", ["ana@mail.example"]),
        ("fields", ["x"] * 1001),
        ("counts", {"sent": 1.5}),
        ("counts", {"ana@mail.example": 1}),
        ("digest", "0" * 63),
        ("domain", "ana@mail.example"),
        ("rates", [0.5]),
        ("zone", "Boston"),
        ("addresses", ["mail.example"]),
        ("changed", {"zip": {"old": "02110", "new": "02111"}}),
        ("changed", ["zip"]),
        ("title", "ana@mail.example"),
        ("title", "a\nb"),
        ("perhaps", "green"),
    ],
)
def test_what_a_kind_refuses_without_quoting_it(name: str, value: object) -> None:
    with pytest.raises(audit.Unfit) as refused:
        schema.checked("test.all_kinds", {name: value})
    assert name in str(refused.value)
    for part in ("Ana", "ana@", "02110"):
        assert part not in str(refused.value)


@pytest.mark.django_db
def test_a_wrong_type_is_refused_at_the_record_and_nothing_is_written() -> None:
    for record in (audit.record, audit.record_apart):
        with pytest.raises(audit.Undeclared):
            record("test.all_kinds", actor=cast.actor(cast.dana()), details={"number": "Ana Lopez"})
    assert not AuditEvent.objects.filter(action="test.all_kinds").exists()


def test_what_is_no_kind_is_refused_where_it_is_declared() -> None:
    for wrong in ("text", str, 7, float):
        with pytest.raises(TypeError):
            audit.declare("test.wrong", name=wrong)


def test_every_declaration_gives_each_detail_a_kind() -> None:
    """No action takes a list of names, as it did before details had kinds."""
    found = [
        f"{module.at(call)}"
        for module in product()
        for call, name in calls(module)
        if name == "safeguards.audit.declare"
        and (len(call.args) != 1 or not isinstance(call.args[0], ast.Constant))
    ]
    assert not found


def test_names_of_things_are_told_by_few_actions() -> None:
    """TITLE is the one kind that could hold a person's name by mistake: each use of it is a decision."""
    used = {
        path.relative_to(ROOT).as_posix()
        for floor in ("accounts", "contacts", "campaigns", "marketing", "safeguards")
        for path in (ROOT / floor).rglob("*.py")
        if "audit.TITLE" in path.read_text()
    }
    assert used == {
        "accounts/organization/actions.py",
        "campaigns/delivery/actions/pools.py",
        "campaigns/delivery/actions/shaping.py",
    }


# --- RFC 8785.


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    """RFC 8785 section 3.2.3, whose example this is: by code points, the emoji would come last."""
    unsorted = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical.text(unsorted)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_strings_are_escaped_as_the_rfc_has_it() -> None:
    """Section 3.2.2.2 and its example: nothing is escaped that need not be, and hexadecimal digits are lower case."""
    sample = '€$\x0f\nA\'B"\\\\"/'
    assert canonical.text(sample) == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'
    assert canonical.text("\b\t\n\f\r\x00\x1f\x7f\u2028") == '"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f\u2028"'


def test_literals_and_white_space() -> None:
    assert canonical.text({"b": [None, True, False], "a": {"d": -0, "c": 56}}) == (
        '{"a":{"c":56,"d":0},"b":[null,true,false]}'
    )


@pytest.mark.parametrize("value", [0.5, 1e3, float("nan"), 2**53, -(2**53), {1: "a"}, b"x", {"a", "b"}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.encoded({"value": value} if not isinstance(value, dict) else value)


@pytest.mark.parametrize("value", ["\ud800", {"\udead": 1}])
def test_half_of_a_surrogate_pair_is_refused(value: object) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.encoded(value)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-canonical.LARGEST, canonical.LARGEST) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_json)
def test_canonical_json_is_json_and_one_value_has_one_form(value: Any) -> None:
    def turned(each: Any) -> Any:
        if isinstance(each, Mapping):
            return {name: turned(each[name]) for name in reversed(list(each))}
        return [turned(one) for one in each] if isinstance(each, list) else each

    text = canonical.text(value)
    assert json.loads(text) == value
    assert canonical.text(turned(value)) == text


def _row(details: str, version: int) -> list[object]:
    at = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
    values = dict.fromkeys(canonical.COLUMNS, "")
    return [*({**values, "at": at, "ip": None, "details": details, "version": version, "id": 9}.values())]


def test_rows_of_the_first_form_keep_their_bytes() -> None:
    """A pool's rate was once written as a fraction; its row is hashed as it was."""
    bytes_ = canonical.event(_row('{"b": [0.5, 40], "a": "x"}', 1))
    assert b'"details":{"a":"x","b":[0.5,40]}' in bytes_
    assert bytes_.startswith(
        b'{"action":"","actor_display":"","actor_id":"","actor_kind":"","at":"2026-11-26T03:00:00.000000+00:00"'
    )
    assert not canonical.unfit(bytes_)


@pytest.mark.parametrize(
    ("details", "sha256"),
    [
        (
            {"b": [0.5, 40, 1e20], "a": "x"},
            "ab2ef3645e2ba1e88eb0fed7f369faa5683bd81e2cdc2aec75fcf5057b1b97c4",
        ),
        (
            {"é": '\u2028\x7f"\\\n', "z": {"y": None, "x": True}},
            "3c590bf6346d410e5119a28e9231921e53f277725a734c5d11a3c9a07ed6e0a9",
        ),
        ({"\U0001f600": 1, "\ufb33": 2}, "878a737e8e26fc356d931939d2cfeee54a52cd9e69f1b221b4bf4f45fde7173c"),
        ({"n": 2**60}, "69e95bd134e30308d73088efeab7eebf5bf8a1690d5bd9fc3356372bf1b9237b"),
    ],
)
def test_the_first_forms_hashes_are_those_that_were_written_with_it(
    details: dict[str, object], sha256: str
) -> None:
    """Computed by the program as it was before there was a second form."""
    row = {
        **dict.fromkeys(canonical.COLUMNS, ""),
        "id": 7,
        "at": datetime(2026, 11, 1, 12, 0, 0, 5, UTC),
        "action": "pool.rate_changed",
        "outcome": "success",
        "actor_kind": "user",
        "actor_id": "3",
        "actor_display": 'Zoë "Q"',
        "session_hash": "a",
        "factor": "totp",
        "ip": "2001:db8::1",
        "user_agent": "M\t",
        "target_kind": "x",
        "target_id": "9",
        "details": json.dumps(details),
        "request_id": "r",
        "version": 1,
    }
    assert hashlib.sha256(canonical.event([row[name] for name in canonical.COLUMNS])).hexdigest() == sha256


@pytest.mark.parametrize("details", ['{"n": 0.5}', '{"n": 1' + "0" * 5000 + "}", '{"n": 9007199254740993}'])
def test_details_that_the_door_never_writes_are_hashed_as_text_and_told(details: str) -> None:
    assert canonical.unfit(canonical.event(_row(details, 2)))
    assert not canonical.unfit(canonical.event(_row('{"n": "x"}', 2)))


# --- Hashes of what was changed.


@pytest.mark.django_db
def test_changed_fields_carry_keyed_hashes_and_no_value() -> None:
    dana, olive = cast.dana(), cast.olive()
    found = audit.changed(
        dana,
        {"zip": "02110", "city": "Boston", "email": None},
        {"zip": "02111", "city": "Boston", "email": "d@x.example"},
    )
    assert sorted(found) == ["email", "zip"]
    assert found["email"]["old"] is None
    told = json.dumps(found)
    assert "0211" not in told and "d@x" not in told
    new = found["zip"]["new"] or ""
    assert changes.holds(dana, "zip", "02111", new)
    assert not changes.holds(dana, "zip", "02110", new)
    # Bound to the record and the field: equal values of two people can't be told from their rows.
    assert audit.changed(olive, {}, {"zip": "02111"})["zip"]["new"] != new
    assert audit.changed(dana, {}, {"city": "02111"})["city"]["new"] != new


@pytest.mark.django_db
def test_a_person_renamed_leaves_hashes_of_the_old_and_the_new_name() -> None:
    dana = cast.dana()
    rename_person(actor=cast.actor(cast.ada()), person=dana, name="Dana Kim-Park", time_zone=dana.time_zone)
    [row] = AuditEvent.objects.filter(action="person.changed")
    assert list(row.details["fields"]) == ["name"]
    assert "Kim" not in json.dumps(row.details)
    assert changes.holds(dana, "name", "Dana Kim-Park", row.details["fields"]["name"]["new"])
    assert changes.holds(dana, "name", "Dana Kim", row.details["fields"]["name"]["old"])

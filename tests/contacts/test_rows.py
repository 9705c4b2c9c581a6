"""One row to a contact and its evidence: what is understood, what is refused, and with which words."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from contacts.rules import fields, mapping, values
from contacts.rules.problems import ROW, Problem
from contacts.rules.rows import Declared, Parsed, Topics, parse_row
from safeguards.tokens import normalise

TODAY = date(2026, 11, 15)
TOPICS = Topics.of({"Clinic news": 1, "Noticias de la clínica": 1, "New services": 2})


def parse(**cells: str) -> Parsed | tuple[Problem, ...]:
    """A row with one column for each named field; the address is supplied where it isn't given."""
    row = {"email": "ana@mail.example"} | cells
    return parse_row(
        list(row.values()),
        dict(enumerate(row)),
        columns=len(row),
        topics=TOPICS,
        today=TODAY,
        normalise=normalise,
    )


def good(**cells: str) -> Parsed:
    parsed = parse(**cells)
    assert isinstance(parsed, Parsed), parsed
    return parsed


def codes(**cells: str) -> list[tuple[str, str]]:
    found = parse(**cells)
    assert not isinstance(found, Parsed), found
    assert all(problem.message() and "%(" not in problem.message() for problem in found)
    return [(problem.code, problem.column) for problem in found]


@pytest.mark.parametrize(
    ("key", "cell", "value"),
    [
        ("email", " Ana.Peña@MAIL.example".replace("ñ", "n"), "ana.pena@mail.example"),
        ("birth_date", "1967-11-30", "1967-11-30"),
        ("birth_date", "11/30/1967", "1967-11-30"),
        ("birth_date", "30-Nov-1967", "1967-11-30"),
        ("birth_date", "1967-11-30 00:00:00", "1967-11-30"),
        ("next_appointment", "2026-11-18T13:40", "2026-11-18T13:40"),
        ("next_appointment", "11/18/2026 1:40 PM", "2026-11-18T13:40"),
        ("next_appointment", "11/18/2026 12:05 a.m.", "2026-11-18T00:05"),
        ("next_appointment", "2026-11-18", "2026-11-18T00:00"),
        ("last_a1c", "7.4 %", 7.4),
        ("visits_last_year", "1,204", 1204),
        ("visits_last_year", "n/a", None),
        ("portal_enrolled", "Sí", True),
        ("portal_enrolled", "FALSE", False),
        ("conditions", "E11.9| I10 ;E11.9;", ["E11.9", "I10"]),
        ("conditions", ";", None),
        ("zip", "2112", "02112"),
        ("language", "Español", "es"),
        ("language", "en-US", "en"),
        ("gender", "F", "female"),
        ("last_name", "Null", "Null"),
        ("last_name", "O\u2019Neil\r\nJr.\x07", "O\u2019Neil Jr."),
        ("street", "", None),
    ],
)
def test_a_cell_becomes_a_value(key: str, cell: str, value: object) -> None:
    assert good(**{key: cell}).record[key] == value


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"email": ""}, [("email_missing", "email")]),
        ({"email": "ana at mail"}, [("email_malformed", "email")]),
        ({"birth_date": "31/12/1999"}, [("not_a_date", "birth_date")]),
        ({"birth_date": "12/31/99"}, [("not_a_date", "birth_date")]),
        ({"birth_date": "1967-11-301"}, [("not_a_date", "birth_date")]),
        ({"birth_date": "2026-11-16"}, [("in_the_future", "birth_date")]),
        ({"birth_date": "1867-11-16"}, [("too_long_ago", "birth_date")]),
        (
            {"birth_date": "2001-01-01", "deceased_date": "2000-01-01"},
            [("death_before_birth", "deceased_date")],
        ),
        ({"next_appointment": "2026-11-18 25:00"}, [("not_a_moment", "next_appointment")]),
        ({"next_appointment": "2026-11-18T13:40Z"}, [("not_a_moment", "next_appointment")]),
        ({"last_a1c": "high"}, [("not_a_number", "last_a1c")]),
        ({"last_a1c": "1e5"}, [("not_a_number", "last_a1c")]),
        ({"portal_enrolled": "maybe"}, [("not_yes_or_no", "portal_enrolled")]),
        ({"first_name": "x" * 501}, [("too_long", "first_name")]),
        ({"topics": "clinic news|cheese"}, [("topic_unknown", "topics")]),
        ({"marketing_consent": "perhaps"}, [("not_yes_or_no", "marketing_consent")]),
        ({"consent_date": "2027-01-01"}, [("in_the_future", "consent_date")]),
        ({"email": "", "last_a1c": "?"}, [("email_missing", "email"), ("not_a_number", "last_a1c")]),
    ],
)
def test_a_row_is_refused_for_each_of_its_faults(
    cells: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert codes(**cells) == expected


def test_an_unknown_topic_is_answered_with_those_there_are() -> None:
    found = parse(topics="cheese")
    assert not isinstance(found, Parsed)
    assert "Clinic news, New services." in found[0].message()


def test_a_message_can_be_shown_without_what_it_quotes() -> None:
    found = parse(email="ana.lopez at mail")
    assert not isinstance(found, Parsed)
    assert "ana.lopez at mail" in found[0].message()
    assert "na.lopez" not in found[0].message(masked=True)
    assert Problem.unpacked(found[0].packed()) == found[0]


EVIDENCE = {"consent_source": "web form", "consent_date": "2026-01-02"}
DAY = date(2026, 1, 2)


@pytest.mark.parametrize(
    ("cells", "declared"),
    [
        ({}, ()),
        ({"marketing_consent": ""} | EVIDENCE, ()),
        ({"marketing_consent": "yes"} | EVIDENCE, (Declared("marketing", True, None, "web form", DAY),)),
        (
            {"marketing_consent": "yes", "topics": "clinic-news|New Services|noticias de la clinica"}
            | EVIDENCE,
            (
                Declared("marketing", True, 1, "web form", DAY),
                Declared("marketing", True, 2, "web form", DAY),
            ),
        ),
        (
            {"marketing_consent": "no", "topics": "clinic news"} | EVIDENCE,
            (Declared("marketing", False, None, "web form", DAY),),
        ),
        ({"marketing_consent": "no"}, (Declared("marketing", False, None, "import", None),)),
        (
            {"marketing_consent": "yes", "tracking_consent": "yes"} | EVIDENCE,
            (
                Declared("marketing", True, None, "web form", DAY),
                Declared("tracking", True, None, "web form", DAY),
            ),
        ),
    ],
)
def test_evidence_of_consent_is_read(cells: Mapping[str, str], declared: tuple[Declared, ...]) -> None:
    parsed = good(**cells)
    assert parsed.declared == declared
    assert not parsed.warnings
    assert not set(parsed.record) & set(fields.EVIDENCE)


@pytest.mark.parametrize("missing", ["consent_source", "consent_date"])
@pytest.mark.parametrize("blank", ["", "n/a"])
def test_consent_without_source_or_date_is_not_recorded_and_the_contact_is(missing: str, blank: str) -> None:
    parsed = good(**{"marketing_consent": "yes", "tracking_consent": "no"} | EVIDENCE | {missing: blank})
    assert [warning.code for warning in parsed.warnings] == ["consent_incomplete"]
    assert not any(declared.agreed for declared in parsed.declared)
    assert [declared.subject for declared in parsed.declared] == ["tracking"]


def test_a_short_row_is_refused_and_empty_cells_behind_the_last_are_not() -> None:
    guessed = {0: "email"}
    for cells, fits in (
        (["a@b.example"], False),
        (["a@b.example", "", "", " "], True),
        (["a@b.example", "", "x"], False),
    ):
        parsed = parse_row(cells, guessed, columns=2, topics=Topics.of({}), today=TODAY, normalise=normalise)
        assert isinstance(parsed, Parsed) is fits


@hypothesis_settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted({*fields.BY_KEY, *fields.EVIDENCE})), st.text(max_size=60)))
def test_no_cell_makes_anything_but_a_value_or_a_problem(cells: dict[str, str]) -> None:
    found = parse(**cells)
    if isinstance(found, Parsed):
        assert all(_is_storable(value) for value in found.record.values())
    else:
        assert {problem.code for problem in found} <= set(ROW)


def _is_storable(value: Any) -> bool:
    """An unknown value is null, and never an empty text or list."""
    return (
        value is None
        or (isinstance(value, str | list) and bool(value))
        or isinstance(value, bool | int | float)
    )


def test_headers_as_people_write_them_are_understood() -> None:
    header = [
        "E-Mail Address",
        "First Name",
        "Surname",
        "D.O.B.",
        "ZIP Code",
        "Insurance",
        "Mobile #",
        "Shoe size",
    ]
    header += ["Opt-In", "Opt-in date", "Source of consent", "Próxima"]
    assert mapping.guess(header, [], has_header=True) == {
        0: "email",
        1: "first_name",
        2: "last_name",
        4: "zip",
        5: "payer",
        6: "phone",
        8: "marketing_consent",
        9: "consent_date",
        10: "consent_source",
    } | {3: "birth_date"}


def test_no_field_is_guessed_twice() -> None:
    assert mapping.guess(["email", "Mail", "E-mail"], [], has_header=True) == {0: "email"}


def test_a_mapping_is_refused_for_what_it_lacks_and_doubles() -> None:
    assert mapping.faults({0: "email", 1: "zip"}, 2) == []
    assert mapping.faults({0: "zip", 1: "zip"}, 2) == ["no_email", "twice:zip"]
    assert mapping.faults({0: "email", 2: "zip"}, 2) == ["unknown"]
    assert mapping.faults({0: "email", 1: "shoe_size"}, 2) == ["unknown"]


def test_consent_columns_without_evidence_are_noticed() -> None:
    assert mapping.lacks_evidence({0: "email", 1: "marketing_consent", 2: "consent_date"})
    assert not mapping.lacks_evidence({0: "marketing_consent", 1: "consent_date", 2: "consent_source"})
    assert not mapping.lacks_evidence({0: "email"})


@pytest.mark.parametrize("cell", ["", "0x10", "1e999", "٣", "--1", "1,23", "nan", "."])
def test_not_every_digit_is_a_number(cell: str) -> None:
    with pytest.raises(values.NotThis):
        values.read_number(cell)

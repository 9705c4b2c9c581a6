"""Cells of an export: read back as they were, and never a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketing.compliance import rules


def read_back(*rows: tuple[object, ...]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(rules.csv_lines(rows)).decode(), newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_what_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe(start: str) -> None:
    assert rules.cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "yes"), (False, "no"), (250, "250"), ("250 =ok", "250 =ok"), (-1, "'-1"), ("", "")],
)
def test_other_values_are_shown_as_they_are(value: object, shown: str) -> None:
    assert rules.cell(value) == shown


def test_lines_end_as_rfc_4180_says_and_only_what_needs_it_is_quoted() -> None:
    assert b"".join(rules.csv_lines([("a", 'b "c"', "d,e"), (1, "f\r\ng", None)])) == (
        b'a,"b ""c""","d,e"\r\n1,"f\r\ng",\r\n'
    )


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=2))
def test_any_text_comes_back_but_for_the_apostrophe(texts: list[str]) -> None:
    [row] = read_back(tuple(texts))
    assert row == [rules.cell(text) for text in texts]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)

"""Reading files in the shapes in which people send them, and files that nobody should send."""

import json
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from contacts.rules import mapping, reading
from contacts.rules.problems import Unreadable
from contacts.rules.reading import Probe, Row, Shape
from contacts.rules.rows import Parsed, Topics, parse_row
from safeguards.tokens import normalise

MESSY: Path = settings.CORPUS_DIR / "messy"
CASES: list[dict[str, Any]] = json.loads((MESSY / "manifest.json").read_text()) if MESSY.is_dir() else []
TODAY = date(2026, 11, 15)


def chunks(content: bytes, size: int = 1000) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def shape_of(content: bytes) -> Shape:
    probe = Probe()
    for chunk in chunks(content):
        probe.feed(chunk)
    return reading.recognise(probe.head, probe.encoding(), whole=probe.size <= len(probe.head))


def read(content: bytes, size: int = 1000) -> tuple[Shape, list[Row]]:
    shape = shape_of(content)
    rows = reading.data_rows(
        chunks(content, size),
        encoding=shape.encoding,
        delimiter=shape.delimiter,
        has_header=shape.has_header,
    )
    return shape, list(rows)


def parsed(content: bytes) -> list[Parsed]:
    """The good rows of a file, mapped by the guess alone."""
    shape, rows = read(content)
    guessed = mapping.guess(shape.first, shape.samples, has_header=shape.has_header)
    found = [
        parse_row(
            row.cells,
            guessed,
            columns=len(shape.first),
            topics=Topics.of({}),
            today=TODAY,
            normalise=normalise,
        )
        for row in rows
    ]
    return [one for one in found if isinstance(one, Parsed)]


@pytest.mark.corpus
@pytest.mark.parametrize("case", CASES, ids=[case["file"] for case in CASES])
def test_every_messy_file_is_read_or_refused_in_words(case: dict[str, Any]) -> None:
    content = (MESSY / case["file"]).read_bytes()
    if "duplicate header" in case.get("note", ""):
        with pytest.raises(Unreadable) as refused:
            shape_of(content)
        assert "“email”" in refused.value.message() or "“first”" in refused.value.message()
        return
    _shape, rows = read(content)
    good = parsed(content)
    if "rows" in case:
        assert len(rows) == case["rows"]
    assert len(good) == case.get("valid", case.get("rows_good", case.get("rows")))
    assert len({one.email for one in good}) == case.get("unique", len(good))
    adriana = next(one for one in good if one.email == "adriana.pina@patients.example")
    assert adriana.record["last_name"].startswith("Piña")
    assert adriana.record["first_name"] == "Adriana"
    assert adriana.record["birth_date"] == "1967-11-30"
    assert adriana.record["zip"] == "02109"


def test_row_numbers_are_those_of_a_spreadsheet() -> None:
    content = b'sep=;\r\nemail;last\r\n\r\na@b.example;"Two\r\nlines"\r\n;\r\nc@d.example;One\r\n'
    _shape, rows = read(content)
    assert [(row.number, row.cells[0]) for row in rows] == [(3, "a@b.example"), (5, "c@d.example")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_chunks_may_cut_anywhere(size: int, encoding: str) -> None:
    text = 'email,last_name\r\nana@mail.example,"Peña, ""la"" 1ª"\r\nbo@mail.example,Müller\r\n'
    shape, rows = read(text.encode(encoding), size)
    assert shape.has_header
    assert [row.cells for row in rows] == [
        ("ana@mail.example", 'Peña, "la" 1ª'),
        ("bo@mail.example", "Müller"),
    ]


def test_an_accent_far_behind_the_head_still_tells_the_encoding() -> None:
    content = b"email,last\r\n" + b"a@b.example,Smith\r\n" * 20_000 + "z@b.example,Peña\r\n".encode("cp1252")
    shape, rows = read(content, 1 << 16)
    assert shape.encoding == "cp1252"
    assert rows[-1].cells[1] == "Peña"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\r\n \r\n,,\r\n", "empty"),
        (b"email,first\r\n", "no_rows"),
        (b"PK\x03\x04" + b"\0" * 50, "spreadsheet"),
        (b"%PDF-1.7 ...", "binary"),
        (b"email,first\0\na@b.example,x\n", "binary"),
        (b"email,first\n" + b"a@b.example,\0\0\0\0\n" * 9, "binary"),
        (b"Email , first,E-mail,email\na@b.example,x,y,z\n", "header_twice"),
        (b"x" * 70_000 + b"\na@b.example\n", "row_too_long"),
        (b"x" * 40_000 + b"\na@b.example\n", "field_too_long"),
        (b'email,"first\na@b.example,x\n', "unreadable_row"),
        (b"email," + b"," * 300 + b"\na@b.example\n", "too_many_columns"),
    ],
)
def test_what_can_not_be_taken_is_refused_with_words(content: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(content)
    assert refused.value.code == code
    assert refused.value.message().endswith((".", "."))
    assert "%(" not in refused.value.message()


GOOD = b"c@d.example,Jones\n"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b'a@b.example,"Smith\n', "open_quote"),
        (b'"a@b.example,Smith\n', "open_quote"),
        (b"a@b.example," + b"x" * 70_000 + b"\n", "row_too_long"),
        (b"a@b.example," + b"x" * 3_000_000 + b"\r\n", "row_too_long"),
        (b"a@b.example," + b"x" * 40_000 + b"\n", "field_too_long"),
    ],
    ids=["quote", "quote at the start", "long", "longer than a part", "cell"],
)
@pytest.mark.parametrize("behind", [0, 3, 20_000])
@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_a_row_that_can_not_be_read_costs_itself_alone(bad: bytes, code: str, behind: int, size: int) -> None:
    _shape, rows = read(b"email,last\n" + GOOD + bad + GOOD * behind, size)
    assert [(row.number, row.flaw.code) for row in rows if row.flaw] == [(3, code)]
    assert [row.number for row in rows] == list(range(2, behind + 4))
    assert {row.cells for row in rows if not row.flaw} == {("c@d.example", "Jones")}


def test_an_open_quote_does_not_swallow_a_row_with_quotes_of_its_own() -> None:
    content = b'email,last\na@b.example,"Smith\nc@d.example,"Jones, Bob"\n"e@f.example",Two\n'
    _shape, rows = read(content)
    assert [row.cells[0] for row in rows if not row.flaw] == ["c@d.example", "e@f.example"]
    assert [row.number for row in rows if row.flaw] == [2]


def test_quotes_that_mean_nothing_end_in_words_and_not_in_hours() -> None:
    with pytest.raises(Unreadable) as refused:
        read(
            b"email,last\n" + b'x",",x",y\n' * 10 + (b'a",,"b\n' + (b"x" * 660 + b"\n") * 100) * 100, 1 << 20
        )
    assert refused.value.code == "unreadable_row"
    assert "%(" not in refused.value.message()


CELL = st.text(alphabet="abc éñ", min_size=1, max_size=6).map(str.strip).filter(bool)
DAMAGE = st.sampled_from(
    [b'x@y.example,"open', b"x@y.example,Pe\xf1a", b"x@y.example,nul\0", b"x" * 70_000, b"x"]
)


@hypothesis_settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=20), st.integers(0, 20), DAMAGE)
def test_damage_in_one_row_changes_no_other(names: list[tuple[str, str]], place: int, damage: bytes) -> None:
    lines = [f'p{number}@b.example,"{a}, {b}"'.encode() for number, (a, b) in enumerate(names)]
    lines = [*lines, "z@b.example,Peña".encode()]
    whole = parsed(b"email,last\r\n" + b"\r\n".join(lines))
    lines.insert(place, damage)
    assert parsed(b"email,last\r\n" + b"\r\n".join(lines)) == whole


def test_one_damaged_byte_does_not_make_utf8_an_older_encoding() -> None:
    content = b"email,last\n" + "a@b.example,Peña\n".encode() * 50 + b"b@b.example,Pe\xf1a\n"
    content += "c@b.example,Müller\n".encode()
    shape, rows = read(content)
    assert shape.encoding == "utf-8-sig"
    assert {one.record["last_name"] for one in parsed(content)} == {"Peña", "Müller"}
    assert "\ufffd" in rows[50].cells[1]
    assert read("email,last\nb@b.example,Peña\n".encode("cp1252"))[0].encoding == "cp1252"


@hypothesis_settings(max_examples=50, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400), st.text(alphabet='ab@.,;|\t"\r\n\x00é=sep', max_size=200).map(str.encode)
    )
)
@example(b'"')
@example(b"sep=\n")
@example(b"sep=,\nsep=,\n")
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf")
@example(b"\r")
def test_hostile_bytes_are_read_or_refused_and_never_raise_anything_else(content: bytes) -> None:
    try:
        shape, rows = read(content, 7)
        guessed = mapping.guess(shape.first, shape.samples, has_header=shape.has_header)
        for row in rows:
            parse_row(
                row.cells,
                guessed,
                columns=len(shape.first),
                topics=Topics.of({}),
                today=TODAY,
                normalise=normalise,
            )
    except Unreadable as refused:
        assert refused.message()
        return
    assert all(left.number < right.number for left, right in pairwise(rows))
    assert not any(row.is_blank for row in rows)

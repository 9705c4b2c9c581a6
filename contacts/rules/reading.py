"""Reading a file of contacts as people export them: its encoding, its separator, its header, and then row by row.

Nothing here holds more than one chunk and one row, so that a file of a million rows is read in the memory of one part.
"""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

from contacts.rules.problems import Unreadable

ROW_LIMIT = 64 * 1024  # characters, line ends included
FIELD_LIMIT = 32 * 1024  # characters
COLUMN_LIMIT = 200
HEAD_SIZE = 128 * 1024  # bytes: twice the longest row, so that one row always fits
LONGEST_ADDRESS = 320  # characters: RFC 3696 section 3
SAMPLE_ROWS = 20
DELIMITERS = (",", ";", "\t", "|")

_LINE_END = re.compile(r"\r\n|\n|\r")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE | re.DOTALL)
_VALUE = re.compile(r"\S+@\S+\.\S+|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|[-+().\d\s]*\d{3}[-+().\d\s]*")
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_BINARIES = (b"%PDF", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"7z\xbc\xaf", b"Rar!")
# What programs in the countries we serve write when they don't write Unicode.
_LEGACY = ("cp1252", "mac_roman", "cp850", "cp437", "cp1250", "cp1251", "cp1254")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as a spreadsheet would show it (the header is row 1), and its cells."""

    number: int
    cells: tuple[str, ...]

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it."""
        return not any(cell.strip() for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is to be read, with its first row and a few rows below it, blank ones left out."""

    encoding: str
    delimiter: str
    has_header: bool
    first: tuple[str, ...]
    samples: tuple[tuple[str, ...], ...]


class Probe:
    """Finds the encoding of a file while its bytes pass by once.

    A file may be ASCII for a hundred thousand rows before its first accent, so every byte is looked at, and what surrounds
    the first byte that isn't UTF-8 is kept for the guess.
    """

    def __init__(self) -> None:
        self.head = b""
        self.size = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._foreign = b""

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes. Raises Unreadable for what is plainly no text."""
        if self.size < HEAD_SIZE:
            self.head += chunk[: HEAD_SIZE - len(self.head)]
            _refuse_binary(self.head)
        self.size += len(chunk)
        if self._foreign:
            return
        try:
            self._utf8.decode(chunk)
        except UnicodeDecodeError as error:
            self._foreign = error.object[max(0, error.start - 4096) : error.start + 8192]

    def encoding(self) -> str:
        """The codec to read the file with. Raises Unreadable for an empty file."""
        if not self.size:
            raise Unreadable("empty")
        if self.head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if wide := _utf16_without_bom(self.head):
            return wide
        if not self._foreign:
            return "utf-8-sig"
        return _legacy(self._foreign)


def _refuse_binary(head: bytes) -> None:
    if head.startswith(_SPREADSHEETS):
        raise Unreadable("spreadsheet")
    if head.startswith(_BINARIES):
        raise Unreadable("binary")


def _utf16_without_bom(head: bytes) -> str | None:
    """UTF-16 of mostly Latin letters: every second byte is nought."""
    pairs = len(head) // 2
    if not pairs:
        return None
    if head[1::2].count(0) > pairs * 0.6 and head[0::2].count(0) < pairs * 0.1:
        return "utf-16-le"
    if head[0::2].count(0) > pairs * 0.6 and head[1::2].count(0) < pairs * 0.1:
        return "utf-16-be"
    return None


def _legacy(sample: bytes) -> str:
    """The likeliest single-byte encoding; Windows' Western one, unless another reads clearly better."""
    matches = from_bytes(sample, cp_isolation=list(_LEGACY))
    best = matches.best()
    if best is None:
        return "cp1252"
    western = next((match for match in matches if match.could_be_from_charset.count("cp1252")), None)
    return "cp1252" if western is not None and western.chaos <= best.chaos + 0.05 else best.encoding


def recognise(head: bytes, encoding: str, *, whole: bool) -> Shape:
    """The shape of a file from its first bytes; `whole` says that there are no more.

    Raises Unreadable where two columns have one name, a limit is passed, or there are no rows of contacts.
    """
    lines = list(_head_lines(head, encoding, whole=whole))
    given = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    if given:
        lines = lines[1:]
    delimiter = given[1] if given and given[1] in DELIMITERS else _delimiter(lines)
    rows = [row.cells for row in _records(lines, delimiter) if not row.is_blank]
    if not rows:
        raise Unreadable("empty")
    has_header = not any(_is_value(cell.strip()) for cell in rows[0])
    if has_header:
        refuse_twins(rows[0])
        if len(rows) == 1:
            raise Unreadable("no_rows")
    return Shape(encoding, delimiter, has_header, rows[0], tuple(rows[1 : SAMPLE_ROWS + 1]))


def _is_value(cell: str) -> bool:
    """Whether a cell of the first row is a value rather than a name; nothing long is looked at, since patterns backtrack."""
    return len(cell) <= LONGEST_ADDRESS and bool(_VALUE.fullmatch(cell))


def refuse_twins(header: Sequence[str]) -> None:
    """Raise Unreadable where two columns have one name; columns without a name are told apart by their number."""
    names = Counter(" ".join(name.casefold().split()) for name in header)
    for name in header:
        folded = " ".join(name.casefold().split())
        if folded and names[folded] > 1:
            raise Unreadable("header_twice", name=name.strip()[:60])


def data_rows(chunks: Iterable[bytes], *, encoding: str, delimiter: str, has_header: bool) -> Iterator[Row]:
    """The rows of contacts, in order, without the header and without blank rows; their numbers count those all the same.

    Raises Unreadable at the first row that can't be read.
    """
    header_pending = has_header
    for row in _records(_lines(chunks, encoding), delimiter):
        if row.is_blank:
            continue
        if header_pending:
            header_pending = False
            continue
        yield row


def _head_lines(head: bytes, encoding: str, *, whole: bool) -> Iterator[str]:
    if whole:
        yield from _lines([head], encoding)
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(head)
    except UnicodeDecodeError:
        raise Unreadable("encoding", row=1) from None
    if "\0" in text:
        raise Unreadable("binary")
    # The last line is probably cut; of a quoted row cut in its middle the caller sees a short sample row, no more.
    yield from _split(text, len(text))


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Lines with their ends, be they CRLF, LF or CR alone."""
    decoder = codecs.getincrementaldecoder(encoding)()
    rest, count = "", 0
    for chunk, final in _with_last(chunks):
        try:
            text = rest + decoder.decode(chunk, final)
        except UnicodeDecodeError:
            raise Unreadable("encoding", row=count + 1) from None
        if "\0" in text:
            raise Unreadable("binary")
        # A carriage return at the end may be the first half of a CRLF.
        end = len(text) - 1 if text.endswith("\r") and not final else len(text)
        position = 0
        for line in _split(text, end):
            position += len(line)
            count += 1
            yield line
        rest = text[position:]
        if len(rest) > ROW_LIMIT:
            raise Unreadable("row_too_long", row=count + 1, limit=ROW_LIMIT)
    if rest:
        yield rest


def _split(text: str, end: int) -> Iterator[str]:
    """The whole lines among the first `end` characters. Only line ends are searched for: a long line takes linear time."""
    position = 0
    for match in _LINE_END.finditer(text, 0, end):
        yield text[position : match.end()]
        position = match.end()


def _with_last(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for chunk in chunks:
        yield chunk, False
    yield b"", True


class _Feed:
    """Hands lines to the CSV reader and counts what one row has taken: a quote that is never closed would take the file."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._taken = 0
        self.row = 1

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken += len(line)
        if self._taken > ROW_LIMIT:
            raise Unreadable("row_too_long", row=self.row, limit=ROW_LIMIT)
        return line

    def next_row(self) -> None:
        self.row += 1
        self._taken = 0


def _records(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    feed = _Feed(_without_separator_line(lines))
    reader = csv.reader(feed, delimiter=delimiter, skipinitialspace=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise Unreadable("unreadable_row", row=feed.row) from None
        if len(cells) > COLUMN_LIMIT:
            raise Unreadable("too_many_columns", row=feed.row, limit=COLUMN_LIMIT)
        if any(len(cell) > FIELD_LIMIT for cell in cells):
            raise Unreadable("field_too_long", row=feed.row, limit=FIELD_LIMIT)
        yield Row(feed.row, tuple(cells))
        feed.next_row()


def _without_separator_line(lines: Iterable[str]) -> Iterator[str]:
    """Excel's own `sep=;` line names the separator and is no row."""
    for number, line in enumerate(lines):
        if number or not _SEPARATOR_LINE.fullmatch(line):
            yield line


def _delimiter(lines: Sequence[str]) -> str:
    """The separator that cuts the most rows into as many cells as the first row."""

    def fitness(delimiter: str) -> tuple[float, int]:
        counts = [len(row.cells) for row in _records(lines, delimiter) if not row.is_blank][:100]
        if not counts or counts[0] < 2:
            return 0.0, 0
        return counts.count(counts[0]) / len(counts), counts[0]

    return max(DELIMITERS, key=fitness)

"""Reading a file of contacts as people export them: its encoding, its separator, its header, and then row by row.

Nothing here holds more than one chunk and one row, so that a file of a million rows is read in the memory of one part. What is
wrong with one row costs that row: a byte that is no letter becomes U+FFFD, which no field takes; a row too long is skipped; a
quote that is never closed costs the line on which it was opened.
"""

import codecs
import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from charset_normalizer import from_bytes

from contacts.rules.problems import Problem, Unreadable

ROW_LIMIT = 64 * 1024  # characters, line ends included
FIELD_LIMIT = 32 * 1024  # characters
COLUMN_LIMIT = 200
HEAD_SIZE = 128 * 1024  # bytes: twice the longest row, so that one row always fits
LONGEST_ADDRESS = 320  # characters: RFC 3696 section 3
SAMPLE_ROWS = 20
READ_AGAIN_LIMIT = (
    4 * 1024 * 1024
)  # characters behind quotes that weren't closed; beyond, quotes are no sign of anything
DELIMITERS = (",", ";", "\t", "|")

LOST = "\N{REPLACEMENT CHARACTER}"

_LINE_END = re.compile(r"\r\n|\n|\r")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE | re.DOTALL)
_VALUE = re.compile(r"\S+@\S+\.\S+|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|[-+().\d\s]*\d{3}[-+().\d\s]*")
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_BINARIES = (b"%PDF", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"7z\xbc\xaf", b"Rar!")
# What programs in the countries we serve write when they don't write Unicode.
_LEGACY = ("cp1252", "mac_roman", "cp850", "cp437", "cp1250", "cp1251", "cp1254")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number as a spreadsheet would show it (the header is row 1), and its cells.

    With a `flaw` it can't be read as a row, and `cells` hold its text as far as it goes.
    """

    number: int
    cells: tuple[str, ...]
    flaw: Problem | None = None

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
        self._strict = codecs.getincrementaldecoder("utf-8")()
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._foreign = b""
        self._letters = 0  # beyond ASCII, that are UTF-8
        self._damaged = 0  # bytes that aren't

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes. Raises Unreadable for what is plainly no text."""
        if self.size < HEAD_SIZE:
            self.head += chunk[: HEAD_SIZE - len(self.head)]
            _refuse_binary(self.head)
        self.size += len(chunk)
        text = self._utf8.decode(chunk)
        if not text.isascii():
            damaged = text.count(LOST)
            self._damaged += damaged
            self._letters += len(text) - len(text.encode("ascii", "ignore")) - damaged
        if self._foreign:
            return
        try:
            self._strict.decode(chunk)
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
        if self.head.count(0) > len(self.head) * 0.1:
            raise Unreadable("binary")
        # In an older encoding an accent is hardly ever UTF-8 by chance. Where some are, the file is UTF-8 with a few damaged
        # bytes, and the older encoding would spoil every accent in it.
        if not self._foreign or self.head.startswith(codecs.BOM_UTF8) or self._letters * 10 > self._damaged:
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
    found = [row for row in _records(lines, delimiter) if not row.is_blank]
    if not found:
        raise Unreadable("empty")
    _refuse_first(found[0])
    rows = [row.cells for row in found if row.flaw is None]
    has_header = not any(_is_value(cell.strip()) for cell in rows[0])
    if has_header:
        refuse_twins(rows[0])
        if len(found) == 1:
            raise Unreadable("no_rows")
    return Shape(encoding, delimiter, has_header, rows[0], tuple(rows[1 : SAMPLE_ROWS + 1]))


def _refuse_first(row: Row) -> None:
    """Raise Unreadable where the first row, on which the columns hang, can't be read."""
    if row.flaw:
        code = row.flaw.code if row.flaw.code in {"row_too_long", "field_too_long"} else "unreadable_row"
        raise Unreadable(code, row=row.number, **row.flaw.values)
    if len(row.cells) > COLUMN_LIMIT:
        raise Unreadable("too_many_columns", row=row.number, limit=COLUMN_LIMIT)
    if any("\0" in cell for cell in row.cells):
        raise Unreadable("binary")


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

    A row that can't be read comes with its flaw. Raises Unreadable where quotes are so broken that no row can be told.
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
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    # The last line is probably cut; of a quoted row cut in its middle the caller sees a flaw, no more.
    yield from _split(text, len(text))


def _lines(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Lines with their ends, be they CRLF, LF or CR alone; of a line that is too long only so much that it can be told."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest = ""
    for chunk, final in _with_last(chunks):
        text = rest + decoder.decode(chunk, final)
        # A carriage return at the end may be the first half of a CRLF.
        end = len(text) - 1 if text.endswith("\r") and not final else len(text)
        position = 0
        for line in _split(text, end):
            position += len(line)
            yield line
        rest = text[position:]
        if len(rest) > ROW_LIMIT + 1:
            rest = rest[: ROW_LIMIT + 1] + ("\r" if rest.endswith("\r") else "")
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


class _TooLong(Exception):
    """One row has taken more than ROW_LIMIT characters."""


class _Feed:
    """Hands lines to the CSV reader, and holds those of the present row: a quote that is never closed would take the file."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self.taken = self._read_again = 0
        self.held: list[str] = []
        self.row = 1
        self.is_cut = False  # the file ended inside the present row

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            self.is_cut = bool(self.held)
            raise StopIteration
        self.held.append(line)
        self.taken += len(line)
        if self.taken > ROW_LIMIT:
            raise _TooLong
        return line

    def next_row(self) -> None:
        self.row += 1
        self.taken, self.held, self.is_cut = 0, [], False

    def give_back(self) -> None:
        """Let every line but the first of the present row be read again, as rows of their own. Raises Unreadable."""
        self._read_again += self.taken
        if self._read_again > READ_AGAIN_LIMIT:
            raise Unreadable("unreadable_row", row=self.row)
        self._again.extendleft(reversed(self.held[1:]))


def _records(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    feed = _Feed(_without_separator_line(lines))
    reader = csv.reader(feed, delimiter=delimiter, skipinitialspace=True)
    while True:
        flaw, cells = None, []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _TooLong:
            flaw = Problem("row_too_long", "", {"limit": str(ROW_LIMIT)})
        except csv.Error:
            flaw = Problem("open_quote")
        if len(feed.held) > 1 and (flaw or feed.is_cut or not _is_well_quoted(feed.held, delimiter)):
            flaw = Problem("open_quote")
            feed.give_back()
        elif feed.is_cut:
            flaw = Problem("open_quote")
        elif feed.taken > FIELD_LIMIT and any(len(cell) > FIELD_LIMIT for cell in cells):
            yield Row(feed.row, tuple(cells), Problem("field_too_long", "", {"limit": str(FIELD_LIMIT)}))
            feed.next_row()
            continue
        if flaw:
            # Its text is one cell, so that nobody takes it for a row that was mended.
            yield Row(feed.row, (feed.held[0][:ROW_LIMIT].rstrip("\r\n"),), flaw)
            reader = csv.reader(feed, delimiter=delimiter, skipinitialspace=True)
        else:
            yield Row(feed.row, tuple(cells))
        feed.next_row()


def _is_well_quoted(lines: Sequence[str], delimiter: str) -> bool:
    """Whether each closing quote of a row of several lines stands before a separator, as it does where it was meant to close."""
    try:
        list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
    except csv.Error:
        return False
    return True


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

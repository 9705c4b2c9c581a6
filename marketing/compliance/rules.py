"""The message log as CSV: its columns, and cells that no spreadsheet takes for a formula."""

from collections.abc import Iterable, Iterator, Sequence

LOG_COLUMNS = (
    "message",
    "person (pseudonym)",
    "state",
    "reason",
    "changed (UTC)",
    "attempts",
    "source address",
    "receiving host",
    "TLS version",
    "cipher",
    "certificate verified",
    "reply code",
    "reply",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """A cell's text. One that begins like a formula gets an apostrophe before it (BEHAVIOURS F5)."""
    if value is None:
        return ""
    text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """RFC 4180 lines, UTF-8, CRLF; every cell quoted where it must be."""
    for row in rows:
        cells = [cell(value) for value in row]
        quoted = [
            f'"{text.replace(chr(34), chr(34) * 2)}"' if _needs_quotes(text) else text for text in cells
        ]
        yield (",".join(quoted) + "\r\n").encode()


def _needs_quotes(text: str) -> bool:
    return any(letter in text for letter in '",\r\n')

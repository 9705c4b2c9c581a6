"""Evidence as CSV: its kinds and columns, days as moments, and cells that no spreadsheet takes for a formula."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum


class Kind(StrEnum):
    """What an officer can ask for, as it stands in addresses."""

    MESSAGES = "messages"
    CONSENT = "consent"
    OPT_OUTS = "opt-outs"
    ACCESS = "access"
    STAFF = "staff"
    LOG = "log"


# As the report is called in its file and in the audit log.
NAMES = {
    Kind.MESSAGES: "message log",
    Kind.CONSENT: "consent ledger",
    Kind.OPT_OUTS: "opt-outs",
    Kind.ACCESS: "access log",
    Kind.STAFF: "staff and second factors",
    Kind.LOG: "audit log",
}
COLUMNS = {
    Kind.MESSAGES: (
        "mailing",
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
    ),
    Kind.CONSENT: (
        "record",
        "person (pseudonym)",
        "address (keyed hash)",
        "act",
        "about",
        "topic",
        "source",
        "text version",
        "evidence",
        "given (UTC)",
        "recorded (UTC)",
    ),
    Kind.OPT_OUTS: (
        "record",
        "address (keyed hash)",
        "scope",
        "brand",
        "topic",
        "source",
        "reason",
        "mailing",
        "message",
        "asked (UTC)",
        "effective (UTC)",
        "seconds between",
        "lifted (UTC)",
        "lifted by",
        "sends after",
    ),
    Kind.ACCESS: (
        "event",
        "at (UTC)",
        "action",
        "outcome",
        "who",
        "who (kind)",
        "role now",
        "purpose",
        "fields",
        "records",
        "patient (pseudonym)",
        "from address",
        "request",
    ),
    Kind.STAFF: (
        "person",
        "name",
        "e-mail address",
        "role",
        "active",
        "second factor",
        "factor since (UTC)",
        "factor last used (UTC)",
        "last sign-in (UTC)",
        "open sessions",
        "account since (UTC)",
    ),
    Kind.LOG: (
        "event",
        "at (UTC)",
        "action",
        "in words",
        "outcome",
        "who",
        "who (kind)",
        "who (id)",
        "session (hash)",
        "method",
        "factor",
        "from address",
        "browser",
        "object (kind)",
        "object (id)",
        "patient (pseudonym)",
        "purpose",
        "reason",
        "details",
        "request",
        "version",
        "place in the chain",
        "hash",
        "hash before",
    ),
}
# Columns whose values are counted in the closing block, and one whose numbers are added up there.
COUNTED = {
    Kind.MESSAGES: "state",
    Kind.CONSENT: "act",
    Kind.OPT_OUTS: "scope",
    Kind.ACCESS: "outcome",
    Kind.STAFF: "second factor",
    Kind.LOG: "outcome",
}
ADDED = {Kind.OPT_OUTS: "sends after"}

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SHORT = 12


def pseudonym(key: str) -> str:
    """The beginning of somebody's pseudonym (hexadecimal), enough to tell people apart on a page; files have it whole."""
    return key[:_SHORT]


def span(since: date | None, until: date | None, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
    """From the first moment of one day to the first after another, both days included, as the zone's clocks have them."""

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time.min, zone)

    return midnight(since) if since else None, midnight(until + timedelta(days=1)) if until else None


def utc(moment: datetime | None) -> str:
    """A moment as a file has it: ISO 8601, UTC, to the second; empty for None."""
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""


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

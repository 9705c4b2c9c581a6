"""One cell to one value: dates, times, numbers, yes and no, lists, as people write them in the United States."""

import math
import re
import unicodedata
from datetime import date, datetime

TEXT_LIMIT = 500  # characters
LIST_LIMIT = 200  # values in one cell

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_NAMED = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3,9})\.?[- ](\d{4})")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2}(?:\.\d+)?)?\s*([AaPp])?\.?(?:[Mm]\.?)?")
_ROUNDED = re.compile(r"[-+]?\d(?:[.,]\d+)?E\+\d{1,3}", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YES = frozenset({"yes", "y", "true", "t", "1", "x", "on", "si", "sí", "s"})
_NO = frozenset({"no", "n", "false", "f", "0", "off"})
# Not for names: there are people called Null.
_NOTHING = frozenset({"n/a", "na", "null", "none", "nil", "-", "--", "unknown"})
_CHOICES: dict[str, dict[str, str]] = {
    "language": {"english": "en", "inglés": "en", "spanish": "es", "español": "es", "eng": "en", "spa": "es"},
    "gender": {"f": "female", "m": "male", "woman": "female", "man": "male"},
}


class NotThis(ValueError):
    """The cell doesn't hold a value of this kind."""


class TooLong(ValueError):
    """The cell holds more than the field takes."""


def is_nothing(cell: str) -> bool:
    """Whether a cell of a kind other than text says that nothing is known."""
    return cell.strip().casefold() in _NOTHING


def is_rounded(cell: str) -> bool:
    """Whether a spreadsheet has made a long number of this: 1.23457E+11 stands for a million of them."""
    return bool(_ROUNDED.fullmatch(cell.strip()))


def read_text(cell: str) -> str:
    """Trimmed, NFC, control characters gone, white space (line ends too) single. Raises TooLong."""
    printable = cell
    if not (
        cell.isascii() and cell.isprintable()
    ):  # most cells are plain: a million rows have thirty million of them
        printable = "".join(" " if c.isspace() else c for c in cell if c.isspace() or _is_printable(c))
    text = unicodedata.normalize("NFC", " ".join(printable.split()))
    if len(text) > TEXT_LIMIT:
        raise TooLong
    return text


def read_choice(key: str, cell: str) -> str:
    """Text; the usual spellings of languages and genders become one. Raises TooLong."""
    text = read_text(cell)
    if key not in _CHOICES:
        return text
    folded = text.casefold()
    return _CHOICES[key].get(folded, folded.replace("_", "-").split("-")[0] if key == "language" else folded)


def read_zip(cell: str) -> str:
    """A ZIP code, with the leading noughts that spreadsheets eat. Raises TooLong."""
    text = read_text(cell)
    return text.zfill(5) if text.isascii() and text.isdigit() and 3 <= len(text) < 5 else text


def read_date(cell: str, *, day_first: bool = False) -> date:
    """A date as 2026-11-30, 11/30/2026 (with `day_first` 30/11/2026) or 30-Nov-2026; a time behind it is let go. Raises NotThis.

    Years of two digits are refused: a birth date and an appointment would mean different centuries.
    """
    day, _rest = _split_date(cell.strip(), day_first)
    return day


def read_moment(cell: str, *, day_first: bool = False) -> datetime:
    """A date and time in the clinic's own zone, without one; midnight where there is no time. Raises NotThis."""
    day, rest = _split_date(cell.strip(), day_first)
    rest = rest.strip(" Tt,")
    if not rest:
        return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - the clinic's own time, see fields.Kind.MOMENT
    clock = _CLOCK.fullmatch(rest)
    if clock is None:
        raise NotThis
    hour, minute, half = int(clock[1]), int(clock[2]), (clock[3] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise NotThis
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - as above
    except ValueError:
        raise NotThis from None


def read_number(cell: str) -> int | float:
    """A finite number; thousands commas and a per cent sign are let go. Raises NotThis."""
    text = cell.strip().removesuffix("%").strip()
    if not text.isascii() or not _NUMBER.fullmatch(text) or not any(c.isdigit() for c in text):
        raise NotThis
    number = float(text.replace(",", ""))
    if not math.isfinite(number) or abs(number) > 1e12:
        raise NotThis
    return int(number) if number.is_integer() and "." not in text else number


def read_yes_no(cell: str) -> bool:
    """Yes or no, as people and programs write it, in English or Spanish. Raises NotThis."""
    folded = cell.strip().casefold()
    if folded in _YES:
        return True
    if folded in _NO:
        return False
    raise NotThis


def read_many(cell: str) -> list[str]:
    """A list separated by bars or semicolons, in its order, nothing twice. Raises TooLong."""
    values = [text for text in map(read_text, re.split(r"[|;]", cell)) if text]
    if len(values) > LIST_LIMIT:
        raise TooLong
    return list(dict.fromkeys(values))


def _split_date(text: str, day_first: bool) -> tuple[date, str]:
    try:
        if match := _ISO.match(text):
            day = date(int(match[1]), int(match[2]), int(match[3]))
        elif match := _SLASHED.match(text):
            month, number = (match[2], match[1]) if day_first else (match[1], match[2])
            day = date(int(match[3]), int(month), int(number))
        elif (match := _NAMED.match(text)) and match[2][:3].lower() in _MONTHS:
            day = date(int(match[3]), _MONTHS.index(match[2][:3].lower()) + 1, int(match[1]))
        else:
            raise NotThis
    except ValueError:
        raise NotThis from None
    rest = text[match.end() :]
    # "2026-11-301" is a slip, not a date with a time behind it.
    if rest and (rest[0] not in " Tt," or not rest.strip(" Tt,")[:1].isdigit()):
        raise NotThis
    return day, rest


def _is_printable(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cs", "Co", "Cn"}

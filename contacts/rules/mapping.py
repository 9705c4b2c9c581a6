"""Which column of a file is which field: a guess from the header, or from the values where there is no header."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from contacts.rules import fields
from contacts.rules.reading import LONGEST_ADDRESS
from contacts.rules.values import NotThis, read_date

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_ZIP = re.compile(r"\d{5}(-\d{4})?")
_PHONE = re.compile(r"\+?[-().\s\d]{7,20}")
_DATED = frozenset({"consent_source", "consent_date"})


def fold(name: str) -> str:
    """A name without case, accents, punctuation and doubled spaces, to compare by."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return " ".join(
        re.sub(r"[^a-z0-9]+", " ", "".join(c for c in plain if not unicodedata.combining(c))).split()
    )


def _tight(name: str) -> str:
    """Folded, and without spaces: "D.O.B.", "dob" and "E-Mail", "email" are one each."""
    return fold(name).replace(" ", "")


def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for field in fields.FIELDS:
        for name in (field.key, field.label, *field.also):
            names.setdefault(_tight(name), field.key)
    for key, also in fields.EVIDENCE.items():
        for name in (key, fields.EVIDENCE_LABELS[key], *also):
            names.setdefault(_tight(name), key)
    return names


_BY_NAME = _names()


def targets() -> list[tuple[str, str, str]]:
    """What a column may be: (group, key, label), labels and groups as English source text."""
    known = [(field.group, field.key, field.label) for field in fields.FIELDS]
    return known + [("Consent", key, label) for key, label in fields.EVIDENCE_LABELS.items()]


def label_of(key: str) -> str:
    """The English label of a field or a column of evidence."""
    return fields.BY_KEY[key].label if key in fields.BY_KEY else fields.EVIDENCE_LABELS.get(key, "")


def guess(first: Sequence[str], samples: Sequence[Sequence[str]], *, has_header: bool) -> dict[int, str]:
    """A field for each column that can be told, by number from 0; no field twice, and nothing for the others."""
    if has_header:
        return _by_header(first)
    return _by_values([first, *samples])


def faults(mapping: Mapping[int, str], columns: int) -> list[str]:
    """What speaks against a mapping: `no_email`, `twice:<key>`, `unknown`. Empty where it can be used."""
    known = {key for _group, key, _label in targets()}
    found = []
    if any(key not in known or not 0 <= column < columns for column, key in mapping.items()):
        found.append("unknown")
    if "email" not in mapping.values():
        found.append("no_email")
    keys = list(mapping.values())
    found += [f"twice:{key}" for key in sorted({key for key in keys if keys.count(key) > 1})]
    return found


def date_columns(mapping: Mapping[int, str]) -> list[int]:
    """The columns that hold dates, by number."""
    kinds = {fields.Kind.DATE, fields.Kind.MOMENT}
    return [
        column
        for column, key in sorted(mapping.items())
        if key == "consent_date" or (key in fields.BY_KEY and fields.BY_KEY[key].kind in kinds)
    ]


def lacks_evidence(mapping: Mapping[int, str]) -> bool:
    """Whether consent would be read without its source or its date, and so not be recorded (BEHAVIOURS C4)."""
    mapped = set(mapping.values())
    return bool(mapped & {"marketing_consent", "tracking_consent"}) and not mapped >= _DATED


def _by_header(header: Sequence[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    for column, name in enumerate(header):
        key = _BY_NAME.get(_tight(name))
        if key and key not in found.values():
            found[column] = key
    return found


def _by_values(rows: Sequence[Sequence[str]]) -> dict[int, str]:
    """By what the values look like; names are told by their standing in the address."""
    columns = {
        column: [row[column].strip()[:LONGEST_ADDRESS] for row in rows if len(row) > column]
        for column in range(len(rows[0]))
    }
    found: dict[int, str] = {}

    def assign(key: str, fits: Callable[[str], bool]) -> None:
        for column, values in columns.items():
            filled = [value for value in values if value]
            if column not in found and filled and sum(map(fits, filled)) >= len(filled) * 0.8:
                found[column] = key
                return

    assign("email", lambda value: bool(_ADDRESS.fullmatch(value)))
    assign("birth_date", _is_birth_date)
    assign("zip", lambda value: bool(_ZIP.fullmatch(value)))
    assign("phone", lambda value: bool(_PHONE.fullmatch(value)) and sum(c.isdigit() for c in value) >= 7)
    address = next((column for column, key in found.items() if key == "email"), None)
    if address is not None:
        _assign_names(found, columns, columns[address])
    return found


def _assign_names(
    found: dict[int, str], columns: Mapping[int, Sequence[str]], addresses: Sequence[str]
) -> None:
    locals_ = [fold(address.partition("@")[0]).split() for address in addresses]
    for key, place in (("first_name", 0), ("last_name", -1)):
        for column, values in columns.items():
            agree = sum(
                len(parts) > 1 and fold(value).replace(" ", "") == parts[place]
                for value, parts in zip(values, locals_, strict=False)
            )
            if column not in found and values and agree >= len(values) * 0.5:
                found[column] = key
                break


def _is_birth_date(value: str) -> bool:
    for day_first in (False, True):
        try:
            return date(1900, 1, 1) <= read_date(value, day_first=day_first)
        except NotThis:
            continue
    return False

"""The sample patients, with their dates moved so that the file's day is today. All of them are invented."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

FILE = Path(__file__).parent / "data" / "contacts.csv"
# The day that the file's dates refer to.
WRITTEN = date(2026, 11, 15)
_DATES = ("deceased_date", "last_visit", "flu_shot_date", "consent_date")
_MOMENTS = ("next_appointment",)


def shifted(today: date) -> bytes:
    """The sample file as CSV in UTF-8, every date but the dates of birth moved by as many days as have passed since."""
    return _file(_rows(today))


def known_on(day: date, today: date) -> bytes:
    """The part of the file that a clinic had on a day before today: those who had come by then, with what was known of them."""
    rows = []
    for row in _rows(today):
        if all(row[column][:10] <= day.isoformat() for column in ("consent_date", "deceased_date")):
            for column in ("last_visit", "flu_shot_date"):
                row[column] = row[column] if row[column] <= day.isoformat() else ""
            rows.append(row)
    return _file(rows)


def never_asked(today: date) -> list[tuple[str, str]]:
    """Address and language of the living adults of whom the file says neither yes nor no."""
    grown = today.replace(year=today.year - 18, day=1).isoformat()
    return [
        (row["email"], row["language"] or "en")
        for row in _rows(today)
        if not row["marketing_consent"]
        and not row["deceased_date"]
        and row["birth_date"] < grown
        and row["email"]
    ]


def addresses() -> list[str]:
    """The addresses of the file's rows, in their order; empty where a row has none that could be one."""
    return [row["email"] if "@" in row["email"] else "" for row in _rows(WRITTEN)]


def _rows(today: date) -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as source:
        return [_moved(row, today - WRITTEN) for row in csv.DictReader(source)]


def _file(rows: Sequence[dict[str, str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _moved(row: dict[str, str], days: timedelta) -> dict[str, str]:
    moved = dict(row)
    for column in _DATES:
        if row[column]:
            moved[column] = (date.fromisoformat(row[column]) + days).isoformat()
    for column in _MOMENTS:
        if row[column]:
            moved[column] = (datetime.fromisoformat(row[column]) + days).isoformat(timespec="minutes")
    return moved

"""The sample patients, with their dates moved so that the file's day is today. All of them are invented."""

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path

FILE = Path(__file__).parent / "data" / "contacts.csv"
# The day that the file's dates refer to.
WRITTEN = date(2026, 11, 15)
_DATES = ("deceased_date", "last_visit", "flu_shot_date", "consent_date")
_MOMENTS = ("next_appointment",)


def shifted(today: date) -> bytes:
    """The sample file as CSV in UTF-8, every date but the dates of birth moved by as many days as have passed since."""
    days = today - WRITTEN
    with FILE.open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(_moved(row, days) for row in rows)
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

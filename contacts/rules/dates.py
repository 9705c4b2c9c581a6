"""How a column writes its dates: 05/12/1980 is in May or in December, and only the other values can tell."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_SLASHED = re.compile(r"\s*'?(\d{1,2})/(\d{1,2})/\d{4}(?!\d)")


class Form(StrEnum):
    """Which number of a date with slashes is the day. Dates that begin with the year or name the month need no form."""

    MONTH_FIRST = "month_first"
    DAY_FIRST = "day_first"


@dataclass(slots=True)
class Seen:
    """How many dates of one column can only be read one way, and how many either way (to different days)."""

    month_first: int = 0
    day_first: int = 0
    either: int = 0

    def add(self, cell: str) -> None:
        """Count one cell; whatever is no date with slashes says nothing."""
        match = _SLASHED.match(cell)
        if match is None:
            return
        first, second = int(match[1]), int(match[2])
        if first > 12 >= second:
            self.day_first += 1
        elif second > 12 >= first:
            self.month_first += 1
        elif first != second and first <= 12:
            self.either += 1

    @property
    def form(self) -> Form | None:
        """The form that the values leave; None where they leave both open, or contradict each other."""
        if bool(self.day_first) == bool(self.month_first):
            return None
        return Form.DAY_FIRST if self.day_first else Form.MONTH_FIRST

    @property
    def is_mixed(self) -> bool:
        """Whether some can only be read the one way, and some only the other."""
        return bool(self.day_first and self.month_first)

    @property
    def is_open(self) -> bool:
        """Whether somebody has to say: values read either way, or some the one and some the other."""
        return self.form is None and bool(self.either or self.is_mixed)


def likeliest(seen: Seen, others: Iterable[Seen]) -> Form:
    """A guess to offer: what most values of the column say, or else of the file; the month first, as in the United States."""
    columns = [seen] if seen.day_first != seen.month_first else list(others)
    days, months = sum(one.day_first for one in columns), sum(one.month_first for one in columns)
    return Form.DAY_FIRST if days > months else Form.MONTH_FIRST

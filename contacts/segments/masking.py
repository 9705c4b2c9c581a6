"""Small numbers of a clinical segment, for people who may not open charts: shown as "Fewer than 11", also by subtraction.

Where a number from 1 to 10 could be worked out from two that are shown, one of them is told as a bound instead. (BEHAVIOURS E4;
the threshold is the one of the CMS cell suppression policy.)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

SMALL = 11
REACHABLE = "reachable"
DECEASED = "deceased"


class Telling(StrEnum):
    """How a number may be told."""

    EXACT = "exact"
    FEWER = "fewer"  # under SMALL
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it may be told. `least` is what is certain: the number, its lower bound, or nought."""

    telling: Telling
    least: int

    @property
    def exact(self) -> int | None:
        """The number, where it may be told."""
        return self.least if self.telling is Telling.EXACT else None


FEWER = Figure(Telling.FEWER, 0)


def exactly(number: int) -> Figure:
    """A number told as it is."""
    return Figure(Telling.EXACT, number)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """How many match, can be reached, and can't; the reasons apart only where none of them is small."""

    match: Figure
    reachable: Figure | None
    left_out: Figure | None
    reasons: tuple[tuple[str, Figure], ...]
    masked: bool


def told(match: int, parts: Mapping[str, int]) -> Breakdown:
    """Everything as it is: for people who may open charts."""
    if not parts:
        return Breakdown(exactly(match), None, None, (), False)
    reachable = parts[REACHABLE]
    return Breakdown(exactly(match), exactly(reachable), exactly(match - reachable), _apart(parts), False)


def told_without_charts(match: int, parts: Mapping[str, int]) -> Breakdown:
    """Everything as it is but how many have died, which is health data whatever the segment asks about.

    Below SMALL left out no reason is told, whether or not anybody has died: else one person's being left out would tell why.
    """
    whole = told(match, parts)
    if not parts or whole.left_out is None:
        return whole
    is_small = 0 < whole.left_out.least < SMALL or 0 < parts.get(DECEASED, 0) < SMALL
    return replace(whole, reasons=(), masked=True) if is_small else whole


def mask(match: int, parts: Mapping[str, int]) -> Breakdown:
    """The same with small numbers covered. `parts` sum to `match`, "reachable" among them; or it is empty."""
    if match < SMALL:
        covered = FEWER if parts else None
        return Breakdown(FEWER, covered, covered, (), True)
    if not parts:
        return told(match, parts)
    reachable = parts[REACHABLE]
    left_out = match - reachable
    # What is left when the small one is covered is told as the bound that follows from "fewer than 11", and no closer.
    bound = Figure(Telling.AT_LEAST, match - SMALL + 1)
    if 0 < left_out < SMALL:
        return Breakdown(exactly(match), bound, FEWER, (), True)
    if 0 < reachable < SMALL:
        return Breakdown(exactly(match), FEWER, bound, (), True)
    small = any(0 < number < SMALL for reason, number in parts.items() if reason != REACHABLE)
    reasons = () if small else _apart(parts)
    return Breakdown(exactly(match), exactly(reachable), exactly(left_out), reasons, small)


def tellable(whole: int, parts: Iterable[int]) -> bool:
    """Whether the parts of a whole may be told beside it. Where one is from 1 to 10 none is told, noughts neither: any of them
    could lead to it by subtraction.
    """
    return whole >= SMALL and not any(0 < number < SMALL for number in parts)


def _apart(parts: Mapping[str, int]) -> tuple[tuple[str, Figure], ...]:
    return tuple((reason, exactly(number)) for reason, number in parts.items() if reason != REACHABLE)

"""The page of safeguards says nothing that isn't so: each rule has a row, and each file and test it names exists.

The other pages under docs/ are held to the same where they name files and tests.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "safeguards.md"

# The rules of law and of trust, by their numbers. L7, L15 and L16 were never given out.
NUMBERS = (
    *(f"A{number}" for number in range(1, 11)),
    *(f"B{number}" for number in range(1, 7)),
    *(f"C{number}" for number in range(1, 15)),
    *(f"D{number}" for number in range(6)),
    *(f"E{number}" for number in range(1, 5)),
    *(f"F{number}" for number in range(1, 6)),
    *(f"L{number}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 17, 18, 19, 20)),
    "H",
)
# OWASP ASVS 5.0.0: what levels 1 and 2 ask in the chapters on authentication, sessions and authorization.
ASVS = (
    *(f"V6.1.{number}" for number in range(1, 4)),
    *(f"V6.2.{number}" for number in range(1, 13)),
    *(f"V6.3.{number}" for number in range(1, 5)),
    *(f"V6.4.{number}" for number in range(1, 5)),
    *(f"V6.5.{number}" for number in range(1, 6)),
    *(f"V6.6.{number}" for number in range(1, 4)),
    *(f"V6.8.{number}" for number in range(1, 5)),
    *(f"V7.1.{number}" for number in range(1, 4)),
    *(f"V7.2.{number}" for number in range(1, 5)),
    *(f"V7.3.{number}" for number in range(1, 3)),
    *(f"V7.4.{number}" for number in range(1, 6)),
    *(f"V7.5.{number}" for number in range(1, 3)),
    *(f"V7.6.{number}" for number in range(1, 3)),
    *(f"V8.1.{number}" for number in range(1, 3)),
    *(f"V8.2.{number}" for number in range(1, 4)),
    "V8.3.1",
    "V8.4.1",
)
COLUMNS = ("No", "Rule", "Kept by", "Proved by", "Not yet")
NOTHING = "—"

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|sql|html|yml|sh|txt|css|js|csv))(?:::\w+)?`")
_FOLDER = re.compile(r"`((?:[\w.-]+/)+)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def rows() -> list[tuple[str, ...]]:
    """The cells of every row of the page's tables, without heads and rules."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
            if cells != COLUMNS and set("".join(cells)) != {"-"}:
                found.append(cells)
    return found


def pages() -> list[Path]:
    return sorted((REPOSITORY / "docs").rglob("*.md"))


@cache
def functions(file: str) -> frozenset[str]:
    """Names of the tests that a file defines."""
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@cache
def every_test() -> frozenset[str]:
    files = (REPOSITORY / "tests").rglob("test_*.py")
    return frozenset().union(*(functions(str(file.relative_to(REPOSITORY))) for file in files))


def test_every_rule_has_a_row() -> None:
    assert {cells[0] for cells in rows() if cells[0] not in ASVS} == set(NUMBERS)
    numbers = [cells[0] for cells in rows() if cells[0] != "H"]
    assert len(numbers) == len(set(numbers))


def test_every_requirement_has_a_row() -> None:
    assert [cells[0] for cells in rows() if cells[0].startswith("V")] == list(ASVS)


@pytest.mark.parametrize("cells", rows(), ids=lambda cells: cells[0])
def test_what_is_claimed_is_proved_and_what_is_not_is_said(cells: tuple[str, ...]) -> None:
    assert len(cells) == len(COLUMNS)
    number, rule, kept, proved, missing = cells
    assert rule
    # Code without a test is no claim, and a row with neither says what is missing.
    assert (kept == NOTHING) == (proved == NOTHING)
    assert bool(_TEST.search(proved)) == (proved != NOTHING)
    assert (kept, missing) != (NOTHING, NOTHING)
    if kept == NOTHING:
        assert missing.startswith(("Not kept", "Doesn't apply: ") if number in ASVS else "Not kept")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_file_and_test_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    absent = [name for name in _FILE.findall(text) if not (REPOSITORY / name).is_file()]
    absent += [name for name in _FOLDER.findall(text) if not (REPOSITORY / name).is_dir()]
    absent += [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
    assert absent == []
    assert [f"{file}::{name}" for file, name in _TEST.findall(text) if name not in functions(file)] == []
    assert [name for name in re.findall(r"`(test_\w+)`", text) if name not in every_test()] == []


def test_the_page_names_tests() -> None:
    """Without this, a page whose marks no pattern here matches would pass."""
    assert len(_TEST.findall(PAGE.read_text(encoding="utf-8"))) > len(NUMBERS)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_page_calls_anybody_compliant_or_certified(page: Path) -> None:
    assert not re.search(
        r"\b(compliant|certified|certifies)\b", page.read_text(encoding="utf-8"), re.IGNORECASE
    )

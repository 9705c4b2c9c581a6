"""The words of the field, and those that are not used: a reader who knows the field meets one word for one thing."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.source import ROOT, Module, everything, templates

NOT_USED = re.compile(r"blast|black-?list|white-?list|unsubscriber|e-?blast|slave", re.I)
NOT_NAMES = {"utils", "util", "helper", "helpers"}
# This page itself has to say them, and so has the reading of what mailbox providers write in their refusals.
HERE = Path(__file__).resolve()
QUOTED = {"campaigns/delivery/rules.py"}


def names(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every name that a module gives: functions, classes, arguments, variables, attributes."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node, node.name
        elif isinstance(node, ast.arg):
            yield node, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node, node.attr


def prose() -> Iterator[Path]:
    """Templates, documents and translations."""
    yield from templates()
    for pattern in ("*.md", "docs/**/*.md", "locale/**/*.po", "static/src/**/*.css", "static/src/**/*.js"):
        yield from sorted(path for path in ROOT.glob(pattern) if path.is_file())


def test_no_name_uses_a_word_that_is_not_the_fields() -> None:
    found = [
        f"{module.at(node)} {name}"
        for module in everything()
        if ROOT / module.path != HERE
        for node, name in names(module)
        if NOT_USED.search(name) or NOT_NAMES & set(name.lower().split("_"))
    ]
    assert not found, "\n".join(found)


def test_no_text_uses_a_word_that_is_not_the_fields() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()[:80]}"
        for path in [*prose(), *(ROOT / module.path for module in everything())]
        if path != HERE and path.relative_to(ROOT).as_posix() not in QUOTED
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if NOT_USED.search(line)
    ]
    assert not found, "\n".join(found)


def test_there_is_something_to_read() -> None:
    assert sum(1 for _ in prose()) > 30
    assert sum(1 for module in everything() for _ in names(module)) > 1000

"""The product's own source, parsed once, for the tests that read it instead of running it."""

import ast
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("marketing", "campaigns", "contacts", "accounts", "safeguards")


@dataclass(frozen=True, slots=True)
class Module:
    """One module: its dotted name, its path in the checkout, its text and its tree."""

    name: str
    path: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> bool:
        """Whether it is a package's own module."""
        return self.path.endswith("/__init__.py")

    def at(self, node: ast.AST) -> str:
        """Where a node stands, as an editor takes it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


def _read(path: Path) -> Module:
    inside = path.relative_to(ROOT)
    parts = inside.with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text()
    return Module(name, inside.as_posix(), text, ast.parse(text, str(inside)))


@cache
def product() -> tuple[Module, ...]:
    """Every module of the five floors, migrations included."""
    found = (path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
    return tuple(_read(path) for path in sorted(found))


@cache
def everything() -> tuple[Module, ...]:
    """The product and all that stands around it: tests, benchmarks, containers."""
    around = (path for folder in ("tests", "bench", "docker") for path in (ROOT / folder).rglob("*.py"))
    return (*product(), *(_read(path) for path in sorted(around)))


def templates() -> Iterator[Path]:
    """Every template."""
    return (path for path in sorted((ROOT / "templates").rglob("*")) if path.is_file())


@cache
def imports(module: Module) -> dict[str, str]:
    """What each imported name of a module stands for, dotted: `{"Mailing": "campaigns.delivery.models.Mailing"}`."""
    found: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Import):
            for each in node.names:
                found[each.asname or each.name.split(".")[0]] = (
                    each.asname and each.name
                ) or each.name.split(".")[0]
    return found


def dotted(module: Module, node: ast.expr) -> str:
    """The full name of an expression such as `phi.Grant`, as far as the module's imports tell it; else an empty text."""
    if isinstance(node, ast.Name):
        return imports(module).get(node.id, f"{module.name}.{node.id}")
    if isinstance(node, ast.Attribute):
        owner = dotted(module, node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def calls(module: Module) -> Iterator[tuple[ast.Call, str]]:
    """Every call of a module with the full name of what is called."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield node, dotted(module, node.func)


def texts(module: Module) -> Iterator[ast.Constant]:
    """Every string constant of a module, those inside f-strings too."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node


@cache
def order() -> dict[str, tuple[int, int]]:
    """How high each floor and each place in it stands by `.importlinter`; higher numbers stand higher.

    A floor's own app stands where its `models` do, a room where its name does.
    """
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter")

    def layers(contract: str) -> list[str]:
        lines = contracts[f"importlinter:contract:{contract}"]["layers"].split("\n")
        return [line.strip() for line in lines if line.strip()]

    heights: dict[str, tuple[int, int]] = {}
    floors = layers("floors")
    for height, floor in enumerate(reversed(floors)):
        heights[floor] = (height, 0)
        if floor == floors[-1]:
            continue
        for place, line in enumerate(reversed(layers(floor))):
            for name in (part.strip(" ()") for part in line.split("|")):
                heights[floor if name == "models" else f"{floor}.{name}"] = (height, place)
    return heights


def room_of(name: str) -> str:
    """The room or floor that a dotted name belongs to: the longest one that has a models module or stands in the order."""
    rooms = _rooms()
    while name and name not in rooms:
        name = name.rpartition(".")[0]
    return name


@cache
def _rooms() -> frozenset[str]:
    apps = (path.parent.relative_to(ROOT) for floor in FLOORS for path in (ROOT / floor).rglob("apps.py"))
    return frozenset(".".join(folder.parts) for folder in apps)

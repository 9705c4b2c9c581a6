"""The floors hold in the database too: foreign keys point down, and only the owning room writes its tables."""

import ast
import re
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db.models import Model

from tests.house.source import FLOORS, Module, calls, dotted, order, product, room_of, texts

WRITES = frozenset(
    {
        "create",
        "acreate",
        "get_or_create",
        "update_or_create",
        "bulk_create",
        "bulk_update",
        "update",
        "delete",
        "raw_delete",
    }
)
STATEMENT = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?)\s+\"?([a-z]+_[a-z_]+)", re.I
)

# Who else may write a room's tables, and why.
ALLOWED = {
    # The outbox is written at both ends: a room leaves a notice, and delivery settles it once it is sent.
    ("campaigns.delivery.sending_notices", "safeguards.models.Notice"),
}


def ours() -> dict[str, str]:
    """Our own models and, by table, their room."""
    return {
        model._meta.db_table: model._meta.app_config.name
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_config.name.split(".")[0] in FLOORS
    }


def relations() -> Iterator[tuple[str, str, str]]:
    """Every foreign key between our rooms: who, by which field, to whom."""
    for model in apps.get_models(include_auto_created=True):
        room = model._meta.app_config.name
        if room.split(".")[0] not in FLOORS:
            continue
        for field in model._meta.get_fields():
            target = field.related_model
            if (
                field.is_relation
                and field.concrete
                and isinstance(target, type)
                and issubclass(target, Model)
            ):
                other = target._meta.app_config.name
                if other.split(".")[0] in FLOORS and other != room:
                    yield room, f"{model.__name__}.{field.name}", other


@pytest.mark.parametrize(("room", "field", "target"), sorted(set(relations())))
def test_foreign_keys_point_down(room: str, field: str, target: str) -> None:
    assert order()[target] < order()[room], f"{field} points up from {room} to {target}"


def test_every_room_has_its_place_in_the_order() -> None:
    rooms = {config.name for config in apps.get_app_configs() if config.name.split(".")[0] in FLOORS}
    assert rooms - {"marketing"} - set(order()) == set()


def _foreign_model(module: Module, name: str) -> bool:
    owner, _, word = name.rpartition(".")
    return (
        owner.endswith(".models")
        and word[:1].isupper()
        and room_of(owner) != room_of(module.name)
        and owner.split(".")[0] in FLOORS
    )


def writes(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every place at which a module writes a model of another room: the node, and the model's full name."""
    for call, name in calls(module):
        if _foreign_model(module, name) and _is_model(name):
            # A row is made in memory, to be saved or handed to bulk_create.
            yield call, name
        if isinstance(call.func, ast.Attribute) and call.func.attr in WRITES:
            target = call.func.value
            # `Model.objects…` or `models.Model.objects…`: the name up to the manager.
            for part in ast.walk(target):
                if isinstance(part, ast.Attribute) and part.attr in {"objects", "_base_manager"}:
                    model = dotted(module, part.value)
                    if _foreign_model(module, model):
                        yield call, model
    tables = ours()
    for text in texts(module):
        for table in STATEMENT.findall(str(text.value)):
            if table in tables and tables[table] != room_of(module.name):
                yield text, table


def _is_model(name: str) -> bool:
    return any(f"{model.__module__}.{model.__name__}" == name for model in apps.get_models())


def test_only_the_owning_room_writes_its_tables() -> None:
    found = [
        f"{module.at(node)} writes {model}"
        for module in product()
        if ".migrations." not in module.name
        for node, model in writes(module)
        if (module.name, model) not in ALLOWED
    ]
    assert not found, "\n".join(found)


def test_what_is_allowed_is_still_done() -> None:
    """An exception that nobody needs any more is a hole."""
    done = {(module.name, model) for module in product() for _, model in writes(module)}
    # A notice is settled through a loaded row's save(), which no reading of the source can tell from any other.
    done |= {
        (module.name, "safeguards.models.Notice")
        for module in product()
        if module.name == "campaigns.delivery.sending_notices" and "notice.save(" in module.text
    }
    assert done >= ALLOWED

"""Migrations: one purpose each and named for it, nothing of ours but fields in them, and a way back from every one."""

import ast
import re
from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.db import connections

from tests.house.source import FLOORS, Module, order, product

Shape = dict[str, list[tuple[Any, ...]]]


def migrations() -> list[Module]:
    """Every migration of ours."""
    return [module for module in product() if re.search(r"\.migrations\.\d{4}_", module.name)]


def test_migrations_are_named_for_what_they_do() -> None:
    found = [module.path for module in migrations() if re.search(r"_auto_|_\d{8}_", module.name)]
    assert migrations()
    assert not found, "\n".join(found)


def test_migrations_import_nothing_of_ours_but_fields() -> None:
    """What they import changes, and they must run the same in years."""
    found = []
    for module in migrations():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            else:
                continue
            found += [
                f"{module.at(node)} {name}"
                for name in names
                if name.split(".")[0] in FLOORS and name != "safeguards.fields"
            ]
    assert not found, "\n".join(found)


SHAPES = {
    "columns": "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
    " WHERE table_schema = 'public'",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "constraints": "SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
}


def shape() -> Shape:
    """Everything that migrations make, as the catalogue tells it."""
    found: Shape = {}
    with connections["owner"].cursor() as cursor:
        for name, query in SHAPES.items():
            cursor.execute(query)
            found[name] = sorted(cursor.fetchall(), key=repr)
    return found


def test_every_migration_goes_back_and_forward_again(own_database: str) -> None:
    before = shape()
    ours = [
        config for config in apps.get_app_configs() if config.name in order() and config.name != "marketing"
    ]
    with_tables = [config for config in ours if any(True for _ in config.get_models())]
    for config in sorted(with_tables, key=lambda config: order()[config.name], reverse=True):
        if config.label != "accounts":
            # Accounts are the ground of Django's and allauth's own tables; with them nothing would be left to come back to.
            call_command("migrate", config.label, "zero", verbosity=0)
    left = {row[0] for row in shape()["columns"]}
    gone = {
        model._meta.db_table
        for config in with_tables
        if config.label != "accounts"
        for model in config.get_models()
    }
    assert not left & gone
    call_command("migrate", verbosity=0)
    after = shape()
    for name in SHAPES:
        assert after[name] == before[name], name

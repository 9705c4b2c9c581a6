"""Databases for tests: one migrated template, and clones of it that cost about 50 ms each."""

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from django.core.management import call_command
from django.db import connections
from psycopg import Connection, connect, sql
from psycopg.errors import InsufficientPrivilege

from safeguards import keyring

TEMPLATE = f"wellsent_template_{os.getpid()}"
_numbers = itertools.count(1)


def url_of(url: str, name: str) -> str:
    """The database URL with another database's name."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _owner(name: str = "wellsent") -> "Connection[tuple[object, ...]]":
    return connect(url_of(os.environ["DATABASE_OWNER_URL"], name), autocommit=True)


def point_at(name: str) -> None:
    """Have this process's two connections use the database `name`."""
    for alias in ("default", "owner"):
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name
    keyring.forget()


def make_template() -> None:
    """Migrate the template from zero, once a test session."""
    with _owner() as owner:
        owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    point_at(TEMPLATE)
    call_command("migrate", verbosity=0)
    # A template can't be copied while somebody is connected to it.
    for alias in ("default", "owner"):
        connections[alias].close()


def drop(name: str) -> None:
    """Drop a database, with whoever is still connected to it."""
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with _owner() as owner:
        for _ in range(100):
            try:
                owner.execute(statement)
                return
            except InsufficientPrivilege:
                # An autovacuum worker is in there, which the owner may not end; it leaves by itself.
                time.sleep(0.1)
        owner.execute(statement)


def clone() -> str:
    """A fresh copy of the template; returns its name."""
    name = f"wellsent_test_{os.getpid()}_{next(_numbers)}"
    with _owner() as owner:
        owner.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE))
        )
    return name


@contextmanager
def cloned(back_to: str) -> Iterator[str]:
    """Point this process at a clone for the length of the block, and then back."""
    name = clone()
    point_at(name)
    try:
        yield name
    finally:
        point_at(back_to)
        drop(name)

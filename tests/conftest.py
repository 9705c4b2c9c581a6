"""Fixtures that every test may ask for."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests import databases


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In place of pytest-django's: a migrated template, and a clone of it that tests roll back in."""
    with django_db_blocker.unblock():
        databases.make_template()
        name = databases.clone()
        databases.point_at(name)
    yield
    with django_db_blocker.unblock():
        for alias in ("default", "owner"):
            connections[alias].close()
        databases.drop(name)
        databases.drop(databases.TEMPLATE)


@pytest.fixture
def own_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database of the test's own, in which it commits: for workers, several connections, triggers. Gives its name."""
    with django_db_blocker.unblock():
        before = str(connections["default"].settings_dict["NAME"])
        with databases.cloned(before) as name:
            yield name


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """Start each test with an empty cache."""
    cache.clear()
    yield

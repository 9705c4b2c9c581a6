"""Fixtures that every test may ask for."""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connections
from hypothesis import settings
from pytest_django import DjangoDbBlocker

from tests import databases, ground

settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("fuzz", max_examples=2000, deadline=None)
settings.load_profile("default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what can't be asked here, and say so: corpora that aren't beside the project, servers that aren't ours."""
    absent = []
    if not django_settings.CORPUS_DIR.is_dir():
        absent.append(("corpus", f"{django_settings.CORPUS_DIR} isn't there"))
    if ground.servers() is None:
        absent.append(("own_servers", "the servers are somebody else's to stop"))
    for marker, why in absent:
        left_out = [item for item in items if item.get_closest_marker(marker)]
        if left_out:
            items[:] = [item for item in items if item not in left_out]
            config.hook.pytest_deselected(items=left_out)
            print(f"left out {len(left_out)} tests marked {marker}: {why}")  # noqa: T201 - the line that says so


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

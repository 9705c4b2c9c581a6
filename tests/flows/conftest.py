"""One stack for all flow tests: starting it costs more than any of them."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.flows import stack as stacks
from tests.flows.stack import Stack


@pytest.fixture(scope="module")
def stack(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A running Wellsent on a database of its own, for the tests of one module, which commit."""
    with django_db_blocker.unblock(), stacks.running(tmp_path_factory.mktemp("stack")) as running:
        yield running

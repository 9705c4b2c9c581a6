"""One browser and one running Wellsent for all walks: starting either costs more than most of them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright
from pytest_django import DjangoDbBlocker

from tests.browser.chromium import launch_options
from tests.flows import stack as stacks
from tests.flows.stack import Stack


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, by which Django takes us for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        chromium = playwright.chromium.launch(**launch_options())
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def stack(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A running Wellsent on a database of its own."""
    with django_db_blocker.unblock(), stacks.running(tmp_path_factory.mktemp("stack")) as running:
        yield running

"""The browser of the tests starts, draws, keeps web security on, and speaks to this machine alone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page

from tests.browser.chromium import executable


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of the test's own."""
    opened = browser.new_page(viewport={"width": 390, "height": 300})
    yield opened
    opened.close()


def test_a_second_call_unpacks_nothing() -> None:
    before = executable().stat().st_mtime_ns
    assert executable().stat().st_mtime_ns == before


def test_a_page_is_drawn_with_fonts(page: Page) -> None:
    page.set_content("<title>Well</title><body style='background:#0b736c'><h1>Łukasz</h1>")
    assert page.title() == "Well"
    assert page.locator("h1").bounding_box()
    assert page.screenshot().startswith(b"\x89PNG")
    with_text = page.screenshot()
    page.locator("h1").evaluate("element => { element.style.visibility = 'hidden' }")
    assert page.screenshot() != with_text


def test_web_security_is_on(page: Page) -> None:
    page.set_content("<iframe src='data:text/html,<title>other</title>'></iframe>")
    script = "() => { try { return frames[0].document.title } catch (error) { return error.name } }"
    assert page.evaluate(script) == "SecurityError"


def test_other_machines_are_unknown(page: Page) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("https://example.com/")

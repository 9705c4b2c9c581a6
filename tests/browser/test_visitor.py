"""What a visitor holds pages to is really held: each kind of fault is planted, and seen."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.visitor import Visitor

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Well</title><meta name="viewport" content="width=device-width">
</head><body><main><h1>Well</h1>{}</main></body></html>"""


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """Somebody who looks at pages that the test writes."""
    somebody = Visitor(browser, "somebody")
    yield somebody
    somebody.close()


def test_a_sound_page_passes(visitor: Visitor) -> None:
    visitor.page.set_content(PAGE.format("<p>All is well.</p>"))
    visitor.look("sound")


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', "image-alt"),
        ('<p style="color:#ccc">Too pale to read</p>', "color-contrast"),
        ('<div style="width:500px">Too wide for a telephone</div>', "wider than a telephone"),
        ("<script>throw Error('broken')</script>", "broken"),
    ],
)
def test_a_fault_is_seen(visitor: Visitor, fault: str, told: str) -> None:
    visitor.page.set_content(PAGE.format(fault))
    with pytest.raises(AssertionError, match=told):
        visitor.look("faulty")

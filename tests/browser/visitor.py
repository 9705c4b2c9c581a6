"""Somebody at a browser: what they click and type, and what must hold on every page that they look at."""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, ViewportSize

from tests.browser.chromium import REPOSITORY

DESK: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
AXE = (REPOSITORY / "node_modules" / "axe-core" / "axe.min.js").read_text()
# WCAG 2.2 AA, and what axe's authors hold to be good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Not what a sandboxed frame shows: nothing may run in it, so nothing can look at it from inside either.
ASK_AXE = """rules => axe.run({exclude: [['iframe']]}, {runOnly: rules, resultTypes: ['violations']}).then(found =>
  found.violations.map(each => each.id + ': ' + each.nodes.map(node => node.target.join(' ')).join(', ')))"""
# By how many pixels the page can be pushed sideways.
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHOTS = os.environ.get("WELLSENT_SHOTS", "")


class Visitor:
    """A person with a browser window of their own. `look` holds each page to what holds on every page.

    With WELLSENT_SHOTS=<folder> each page that is looked at is also kept there as a picture, at both widths.
    """

    def __init__(self, browser: Browser, name: str) -> None:
        self.name = name
        self.context: BrowserContext = browser.new_context(viewport=DESK, locale="en-US", timezone_id="UTC")
        self.context.set_default_timeout(20_000)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self._watch(self.page)

    def _watch(self, page: Page) -> None:
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type} on {self.page.url}: {message.text}")

    def close(self) -> None:
        """Close the window."""
        self.context.close()

    def go(self, url: str) -> None:
        """Type an address."""
        self.page.goto(url)

    def press(self, name: str, role: Any = "button", *, exact: bool = True) -> None:
        """Click the one button, link or other thing of this name."""
        self.page.get_by_role(role, name=name, exact=exact).click()

    def field(self, label: str) -> Locator:
        """The one field with this label."""
        return self.page.get_by_label(label, exact=True)

    def sees(self, words: str) -> None:
        """Wait until these words stand somewhere on the page."""
        self.page.get_by_text(words).first.wait_for()

    def turn_to(self, name: str) -> None:
        """Click a name in the navigation at the side."""
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()

    def figure(self, label: str) -> str:
        """The number on the card of this label."""
        card = self.page.locator(".kpi", has=self.page.get_by_text(label, exact=True))
        return card.locator(".kpi-value").inner_text().strip()

    def refused(self, url: str) -> None:
        """Type an address, and be told that there is no such page; the browser's own word about it is expected."""
        answer = self.page.goto(url)
        assert answer is not None
        assert answer.status == 404, url
        self.complaints = [each for each in self.complaints if "404 (Not Found)" not in each]

    def look(self, name: str) -> None:
        """Hold the page to: no complaint of the browser, WCAG 2.2 AA by axe, no sideways scrolling on a telephone."""
        self._has_no_violations(name)
        self.keep(name, "desk")
        self.page.set_viewport_size(PHONE)
        assert self.page.evaluate(TOO_WIDE) <= 0, f"{name} is wider than a telephone"
        self._has_no_violations(f"{name} on a telephone")
        self.keep(name, "phone")
        self.page.set_viewport_size(DESK)
        assert not self.complaints, f"{name}: {self.complaints}"

    def _has_no_violations(self, name: str) -> None:
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE)
        found = self.page.evaluate(ASK_AXE, RULES)
        assert found == [], f"{name}: {found}"

    def keep(self, name: str, width: str) -> None:
        """Keep a picture, where pictures are asked for."""
        if SHOTS:
            folder = Path(SHOTS)
            folder.mkdir(parents=True, exist_ok=True)
            self.page.evaluate("() => scrollTo(0, 0)")
            # Hiding the caret would put a style into the page, which our policy refuses, and complains of.
            self.page.screenshot(
                path=folder / f"{name.replace(' ', '-')}.{width}.png", full_page=True, caret="initial"
            )

"""Pictures of the real pages for the README and the tours: `make demo` in one terminal, `make pictures` in another.

Each page is opened as the person whose page it is, in the demonstration, and kept as it is; nothing is drawn or retouched.
"""

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import launch_options

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 860
PATIENCE = 45_000

# Who, the name of the picture, the address, and what has to stand there first.
PICTURES = (
    ("Dana Kim", "home", "/", "Whom you can reach"),
    ("Dana Kim", "templates", "/templates/", "Begin with one of ours"),
    ("Dana Kim", "segment", "/segments/2/edit/", "In plain words"),
    ("Dana Kim", "campaigns", "/campaigns/", "Winter hours"),
    ("Marcus Ruiz", "approvals", "/approvals/", "Evening classes"),
    ("Olive Okoro", "report", "/reports/10/", "Clicks by link"),
    ("Dana Kim", "calendar", "/campaigns/calendar/", "Scheduled"),
    ("Dana Kim", "list", "/lists/1/", "Whom you can reach"),
    ("Ada Lindqvist", "sending", "/sending/", "Campaigns on their way"),
    ("Ada Lindqvist", "people", "/settings/people/", "Invited"),
    ("Olive Okoro", "compliance", "/compliance/", "Sends after an opt-out"),
    ("Olive Okoro", "inbox", "/demo/inbox/", "came"),
)


def sign_in(browser: Browser, url: str, name: str) -> Page:
    """By one press, and the code beside its field; waits for the next one where the present ones are used."""
    page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-US").new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.get_by_role("button", name=name).click()
    page.get_by_role("button", name="Go on with").click()
    page.wait_for_url(f"{url}/")
    return page


def main() -> None:
    """Take them all. The demonstration has to be up at the address."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("url", nargs="?", default="http://localhost:8000")
    url = parser.parse_args().url.rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        pages: dict[str, Page] = {}
        for who, name, address, words in PICTURES:
            page = pages.get(who) or sign_in(browser, url, who)
            pages[who] = page
            page.goto(url + address)
            page.get_by_text(words).first.wait_for()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}.png")
            print(f"docs/pictures/{name}.png")
        browser.close()


if __name__ == "__main__":
    main()

"""A scripted evaluator for a `make demo` that is up: plays all its people for as long as asked, and says what went wrong.

Each round every person signs in, opens each kind of page that a link leads to from theirs, and does their job once more: a
file is imported, a segment saved, a campaign written, approved, sent, paused and resumed; a patient chooses; the officer takes
evidence away. What the browser complains of, answers of 400 and more, and what the processes logged above INFO is told; with
a folder, each kind of page is also kept as a picture at both widths and held to axe. The last line is JSON.
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, Error, Response, sync_playwright

from tests.browser import visitor
from tests.browser.chromium import REPOSITORY, launch_options
from tests.browser.visitor import DESK, PHONE, TOO_WIDE, Visitor

LOGS = REPOSITORY / "var" / "demo" / "log"
FILE = REPOSITORY / "tests" / "data" / "clinic25.csv"
PATIENCE = 45_000
THINKING = 0.4  # seconds that a person looks at a page
# Where an id, a token, a month or the like stands: pages that differ in it alone are of one kind.
_VARIES = re.compile(r"(?<=[/=])(?:\d[\w:-]*|[0-9a-f-]{16,}|[\w-]{30,})(?=[/&]|$)")
# What the machine or the account that the demonstration runs under is told, which is no fault of the product.
_OF_THE_MACHINE = re.compile(r"Memory overcommit|with superuser privileges|^sandbox ready")
# Links that do something else than to show a page.
_LEFT_OUT = ("/account/logout/", "/messages.csv", ".csv", "/demo/inbox/rows/")
_LINKS = "() => [...document.querySelectorAll('a[href]')].map(link => link.href)"
_TIME = "() => { const [at] = performance.getEntriesByType('navigation'); return at.responseEnd - at.requestStart; }"


@dataclass
class Notes:
    """What the evaluator writes down."""

    rounds: int = 0
    opened: int = 0
    jobs: int = 0
    kinds: dict[str, list[float]] = field(default_factory=dict)  # milliseconds from request to the page's end
    complaints: list[str] = field(default_factory=list)

    def complain(self, words: str) -> None:
        """Keep a complaint once, and say it at once."""
        if words not in self.complaints:
            self.complaints.append(words)
            print(f"complaint: {words}", file=sys.stderr, flush=True)


class Player(Visitor):
    """One of the demo's people, who signs in by one press."""

    def __init__(self, browser: Browser, name: str, url: str, notes: Notes) -> None:
        super().__init__(browser, name)
        self.context.set_default_timeout(PATIENCE)
        self.url, self.notes = url, notes
        self.page.on("response", self._answered)

    def sign_in(self) -> None:
        """By one press, and the code beside its field, which waits for the next one where the present ones are used."""
        self.go(self.url)
        if not self.page.get_by_role("navigation", name="Main").count():
            self.press(self.name, exact=False)
            self.page.get_by_role("button", name="Go on with").click()
            self.page.wait_for_url(f"{self.url}/")

    def confirm(self) -> None:
        """Give a fresh code where one is asked for."""
        self.page.wait_for_load_state()
        if self.page.get_by_label("Code from your app").count():
            self.page.get_by_role("button", name="Go on with").click()

    def take(self, words: str) -> None:
        """Take a file away by a link, with a fresh code where one is asked for."""
        with self.page.expect_download():
            link = self.page.get_by_role("link", name=words)
            # A file starts no page, so there is nothing to wait for.
            link.click(no_wait_after=True)
            self.page.wait_for_timeout(1_000)
            if self.page.get_by_label("Code from your app").count():
                self.page.get_by_role("button", name="Go on with").click(no_wait_after=True)

    def _answered(self, answer: Response) -> None:
        if answer.status >= 400:
            self.notes.complain(f"{self.name}: {answer.status} from {_kind(answer.url)}")

    def heard(self) -> None:
        """Hand over what the browser complained of."""
        for complaint in self.complaints:
            self.notes.complain(f"{self.name}: {complaint}")
        self.complaints.clear()

    def wander(self, shots: bool) -> None:
        """Open each kind of page once that a link leads to, beginning at the first page."""
        seen: set[str] = set()
        waiting = [f"{self.url}/"]
        while waiting:
            address = waiting.pop(0)
            kind = _kind(address)
            if kind in seen:
                continue
            seen.add(kind)
            answer = self.page.goto(address)
            if answer is None or not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            self.notes.opened += 1
            self.notes.kinds.setdefault(kind, []).append(self.page.evaluate(_TIME))
            time.sleep(THINKING)
            # Nothing may run where a mail alone is shown, so nothing can look at it from inside either.
            if shots and not kind.endswith(("/preview/", "/body/")):
                self._hold(kind)
            self.heard()
            for link in self.page.evaluate(_LINKS):
                target = urljoin(address, link).partition("#")[0]
                if target.startswith(f"{self.url}/") and not any(each in target for each in _LEFT_OUT):
                    waiting.append(target)

    def _hold(self, kind: str) -> None:
        self.page.wait_for_load_state("networkidle")
        name = f"{self.name.split()[0]} {re.sub(r'[^a-z0-9]+', ' ', kind.replace('…', 'one').lower()).strip() or 'home'}"
        for width, size in (("desk", DESK), ("phone", PHONE)):
            self.page.set_viewport_size(size)
            if self.page.evaluate(TOO_WIDE) > 0:
                self.notes.complain(f"{name}: wider than a {width}")
            try:
                self._has_no_violations(f"{name} at a {width}")
            except AssertionError as problem:
                self.notes.complain(str(problem))
            self.keep(name, width)
        self.page.set_viewport_size(DESK)


def _kind(url: str) -> str:
    parts = urlsplit(url)
    names = sorted(pair.partition("=")[0] for pair in parts.query.split("&") if pair)
    return _VARIES.sub("…", parts.path) + (f"?{'&'.join(names)}" if names else "")


def bring_a_file(dana: Player) -> None:
    """Import the 25 rows; the second time they are updated."""
    dana.turn_to("Imports")
    dana.field("CSV file").set_input_files(FILE)
    dana.press("Upload")
    dana.press("Check the file")
    dana.press("Import 23 rows")
    dana.sees("rows were read, and the file is deleted")


def describe_some(dana: Player) -> None:
    """Save a segment."""
    dana.go(f"{dana.url}/segments/new/")
    dana.field("Name of the segment").fill(f"Heart, {_now()}")
    if not dana.page.locator(".rule").count():
        dana.press("Add rule")
    dana.field("Field").select_option(label="Conditions")
    dana.page.locator(".rule-phi").wait_for()
    dana.field("Values, separated by commas").fill("I10, I25*, E78*, E11*")
    dana.page.locator("#live .count-big").wait_for()
    dana.press("Save segment")
    dana.page.wait_for_url("**/segments/**")


def write_and_ask(dana: Player) -> str:
    """Write a campaign from the clinic's own template, send a test of it, and ask for approval; gives its name."""
    page, name = dana.page, f"Hours, {_now()}"
    dana.go(f"{dana.url}/campaigns/new/")
    dana.field("Name").fill(name)
    page.get_by_role("radio", name="Northfield monthly news").first.check()
    dana.press("Begin")
    dana.field("Topic").select_option(label="Clinic news")
    page.get_by_role("group", name="Does anybody pay us").get_by_label("No", exact=True).check()
    dana.press("Save, then audience")
    page.get_by_role("radio", name=re.compile("Heart and metabolism")).first.check()
    dana.press("Choose this segment")
    dana.press("Go on to the message", "link")
    dana.field("Subject").fill(f"Our hours ({_now()})")
    dana.press("Send the test")
    dana.sees("Sent to")
    dana.press("Save, then review")
    dana.sees("Who would get it")
    dana.press("Ask for approval")
    dana.sees("Waiting for approval")
    return name


def approve(marcus: Player, name: str) -> None:
    """Approve what Dana asked for."""
    marcus.turn_to("Approvals")
    marcus.press(name, "link")
    marcus.press("Approve")
    marcus.page.wait_for_url("**/approvals/")


def send(dana: Player, name: str) -> None:
    """Send it, pause it, go on."""
    page = dana.page
    dana.go(f"{dana.url}/campaigns/")
    dana.press(name, "link")
    dana.press("Review and send", "link")
    dana.press("Send now")
    dana.press("Send it")
    page.locator("#progress .pill").first.wait_for()
    pause = page.get_by_role("button", name="Pause", exact=True)
    try:
        pause.click(timeout=5_000)
        dana.press("Go on")
    except Error:
        # It was so quick that there was nothing left to pause.
        pass
    page.locator("#progress .pill-ok", has_text="Sent").wait_for(timeout=300_000)


def search(dana: Player) -> None:
    """Look for a person and a campaign from the bar at the top."""
    for words in ("garcia", "news"):
        dana.go(f"{dana.url}/")
        field = dana.page.get_by_role("searchbox", name="Search everything").first
        field.fill(words)
        field.press("Enter")
        dana.page.wait_for_url("**/search/")


def keep_a_list(dana: Player) -> None:
    """Add somebody by hand, make a list, put them on it and off, and take that back."""
    page, name = dana.page, f"Callers, {_now()}"
    family = f"Caller{_now().replace(':', '')}"
    dana.go(f"{dana.url}/contacts/new/")
    dana.field("E-mail address").fill(f"{family.lower()}@goodmail.example")
    page.get_by_label("First name").fill("Wanda")
    page.get_by_label("Last name").fill(family)
    dana.press("Add the contact")
    page.wait_for_url(re.compile(r"/contacts/\d+/"))
    dana.go(f"{dana.url}/lists/new/")
    dana.field("Name of the list").fill(name)
    dana.press("Make the list")
    search = page.get_by_role("searchbox", name="Name or e-mail address of somebody to add")
    search.fill(family)
    search.press("Enter")
    dana.press(f"Add Wanda {family}")
    page.locator("#people").get_by_role("link", name=f"Wanda {family}").wait_for()
    dana.press(f"Remove Wanda {family}")
    dana.press("Undo")
    page.locator("#people").get_by_role("link", name=f"Wanda {family}").wait_for()


def look_after(ada: Player) -> None:
    """Ask DNS what is published, let an address rest and wake it, and invite somebody and think better of it."""
    page = ada.page
    ada.go(f"{ada.url}/settings/sending/")
    ada.press("Check now")
    page.locator(".pill", has_text="Missing").first.wait_for()
    ada.go(f"{ada.url}/sending/")
    page.get_by_role("link", name="Rest").first.click()
    ada.field("Why").fill("A look at what it does")
    ada.press("Let it rest")
    ada.press("Undo")
    ada.go(f"{ada.url}/settings/people/invite/")
    ada.field("Name").fill("Noor Haddad")
    ada.field("Work address").fill(f"noor.{_now().replace(':', '')}@northfield.example")
    ada.press("Send the invitation")
    ada.confirm()
    page.get_by_role("button", name="Withdraw").first.click()
    ada.sees("Undo")


def read_guide(marcus: Player) -> None:
    """Look for help, and read what is found."""
    field = marcus.page.get_by_role("searchbox", name="Search everything").first
    field.fill("excel rounded")
    field.press("Enter")
    marcus.press("What is refused, and why", "link")
    marcus.sees("save as CSV UTF-8")


def read_mail(olive: Player, patient: Visitor) -> None:
    """Open a mail in each of its views; then be the patient: choose, stop, and take it back."""
    page = olive.page
    olive.go(f"{olive.url}/demo/inbox/")
    page.locator("main table a, main .inbox a").first.click()
    tabs = page.get_by_role("navigation", name="How to look at it")
    for tab in tabs.get_by_role("link").all_inner_texts():
        tabs.get_by_role("link", name=tab, exact=True).click()
        page.wait_for_load_state("networkidle")
    tabs.get_by_role("link").first.click()
    frame = page.frame_locator("iframe.mail-frame")
    wanted = frame.get_by_role("link", name="Change what you get")
    if not wanted.count():
        return
    address = wanted.get_attribute("href")
    assert address is not None
    patient.go(urljoin(page.url, address))
    patient.press("Save my choices")
    patient.sees("Saved. This holds from now on.")
    patient.press("Español", "link")
    patient.sees("Elija los correos que recibe")


def take_evidence(olive: Player) -> None:
    """Take each kind of evidence away."""
    olive.turn_to("Compliance")
    kinds = olive.page.get_by_role("navigation", name="Kinds of evidence")
    for name in ("Message log", "Consent", "Opt-outs", "Access log", "Staff and factors"):
        # Where a code was asked for, its page is still there.
        olive.go(f"{olive.url}/compliance/")
        kinds.get_by_role("link", name=name).click()
        olive.take("Download CSV")


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M:%S}"


def a_round(people: dict[str, Player], patient: Visitor, notes: Notes, *, shots: bool) -> None:
    """Everything once."""
    for player in people.values():
        _try(notes, player, f"{player.name} wanders", lambda player=player: player.wander(shots))  # type: ignore[misc]
    dana, marcus, olive = (people[name] for name in ("Dana Kim", "Marcus Ruiz", "Olive Okoro"))
    _try(notes, dana, "a file", lambda: bring_a_file(dana))
    _try(notes, dana, "a segment", lambda: describe_some(dana))
    _try(notes, dana, "a search", lambda: search(dana))
    _try(notes, dana, "a list", lambda: keep_a_list(dana))
    _try(notes, people["Ada Lindqvist"], "an administrator", lambda: look_after(people["Ada Lindqvist"]))
    _try(notes, marcus, "a guide", lambda: read_guide(marcus))
    written: list[str] = []
    _try(notes, dana, "a campaign", lambda: written.append(write_and_ask(dana)))
    if written:
        _try(notes, marcus, "an approval", lambda: approve(marcus, written[0]))
        _try(notes, dana, "a sending", lambda: send(dana, written[0]))
    _try(notes, olive, "a mail", lambda: read_mail(olive, patient))
    _try(notes, olive, "evidence", lambda: take_evidence(olive))
    notes.rounds += 1


def _try(notes: Notes, player: Player, what: str, job: Callable[[], None]) -> None:
    try:
        player.sign_in()
        job()
        notes.jobs += 1
    except Error as problem:
        notes.complain(f"{what} at {_kind(player.page.url)}: {str(problem).splitlines()[0]}")
    player.heard()


def logged(since: datetime) -> list[str]:
    """What the demonstration's processes wrote above INFO since a time (UTC), and whatever isn't one of our lines."""
    found = []
    for file in sorted(LOGS.glob("*.log")):
        if file.name in {"postgres.log", "valkey.log"}:
            words = re.compile(r"\b(ERROR|FATAL|PANIC|WARNING)\b|^\d+:\w .* # ")
            found += [f"{file.name}: {line}" for line in _lines(file) if words.search(line)]
            continue
        for line in _lines(file):
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"level": "not one of our lines", "at": since.isoformat()}
            if entry["level"] not in {"DEBUG", "INFO"} and datetime.fromisoformat(entry["at"]) >= since:
                found.append(f"{file.name}: {line[:400]}")
    return found


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if not _OF_THE_MACHINE.search(line)]


def main() -> None:
    """Play until the minutes are over, and at least one round."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("url", nargs="?", default="http://localhost:8000")
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--shots", default="", help="a folder for pictures of the first round's pages")
    options = parser.parse_args()
    began, notes = datetime.now(UTC), Notes()
    visitor.SHOTS = options.shots
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        names = ("Dana Kim", "Marcus Ruiz", "Olive Okoro", "Ada Lindqvist")
        people = {name: Player(browser, name, options.url.rstrip("/"), notes) for name in names}
        patient = Visitor(browser, "a patient")
        patient.context.set_default_timeout(PATIENCE)
        while not notes.rounds or (datetime.now(UTC) - began).total_seconds() < 60 * options.minutes:
            a_round(people, patient, notes, shots=bool(options.shots) and not notes.rounds)
        browser.close()
    for line in logged(began):
        notes.complain(line)
    slowest = sorted(
        ((sorted(times)[len(times) // 2], kind) for kind, times in notes.kinds.items()), reverse=True
    )
    print("Median milliseconds of the slowest pages:")
    for median, kind in slowest[:10]:
        print(f"  {median:6.0f}  {kind}")
    print(
        json.dumps(
            {
                "minutes": round((datetime.now(UTC) - began).total_seconds() / 60, 1),
                "rounds": notes.rounds,
                "pages_opened": notes.opened,
                "kinds_of_page": len(notes.kinds),
                "jobs": notes.jobs,
                "median_ms": round(sorted(median for median, _kind in slowest)[len(slowest) // 2]),
                "complaints": len(notes.complaints),
            }
        )
    )
    sys.exit(1 if notes.complaints else 0)


if __name__ == "__main__":
    main()

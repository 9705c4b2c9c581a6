"""A session that ends while somebody writes: warned of, stayed by the keyboard, covered, and nothing typed is lost."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django import DjangoDbBlocker

from accounts import access, actions
from accounts.models import Role, User
from campaigns.designs.models import Design
from marketing import founding
from safeguards.models import AuditEvent
from tests.accounts.sign_in import PASSWORD
from tests.browser.colleague import Colleague
from tests.flows import stack as stacks
from tests.flows.stack import Stack

# An operator may make sessions shorter; so does this walk, which has no quarter of an hour.
IDLE, WARN = 14, 9
WORDS = "Half a sentence, then the telephone rang"


@pytest.fixture(scope="module")
def stack(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A running Wellsent where sessions end soon."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("WELLSENT_IDLE_SECONDS", str(IDLE))
        patch.setenv("WELLSENT_WARN_SECONDS", str(WARN))
        with stacks.running(tmp_path_factory.mktemp("stack")) as running:
            yield running


@pytest.fixture
def dana(stack: Stack, browser: Browser) -> Iterator[Colleague]:
    """Dana, the marketer of a clinic, signed in."""
    founding.set_up(
        name="Lakeside Clinic",
        phone="555-0199",
        time_zone="America/Chicago",
        from_address="news@lakeside.example",
        postal_address="1 Lake Road, Worcester, MA 01602",
        marketing=["127.0.2.1"],
        transactional=["127.0.2.9"],
    )
    for name, role in (("Dana Kim", Role.MARKETER), ("Ada Lindqvist", Role.ADMINISTRATOR)):
        actions.add_person(
            actor=access.system("setup"),
            email=f"{name.split()[0].lower()}@lakeside.example",
            name=name,
            role=role,
            password=PASSWORD,
        )
    dana = Colleague(browser, "Dana Kim", "dana@lakeside.example", stack.staff_url)
    dana.first_sign_in()
    dana.finish_enrolment()
    yield dana
    dana.close()


def warned(page: Page) -> None:
    expect(page.get_by_role("dialog", name="Are you still there?")).to_be_visible(timeout=IDLE * 1000)


def covered(page: Page) -> None:
    expect(page.get_by_role("dialog", name="You were signed out")).to_be_visible(timeout=IDLE * 2000)


def signs_in_again(dana: Colleague, page: Page) -> Page:
    """In the tab that the cover opens; the page that waits is in the background meanwhile."""
    with dana.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in again").click()
    tab = opened.value
    # What the page said of the tab before is the browser's to keep.
    dana.page = tab
    dana.sign_in_again()
    dana.page = page
    return tab


def test_nothing_typed_is_lost(stack: Stack, dana: Colleague, browser: Browser) -> None:
    page = dana.page
    dana.go(f"{stack.staff_url}/templates/")
    dana.press("Blank template")
    other = dana.context.new_page()
    other.goto(f"{stack.staff_url}/templates/")

    # Both tabs warn, the keyboard says "stay" in one, and both are quiet; the focus is where it was.
    subject = dana.field("Subject")
    subject.focus()
    warned(page)
    warned(other)
    page.bring_to_front()
    stay = page.get_by_role("button", name="Stay signed in")
    expect(stay).to_be_focused()
    assert re.fullmatch(r"0:0\d", page.locator("[data-session-count]").inner_text())
    assert re.search(r"at \d+:\d\d:\d\d.[AP]M E.T", page.locator("#session-ends-words").inner_text())
    dana.look("session ends soon")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(stay).to_be_focused()
    with page.expect_response(re.compile("/account/session/")) as staying:
        page.keyboard.press("Enter")
    assert staying.value.json()["who"] == "same"
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(other.get_by_role("dialog")).to_have_count(0)
    expect(subject).to_be_focused()
    # Escape is staying too.
    warned(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(other.get_by_role("dialog")).to_have_count(0)
    other.close()

    # The time is over: covered, out of reach, and the name of the page is out of the window's title.
    # Put there by script, which the page doesn't notice: what is typed by hand saves itself.
    subject.evaluate("(field, words) => { field.value = words }", WORDS)
    covered(page)
    assert page.title() == "Signed out · Wellsent"
    expect(page.locator(".shell")).to_have_css("visibility", "hidden")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    covered(page)
    dana.look("signed out")

    tab = signs_in_again(dana, page)
    expect(tab.get_by_role("heading", name="You are signed in again")).to_be_visible()
    dana.page = tab
    dana.look("signed in again")
    dana.page = page
    tab.close()
    expect(page.get_by_role("dialog")).to_have_count(0)
    dana.sees("Nothing that you typed was lost")
    assert subject.input_value() == WORDS
    page.locator(".card-footer").get_by_role("button", name="Save").click()
    page.wait_for_load_state()
    assert Design.objects.get().subject == WORDS
    assert AuditEvent.objects.filter(action="session.expired", details__why="idle").count() == 1
    assert not dana.complaints

    # Ended by somebody else's hand: the next form that is sent covers the page instead of losing it.
    somebody_ends_it(dana, page)
    # Somebody else signs in in this browser: nothing of Dana's stays.
    somebody_else(dana, page, stack)


def somebody_ends_it(dana: Colleague, page: Page) -> None:
    dana.field("Subject").fill("Another sentence")
    page.locator("#side .save-state", has_text=re.compile(r"^\s*Saved\s*$")).wait_for()
    actions.end_sessions(actor=access.system("setup"), person=User.objects.get(name="Dana Kim"))
    # A fragment that is refused leads nowhere: it covers.
    dana.field("Subject").fill("A third sentence")
    covered(page)
    assert dana.field("Subject").input_value() == "A third sentence"


def somebody_else(dana: Colleague, page: Page, stack: Stack) -> None:
    ada = Colleague.__new__(Colleague)
    ada.__dict__.update(
        dana.__dict__ | {"name": "Ada Lindqvist", "email": "ada@lakeside.example", "secret": ""}
    )
    ada.page = dana.context.new_page()
    ada.first_sign_in()
    ada.finish_enrolment()
    page.bring_to_front()
    page.wait_for_url(f"{stack.staff_url}/", timeout=20_000)
    expect(page.locator("#flashes")).to_contain_text("Somebody else has signed in")
    expect(page.get_by_text("A third sentence")).to_have_count(0)

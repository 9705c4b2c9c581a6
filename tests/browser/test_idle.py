"""A session that ends while somebody writes: warned of, stayed by the keyboard, covered, and nothing typed is lost."""

import re
import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect
from pytest_django import DjangoDbBlocker

from accounts import access, actions
from accounts.models import Role, SessionRecord, User
from campaigns.designs.models import Design
from campaigns.models import Campaign
from marketing import founding
from safeguards.models import AuditEvent
from tests.accounts.sign_in import PASSWORD, let_time_pass
from tests.browser.colleague import Colleague
from tests.flows import stack as stacks
from tests.flows.stack import Stack, eventually

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
    expect(tab.get_by_role("heading", name="You are signed in again")).to_be_visible()
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

    ended_by_another_hand(dana, page)
    ended_while_a_form_is_sent(stack, dana, page)
    the_longest_time(stack, dana, page)
    # Somebody else signs in in this browser: nothing of Dana's stays.
    somebody_else(dana, page, stack)


def _ends_them() -> None:
    actions.end_sessions(actor=access.system("setup"), person=User.objects.get(name="Dana Kim"))


def ended_by_another_hand(dana: Colleague, page: Page) -> None:
    """A fragment that is refused leads the page nowhere: it covers."""
    dana.field("Subject").fill("Another sentence")
    page.locator("#side .save-state", has_text=re.compile(r"^\s*Saved\s*$")).wait_for()
    _ends_them()
    dana.field("Subject").fill("A third sentence")
    covered(page)
    back_in(dana, page)
    assert dana.field("Subject").input_value() == "A third sentence"


def back_in(dana: Colleague, page: Page) -> None:
    # As after some minutes: a code works once, and both the row and the cache remember it.
    let_time_pass(User.objects.get(name="Dana Kim"))
    cache.clear()
    signs_in_again(dana, page).close()
    expect(page.get_by_role("dialog")).to_have_count(0)


def ended_while_a_form_is_sent(stack: Stack, dana: Colleague, page: Page) -> None:
    """The set-up of a campaign: the form asks first whether it would be heard, and is sent once it is."""
    dana.go(f"{stack.staff_url}/campaigns/new/")
    dana.field("Name").fill("Winter news")
    page.get_by_role("radio", name="Clinic news What is new").check()
    page.wait_for_timeout(WARN * 1000 / 3)
    _ends_them()
    dana.press("Begin")
    covered(page)
    back_in(dana, page)
    assert dana.field("Name").input_value() == "Winter news"
    dana.press("Begin")
    dana.sees("Save, then audience")
    assert Campaign.objects.get().name == "Winter news"


def the_longest_time(stack: Stack, dana: Colleague, page: Page) -> None:
    """It can't be extended: told once, and held to."""
    record = SessionRecord.objects.get(user__name="Dana Kim")
    session = SessionStore(record.session_id)
    session["began"] = int(time.time()) - settings.LONGEST_SECONDS + WARN
    session.save()
    dana.go(f"{stack.staff_url}/templates/")
    soon = page.get_by_role("dialog", name="Your sign-in ends soon")
    expect(soon).to_be_visible()
    dana.look("sign-in ends soon")
    page.keyboard.press("Escape")
    expect(soon).to_be_hidden()
    covered(page)
    expect(page.get_by_role("dialog")).to_have_count(1)

    def ended() -> bool:
        page.wait_for_timeout(200)
        return AuditEvent.objects.filter(action="session.expired", details__why="longest").exists()

    # The page asks until the server agrees.
    eventually(ended, "the end by the longest time", 15)


def somebody_else(dana: Colleague, page: Page, stack: Stack) -> None:
    ada = dana.beside("Ada Lindqvist", "ada@lakeside.example")
    ada.first_sign_in()
    ada.finish_enrolment()
    page.bring_to_front()
    page.wait_for_url(f"{stack.staff_url}/", timeout=20_000)
    expect(page.locator("#flashes")).to_contain_text("Somebody else has signed in")

"""A person added by hand and a list kept by hand, by a marketer in a browser, each page held to axe at both widths."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from accounts import access, actions
from accounts.models import Role
from contacts import actions as contacts
from contacts.rules.rows import Parsed
from marketing import founding
from tests.accounts.sign_in import PASSWORD
from tests.browser.colleague import Colleague
from tests.contacts.test_by_hand import typed
from tests.flows.stack import Stack


@pytest.fixture
def dana(stack: Stack, browser: Browser) -> Iterator[Colleague]:
    """Dana, the marketer of a clinic that knows two people."""
    founding.set_up(
        name="Lakeside Clinic",
        phone="555-0199",
        time_zone="America/Chicago",
        from_address="news@lakeside.example",
        postal_address="1 Lake Road, Worcester, MA 01602",
        marketing=["127.0.2.1"],
        transactional=["127.0.2.9"],
    )
    person = actions.add_person(
        actor=access.system("setup"),
        email="dana@lakeside.example",
        name="Dana Kim",
        role=Role.MARKETER,
        password=PASSWORD,
    )
    for first, last in (("Grace", "Park"), ("Tom", "Reyes")):
        known: Parsed = typed(email=f"{first.lower()}@goodmail.example", first_name=first, last_name=last)
        contacts.add_contact(actor=access.of_user(person), parsed=known)
    dana = Colleague(browser, "Dana Kim", "dana@lakeside.example", stack.staff_url)
    yield dana
    dana.close()


def test_a_list_is_kept_by_hand(dana: Colleague) -> None:
    page = dana.page
    dana.first_sign_in()
    dana.finish_enrolment()
    dana.turn_to("Contacts")
    dana.press("Add a contact", "link")
    dana.look("add a contact")
    dana.field("E-mail address").fill("wanda@goodmail.example")
    page.get_by_label("First name").fill("Wanda")
    page.get_by_label("Last name").fill("Alvarez")
    dana.press("Add the contact")
    page.get_by_role("heading", name="Wanda Alvarez").wait_for()
    dana.sees("Added by hand")
    dana.look("contact with a timeline")
    dana.press("Edit", "link")
    page.get_by_label("City").fill("Worcester")
    dana.look("edit a contact")
    dana.press("Save")
    dana.sees("Edited")

    dana.turn_to("Lists")
    dana.look("no lists")
    dana.press("Make the first list", "link")
    dana.field("Name of the list").fill("Walkers")
    dana.look("new list")
    dana.press("Make the list")
    dana.look("empty list")
    # By a search on its page.
    find = page.get_by_role("searchbox", name="Name or e-mail address of somebody to add")
    find.fill("wanda")
    find.press("Enter")
    dana.press("Add Wanda Alvarez")
    on_it = page.locator("#people")
    on_it.get_by_role("link", name="Wanda Alvarez").wait_for()
    # By ticking people.
    dana.turn_to("Contacts")
    page.get_by_role("checkbox", name="Tick Grace Park").check()
    page.get_by_role("checkbox", name="Tick Tom Reyes").check()
    page.get_by_label("List", exact=True).select_option(label="Walkers")
    dana.look("contacts ticked")
    dana.press("Add")
    dana.sees("2 people were added.")
    on_it.get_by_role("link", name="Tom Reyes").wait_for()
    dana.press("Remove Tom Reyes")
    on_it.get_by_role("link", name="Tom Reyes").wait_for(state="detached")
    dana.press("Undo")
    on_it.get_by_role("link", name="Tom Reyes").wait_for()
    dana.look("list")

    dana.press("New segment of this list", "link")
    page.locator("#live .count-big", has_text=re.compile(r"^\s*3\s*$")).wait_for()
    dana.look("segment by a list")
    dana.press("Save segment")
    page.locator("td .counted", has_text="3").click()
    dana.sees("Grace Park")
    dana.look("people of a segment")

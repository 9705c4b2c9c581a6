"""The audit log by an officer in a browser: found, read, verified while one watches, a review signed; each page held to axe."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from accounts import access, actions
from accounts.models import Role
from contacts import actions as contacts
from contacts import queries
from contacts.rules.rows import Parsed
from marketing import founding
from marketing.compliance.models import Review
from tests.accounts.sign_in import PASSWORD
from tests.browser.colleague import Colleague
from tests.contacts.test_by_hand import typed
from tests.flows.stack import Stack


@pytest.fixture
def olive(stack: Stack, browser: Browser) -> Iterator[Colleague]:
    """Olive, the officer of a clinic in which Dana added somebody and looked at the list, and whose last week is over."""
    founding.set_up(
        name="Lakeside Clinic",
        phone="555-0199",
        time_zone="America/Chicago",
        from_address="news@lakeside.example",
        postal_address="1 Lake Road, Worcester, MA 01602",
        marketing=["127.0.2.1"],
        transactional=["127.0.2.9"],
    )
    dana, _olive = (
        actions.add_person(
            actor=access.system("setup"),
            email=f"{name.split()[0].lower()}@lakeside.example",
            name=name,
            role=role,
            password=PASSWORD,
        )
        for name, role in (("Dana Kim", Role.MARKETER), ("Olive Okoro", Role.COMPLIANCE))
    )
    known: Parsed = typed(email="grace@goodmail.example", first_name="Grace", last_name="Park")
    contacts.add_contact(actor=access.of_user(dana), parsed=known)
    queries.newest_contacts(access.of_user(dana))
    now = timezone.now()
    Review.objects.create(
        begins=now - timedelta(days=8),
        ends=now - timedelta(seconds=1),
        zone="America/Chicago",
        opened_at=now,
        due_at=now + timedelta(days=6),
    )
    olive = Colleague(browser, "Olive Okoro", "olive@lakeside.example", stack.staff_url)
    yield olive
    olive.close()


def test_an_officer_reads_verifies_and_signs(olive: Colleague) -> None:
    page = olive.page
    olive.first_sign_in()
    olive.finish_enrolment()
    olive.sees("waits for review")
    olive.turn_to("Compliance")
    page.get_by_role("link", name="Open the log").click()
    page.get_by_role("link", name="Opened records").first.wait_for()
    # By the keyboard: the filters that are seldom needed open, and one is chosen.
    more = page.locator("summary", has_text="More filters")
    more.focus()
    more.press("Enter")
    page.get_by_label("Openings of").select_option(label="Contacts")
    olive.look("audit log")
    olive.press("Filter")
    page.get_by_role("link", name="Signed in", exact=True).wait_for(state="detached")
    page.get_by_role("link", name="Opened records").first.wait_for()
    page.get_by_role("link", name="Opened records").first.click()
    olive.sees("The row reads as it was when it was chained.")
    olive.look("one row of the log")
    page.get_by_role("link", name="Audit log").first.click()
    # The worker walks while she watches; nobody loads the page again.
    olive.press("Verify now")
    olive.sees("Nothing wrong")
    olive.look("verification")
    page.get_by_role("link", name="Audit log").first.click()
    page.get_by_role("link", name="Look somebody up").click()
    olive.field("E-mail address or record number").fill("grace@goodmail.example")
    olive.look("look somebody up")
    olive.press("Look up")
    olive.sees("What no row here can tell")
    assert "goodmail" not in page.content()
    assert "goodmail" not in page.url
    olive.look("one patient")

    olive.turn_to("Compliance")
    page.get_by_role("link", name="Log reviews").first.click()
    olive.sees("Waits to be signed")
    olive.look("log reviews")
    page.locator("a.listing-title").first.click()
    olive.look("log review")
    page.get_by_label("What you looked at").fill("Dana looked at the list. Nothing unusual.")
    olive.press("Sign")
    olive.sees("have the digest that was signed")
    olive.look("signed log review")

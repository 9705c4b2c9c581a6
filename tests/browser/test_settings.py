"""Settings by mouse: somebody is invited, opens the account from the mail, and gets another role; each page is looked at."""

import email
import email.policy
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from accounts import access, actions
from accounts.models import Role, User
from marketing import founding
from tests.accounts.sign_in import PASSWORD, code
from tests.browser.colleague import Colleague
from tests.browser.visitor import Visitor
from tests.flows.stack import Stack, eventually


@pytest.fixture
def ada(stack: Stack, browser: Browser) -> Iterator[Colleague]:
    """Ada, the administrator of a clinic on its first day."""
    founding.set_up(
        name="Lakeside Clinic",
        phone="555-0199",
        time_zone="America/Chicago",
        from_address="news@lakeside.example",
        postal_address="1 Lake Road, Worcester, MA 01602",
        marketing=["127.0.2.1"],
        transactional=["127.0.2.9"],
    )
    actions.add_person(
        actor=access.system("setup"),
        email="ada@lakeside.example",
        name="Ada Lindqvist",
        role=Role.ADMINISTRATOR,
        password=PASSWORD,
    )
    ada = Colleague(browser, "Ada Lindqvist", "ada@lakeside.example", stack.staff_url)
    yield ada
    ada.close()


def _link(stack: Stack, address: str) -> str:
    """The link in the mail that arrived at the address."""
    found: list[str] = []

    def arrived() -> bool:
        box = stack.sandbox.mailbox
        for entry in box.entries():
            if entry.recipient == address:
                message = email.message_from_bytes(box.read(entry.id), policy=email.policy.default)
                body = message.get_body(("plain",))
                found.extend(
                    re.findall(r"https?://\S+/account/invitation/\S+", str(body and body.get_content()))
                )
        return bool(found)

    eventually(arrived, "the invitation")
    return found[-1]


def let_an_address_rest(ada: Colleague) -> None:
    page = ada.page
    ada.turn_to("Sending")
    ada.sees("Nothing to send")
    ada.look("nothing is sent")
    ada.press("Rest 127.0.2.1", "link")
    ada.look("rest an address")
    ada.field("Why").fill("Maintenance of the line")
    ada.press("Let it rest")
    page.locator(".pill", has_text="Resting").wait_for()
    # It goes on looking by itself, and keeps what one had in hand.
    with page.expect_response("**/sending/now/"):
        pass
    ada.press("Undo")
    page.locator(".pill", has_text="Resting").wait_for(state="detached")


def change_a_key(ada: Colleague) -> None:
    page = ada.page
    ada.go(f"{ada.staff_url}/settings/sending/")
    ada.look("sending domain")
    ada.press("Check now")
    page.locator(".pill", has_text="Missing").first.wait_for()
    ada.look("sending domain checked")
    ada.press("Make the next key")
    ada.sees("waits until DNS shows its record")
    ada.press("Drop the next key")
    ada.press("Make the next key")
    ada.look("next key")


def read_a_guide(ada: Colleague) -> None:
    # From the page of signing keys to the guide about it, and on to the list of all.
    ada.press("Help", "link")
    ada.page.get_by_role("heading", name="Sending and protection").wait_for()
    ada.look("guide")
    ada.page.get_by_role("navigation", name="You are here").get_by_role("link", name="Help").click()
    ada.page.get_by_role("heading", name="Still stuck?").wait_for()
    ada.look("guides")


def test_an_administrators_day(stack: Stack, browser: Browser, ada: Colleague) -> None:
    ada.first_sign_in()
    ada.finish_enrolment()
    ada.turn_to("Settings")
    ada.look("people")
    ada.press("Invite somebody", "link")
    ada.look("invite")
    ada.field("Name").fill("Theo Brandt")
    ada.field("Work address").fill("theo@lakeside.example")
    ada.press("Send the invitation")
    ada.sees("An invitation is on its way")
    ada.look("people with an invitation")

    theo = Visitor(browser, "Theo Brandt")
    theo.go(_link(stack, "theo@lakeside.example"))
    theo.sees("Ada Lindqvist has invited you")
    theo.look("invitation")
    theo.field("New password").fill(PASSWORD)
    theo.press("Open the account")
    theo.sees("Set up a second factor")
    theo.look("second factor")
    theo.page.get_by_role("link", name="Use an authenticator app").click()
    theo.sees("Set up your authenticator app")
    secret = theo.page.locator(".secret-text").inner_text().replace(" ", "")
    theo.field("Code from your app").fill(code(secret))
    theo.press("Finish")
    theo.press("Show my codes")
    theo.look("recovery codes")
    theo.page.get_by_label("I have kept these codes").check()
    theo.press("Go on")
    theo.page.wait_for_url(f"{stack.staff_url}/")
    theo.go(f"{stack.staff_url}/account/")
    theo.look("own account")

    person = User.objects.get(email="theo@lakeside.example")
    ada.go(f"{stack.staff_url}/settings/people/{person.pk}/")
    ada.look("person")
    ada.field("New role").select_option("approver")
    ada.press("See what would change")
    ada.look("another role")
    ada.press("Make Approver")
    ada.sees("Theo Brandt is Approver from now on.")
    theo.go(f"{stack.staff_url}/approvals/")
    theo.sees("Approvals")
    theo.close()

    for address, words in (
        ("roles", "Permissions"),
        ("brand", "Organisation"),
        ("fields", "Also recognised as"),
    ):
        ada.go(f"{stack.staff_url}/settings/{address}/")
        ada.sees(words)
        ada.look(address)

    ada.go(f"{stack.staff_url}/settings/brand/")
    ada.press("Lakeside Clinic", "link")
    ada.look("one brand")
    ada.field("Postal address").fill("2 New Street, Worcester, MA 01602")
    # The end of the message follows what is typed.
    ada.sees("Lakeside Clinic, 2 New Street, Worcester, MA 01602")
    ada.press("Save")
    ada.sees("Lakeside Clinic is saved.")
    ada.press("Undo")
    ada.sees("It is as it was before.")
    let_an_address_rest(ada)
    change_a_key(ada)
    read_a_guide(ada)

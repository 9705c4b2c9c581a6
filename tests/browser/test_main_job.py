"""The main job by mouse, in a browser, from a CSV file that isn't the sample: by a marketer, an approver, patients, an officer.

Everything is real and in processes of its own. Each page is looked at once on the way, see Visitor.look.
"""

import csv
import email
import email.policy
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Error

from accounts import access, actions
from accounts.models import Role
from marketing import founding
from tests.accounts.sign_in import PASSWORD
from tests.browser.colleague import Colleague
from tests.browser.visitor import Visitor
from tests.campaigns.designs.test_pictures import drawn
from tests.flows.stack import Stack

FILE = Path(__file__).parent.parent / "data" / "clinic25.csv"
SUBJECT = "Winter at Lakeside"
SEEN_WITHOUT_OPENING = "New hours, and where to park."
LINK = "https://lakeside.example/winter-hours"
FEW = "E11*"
MANY = ", E78*, I10, I25*, I50*, J45*, J30*, F41*, M54*, G43*, E03*, S93*, M10*"


@dataclass(frozen=True)
class Clinic:
    """Lakeside's three colleagues, each at a window of their own."""

    dana: Colleague
    marcus: Colleague
    olive: Colleague


@pytest.fixture(scope="module")
def clinic(stack: Stack, browser: Browser) -> Iterator[Clinic]:
    """A clinic on its first day, that sends one message a second, so that there is something to see and to pause."""
    founding.set_up(
        name="Lakeside Clinic",
        phone="555-0199",
        time_zone="America/Chicago",
        from_address="news@lakeside.example",
        postal_address="1 Lake Road, Worcester, MA 01602",
        marketing=["127.0.2.1", "127.0.2.2"],
        transactional=["127.0.2.9"],
        privacy_url="https://lakeside.example/privacy",
        per_second=1,
    )
    people = []
    for name, role in (
        ("Dana Kim", Role.MARKETER),
        ("Marcus Ruiz", Role.APPROVER),
        ("Olive Okoro", Role.COMPLIANCE),
    ):
        address = f"{name.split()[0].lower()}@lakeside.example"
        actions.add_person(
            actor=access.system("setup"),
            email=address,
            name=name,
            role=role,
            password=PASSWORD,
            time_zone="America/Chicago",
        )
        people.append(Colleague(browser, name, address, stack.staff_url))
    yield Clinic(*people)
    for colleague in people:
        colleague.keep(f"last seen by {colleague.name}", "desk")
        colleague.close()


def sign_in_for_the_first_time(who: Colleague) -> None:
    who.go(who.staff_url)
    who.look("sign in")
    who.first_sign_in()
    who.look("set up the app")
    who.finish_enrolment()


def bring_the_patients(dana: Colleague) -> None:
    page = dana.page
    dana.look("home on the first day")
    dana.turn_to("Contacts")
    dana.look("no contacts")
    page.locator("main").get_by_role("link", name="Import contacts").first.click()
    dana.look("no imports")
    dana.field("CSV file").set_input_files(FILE)
    dana.press("Upload")
    dana.sees("Which column is what?")
    for column, guess in (
        ("Chart Number", "Medical record number"),
        ("Given Name", "First name"),
        ("Diagnoses", "Conditions"),
        ("Opt in date", "When they agreed"),
    ):
        assert dana.field(column).locator("option:checked").inner_text() == guess
    dana.look("import columns")
    dana.press("Check the file")
    dana.sees("Will not be taken")
    assert dana.figure("Rows in the file") == "25"
    assert dana.figure("Will not be taken") == "2"
    dana.look("import checked")
    dana.press("Import 23 rows")
    dana.sees("rows were read, and the file is deleted")
    assert dana.figure("Added") == "23"
    dana.look("import done")
    with page.expect_download() as waited:
        dana.press("Download rows with problems (CSV)")
    rows = list(csv.reader(io.StringIO(waited.value.path().read_text(encoding="utf-8-sig"))))
    row, problems, number, address = rows[0][:4]
    assert (row, problems, number, address) == ("Row", "Problems", "Chart Number", "E-Mail")
    assert [each[2] for each in rows[1:]] == ["LK-1003", "LK-1021"]
    assert "is not a date" in rows[2][1]


def find_somebody(dana: Colleague) -> None:
    page = dana.page
    dana.press("See the contacts", "link")
    dana.sees("Zoë Faucher")
    dana.look("contacts")
    dana.field("Name or e-mail address").fill("fauch")
    page.keyboard.press("Enter")
    dana.sees("1 person found.")
    dana.look("contacts found")
    dana.press("Zoë Faucher", "link")
    dana.sees("Timeline")
    conditions = page.locator("dt", has_text="Conditions").locator("+ dd")
    assert "hidden" in conditions.inner_text()
    for clinical in ("M17.9", "Atorvastatin", "Dr. Moreau", "1966"):
        assert clinical not in page.content()
    dana.look("contact")


def describe_whom(dana: Colleague) -> None:
    page = dana.page
    dana.turn_to("Segments")
    dana.look("no segments")
    dana.press("Make the first segment", "link")
    dana.field("Name of the segment").fill("Winter care")
    if not page.locator(".rule").count():
        dana.press("Add rule")
    dana.field("Field").select_option(label="Conditions")
    page.locator(".rule-phi").wait_for()
    dana.field("Values, separated by commas").press_sequentially(FEW)
    page.locator("#live .count-big", has_text="Fewer than 11").wait_for()
    dana.look("segment few")
    dana.field("Values, separated by commas").press_sequentially(MANY)
    page.locator("#live .count-big", has_text=re.compile(r"^\s*\d+\s*$")).wait_for()
    dana.look("segment")
    dana.press("Save segment")
    page.wait_for_url("**/segments/**")
    dana.sees("Winter care")
    dana.go(f"{dana.staff_url}/segments/")
    dana.sees("Winter care")
    page.locator("td", has_text="Counting").wait_for(state="detached")
    dana.look("segments")


def plan_the_campaign(dana: Colleague) -> None:
    page = dana.page
    dana.turn_to("Campaigns")
    dana.look("no campaigns")
    page.locator("main").get_by_role("link", name="New campaign").first.click()
    dana.look("new campaign")
    dana.field("Name").fill("Winter news")
    page.get_by_role("radio", name="Clinic news What is new").check()
    dana.press("Begin")
    dana.sees("Save, then audience")
    dana.field("Topic").select_option(label="Clinic news")
    page.get_by_role("group", name="Does anybody pay us").get_by_label("No", exact=True).check()
    page.get_by_role("radio", name="Totals only: how many").check()
    dana.look("campaign setup")
    dana.press("Save, then audience")
    page.get_by_role("radio").check()
    dana.press("Choose this segment")
    dana.sees("Can get it")
    dana.look("campaign audience")
    dana.press("Go on to the message", "link")
    dana.field("Subject").fill(SUBJECT)
    page.get_by_label("Preview text").fill(SEEN_WITHOUT_OPENING)
    page.get_by_label("Paragraphs").first.fill(
        "Hello {{ first_name|there }},\n\nwe are open **till seven** all winter."
    )
    page.get_by_label("Words on the button").first.fill("See our winter hours")
    page.get_by_label("Where it leads").first.fill(LINK)
    dana.sees("Nothing to mend")
    page.locator("#side .save-state", has_text=re.compile(r"^\s*Saved\s*$")).wait_for()
    page.frame_locator("iframe[name=preview]").get_by_text("we are open").wait_for()
    dana.look("campaign message")
    page.locator("summary", has_text="Save as template").click()
    dana.press("Keep it as a template")
    dana.sees("Kept as the template “Winter news”")
    page.locator("summary", has_text="Start over from a template").click()
    page.get_by_role("radio", name="Patient survey").check()
    dana.look("campaign start over")
    dana.press("Start over with this")
    dana.sees("The message starts over")
    dana.press("Undo")
    dana.sees("It is back.")
    assert dana.field("Subject").input_value() == SUBJECT
    dana.press("Save, then review")
    dana.sees("Who would get it")
    forecast = page.get_by_role("region", name="Who would get it").inner_text()
    assert "19" in forecast
    assert re.search(r"Left out\s+Fewer than 11", forecast), "seven people, of whom nothing more may be told"
    assert "withheld then, and shown with the reason" in forecast
    dana.look("campaign review")
    dana.press("Ask for approval")
    dana.sees("Waiting for approval")
    dana.look("campaign waiting")
    dana.sign_out()
    dana.look("signed out")


def approve_it(marcus: Colleague) -> None:
    marcus.look("home of the approver")
    marcus.press("1 campaign needs approval", "link")
    marcus.look("approvals")
    marcus.press("Winter news", "link")
    marcus.page.frame_locator("iframe[name=preview]").get_by_text("we are open").wait_for()
    marcus.look("approval")
    marcus.press("Approve")
    marcus.sees("Nothing waits for you")
    marcus.look("no approvals")
    marcus.sign_out()


def send_it(dana: Colleague) -> None:
    page = dana.page
    dana.sign_in()
    dana.look("home")
    dana.press("Winter news", "link")
    keep_a_time(dana)
    dana.press("Review and send", "link")
    dana.press("Send now")
    dana.look("send now")
    dana.press("Send it")
    dana.press("Pause")
    dana.sees("Paused. What is being handed over")
    dana.look("campaign paused")
    address = page.url
    dana.turn_to("Sending")
    page.get_by_role("region", name="Campaigns on their way").get_by_role(
        "link", name="Winter news"
    ).wait_for()
    dana.look("sending with a paused campaign")
    dana.go(address)
    dana.press("Go on")
    page.locator("#progress .pill", has_text="Sending").wait_for()
    dana.look("campaign sending")
    page.locator("#progress .pill-ok", has_text="Sent").wait_for(timeout=90_000)
    dana.look("campaign sent")
    dana.turn_to("Campaigns")
    dana.look("campaigns")


def keep_a_time(dana: Colleague) -> None:
    """Give the campaign a time, see it in the calendar, take the time away; its approval stays."""
    tomorrow = timezone.localdate(timezone=ZoneInfo("America/Chicago")) + timedelta(days=1)
    dana.press("Review and send", "link")
    dana.field("Day").fill(tomorrow.isoformat())
    dana.field("Time").fill("22:00")
    dana.field("By the clocks of").select_option(label="Central time (Chicago)")
    dana.look("campaign time")
    dana.press("Set the time")
    dana.sees("The time is set.")
    dana.sees("That is at night")
    dana.look("campaign scheduled")
    dana.turn_to("Campaigns")
    dana.look("campaigns scheduled")
    dana.press("Calendar", "link")
    dana.go(f"{dana.staff_url}/campaigns/calendar/?month={tomorrow:%Y-%m}")
    dana.sees("10:00 PM")
    dana.look("calendar")
    dana.press("Winter news", "link")
    dana.press("Take the time away")
    dana.sees("The time is taken away.")


def keep_templates(dana: Colleague, stack: Stack) -> None:
    page = dana.page
    dana.turn_to("Templates")
    dana.sees("No templates of your own yet")
    page.frame_locator(".thumbnail-frame").first.get_by_text("News from our clinic").wait_for()
    dana.look("no templates")
    dana.press("Welcome to new patients", exact=False)
    dana.sees("The template is yours now")
    page.get_by_label("Name of the template").fill("Welcome to Lakeside")
    # Words and a merge tag, at the caret.
    words = page.get_by_label("Paragraphs").first
    words.fill("Good day ")
    page.locator("summary[aria-label='Insert a merge tag in block 3']").click()
    page.get_by_role("button", name="First name").click()
    assert words.input_value() == "Good day {{ first_name|there }}"
    page.frame_locator("iframe[name=preview]").get_by_text("Good day Maria").wait_for()
    page.locator("#preview-as").select_option(label="Somebody of whom we know only the address")
    page.frame_locator("iframe[name=preview]").get_by_text("Good day there").wait_for()
    page.locator("label[for=width-phone]").click()
    dana.look("template on a phone")
    page.locator("label[for=width-desktop]").click()
    # A picture of our own, which uploads when it is chosen.
    page.locator("#block-0-file").set_input_files(
        {"name": "lake.jpg", "mimeType": "image/jpeg", "buffer": drawn("JPEG", (1200, 400))}
    )
    page.locator("#block-0-name:not([value^='0000'])").wait_for(state="attached")
    page.locator("#block-0-alt").fill("The lake in the evening")
    page.locator("#side .save-state", has_text=re.compile(r"^\s*Saved\s*$")).wait_for()
    # By mouse, then by button, then away and back.
    handles = page.locator(".block-handle")
    handles.nth(0).drag_to(page.locator("#block-1 .card-header h2"))
    page.wait_for_url("**#block-*")
    page.locator("#block-0", has_text="Heading").wait_for()
    dana.press("Move block 2 up")
    page.locator("#block-0", has_text="Image").wait_for()
    dana.press("Duplicate block 3")
    page.locator("#block-3", has_text="Text").wait_for()
    dana.press("Remove block 4")
    dana.sees("The block is removed.")
    dana.press("Undo")
    dana.sees("It is back.")
    dana.press("Remove block 4")
    dana.sees("The block is removed.")
    last = page.get_by_label("Where it leads").last
    last.fill("https://lakeside.example/directions")
    dana.sees("Nothing to mend")
    dana.look("template")
    dana.field("Send to").select_option(label="Dana Kim")
    dana.press("Send the test")
    dana.sees("Sent to dana@lakeside.example")
    dana.look("template tested")
    [letter] = [each for each in letters(stack) if str(each.message["Subject"]).startswith("[Test]")]
    assert letter.message["To"] == "dana@lakeside.example"
    guest = Visitor(browser_of(dana), "whoever has the test")
    guest.go(letter.links["Unsubscribe"])
    guest.look("link of a test")
    guest.close()
    dana.go(f"{dana.staff_url}/templates/")
    dana.sees("Welcome to Lakeside")
    dana.look("templates")
    dana.press("Archive Welcome to Lakeside")
    dana.sees("is archived")
    dana.press("Undo")
    dana.sees("is back")


@dataclass(frozen=True)
class Letter:
    """What a patient has in hand: the message, and where its links lead."""

    message: EmailMessage
    links: dict[str, str]


def browser_of(who: Visitor) -> Browser:
    """The browser that somebody's window belongs to."""
    found = who.context.browser
    assert found is not None
    return found


def campaign_letters(stack: Stack) -> list[Letter]:
    """The campaign's mails alone."""
    return [each for each in letters(stack) if each.message["Subject"] == SUBJECT]


def letters(stack: Stack) -> list[Letter]:
    """The mails as they arrived."""
    found = []
    for entry in stack.sandbox.mailbox.entries():
        message = email.message_from_bytes(stack.sandbox.mailbox.read(entry.id), policy=email.policy.default)
        part = message.get_body(("html",))
        assert part is not None
        links = {
            " ".join(re.sub(r"<[^>]+>", " ", words).split()): url
            for url, words in re.findall(r'<a[^>]+href="([^"]+)"[^>]*>(.*?)</a>', part.get_content(), re.S)
        }
        found.append(Letter(message, links))
    return found


def answer_as_patients(browser: Browser, stack: Stack) -> None:
    reader, leaver, *_others = campaign_letters(stack)
    patient = Visitor(browser, "a patient")
    page = patient.page
    # A tracked link leads on to the clinic's own site, which no test may ask for.
    tab = patient.context.new_page()
    with tab.expect_request(LINK), pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        tab.goto(reader.links["See our winter hours"])
    tab.close()
    patient.go(reader.links["Change what you get"])
    patient.sees("Choose the emails you get")
    patient.look("preferences")
    page.get_by_label("New services").check()
    patient.press("Save my choices")
    patient.sees("Saved. This holds from now on.")
    patient.look("preferences saved")
    patient.press("Español", "link")
    patient.sees("Elija los correos que recibe")
    assert page.locator("html").get_attribute("lang") == "es"
    assert page.get_by_label("Servicios nuevos").is_checked()
    patient.look("preferences in Spanish")
    patient.go(leaver.links["Unsubscribe"])
    patient.look("unsubscribe")
    patient.press("Stop all emails")
    patient.sees("Done. You will get no more of these emails.")
    patient.look("unsubscribed")
    patient.press("Undo: keep sending me emails")
    patient.sees("OK. You will keep getting our emails.")
    patient.look("undone")
    patient.go(leaver.links["Unsubscribe"])
    patient.press("Stop all emails")
    patient.sees("Done. You will get no more of these emails.")
    patient.go(f"{stack.public_url}/u/no-such-token/")
    patient.complaints.clear()
    patient.sees("This link no longer works")
    patient.look("link gone")
    patient.close()


def take_the_evidence(olive: Colleague, sent: int) -> None:
    page = olive.page
    olive.look("home of the officer")
    olive.turn_to("Reports")
    olive.sees("Winter news")
    olive.look("reports")
    olive.press("Winter news", "link")
    assert olive.figure("Sent over verified TLS") == str(sent)
    assert olive.figure("Clicked") == "1"
    assert olive.figure("Unsubscribed") == "1"
    olive.look("report")
    with page.expect_response("**/messages.csv?*") as answered, page.expect_download() as waited:
        olive.press("Download message log (CSV)", "link")
    content = waited.value.path().read_bytes()
    assert answered.value.header_value("x-content-sha256") == hashlib.sha256(content).hexdigest()
    lines, closing = content.decode().split("\r\n\r\n")
    rows = list(csv.DictReader(io.StringIO(lines)))
    assert f"rows,{len(rows)}\r\n" in closing
    olive.sees(f"of {len(rows)} in the audience")
    assert sum(row["state"] == "sent" for row in rows) == sent > 0
    assert {row["reason"] for row in rows if row["state"] == "withheld"} >= {
        "deceased",
        "minor",
        "no_consent",
        "cannot_receive_securely",
    }
    assert b"@" not in content
    prove_it(olive, sent)
    olive.refused(f"{olive.staff_url}/contacts/")
    olive.look("not found")
    olive.go(olive.staff_url)
    assert not page.get_by_role("link", name="Contacts", exact=True).count()
    olive.sign_out()


def prove_it(olive: Colleague, sent: int) -> None:
    """Every kind of evidence once: what went out and how, who agreed, who left, who looked, who may sign in."""
    page = olive.page
    olive.turn_to("Compliance")
    assert page.locator("#sent-after").inner_text() == "0"
    olive.look("compliance")
    kinds = page.get_by_role("navigation", name="Kinds of evidence")
    kinds.get_by_role("link", name="Message log").click()
    olive.look("evidence of messages")
    olive.field("State").select_option(label="Sent")
    olive.press("Filter")
    assert page.locator("tbody tr").count() == min(sent, 25)
    page.locator("tbody a").first.click()
    olive.sees("Handed over")
    olive.sees("certificate verified")
    olive.look("history of a message")
    olive.press("Message log", "link")
    for name in ("Consent", "Access log", "Staff and factors", "Opt-outs"):
        kinds.get_by_role("link", name=name).click()
        olive.look(f"evidence of {name.lower()}")
    with page.expect_download() as waited:
        olive.press("Download CSV", "link")
    # The page asks again for what was taken, and shows the very file's number.
    olive.sees(hashlib.sha256(waited.value.path().read_bytes()).hexdigest())
    olive.look("evidence taken away")


@pytest.mark.timeout(480)
def test_the_main_job(clinic: Clinic, stack: Stack, browser: Browser) -> None:
    sign_in_for_the_first_time(clinic.dana)
    bring_the_patients(clinic.dana)
    find_somebody(clinic.dana)
    describe_whom(clinic.dana)
    keep_templates(clinic.dana, stack)
    plan_the_campaign(clinic.dana)
    sign_in_for_the_first_time(clinic.marcus)
    approve_it(clinic.marcus)
    send_it(clinic.dana)
    answer_as_patients(browser, stack)
    sign_in_for_the_first_time(clinic.olive)
    take_the_evidence(clinic.olive, sent=len(campaign_letters(stack)))

"""The lint: what stops a design, what needs an approver's eye, and that each finding says where and how to mend it."""

import pytest

from campaigns.designs.blocks import Block, Button, Divider, Heading, Picture, Text
from campaigns.designs.lint import Level, lint, speaks_of_health, stops, used_fields
from campaigns.designs.starters import BLANK, CLINIC_NEWS, STARTERS, Starter

GOOD: tuple[Block, ...] = (Heading("News"), Text("Hello {{ first_name|there }}"), Divider())


def anchors(subject: str = "News", preheader: str = "", blocks: tuple[Block, ...] = GOOD) -> list[str]:
    return [finding.anchor for finding in stops(lint(subject=subject, preheader=preheader, blocks=blocks))]


def test_a_good_design_has_no_finding() -> None:
    assert lint(subject="News from us", preheader="New hours", blocks=GOOD) == ()


@pytest.mark.parametrize("starter", STARTERS.values(), ids=STARTERS)
def test_a_starter_lacks_nothing_but_the_clinics_own_address(starter: Starter) -> None:
    found = lint(subject=starter.subject, preheader=starter.preheader, blocks=starter.blocks)
    if starter is BLANK:
        assert {finding.anchor for finding in found} == {"subject", "blocks", "block-0-text", "block-1-text"}
        return
    buttons = [place for place, block in enumerate(starter.blocks) if isinstance(block, Button)]
    assert [finding.anchor for finding in found] == [f"block-{place}-url" for place in buttons]


def test_there_are_five_starters_and_one_in_spanish() -> None:
    assert len(STARTERS) > 5
    assert [starter.lang for starter in STARTERS.values()].count("es") == 1
    assert CLINIC_NEWS.slug in STARTERS


NAME = "0" * 32 + ".png"


@pytest.mark.parametrize(
    ("picture", "anchor"),
    [
        (Picture(alt="A door"), "block-0-file"),
        (Picture(name="../secret.png", alt="A door"), "block-0-file"),
        (Picture(name=NAME), "block-0-alt"),
        (Picture(name=NAME, alt=" "), "block-0-alt"),
        (Picture(name=NAME, alt="For {{ first_name|you }}"), "block-0-alt"),
        (Picture(name=NAME, alt="Your insulin pen"), "block-0-alt"),
        (Picture(name=NAME, alt="x" * 251), "block-0-alt"),
        (Picture(name=NAME, decorative="yes", url="https://www.northfield.example/"), "block-0-alt"),
        (Picture(name=NAME, alt="A door", url="http://www.northfield.example/"), "block-0-url"),
    ],
)
def test_a_picture_is_there_and_said_in_words_that_say_nothing_of_anybody(
    picture: Picture, anchor: str
) -> None:
    assert anchors(blocks=(picture, *GOOD)) == [anchor]


def test_decoration_needs_no_words() -> None:
    assert anchors(blocks=(Picture(name=NAME, decorative="yes"), *GOOD)) == []
    linked = Picture(name=NAME, alt="A door", url="https://www.northfield.example/")
    assert anchors(blocks=(linked, *GOOD)) == []


@pytest.mark.parametrize(
    "line",
    [
        "Hello {{ first_name|there }}",
        "Hello {{",
        "Hello }}",
        "News\nBcc: everybody@clinic.test",
        "News\r\n",
        "News\x00",
        "News\u2028",
        "Your diabetes care",
        "HIV testing days",
        "x" * 201,
    ],
)
def test_what_is_seen_without_opening_says_nothing_of_anybody(line: str) -> None:
    assert "subject" in anchors(subject=line)
    assert "preheader" in anchors(preheader=line)


@pytest.mark.parametrize("subject", ["", "   ", "\t"])
def test_a_subject_is_required_and_a_preview_text_is_not(subject: str) -> None:
    assert "subject" in anchors(subject=subject)
    assert anchors(preheader="") == []


def test_relationship_words_in_the_subject_are_for_the_approver() -> None:
    (finding,) = lint(subject="Your test results", preheader="", blocks=GOOD)
    assert (finding.level, finding.anchor) == (Level.WARN, "subject")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Hello {{ first_name }}", "Not everybody has"),
        ("Hello {{ first_name| }}", "Not everybody has"),
        ("Hello {{ email|you }}", "There is no field"),
        ("Hello {{ unsubscribe_url }}", "There is no field"),
        ("Hello {{ link:0 }}", "There is no field"),
        ("Hello {{ first_name|you", "not closed"),
        ("Hello {{ first_name\n\n|you }}", "not closed"),
        ("Hello }} you", "never opened"),
        ("Hello {{ first_name.__class__|x }}", "no readable name"),
    ],
)
def test_a_merge_tag_that_would_not_resolve_stops_the_mailing(text: str, why: str) -> None:
    found = stops(lint(subject="News", preheader="", blocks=[Text(text)]))
    assert why in found[0].why
    assert found[0].anchor == "block-0-text"
    assert all(finding.mend and finding.where for finding in found)


def test_a_finding_in_a_text_names_its_line() -> None:
    (found,) = lint(subject="News", preheader="", blocks=[Text("one\n\nthree {{ nobody|x }}")])
    assert found.why.startswith("Line 3, column 7:")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://clinic.test/",
        "javascript:alert(1)",
        "https:clinic.test",
        "https://",
        "https://localhost/",
        "//clinic.test/",
        "https://10.0.0.1/",
        "https://2130706433.1/",
        "https://[::1]/",
        "https://[::1",
        "https://clinic.test:99999999/",
        "https://bit.ly/x",
        "https://user:word@clinic.test/",
        "https://clinic.test/?email=maria@mail.test",
        "https://clinic.test/?mrn=5",
        "https://clinic.test/?x=%40",
        "https://clinic.test/{{ first_name|x }}",
        "https://clinic.test/a b",
        "https://clinic.test/\r\nX: y",
        "https://clinic.test\\@evil.test/",
        "https://www.example.org/visit",
        "https://clinic.test/" + "x" * 2000,
    ],
)
def test_where_a_button_may_not_lead(url: str) -> None:
    assert "block-0-url" in anchors(blocks=(Button("Book", url), *GOOD))


def test_where_a_button_may_lead() -> None:
    assert (
        anchors(blocks=(Button("Book", "https://www.northfield.example/visit?from=news#hours"), *GOOD)) == []
    )


def test_empty_blocks_and_an_empty_message_stop_the_mailing() -> None:
    assert anchors(blocks=(Heading(""), *GOOD)) == ["block-0-text"]
    assert anchors(blocks=(Divider(),)) == ["blocks"]
    assert anchors(blocks=()) == ["blocks"]


def test_a_clinical_value_needs_an_approver() -> None:
    blocks = (Text("See {{ provider|us }}, {{ first_name|there }}"),)
    (finding,) = lint(subject="News", preheader="", blocks=blocks)
    assert finding.level is Level.WARN
    assert used_fields(blocks) == {"provider", "first_name"}
    assert speaks_of_health(blocks)
    assert not speaks_of_health(GOOD)


def test_blocks_that_cannot_be_read_are_taken_to_speak_of_health() -> None:
    assert speaks_of_health([Text("{{ provider")])

"""Pages of campaigns, approvals and home: what they show, to whom, and what their buttons do."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from campaigns import actions, queries, rules
from campaigns.delivery.models import Mailing, Message
from campaigns.designs.blocks import Text
from campaigns.models import Campaign
from contacts.consent.models import Topic
from contacts.models import Import
from contacts.segments.actions import save_segment
from contacts.segments.models import Segment
from contacts.segments.queries import plain_words
from safeguards import phi
from tests import cast
from tests.campaigns import plans
from tests.sessions import signed_in


def page(user: User, name: str, *arguments: int, **query: str) -> str:
    response = signed_in(Client(), user).get(reverse(name, args=arguments), query)
    assert response.status_code == 200, (name, response.status_code)
    return response.content.decode()


def post(user: User, url_name: str, /, *arguments: int | str, **fields: str) -> str:
    """Press a button; gives the page one lands on, with what it says."""
    client = signed_in(Client(), user)
    response = client.post(reverse(url_name, args=arguments), fields, follow=True)
    assert response.status_code == 200, (url_name, response.status_code)
    return response.content.decode()


def now(campaign: Campaign) -> Campaign:
    return queries.one(cast.actor(cast.dana()), campaign.pk)


def asked(campaign: Campaign) -> Mailing:
    return actions.request_approval(actor=cast.actor(cast.dana()), campaign=campaign)


def posted(*blocks: dict[str, str], subject: str = "News from us", **more: str) -> dict[str, str]:
    """The design page's fields as a browser sends them."""
    fields = {"subject": subject, "preheader": "", "blocks": str(len(blocks)), **more}
    for place, block in enumerate(blocks):
        fields |= {f"block-{place}-{name}": value for name, value in block.items()}
    return fields


@pytest.mark.django_db
def test_lists_that_are_empty_teach_the_next_step() -> None:
    cast.clinic()
    assert "No campaigns yet" in page(cast.dana(), "campaigns")
    assert "Nothing waits for you" in page(cast.marcus(), "approvals")
    home = page(cast.dana(), "home")
    assert "Three steps to your first campaign" in home
    assert "Import your contacts" in home


@pytest.mark.django_db
def test_a_campaign_is_planned_step_by_step() -> None:
    brand, dana = plans.brand(), cast.dana()
    segment = plans.segment(plans.BOSTON, "Boston")
    post(dana, "campaign_new", name="June news", begin="starter:clinic-news")
    campaign = Campaign.objects.get()
    assert campaign.pool is not None
    setup = {
        "name": "June news",
        "brand": str(brand.pk),
        "topic": str(Topic.objects.get(slug="clinic-news").pk),
        "purpose": "promotional",
        "tracking": "none",
        "pool": str(campaign.pool.pk),
    }
    assert "signed authorization" in post(dana, "campaign_setup", campaign.pk, paid="yes", **setup)
    assert now(campaign).topic is None
    audience = post(dana, "campaign_setup", campaign.pk, paid="no", **setup)
    assert plain_words(cast.actor(cast.dana()), plans.BOSTON) in audience
    chosen = post(dana, "campaign_audience", campaign.pk, segment=str(segment.pk))
    assert "the index is starting" in chosen
    review = post(
        dana,
        "campaign_design",
        campaign.pk,
        **posted({"kind": "text", "text": "Hello {{ first_name|there }}"}, command="next"),
    )
    assert "Everything is in place" in review
    assert "Boston" in review
    waiting = post(dana, "campaign_ask", campaign.pk)
    assert "Waiting for approval" in waiting
    assert queries.state(now(campaign)) is rules.State.WAITING


@pytest.mark.django_db
def test_the_review_leads_from_each_thing_lacking_to_where_it_is_mended() -> None:
    plans.brand()
    campaign = actions.create_campaign(actor=cast.actor(cast.dana()), name="June news")
    review = page(cast.dana(), "campaign_review", campaign.pk)
    for name in ("campaign_setup", "campaign_audience", "campaign_design"):
        assert f'<a href="{reverse(name, args=[campaign.pk])}">' in review
    assert "Ask for approval" not in review


@pytest.mark.django_db
def test_blocks_are_added_moved_and_removed_by_buttons() -> None:
    campaign = plans.campaign()
    heading, text = {"kind": "heading", "text": "One"}, {"kind": "text", "text": "Two"}

    def kinds_after(command: str) -> list[str]:
        post(cast.dana(), "campaign_design", campaign.pk, **posted(heading, text, command=command))
        design = now(campaign).design
        assert design is not None
        return [block["kind"] for block in design.document["blocks"]]

    assert kinds_after("save") == ["heading", "text"]
    assert kinds_after("add:divider") == ["heading", "text", "divider"]
    assert kinds_after("down:0") == ["text", "heading"]
    assert kinds_after("up:0") == ["heading", "text"]
    assert kinds_after("remove:0") == ["text"]
    assert kinds_after("remove:7") == ["heading", "text"]
    assert kinds_after("add:script") == ["heading", "text"]


@pytest.mark.django_db
def test_the_page_that_saves_by_itself_answers_with_checks_and_preview() -> None:
    campaign = plans.campaign()
    client = signed_in(Client(), cast.dana())
    response = client.post(
        reverse("campaign_design", args=[campaign.pk]),
        posted({"kind": "text", "text": "Hello {{ first_name }}"}),
        headers={"HX-Request": "true"},
    )
    side = response.content.decode()
    assert "1 thing to mend" in side
    assert 'href="#block-0-text"' in side
    assert "<html" not in side
    assert queries.blockers(now(campaign)) == (rules.Blocker.DESIGN_STOPPED,)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "fields",
    [
        posted({"kind": "text", "text": "x" * 5001}),
        posted({"kind": "script", "text": "x"}),
        posted() | {"blocks": "9999"},
        posted() | {"blocks": ""},
        posted({"kind": "text"}, subject="x" * 201),
    ],
)
def test_what_no_page_sends_is_refused_with_words_and_saves_nothing(fields: dict[str, str]) -> None:
    campaign = plans.campaign()
    shown = post(cast.dana(), "campaign_design", campaign.pk, **fields)
    assert "form-errors" in shown
    design = now(campaign).design
    assert design is not None
    assert design.subject == "News from us"
    assert len(design.document["blocks"]) == len(plans.BLOCKS)


@pytest.mark.django_db
def test_the_preview_may_be_framed_by_us_and_run_nothing() -> None:
    campaign = plans.campaign()
    client = signed_in(Client(), cast.dana())
    response = client.get(reverse("campaign_preview", args=[campaign.pk]))
    policy = response["Content-Security-Policy"]
    assert "script-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert b"Hello Maria" in response.content
    text = client.get(reverse("campaign_preview", args=[campaign.pk]), {"part": "text", "as": "empty"})
    assert b"Hello there" in text.content
    assert client.get(reverse("campaign_preview", args=[campaign.pk]), {"as": "nobody"}).status_code == 404
    assert "script-src 'self'" in client.get("/campaigns/")["Content-Security-Policy"]


@pytest.mark.django_db
def test_an_approver_sees_what_they_answer_for_and_decides() -> None:
    campaign = plans.campaign(plans.DIABETES, blocks=[Text("Ask {{ provider|us }} about classes")])
    mailing = asked(campaign)
    assert "June news" in page(cast.marcus(), "approvals")
    shown = page(cast.marcus(), "approval", mailing.pk)
    for words in (
        "News from us",
        plain_words(cast.actor(cast.dana()), plans.DIABETES),
        "Totals only",
        "is health information",
    ):
        assert words in shown, words
    frame = signed_in(Client(), cast.marcus()).get(reverse("approval_preview", args=[mailing.pk]))
    assert b"Ask Dr. Osei about classes" in frame.content
    back = post(cast.marcus(), "approval", mailing.pk, decision="send_back", comment="")
    assert "Say what has to change" in back
    post(cast.marcus(), "approval", mailing.pk, decision="send_back", comment="Leave out the doctor")
    assert "Leave out the doctor" in page(cast.dana(), "campaign_review", campaign.pk)


@pytest.mark.django_db
def test_approving_asks_for_a_fresh_factor_and_sending_back_does_not() -> None:
    mailing = asked(plans.campaign())
    client = signed_in(Client(), cast.marcus())
    session = client.session
    session["factor_at"] = 0
    session.save()
    address = reverse("approval", args=[mailing.pk])
    shown = client.post(address, {"decision": "approve", "comment": "Fine"}).content.decode()
    assert "Confirm it\u2019s you" in shown
    assert '<input type="hidden" name="comment" value="Fine">' in shown
    assert not mailing.approvals.exists()
    client.post(address, {"decision": "send_back", "comment": "Not yet"})
    assert mailing.approvals.get().comment == "Not yet"


@pytest.mark.django_db
def test_approved_it_says_so_and_a_change_voids_it_with_a_clear_message() -> None:
    campaign = plans.campaign()
    mailing = asked(campaign)
    post(cast.marcus(), "approval", mailing.pk, decision="approve", comment="Fine")
    shown = page(cast.dana(), "campaign", campaign.pk)
    assert "Approved, not sent yet" in shown
    assert "“Fine”" in shown
    assert "makes the approval void" in page(cast.dana(), "campaign_design", campaign.pk)
    changed = post(cast.dana(), "campaign_design", campaign.pk, **posted({"kind": "text", "text": "Other"}))
    assert "its approval is void" in changed
    assert queries.state(now(campaign)) is rules.State.DRAFT


@pytest.mark.django_db
def test_an_approval_that_no_longer_waits_has_no_buttons() -> None:
    campaign = plans.campaign()
    mailing = asked(campaign)
    post(cast.dana(), "campaign_cancel", campaign.pk)
    assert "its author took it back" in page(cast.marcus(), "approval", mailing.pk)
    asked(now(campaign))
    client = signed_in(Client(), cast.marcus())
    assert client.get(reverse("approval", args=[mailing.pk])).status_code == 404


@pytest.mark.django_db
def test_changed_rules_can_only_be_sent_back() -> None:
    campaign = plans.campaign()
    mailing = asked(campaign)
    save_segment(actor=cast.actor(cast.dana()), segment=campaign.segment, name="Everybody", tree=plans.BOSTON)
    shown = page(cast.marcus(), "approval", mailing.pk)
    assert "can only be sent back" in shown
    assert 'value="approve"' not in shown
    assert 'value="send_back"' in shown


@pytest.mark.django_db
def test_only_what_moves_asks_again_and_keeps_nobody_signed_in() -> None:
    campaign = plans.campaign()
    mailing = asked(campaign)
    assert "hx-get" not in page(cast.dana(), "campaign_progress", campaign.pk)
    Mailing.objects.filter(pk=mailing.pk).update(
        state=Mailing.State.SENDING, started_at=mailing.requested_at, audience_size=1234
    )
    fragment = page(cast.dana(), "campaign_progress", campaign.pk)
    assert 'hx-trigger="every 2s"' in fragment
    assert '"X-Polling": "1"' in fragment
    assert "1,234" in fragment
    assert "Sending" in fragment
    paused = post(cast.dana(), "campaign_pause", campaign.pk)
    assert "Paused" in paused
    assert "Sending goes on" in post(cast.dana(), "campaign_resume", campaign.pk)
    assert "Nothing more is sent" in post(cast.dana(), "campaign_cancel", campaign.pk)
    assert "can&#x27;t be done now" in post(cast.dana(), "campaign_pause", campaign.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["setup", "audience", "design", "review"])
def test_what_is_being_sent_has_no_planning_pages(step: str) -> None:
    campaign = plans.campaign()
    Mailing.objects.filter(pk=asked(campaign).pk).update(state=Mailing.State.SENDING)
    response = signed_in(Client(), cast.dana()).get(reverse(f"campaign_{step}", args=[campaign.pk]))
    assert response.status_code == 302
    assert response["Location"] == reverse("campaign", args=[campaign.pk])


EDITORS = ["campaign_setup", "campaign_audience", "campaign_design", "campaign_review"]
VIEWERS = ["campaign", "campaign_progress", "campaign_preview"]
BUTTONS = ["campaign_ask", "campaign_launch", "campaign_pause", "campaign_resume", "campaign_cancel"]


def test_whoever_may_not_finds_nothing(own_database: str) -> None:
    campaign = plans.campaign()
    mailing = asked(campaign)
    for user in (cast.marcus(), cast.ann(), cast.olive()):
        client = signed_in(Client(), user)
        for name in EDITORS:
            assert client.get(reverse(name, args=[campaign.pk])).status_code == 404, name
        for name in BUTTONS:
            assert client.post(reverse(name, args=[campaign.pk])).status_code == 404, name
        for name in VIEWERS:
            assert client.get(reverse(name, args=[campaign.pk])).status_code == 200, name
        assert client.get(reverse("campaign_new")).status_code == 404
        assert client.get(reverse("home")).status_code == 200
    for user in (cast.dana(), cast.ann(), cast.olive()):
        client = signed_in(Client(), user)
        for url in (
            reverse("approvals"),
            reverse("approval", args=[mailing.pk]),
            reverse("approval_preview", args=[mailing.pk]),
        ):
            assert client.get(url).status_code == 404
    stranger = Client().get(reverse("campaign", args=[campaign.pk]))
    assert (stranger.status_code, stranger["Location"][:14]) == (302, "/account/login")
    assert Client().get(reverse("campaign_new")).status_code == 302


@pytest.mark.django_db
def test_a_campaign_that_does_not_exist_is_a_page_not_found() -> None:
    cast.clinic()
    client = signed_in(Client(), cast.ada())
    for name in (*EDITORS, *VIEWERS):
        assert client.get(reverse(name, args=[9])).status_code == 404
    assert client.get(reverse("approval", args=[9])).status_code == 404


@pytest.mark.django_db
def test_buttons_are_pressed_not_followed() -> None:
    campaign = plans.campaign()
    client = signed_in(Client(), cast.dana())
    for name in BUTTONS:
        assert client.get(reverse(name, args=[campaign.pk])).status_code == 405


@pytest.mark.django_db
def test_a_list_asks_the_database_the_same_number_of_times_however_long_it_is() -> None:
    plans.brand()
    for number in range(3):
        actions.create_campaign(actor=cast.actor(cast.dana()), name=f"Campaign {number}")
    client = signed_in(Client(), cast.dana())
    client.get(reverse("campaigns"))
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("campaigns")).status_code == 200
        counts.append(len(captured))
        for number in range(10):
            actions.create_campaign(actor=cast.actor(cast.dana()), name=f"More {number}")
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_home_shows_what_needs_this_person() -> None:
    asked(plans.campaign())
    assert "1 campaign needs approval" in page(cast.marcus(), "home")
    home = page(cast.dana(), "home")
    assert "needs approval" not in home
    assert "June news" in home


@pytest.mark.django_db
def test_home_points_to_this_persons_imports_and_to_nobody_elses() -> None:
    cast.clinic()
    now = timezone.now()
    for state, rejected in ((Import.State.DONE, 12), (Import.State.CHECKED, 0), (Import.State.FAILED, 0)):
        number = uuid4()
        Import.objects.create(
            id=number,
            about=phi.seal(Import, "about", number, {}),
            state=state,
            size=1,
            rejected=rejected,
            created_by=cast.dana(),
            created_at=now,
            finished_at=now,
        )
    home = page(cast.dana(), "home")
    for words in ("12 import rows have problems", "1 import waits for you", "1 file could not be read"):
        assert words in home
    assert "import rows" not in page(cast.ada(), "home")


@pytest.mark.django_db
def test_a_draft_without_a_subject_is_saved_and_not_sent() -> None:
    campaign = plans.campaign()
    shown = post(
        cast.dana(), "campaign_design", campaign.pk, **posted({"kind": "text", "text": "x"}, subject="")
    )
    assert "Write what the message is about" in shown
    assert queries.blockers(now(campaign)) == (rules.Blocker.DESIGN_STOPPED,)


@pytest.mark.django_db
def test_few_people_are_not_told_apart_by_why_they_were_withheld() -> None:
    campaign = plans.campaign(plans.DIABETES)
    mailing = asked(campaign)
    Mailing.objects.filter(pk=mailing.pk).update(
        state=Mailing.State.FINISHED, started_at=mailing.requested_at, audience_size=3
    )
    for number, reason in enumerate(("deceased", "minor", "no_consent")):
        Message.objects.create(
            id=number,
            mailing_id=mailing.pk,
            occurrence=number,
            address_hash=b"a" * 16,
            person_key=bytes([number]) * 16,
            state=Message.State.WITHHELD,
            reason=reason,
            source_id=1,
            provider_id=1,
            due=mailing.requested_at,
            first_due=mailing.requested_at,
            updated_at=mailing.requested_at,
        )
    shown = page(cast.dana(), "campaign", campaign.pk)
    assert "Have died" not in shown
    assert "Fewer than 11" in shown
    assert "Have died" in page(cast.ada(), "campaign", campaign.pk)
    # What the segment becomes later uncovers nobody.
    Segment.objects.update(clinical=False)
    assert not queries.is_clinical(now(campaign))
    assert "Have died" not in page(cast.dana(), "campaign", campaign.pk)


@pytest.mark.django_db
def test_no_page_carries_a_style_or_a_script_of_its_own() -> None:
    campaign = plans.campaign()
    for name in EDITORS:
        shown = page(cast.dana(), name, campaign.pk)
        assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?! type=\"module\" src=)", shown), name

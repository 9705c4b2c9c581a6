"""Pages of a campaign's time, the calendar, the list's tabs and copies."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import access
from campaigns import actions, queries
from campaigns.delivery.models import Mailing
from campaigns.models import Campaign
from campaigns.rules import Missed, Shelf, State
from tests import cast, factories
from tests.campaigns import plans
from tests.campaigns.test_pages import now, page, post
from tests.sessions import signed_in

ZONE = "America/New_York"


def at_ten(days: int) -> datetime:
    """Ten in the morning of a day from today, in the clinic's zone."""
    day = timezone.localdate(timezone=ZoneInfo(ZONE)) + timedelta(days=days)
    return datetime.combine(day, datetime.min.time(), ZoneInfo(ZONE)).replace(hour=10)


def schedule(campaign: Campaign, days: int = 1, hour: str = "10:00", zone: str = ZONE) -> str:
    day = at_ten(days).date().isoformat()
    return post(cast.dana(), "campaign_schedule", campaign.pk, day=day, time=hour, zone=zone)


@pytest.mark.django_db
def test_a_time_is_given_on_the_review_page_and_taken_away_with_undo() -> None:
    campaign = plans.campaign(plans.DIABETES)
    review = page(cast.dana(), "campaign_review", campaign.pk)
    assert "Or send it at a set time" in review
    assert "Set the time and ask for approval" in review
    shown = schedule(campaign)
    for words in ("The time is set", "only if somebody else approves", "set by Dana Kim", "10:00 AM"):
        assert words in shown
    assert "at night" not in shown
    assert now(campaign).send_at == at_ten(1)
    assert "To be sent" in page(cast.marcus(), "approvals")
    mailing = now(campaign).mailing
    assert mailing is not None
    assert "By itself, if you approve it" in page(cast.marcus(), "approval", mailing.pk)
    taken = post(cast.dana(), "campaign_unschedule", campaign.pk)
    undo = reverse("campaign_reschedule", args=[campaign.pk, int(at_ten(1).timestamp())])
    assert f'action="{undo}"' in taken
    assert now(campaign).send_at is None
    assert "no time to send at" in post(cast.dana(), "campaign_unschedule", campaign.pk)
    post(cast.dana(), "campaign_reschedule", campaign.pk, int(at_ten(1).timestamp()))
    assert (now(campaign).send_at, now(campaign).mailing) == (at_ten(1), mailing)


@pytest.mark.django_db
def test_what_the_clocks_do_not_allow_is_said_beside_the_field() -> None:
    campaign = plans.campaign(plans.DIABETES)
    assert "has passed" in schedule(campaign, days=-1)
    dana = cast.dana()

    def typed(day: str, hour: str) -> str:
        return post(dana, "campaign_schedule", campaign.pk, day=day, time=hour, zone=ZONE)

    assert "put forward" in typed("2090-03-12", "02:30")
    assert "twice" in typed("2090-11-05", "01:30")
    assert "at night" in typed("2090-11-05", "23:00")
    assert now(campaign).send_zone == ZONE


@pytest.mark.django_db
def test_a_changed_campaign_says_that_its_time_does_not_hold() -> None:
    campaign = plans.campaign(plans.DIABETES)
    schedule(campaign)
    said = post(
        cast.dana(),
        "campaign_audience",
        campaign.pk,
        segment=str(plans.segment(plans.EVERYBODY, "Everybody else").pk),
    )
    assert "Schedule it again" in said
    assert "schedule it again" in page(cast.dana(), "campaign_review", campaign.pk)


@pytest.mark.django_db
def test_a_missed_time_is_told_at_home_and_on_its_page() -> None:
    campaign = plans.campaign(plans.DIABETES)
    schedule(campaign)
    Campaign.objects.update(send_at=timezone.now() - timedelta(seconds=1))
    actions.launch_due(actor=access.system("delivery"), campaign_id=campaign.pk)
    assert now(campaign).missed == Missed.NOT_APPROVED
    for name, arguments in (("home", ()), ("campaign", (campaign.pk,)), ("campaign_review", (campaign.pk,))):
        assert "Its time passed without approval" in page(cast.dana(), name, *arguments)
    assert "Not sent at its time" in page(cast.ann(), "campaigns")
    assert "time passed" not in page(cast.ann(), "home")


@pytest.mark.django_db
def test_the_calendar_shows_what_is_to_go_and_what_went_in_the_readers_zone() -> None:
    assert "Nothing is set for this month" in page(cast.dana(), "campaign_calendar")
    coming, gone = plans.campaign(plans.DIABETES), plans.campaign()
    schedule(coming)
    left = factories.launch(factories.mailing(), [factories.contact("ana@goodmail.example")])
    Campaign.objects.filter(pk=gone.pk).update(mailing=left, name="Gone news")
    Mailing.objects.filter(pk=left.pk).update(state="finished", started_at=at_ten(0), audience_size=1)
    tomorrow, today = at_ten(1), at_ten(0)
    month = page(cast.ann(), "campaign_calendar", month=f"{tomorrow:%Y-%m}")
    assert "June news" in month
    assert "Waiting for approval" in month
    assert "Gone news" in page(cast.ann(), "campaign_calendar", month=f"{today:%Y-%m}")
    dana = cast.dana()
    dana.time_zone = "Pacific/Auckland"
    dana.save()
    there = tomorrow.astimezone(ZoneInfo("Pacific/Auckland"))
    shown = page(dana, "campaign_calendar", month=f"{there:%Y-%m}")
    assert f"{there:%-I:%M %p}" in shown
    assert f"{timezone.localdate(timezone=there.tzinfo):%B %Y}" in page(dana, "campaign_calendar", month="x")


@pytest.mark.django_db
def test_the_tabs_count_and_each_campaign_stands_on_one() -> None:
    plans.campaign()
    waiting, scheduled, approved = (plans.campaign(plans.DIABETES) for _ in range(3))
    for each in (waiting, scheduled):
        schedule(each)
    actions.request_approval(actor=cast.actor(cast.dana()), campaign=approved)
    for each in (scheduled, approved):
        mailing = now(each).mailing
        assert mailing is not None
        actions.approve_campaign(actor=cast.actor(cast.marcus()), mailing=mailing, comment="")
    sent = plans.campaign()
    left = factories.launch(factories.mailing(), [factories.contact("ana@goodmail.example")])
    Campaign.objects.filter(pk=sent.pk).update(mailing=left, name="Autumn walks")
    found, numbers = queries.found(cast.actor(cast.ann()), name="", shelf=Shelf.SCHEDULED)
    assert [each.pk for each in found] == [scheduled.pk]
    assert numbers == {
        Shelf.ALL: 5,
        Shelf.DRAFTS: 1,
        Shelf.WAITING: 1,
        Shelf.APPROVED: 1,
        Shelf.SCHEDULED: 1,
        Shelf.SENDING: 1,
        Shelf.SENT: 0,
        Shelf.CANCELLED: 0,
    }
    listed = page(cast.dana(), "campaigns", q="walks autumn")
    assert "Autumn walks" in listed
    assert "June news" not in listed
    assert "No campaign here has these words" in page(cast.dana(), "campaigns", q="walks", state="drafts")
    assert "No campaign stands here" in page(cast.dana(), "campaigns", state="cancelled")
    assert "June news" in page(cast.dana(), "campaigns", state="nonsense")


@pytest.mark.django_db
def test_a_copy_lands_on_its_setup() -> None:
    campaign = plans.campaign()
    assert "Duplicate" in page(cast.dana(), "campaigns")
    assert "Duplicate" not in page(cast.ann(), "campaigns")
    landed = post(cast.dana(), "campaign_duplicate", campaign.pk)
    assert "June news (copy)" in landed
    assert "Save, then audience" in landed
    assert queries.state(Campaign.objects.latest("pk")) is State.DRAFT


@pytest.mark.django_db
def test_the_calendar_asks_the_same_number_of_questions_however_much_is_on_it() -> None:
    def cost() -> int:
        client = signed_in(Client(), cast.dana())
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("campaign_calendar"), {"month": f"{at_ten(1):%Y-%m}"})
        return len(asked)

    schedule(plans.campaign(plans.DIABETES))
    one = cost()
    for _ in range(3):
        schedule(plans.campaign(plans.DIABETES))
    assert cost() == one

"""The first page's figures: what was sent by week, small numbers left out, and whom a topic reaches."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.delivery.models import Mailing, Message
from campaigns.models import Campaign
from marketing.home.trend import WEEKS, trend
from tests import cast, factories
from tests.campaigns import plans
from tests.sessions import signed_in

pytestmark = pytest.mark.django_db


def sent(people: int, *, weeks_ago: int = 0, clinical: bool = False) -> Campaign:
    """A campaign that so many people got, so many weeks ago."""
    tree = plans.DIABETES if clinical else plans.EVERYBODY
    campaign = plans.campaign(tree)
    contacts = [factories.contact(f"c{campaign.pk}n{number}@goodmail.example") for number in range(people)]
    mailing = factories.launch(factories.mailing(), contacts)
    Message.objects.filter(mailing_id=mailing.pk).update(state=Message.State.SENT)
    Mailing.objects.filter(pk=mailing.pk).update(started_at=timezone.now() - timedelta(weeks=weeks_ago))
    Campaign.objects.filter(pk=campaign.pk).update(mailing=mailing)
    return campaign


def test_each_campaign_counts_in_the_week_in_which_it_began() -> None:
    sent(12, weeks_ago=2)
    sent(13, weeks_ago=2)
    sent(14)
    sent(15, weeks_ago=WEEKS + 1)
    found = trend(cast.actor(cast.dana()))
    assert [week.sent for week in found.weeks] == [0] * (WEEKS - 3) + [25, 0, 14]
    assert (found.sent, found.covered) == (39, False)
    assert max(bar.height for bar in found.bars) == 130


def test_a_small_campaign_by_health_is_left_out_of_the_sum_for_who_may_not_know() -> None:
    sent(12)
    sent(3, clinical=True)
    seen, known = trend(cast.actor(cast.dana())), trend(cast.actor(cast.ada()))
    assert (seen.sent, seen.covered) == (12, True)
    assert (known.sent, known.covered) == (15, False)


def test_the_first_page_and_the_reports_cost_the_same_however_many_campaigns_were_sent() -> None:
    dana = signed_in(Client(), cast.dana())
    costs = []
    for _ in range(2):
        for _number in range(4):
            sent(1)
        dana.get("/")
        with CaptureQueriesContext(connection) as home:
            dana.get("/")
        with CaptureQueriesContext(connection) as reports:
            dana.get("/reports/")
        costs.append((len(home), len(reports)))
    assert costs[0] == costs[1]


def test_the_first_page_shows_it_and_says_the_same_in_a_table() -> None:
    sent(12)
    page = signed_in(Client(), cast.dana()).get("/").content.decode()
    assert "Eight weeks" in page
    assert page.count("<rect") == WEEKS * 2
    assert "The same as a table" in page


def test_without_the_index_the_page_says_that_numbers_come() -> None:
    sent(12)
    page = signed_in(Client(), cast.dana()).get("/list-health/").content.decode()
    assert "The index is starting" in page

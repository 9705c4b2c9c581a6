"""Launching: who is in the segment is asked at that moment, and the rules are the ones that were approved."""

from collections.abc import Iterator

import pytest

from campaigns import actions, queries, rules
from campaigns.actions import NotPossible
from campaigns.delivery.models import Audience, Mailing
from campaigns.designs.blocks import Text
from campaigns.models import Campaign
from contacts.segments.actions import save_segment
from contacts.segments.client import IndexAway
from safeguards.models import AuditEvent
from tests import cast, processes
from tests.campaigns import plans
from tests.contacts.segments import people


@pytest.fixture
def three(own_database: str) -> Iterator[str]:
    """Three contacts, two of them in Boston, and an index that knows them."""
    cast.clinic()
    for email, city in (("a@mail.test", "Boston"), ("b@mail.test", "Boston"), ("c@mail.test", "Salem")):
        people.add(email, city=city)
    with processes.index(own_database):
        yield own_database


def launch(campaign: Campaign) -> Mailing:
    return actions.launch_campaign(actor=cast.actor(cast.dana()), campaign=campaign)


def test_a_small_campaign_that_says_nothing_of_health_goes_at_once(three: str) -> None:
    campaign = plans.campaign(plans.BOSTON)
    mailing = launch(campaign)
    assert (mailing.state, mailing.audience_size, mailing.needs_approval) == ("freezing", 2, False)
    assert Audience.objects.filter(mailing=mailing).count() == 1
    assert AuditEvent.objects.get(action="campaign.launched").details["audience"] == 2
    with pytest.raises(NotPossible, match="sent already"):
        launch(campaign)


@pytest.mark.parametrize("clinical", ["rules", "words"])
def test_health_in_the_rules_or_the_words_needs_approval(three: str, clinical: str) -> None:
    campaign = (
        plans.campaign(plans.DIABETES)
        if clinical == "rules"
        else plans.campaign(blocks=[Text("See {{ provider|your clinic }}")])
    )
    with pytest.raises(NotPossible, match="approve"):
        launch(campaign)
    assert not Mailing.objects.exists()


def test_many_people_need_approval(own_database: str) -> None:
    cast.clinic()
    for number in range(rules.LARGE_AUDIENCE):
        people.add(f"p{number}@mail.test", city="Boston" if number else "Salem")
    with processes.index(own_database):
        with pytest.raises(NotPossible, match="approve"):
            launch(plans.campaign())
        assert launch(plans.campaign(plans.BOSTON)).audience_size == rules.LARGE_AUDIENCE - 1


def test_what_was_approved_goes_and_what_was_changed_since_does_not(three: str) -> None:
    dana, marcus = cast.actor(cast.dana()), cast.actor(cast.marcus())
    campaign = plans.campaign()
    mailing = actions.request_approval(actor=dana, campaign=campaign)
    with pytest.raises(NotPossible):
        launch(campaign)
    actions.approve_campaign(actor=marcus, mailing=mailing, comment="Good")
    campaign = queries.one(dana, campaign.pk)
    save_segment(actor=dana, segment=campaign.segment, name="Everybody", tree=plans.BOSTON)
    with pytest.raises(NotPossible, match="rules were changed"):
        launch(campaign)
    save_segment(actor=dana, segment=campaign.segment, name="Everybody", tree=plans.EVERYBODY)
    assert launch(campaign).audience_size == 3


def test_while_nobody_can_be_counted_nothing_is_sent(own_database: str) -> None:
    campaign = plans.campaign()
    with pytest.raises(IndexAway):
        launch(campaign)
    assert not Mailing.objects.exists()

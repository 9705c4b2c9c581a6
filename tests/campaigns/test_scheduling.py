"""A time to send at: kept once, whatever comes between, and never for what nobody may send."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from accounts import access
from accounts.access import Denied
from accounts.models import Role
from campaigns import actions, queries, rules
from campaigns.actions import NotPossible
from campaigns.delivery.models import Audience, Mailing
from campaigns.models import Campaign
from campaigns.rules import State
from contacts.segments import queries as segments
from contacts.segments.actions import save_segment
from contacts.segments.client import IndexAway
from safeguards.models import AuditEvent
from tests import cast, processes
from tests.campaigns import plans
from tests.contacts.segments import people

ZONE = "America/New_York"


@pytest.fixture
def three(own_database: str) -> Iterator[str]:
    """Three contacts, two of them in Boston, and an index that knows them."""
    cast.clinic()
    for email, city in (("a@mail.test", "Boston"), ("b@mail.test", "Boston"), ("c@mail.test", "Salem")):
        people.add(email, city=city)
    with processes.index(own_database):
        yield own_database


def schedule(campaign: Campaign, at: datetime | None = None) -> Campaign:
    actions.schedule_campaign(
        actor=cast.actor(cast.dana()),
        campaign=campaign,
        send_at=at or timezone.now() + timedelta(days=1),
        zone=ZONE,
    )
    return again(campaign)


def again(campaign: Campaign) -> Campaign:
    return queries.one(cast.actor(cast.dana()), campaign.pk)


def state(campaign: Campaign) -> State:
    return queries.state(again(campaign))


def its_time_comes(campaign: Campaign, *, late: timedelta = timedelta(seconds=1)) -> None:
    """Set the clock forward, as far as the campaign can tell."""
    Campaign.objects.filter(pk=campaign.pk).update(send_at=timezone.now() - late)


def sweep(campaign: Campaign) -> Campaign:
    actions.launch_due(actor=access.system("delivery"), campaign_id=campaign.pk)
    return again(campaign)


def approve(campaign: Campaign) -> None:
    mailing = again(campaign).mailing
    assert mailing is not None
    actions.approve_campaign(actor=cast.actor(cast.marcus()), mailing=mailing, comment="")


def test_at_its_time_it_goes_to_whoever_is_in_the_segment_then(three: str) -> None:
    campaign = schedule(plans.campaign())
    assert (state(campaign), campaign.send_zone) == (State.APPROVED, ZONE)
    assert sweep(campaign).mailing == campaign.mailing
    assert state(campaign) is State.APPROVED, "before its time nothing happens"
    its_time_comes(campaign)
    due = again(campaign).send_at
    assert due is not None
    launched = sweep(campaign)
    assert launched.mailing is not None
    assert (launched.mailing.audience_size, launched.send_at, launched.scheduled_by) == (3, None, None)
    assert queries.state(launched) is State.SENDING
    row = AuditEvent.objects.get(action="campaign.launched")
    assert (row.actor_id, row.details["send_at"]) == (str(cast.dana().pk), due.isoformat())


def test_one_that_needs_approval_asks_for_it_and_goes_once_it_has_it(three: str) -> None:
    campaign = schedule(plans.campaign(plans.DIABETES))
    assert state(campaign) is State.WAITING
    assert AuditEvent.objects.filter(action="campaign.approval_asked").count() == 1
    approve(campaign)
    mailing = again(campaign).mailing
    other = schedule(campaign, timezone.now() + timedelta(days=2))
    assert (other.mailing, state(other)) == (mailing, State.APPROVED), "the time alone takes back nothing"
    save_segment(actor=cast.actor(cast.dana()), segment=campaign.segment, name="E", tree=plans.BOSTON)
    its_time_comes(campaign)
    assert sweep(campaign).missed == rules.Missed.CHANGED
    assert not Audience.objects.exists()


def test_without_approval_it_does_not_go_and_a_later_approval_does_not_send_it(three: str) -> None:
    campaign = schedule(plans.campaign(plans.DIABETES))
    its_time_comes(campaign)
    assert sweep(campaign).missed == rules.Missed.NOT_APPROVED
    row = AuditEvent.objects.get(action="campaign.missed")
    assert (row.outcome, row.details["why"]) == ("failure", "not_approved")
    assert [each.pk for each in queries.missed()] == [campaign.pk]
    approve(campaign)
    sweep(campaign)
    assert state(campaign) is State.APPROVED
    assert schedule(campaign).missed == ""
    assert not queries.missed()


def test_what_has_grown_meanwhile_needs_approval_after_all(three: str) -> None:
    campaign = schedule(plans.campaign())
    its_time_comes(campaign)
    for number in range(rules.LARGE_AUDIENCE):
        people.add(f"p{number}@mail.test", city="Boston")
    actor, tree = cast.actor(cast.dana()), plans.EVERYBODY
    processes.wait_until(
        lambda: len(segments.members(actor, tree)) > rules.LARGE_AUDIENCE, "the index's news"
    )
    assert sweep(campaign).missed == rules.Missed.NOT_APPROVED


def test_two_sweeps_at_once_launch_once(three: str) -> None:
    campaign = schedule(plans.campaign())
    its_time_comes(campaign)
    ready = threading.Barrier(2)
    raised: list[Exception] = []

    def run() -> None:
        ready.wait()
        try:
            sweep(campaign)
        except IndexAway as error:
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not raised
    assert state(campaign) is State.SENDING
    assert again(campaign).missed == ""
    assert AuditEvent.objects.filter(action="campaign.launched").count() == 1
    assert Audience.objects.count() == 1


class Killed(Exception):
    """The worker dies before its transaction commits."""


def test_a_crash_before_the_commit_loses_nothing_and_the_next_sweep_launches_once(three: str) -> None:
    campaign = schedule(plans.campaign())
    its_time_comes(campaign)
    with pytest.raises(Killed), transaction.atomic():
        sweep(campaign)
        assert Audience.objects.count() == 1
        raise Killed
    assert not Audience.objects.exists()
    assert state(campaign) is State.APPROVED
    assert [each.pk for each in queries.due(timezone.now())] == [campaign.pk]
    for _ in range(2):
        sweep(campaign)
    assert Audience.objects.count() == 1
    assert AuditEvent.objects.filter(action="campaign.launched").count() == 1


def test_for_somebody_deactivated_or_without_the_permission_nothing_goes(three: str) -> None:
    dana = cast.dana()
    campaign = schedule(plans.campaign())
    its_time_comes(campaign)
    dana.is_active = False
    dana.save()
    assert sweep(campaign).missed == rules.Missed.DEACTIVATED
    dana.is_active, dana.role = True, Role.MARKETER
    dana.save()
    schedule(campaign)
    its_time_comes(campaign)
    dana.role = Role.ANALYST
    dana.save()
    actions.launch_due(actor=access.system("delivery"), campaign_id=campaign.pk)
    campaign.refresh_from_db()
    assert campaign.missed == rules.Missed.NOT_ALLOWED
    assert AuditEvent.objects.filter(action="access.denied").exists()
    assert not Audience.objects.exists()


def test_while_the_index_is_away_it_is_tried_again_for_an_hour(own_database: str) -> None:
    cast.clinic()
    campaign = plans.campaign(plans.DIABETES)
    schedule(campaign)
    approve(campaign)
    its_time_comes(campaign, late=rules.LATE - timedelta(minutes=1))
    assert sweep(campaign).missed == ""
    assert state(campaign) is State.APPROVED
    its_time_comes(campaign, late=rules.LATE + timedelta(minutes=1))
    assert sweep(campaign).missed == rules.Missed.TOO_LATE


def test_a_small_one_cannot_be_given_a_time_while_nobody_can_be_counted(own_database: str) -> None:
    campaign = plans.campaign()
    with pytest.raises(IndexAway):
        schedule(campaign)
    actions.request_approval(actor=cast.actor(cast.dana()), campaign=campaign)
    assert schedule(again(campaign)).send_at, "where approval was asked for, the count decides nothing"


def test_a_change_after_the_time_was_given_keeps_it_from_going(three: str) -> None:
    dana, campaign = cast.actor(cast.dana()), schedule(plans.campaign())
    changed = actions.edit_content(
        actor=dana, campaign=campaign, subject="Other", preheader="", blocks=plans.BLOCKS
    )
    assert (changed.mailing, changed.send_at) == (None, campaign.send_at)
    its_time_comes(campaign)
    assert sweep(campaign).missed == rules.Missed.CHANGED


def test_nobody_in_the_segment_is_said(three: str) -> None:
    nowhere = {"match": "all", "rules": [{"field": "city", "op": "is", "value": "Nowhere"}], "not": False}
    campaign = schedule(plans.campaign(nowhere))
    its_time_comes(campaign)
    assert sweep(campaign).missed == rules.Missed.NOBODY


@pytest.mark.django_db
def test_taken_away_and_given_again() -> None:
    dana, campaign = cast.actor(cast.dana()), schedule(plans.campaign(plans.DIABETES))
    approve(campaign)
    before = campaign.send_at
    assert before is not None
    actions.unschedule_campaign(actor=dana, campaign=campaign)
    now = again(campaign)
    assert (now.send_at, now.scheduled_by, now.send_zone) == (None, None, ZONE)
    assert queries.state(now) is State.APPROVED, "the approval stays"
    with pytest.raises(NotPossible, match="no time"):
        actions.unschedule_campaign(actor=dana, campaign=campaign)
    assert schedule(campaign, before).send_at == before
    actions.cancel_campaign(actor=dana, campaign=again(campaign))
    assert (state(campaign), again(campaign).send_at) == (State.DRAFT, None)


def test_what_needed_no_approval_is_a_draft_again_without_its_time(three: str) -> None:
    campaign = schedule(plans.campaign())
    actions.unschedule_campaign(actor=cast.actor(cast.dana()), campaign=campaign)
    assert state(campaign) is State.DRAFT
    assert Mailing.objects.get().state == Mailing.State.CANCELLED


@pytest.mark.django_db
def test_neither_the_past_nor_something_lacking_nor_what_is_sent_can_be_given_a_time() -> None:
    campaign = plans.campaign(plans.DIABETES)
    with pytest.raises(NotPossible, match="passed"):
        schedule(campaign, timezone.now())
    begun = actions.create_campaign(actor=cast.actor(cast.dana()), name="Begun")
    with pytest.raises(NotPossible, match="who gets it"):
        schedule(begun)
    schedule(campaign)
    Mailing.objects.update(state=Mailing.State.SENDING)
    with pytest.raises(NotPossible, match="sent already"):
        schedule(campaign)
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.update(scheduled_by=None)


def test_who_may_give_a_time_and_who_may_keep_it(own_database: str) -> None:
    campaign = plans.campaign(plans.DIABETES)
    at = timezone.now() + timedelta(days=1)
    for user in (cast.marcus(), cast.ann(), cast.olive()):
        actor = cast.actor(user)
        with pytest.raises(Denied):
            actions.schedule_campaign(actor=actor, campaign=campaign, send_at=at, zone=ZONE)
        with pytest.raises(Denied):
            actions.unschedule_campaign(actor=actor, campaign=campaign)
        with pytest.raises(Denied):
            actions.duplicate_campaign(actor=actor, campaign=campaign)
    with pytest.raises(Denied):
        actions.launch_due(actor=cast.actor(cast.ada()), campaign_id=campaign.pk)


@pytest.mark.django_db
def test_a_copy_has_setup_audience_and_message_and_neither_approval_nor_time() -> None:
    dana, source = cast.actor(cast.dana()), schedule(plans.campaign(plans.DIABETES))
    made = again(actions.duplicate_campaign(actor=dana, campaign=source))
    assert (made.name, made.segment, made.topic, made.pool) == (
        "June news (copy)",
        source.segment,
        source.topic,
        source.pool,
    )
    assert made.design is not None
    assert source.design is not None
    assert (made.design.subject, made.design.document) == (source.design.subject, source.design.document)
    assert made.design.pk != source.design.pk
    assert (queries.state(made), made.send_at) == (State.DRAFT, None)
    assert AuditEvent.objects.get(action="campaign.duplicated").details == {"source": source.pk}
    source.name = "x" * 120
    assert len(actions.duplicate_campaign(actor=dana, campaign=source).name) == 120

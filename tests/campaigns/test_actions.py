"""Campaigns: planned by one person, approved by another, and every change after the question takes it back (C13)."""

import pytest

from accounts.access import Denied
from campaigns import actions, queries, rules
from campaigns.actions import NotPossible
from campaigns.delivery.models import Mailing
from campaigns.designs.blocks import Text
from campaigns.models import Campaign
from contacts.segments.actions import save_segment
from safeguards.models import AuditEvent
from tests import cast
from tests.campaigns import plans


def dana_asks(campaign: Campaign) -> Campaign:
    actions.request_approval(actor=cast.actor(cast.dana()), campaign=campaign)
    return again(campaign)


def again(campaign: Campaign) -> Campaign:
    return queries.one(cast.actor(cast.dana()), campaign.pk)


def mailing_of(campaign: Campaign) -> Mailing:
    assert campaign.mailing is not None
    return campaign.mailing


@pytest.mark.django_db
def test_a_new_campaign_has_a_brand_a_pool_and_the_starters_words() -> None:
    brand = plans.brand()
    campaign = actions.create_campaign(actor=cast.actor(cast.dana()), name="June news")
    assert campaign.brand == brand
    assert campaign.design is not None
    assert campaign.design.subject
    assert queries.blockers(campaign) == (
        rules.Blocker.NO_TOPIC,
        rules.Blocker.NO_SEGMENT,
        rules.Blocker.DESIGN_STOPPED,
    )


@pytest.mark.django_db
def test_asking_freezes_the_words_and_binds_the_audiences_rules() -> None:
    campaign = dana_asks(plans.campaign(plans.BOSTON))
    mailing = mailing_of(campaign)
    assert queries.state(campaign) is rules.State.WAITING
    assert mailing.version.subject == "News from us"
    assert (mailing.needs_approval, mailing.purpose, mailing.tracking) == (True, "promotional", "totals")
    assert list(mailing.links.values_list("url", flat=True)) == ["https://www.northfield.example/visit"]
    assert AuditEvent.objects.filter(action="campaign.approval_asked").count() == 1
    with pytest.raises(NotPossible, match="already"):
        actions.request_approval(actor=cast.actor(cast.dana()), campaign=campaign)


@pytest.mark.django_db
def test_something_lacking_can_be_neither_asked_for_nor_sent() -> None:
    campaign = plans.campaign(blocks=[Text("Hello {{ first_name }}")])
    with pytest.raises(NotPossible, match="missing"):
        actions.request_approval(actor=cast.actor(cast.dana()), campaign=campaign)
    assert not Mailing.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize("change", ["setup", "audience", "content"])
def test_a_change_takes_back_what_was_asked_or_approved(change: str, approved: bool) -> None:
    dana, campaign = cast.actor(cast.dana()), dana_asks(plans.campaign())
    mailing = mailing_of(campaign)
    if approved:
        actions.approve_campaign(actor=cast.actor(cast.marcus()), mailing=mailing, comment="")
    if change == "setup":
        terms = {name: getattr(campaign, name) for name in ("name", "brand", "topic", "purpose", "pool")}
        changed = actions.edit_setup(actor=dana, campaign=campaign, tracking="none", **terms)
    elif change == "audience":
        changed = actions.choose_audience(
            actor=dana, campaign=campaign, segment=plans.segment(plans.BOSTON, "Boston")
        )
    else:
        changed = actions.edit_content(
            actor=dana, campaign=campaign, subject="Other", preheader="", blocks=plans.BLOCKS
        )
    mailing.refresh_from_db()
    assert mailing.state == Mailing.State.CANCELLED
    assert changed.mailing is None
    assert queries.state(again(campaign)) is rules.State.DRAFT
    assert AuditEvent.objects.filter(action="campaign.reopened").count() == 1


@pytest.mark.django_db
def test_saving_without_a_change_leaves_the_approval() -> None:
    dana, campaign = cast.actor(cast.dana()), dana_asks(plans.campaign())
    terms = {
        name: getattr(campaign, name) for name in ("name", "brand", "topic", "purpose", "pool", "tracking")
    }
    actions.edit_setup(actor=dana, campaign=campaign, **terms)
    assert campaign.segment is not None
    actions.choose_audience(actor=dana, campaign=campaign, segment=campaign.segment)
    actions.edit_content(
        actor=dana, campaign=campaign, subject="News from us", preheader="New hours", blocks=plans.BLOCKS
    )
    assert queries.state(again(campaign)) is rules.State.WAITING


@pytest.mark.django_db
def test_nobody_approves_their_own_campaign() -> None:
    """An administrator may do both, but not with one campaign; neither may the planner when somebody else asked."""
    ada = cast.actor(cast.ada())
    mailing = actions.request_approval(actor=ada, campaign=plans.campaign())
    with pytest.raises(NotPossible):
        actions.approve_campaign(actor=ada, mailing=mailing, comment="")
    Campaign.objects.filter(mailing=mailing).update(created_by=cast.ada())
    mailing.requested_by = cast.dana()
    mailing.save()
    with pytest.raises(NotPossible, match="planned"):
        actions.approve_campaign(actor=ada, mailing=mailing, comment="")


@pytest.mark.django_db
def test_changed_rules_of_the_segment_cannot_be_approved_and_can_be_asked_for_again() -> None:
    dana, campaign = cast.actor(cast.dana()), dana_asks(plans.campaign())
    before = mailing_of(campaign)
    save_segment(actor=dana, segment=campaign.segment, name="Everybody", tree=plans.BOSTON)
    assert queries.audience_changed(dana, again(campaign))
    with pytest.raises(NotPossible, match="rules were changed"):
        actions.approve_campaign(actor=cast.actor(cast.marcus()), mailing=before, comment="")
    campaign = dana_asks(again(campaign))
    assert mailing_of(campaign).pk != before.pk
    assert not queries.audience_changed(dana, campaign)
    before.refresh_from_db()
    assert before.state == Mailing.State.CANCELLED


@pytest.mark.django_db
def test_sent_back_with_words_the_campaign_can_be_changed_and_asked_for_again() -> None:
    marcus, campaign = cast.actor(cast.marcus()), dana_asks(plans.campaign())
    with pytest.raises(NotPossible):
        actions.send_back_campaign(actor=marcus, mailing=mailing_of(campaign), comment=" ")
    actions.send_back_campaign(actor=marcus, mailing=mailing_of(campaign), comment="Name the new hours")
    campaign = again(campaign)
    assert queries.state(campaign) is rules.State.RETURNED
    refusal = queries.last_refusal(campaign)
    assert refusal is not None
    assert refusal.comment == "Name the new hours"
    assert queries.state(dana_asks(campaign)) is rules.State.WAITING


@pytest.mark.django_db
def test_what_is_sent_cannot_be_changed() -> None:
    dana, campaign = cast.actor(cast.dana()), dana_asks(plans.campaign())
    Mailing.objects.filter(pk=mailing_of(campaign).pk).update(state=Mailing.State.SENDING)
    with pytest.raises(NotPossible, match="has been sent"):
        actions.edit_content(
            actor=dana, campaign=campaign, subject="Other", preheader="", blocks=plans.BLOCKS
        )
    with pytest.raises(NotPossible, match="has been sent"):
        actions.request_approval(actor=dana, campaign=campaign)


def test_who_may_do_what(own_database: str) -> None:
    campaign = dana_asks(plans.campaign())
    terms = {
        name: getattr(campaign, name) for name in ("name", "brand", "topic", "purpose", "pool", "tracking")
    }
    assert campaign.segment is not None
    segment = campaign.segment
    for user in (cast.marcus(), cast.ann(), cast.olive()):
        actor = cast.actor(user)
        for attempt in (
            lambda actor=actor: actions.create_campaign(actor=actor, name="x"),
            lambda actor=actor: actions.edit_setup(actor=actor, campaign=campaign, **terms),
            lambda actor=actor: actions.choose_audience(actor=actor, campaign=campaign, segment=segment),
            lambda actor=actor: actions.edit_content(
                actor=actor, campaign=campaign, subject="x", preheader="", blocks=[]
            ),
            lambda actor=actor: actions.request_approval(actor=actor, campaign=campaign),
            lambda actor=actor: actions.launch_campaign(actor=actor, campaign=campaign),
            lambda actor=actor: actions.cancel_campaign(actor=actor, campaign=campaign),
        ):
            with pytest.raises(Denied):
                attempt()
    for user in (cast.dana(), cast.ann(), cast.olive()):
        with pytest.raises(Denied):
            actions.approve_campaign(actor=cast.actor(user), mailing=mailing_of(campaign), comment="")
    assert queries.state(again(campaign)) is rules.State.WAITING

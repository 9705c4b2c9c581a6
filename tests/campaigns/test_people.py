"""The people behind a campaign's numbers: named to those who may know them, one page at a time, with an audit row of the look."""

from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts import access
from accounts.models import User
from campaigns import queries
from campaigns.delivery.models import Mailing, Message
from campaigns.models import Campaign
from campaigns.queries import Which
from contacts.consent import actions as consent
from contacts.consent.models import Suppression
from contacts.models import Contact
from safeguards.models import AuditEvent
from tests import cast, factories
from tests.campaigns import plans
from tests.sessions import signed_in

S = Message.State


def sent(*people: Contact, clinical: bool = False) -> Campaign:
    """A campaign that was launched to these people."""
    campaign = plans.campaign()
    mailing = factories.launch(factories.mailing(), people)
    Mailing.objects.filter(pk=mailing.pk).update(clinical=clinical)
    Campaign.objects.filter(pk=campaign.pk).update(mailing=mailing)
    return queries.one(cast.actor(cast.dana()), campaign.pk)


def settle(campaign: Campaign, person: Contact, state: str, reason: str = "") -> Message:
    """Say what became of somebody's message."""
    assert campaign.mailing is not None
    of_them = Message.objects.filter(mailing_id=campaign.mailing.pk, contact_id=person.pk)
    of_them.update(state=state, reason=reason)
    return of_them.get()


def get(user: User, campaign: Campaign, **asked: str | int) -> Any:
    return signed_in(Client(), user).get(reverse("campaign_people", args=[campaign.pk]), asked)


def people(user: User, campaign: Campaign, **asked: str | int) -> str:
    response = get(user, campaign, **asked)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.django_db
def test_a_number_leads_to_its_people_and_to_nobody_else() -> None:
    ana = factories.contact("ana@goodmail.example", first_name="Ana")
    ben = factories.contact("ben@goodmail.example", first_name="Ben")
    campaign = sent(ana, ben)
    settle(campaign, ana, S.SENT)
    settle(campaign, ben, S.WITHHELD, "no_consent")
    page = people(cast.dana(), campaign, which="sent")
    assert "Ana" in page
    assert "Ben" not in page
    page = people(cast.dana(), campaign, which="withheld", reason="no_consent")
    assert "Ben" in page
    assert "Ana" not in page
    assert "Haven&#x27;t agreed to this topic" in page
    page = people(cast.dana(), campaign, which="withheld", reason="suppressed")
    assert "Nobody stands here now." in page
    event = AuditEvent.objects.filter(action="recipients.viewed").latest("pk")
    assert event.details == {"which": "withheld", "reason": "suppressed", "count": 0}
    # The campaign's own page leads there.
    page = signed_in(Client(), cast.dana()).get(reverse("campaign", args=[campaign.pk])).content.decode()
    assert f"{reverse('campaign_people', args=[campaign.pk])}?which=sent" in page
    assert "which=withheld&amp;reason=no_consent" in page


@pytest.mark.django_db
def test_who_is_among_the_people_of_a_campaign_by_health_data_is_told_to_those_who_open_charts_alone() -> (
    None
):
    ana = factories.contact("ana@goodmail.example", first_name="Ana")
    campaign = sent(ana, clinical=True)
    settle(campaign, ana, S.SENT)
    page = people(cast.dana(), campaign)
    assert "tells of their health" in page
    assert "Ana" not in page
    assert "Ana" not in people(cast.marcus(), campaign, which="sent")
    assert "Ana" in people(cast.ada(), campaign, which="sent")
    for user in (cast.ann(), cast.olive()):
        assert get(user, campaign).status_code == 404
    # Nor does the contact's own page tell it.
    fragment = reverse("contact_messages", args=[ana.pk])
    assert "News from the clinic" not in signed_in(Client(), cast.dana()).get(fragment).content.decode()
    assert "News from the clinic" in signed_in(Client(), cast.ada()).get(fragment).content.decode()


@pytest.mark.django_db
def test_what_stands_in_a_chart_names_nobody_to_those_who_may_not_open_it() -> None:
    ana = factories.contact("ana@goodmail.example", first_name="Ana")
    ben = factories.contact("ben@goodmail.example", first_name="Ben")
    campaign = sent(ana, ben)
    settle(campaign, ana, S.WITHHELD, "minor")
    settle(campaign, ben, S.WITHHELD, "suppressed")
    for asked in ({"which": "withheld"}, {"which": "all"}, {"which": "withheld", "reason": "minor"}):
        page = people(cast.dana(), campaign, **asked)
        assert "Ana" not in page, asked
        assert "isn\u2019t named to roles that may not open charts" in page
    assert "Ben" in people(cast.dana(), campaign, which="withheld")
    assert "Ana" in people(cast.ada(), campaign, which="withheld", reason="minor")


@pytest.mark.django_db
def test_whoever_was_deleted_since_is_no_name_any_more() -> None:
    ana = factories.contact("ana@goodmail.example", first_name="Ana")
    campaign = sent(ana)
    settle(campaign, ana, S.SENT)
    Contact.objects.filter(pk=ana.pk).update(deleted_at=timezone.now())
    page = people(cast.dana(), campaign, which="sent")
    assert "Not a contact any more" in page
    assert "Ana" not in page


@pytest.mark.django_db
def test_who_left_by_its_link_is_found() -> None:
    ana = factories.contact("ana@goodmail.example", first_name="Ana")
    ben = factories.contact("ben@goodmail.example", first_name="Ben")
    campaign = sent(ana, ben)
    for person in (ana, ben):
        settle(campaign, person, S.SENT)
    assert campaign.mailing is not None
    found = Message.objects.get(mailing_id=campaign.mailing.pk, contact_id=ana.pk)
    consent.suppress(
        actor=access.patient(RequestFactory().post("/"), bytes(ana.person_key)),
        address_hash=bytes(ana.address_hash),
        scope=Suppression.Scope.BRAND,
        brand=campaign.mailing.brand,
        source="one-click",
        mailing_id=campaign.mailing_id,
        message_id=found.id,
    )
    rows = queries.recipients(cast.actor(cast.dana()), campaign, Which.UNSUBSCRIBED).rows
    assert [row.contact_id for row in rows] == [ana.pk]


@pytest.mark.django_db
def test_the_list_is_read_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.queries.people.PER_PAGE", 2)
    everybody = [factories.contact(f"p{number}@goodmail.example") for number in range(5)]
    campaign = sent(*everybody)
    dana, seen, after = cast.actor(cast.dana()), [], 0
    for _page in range(3):
        found = queries.recipients(dana, campaign, Which.ALL, after=after)
        seen += [row.contact_id for row in found.rows]
        after = found.next or 0
    assert after == 0
    assert sorted(filter(None, seen)) == sorted(person.pk for person in everybody)
    assert "Next page" in people(cast.dana(), campaign)
    # An address that nobody could have followed shows the first page.
    assert "First page" not in people(cast.dana(), campaign, after="x" * 30, which="nothing")


@pytest.mark.django_db
def test_a_campaign_that_has_not_left_has_no_people() -> None:
    assert get(cast.dana(), plans.campaign()).status_code == 404


@pytest.mark.django_db
def test_officers_are_led_to_the_message_log() -> None:
    ana = factories.contact("ana@goodmail.example", first_name="Ana")
    campaign = sent(ana)
    settle(campaign, ana, S.SENT)
    leads = queries.leads(cast.actor(cast.olive()), campaign)
    assert leads["sent"] == f"{reverse('evidence_messages')}?campaign={campaign.pk}&state=sent"
    assert "waiting" not in leads, "three states at once, which the log can't be asked for"
    assert queries.leads(cast.actor(cast.ann()), campaign) == {}
    log = signed_in(Client(), cast.olive()).get(leads["sent"])
    assert log.status_code == 200
    assert log.content.decode().count("/compliance/messages/") >= 1

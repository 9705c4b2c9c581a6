"""The send door: every reason to withhold, asked at the moment of sending (BEHAVIOURS C3, C8, C13, C14)."""

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from accounts import access
from campaigns.delivery import actions, gate
from campaigns.delivery.gate import Candidate
from campaigns.delivery.models import Approval, Mailing, SendingDomain
from campaigns.delivery.verdict import Reason, Released, Withheld
from contacts.consent import actions as consent
from contacts.consent.models import Suppression, Topic
from contacts.consent.rules import Evidence
from contacts.models import Contact
from safeguards import tokens
from safeguards.actor import Actor
from tests import cast, factories

TODAY = date(2026, 11, 22)
pytestmark = pytest.mark.django_db


def candidate(contact: Contact, email: str, *, sound: bool = True, **facts: str) -> Candidate:
    return Candidate(1, bytes(contact.address_hash), bytes(contact.person_key), email, sound=sound, **facts)


def answer(mailing: Mailing, asked: Candidate) -> Released | Withheld:
    [given] = gate.release(mailing, [asked], today=TODAY)
    return given.verdict


def reason(mailing: Mailing, asked: Candidate) -> Reason:
    verdict = answer(mailing, asked)
    assert isinstance(verdict, Withheld)
    return verdict.reason


def suppress(contact: Contact, scope: str, **terms: object) -> None:
    consent.suppress(
        actor=access.system("delivery"),
        address_hash=bytes(contact.address_hash),
        scope=scope,
        source="telephone",
        **terms,  # type: ignore[arg-type]
    )


def test_somebody_who_agreed_is_released() -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    assert answer(mailing, candidate(ana, "ana@goodmail.example")) == Released(
        1, mailing.pk, "ana@goodmail.example"
    )


def test_nothing_in_a_record_that_fails_its_seal_is_believed() -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    broken = candidate(ana, "ana@goodmail.example", sound=False)
    assert reason(mailing, broken) is Reason.SEAL_BROKEN


def test_without_an_opt_in_nobody_is_written_to() -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example", opted_in=False)
    assert reason(mailing, candidate(ana, "ana@goodmail.example")) is Reason.NO_CONSENT


def test_an_opt_in_for_another_topic_is_none_for_this_one() -> None:
    mailing = factories.mailing()
    ana = factories.contact("ana@goodmail.example", topic=Topic.objects.get(slug="new-services"))
    assert reason(mailing, candidate(ana, "ana@goodmail.example")) is Reason.NO_CONSENT


def test_the_opt_in_of_one_is_none_for_another_at_the_same_address() -> None:
    mailing = factories.mailing()
    factories.contact("family@goodmail.example", external_id="1")
    child = factories.contact("family@goodmail.example", external_id="2", opted_in=False)
    assert reason(mailing, candidate(child, "family@goodmail.example")) is Reason.NO_CONSENT


def test_a_later_withdrawal_holds_against_an_older_file_recorded_after_it() -> None:
    mailing = factories.mailing()
    ana = factories.contact("ana@goodmail.example", opted_in=False)
    for act, year in (("opt_out", 2026), ("opt_in", 2024)):
        consent.record(
            actor=access.system("importer"),
            evidence=[
                Evidence(
                    bytes(ana.address_hash),
                    bytes(ana.person_key),
                    "marketing",
                    None,
                    act,
                    "file",
                    datetime(year, 3, 1, tzinfo=UTC),
                )
            ],
        )
    assert reason(mailing, candidate(ana, "ana@goodmail.example")) is Reason.NO_CONSENT


@pytest.mark.parametrize("scope", ["all", "marketing", "brand", "topic", "hard_bounce", "complaint"])
def test_each_suppression_of_this_mail_withholds_it(scope: str) -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    terms: dict[str, object] = {}
    if scope == "brand":
        terms["brand"] = mailing.brand
    if scope == "topic":
        terms["topic"] = mailing.topic
    suppress(ana, scope, **terms)
    assert reason(mailing, candidate(ana, "ana@goodmail.example")) is Reason.SUPPRESSED


def test_a_stop_of_another_topic_does_not_touch_this_one() -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    suppress(ana, "topic", topic=Topic.objects.get(slug="new-services"))
    assert isinstance(answer(mailing, candidate(ana, "ana@goodmail.example")), Released)


def test_the_dead_are_not_written_to() -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    asked = candidate(ana, "ana@goodmail.example", deceased_date="2026-02-01")
    assert reason(mailing, asked) is Reason.DECEASED


@pytest.mark.parametrize(("born", "minor"), [("2008-11-23", True), ("2008-11-22", False)])
def test_minors_are_not_written_to_until_their_birthday(born: str, minor: bool) -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    verdict = answer(mailing, candidate(ana, "ana@goodmail.example", birth_date=born))
    assert isinstance(verdict, Withheld) is minor
    if isinstance(verdict, Withheld):
        assert verdict.reason is Reason.MINOR


def test_somebody_erased_meanwhile_is_gone() -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    assert reason(mailing, candidate(ana, "")) is Reason.CONTACT_GONE


def test_an_address_that_is_not_the_one_asked_about_is_refused() -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    assert reason(mailing, candidate(ana, "other@goodmail.example")) is Reason.BAD_ADDRESS


def test_without_approval_nothing_leaves() -> None:
    mailing, ana = factories.mailing(approved=False), factories.contact("ana@goodmail.example")
    assert reason(mailing, candidate(ana, "ana@goodmail.example")) is Reason.NOT_APPROVED


def test_an_approval_by_the_author_is_none() -> None:
    mailing, ana = factories.mailing(approved=False), factories.contact("ana@goodmail.example")
    with pytest.raises(access.Denied):
        actions.approve_mailing(actor=cast.actor(cast.dana()), mailing=mailing)
    Approval.objects.create(
        mailing=mailing,
        approver=cast.dana(),
        digest=mailing.content_digest,
        approved=True,
        at=timezone.now(),
    )
    assert reason(mailing, candidate(ana, "ana@goodmail.example")) is Reason.NOT_APPROVED


def test_an_administrator_cannot_approve_what_they_asked_for() -> None:
    brand_mailing = factories.mailing(approved=False)
    Mailing.objects.filter(pk=brand_mailing.pk).update(requested_by=cast.ada())
    with pytest.raises(actions.NotPossible):
        actions.approve_mailing(actor=cast.actor(cast.ada()), mailing=brand_mailing)


@pytest.mark.parametrize("change", [{"tracking": "person"}, {"audience_digest": "b" * 64}])
def test_any_change_after_the_approval_voids_it(change: dict[str, str]) -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    Mailing.objects.filter(pk=mailing.pk).update(**change)
    mailing.refresh_from_db()
    assert reason(mailing, candidate(ana, "ana@goodmail.example")) is Reason.APPROVAL_VOID


def test_changed_content_voids_the_approval() -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    other = factories.version("Another subject")
    Mailing.objects.filter(pk=mailing.pk).update(version=other)
    mailing.refresh_from_db()
    assert reason(mailing, candidate(ana, "ana@goodmail.example")) is Reason.APPROVAL_VOID


def test_without_a_key_for_the_domain_nothing_leaves() -> None:
    mailing, ana = factories.mailing(), factories.contact("ana@goodmail.example")
    SendingDomain.objects.all().delete()
    assert reason(mailing, candidate(ana, "ana@goodmail.example")) is Reason.NO_SENDING_DOMAIN


def test_only_the_person_can_come_back() -> None:
    ana = factories.contact("ana@goodmail.example")
    mailing = factories.mailing()
    suppress(ana, "brand", brand=mailing.brand)
    with pytest.raises(access.Denied):
        consent.lift(
            actor=cast.actor(cast.ada()),
            address_hash=bytes(ana.address_hash),
            scopes=["brand"],
            source="telephone",
        )
    patient = Actor(kind="patient", id=bytes(ana.person_key).hex())
    token = tokens.LinkToken(bytes(ana.address_hash), bytes(ana.person_key), mailing.brand_id, mailing.pk, 1)
    consent.choose_topics(actor=patient, token=token, topic_ids=[mailing.topic_id])
    assert isinstance(answer(mailing, candidate(ana, "ana@goodmail.example")), Released)
    assert Suppression.objects.filter(scope="brand", lifted_at=None).count() == 0

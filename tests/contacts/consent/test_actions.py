"""The verbs of consent: recorded with proof, stopped for good, taken back by the person alone (BEHAVIOURS C4, C5, C7, C8)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from accounts import access
from accounts.organization.models import Brand
from contacts.consent import actions, queries
from contacts.consent.models import Confirmation, ConsentRecord, Suppression, Topic
from contacts.consent.rules import Evidence, Move, Standing
from contacts.models import Contact
from safeguards import notices, tokens
from safeguards.models import AuditEvent, Notice
from tests import cast, factories
from tests.contacts.consent.people import EMAIL, actor, ask, link, reach, topic

pytestmark = pytest.mark.django_db
IMPORTER = access.system("importer")


@pytest.fixture
def ana(db: None) -> Contact:
    """Ana, who agreed to every topic."""
    cast.clinic()
    return factories.contact(EMAIL)


def evidence(**changes: object) -> Evidence:
    terms: dict[str, object] = {
        "address_hash": tokens.address_key(EMAIL),
        "person_key": tokens.person_key("7"),
        "subject": "marketing",
        "topic_id": None,
        "act": "opt_in",
        "source": "paper form",
        "given_at": datetime(2026, 1, 5, tzinfo=UTC),
    }
    return Evidence(**terms | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [{"source": " "}, {"given_at": datetime(2026, 1, 5, tzinfo=UTC).replace(tzinfo=None)}],
    ids=["source", "zone"],
)
def test_consent_without_proof_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="consent without"):
        actions.record(actor=IMPORTER, evidence=[evidence(), evidence(**changes)])
    assert not ConsentRecord.objects.exists()


def test_a_lot_is_recorded_with_one_row_of_audit() -> None:
    lot = [evidence(), evidence(person_key=tokens.person_key("8"), source="web form")]
    assert actions.record(actor=IMPORTER, evidence=lot) == 2
    row = AuditEvent.objects.get(action="consent.recorded")
    assert row.details == {"count": 2, "sources": 2}, "what somebody typed as a source stays in the ledger"
    assert actions.record(actor=IMPORTER, evidence=[]) == 0


def test_the_ledger_can_only_grow(ana: Contact) -> None:
    for change in ("UPDATE consent_record SET act = 'opt_out'", "DELETE FROM consent_record"):
        with pytest.raises(DatabaseError), transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute(change)


def test_a_no_holds_at_once_and_saying_it_twice_changes_nothing(ana: Contact) -> None:
    assert reach(ana) is Standing.REACHABLE
    first = actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    assert reach(ana) is Standing.SUPPRESSED
    again = actions.unsubscribe(actor=actor(ana), token=link(ana, mailing_id=42), source="unsubscribe page")
    assert (again.pk, again.mailing_id, again.source) == (first.pk, 41, "one-click")
    assert AuditEvent.objects.filter(action="consent.suppressed").count() == 1
    assert queries.unsubscribed_by_mailings([41, 42]) == {41: 1}


def test_a_no_outlives_a_new_import_of_an_old_yes(ana: Contact) -> None:
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    actions.record(
        actor=IMPORTER,
        evidence=[evidence(person_key=bytes(ana.person_key), given_at=timezone.now() + timedelta(hours=1))],
    )
    assert reach(ana) is Standing.SUPPRESSED


def test_a_no_for_the_address_holds_for_everybody_who_shares_it(ana: Contact) -> None:
    son = factories.contact(EMAIL, external_id="son")
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    assert reach(son) is Standing.SUPPRESSED


def test_nobody_else_takes_a_no_back(ana: Contact) -> None:
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    for somebody in (cast.actor(cast.ada()), IMPORTER, access.system("setup")):
        with pytest.raises(access.Denied):
            actions.lift(
                actor=somebody, address_hash=bytes(ana.address_hash), scopes=["brand"], source="telephone"
            )
    assert reach(ana) is Standing.SUPPRESSED


def test_undo_brings_back_what_was_chosen_before(ana: Contact) -> None:
    actions.choose_topics(actor=actor(ana), token=link(ana), topic_ids=[topic().pk])
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="unsubscribe page")
    actions.undo_unsubscribe(actor=actor(ana), token=link(ana))
    assert reach(ana) is Standing.REACHABLE
    assert reach(ana, "new-services") is Standing.SUPPRESSED
    stop = Suppression.objects.get(scope="brand")
    assert stop.lifted_by == "undo on the page"
    # The next "no" is a row of its own, so that the history stays whole.
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    assert Suppression.objects.filter(scope="brand").count() == 2


@pytest.mark.parametrize("scope", ["all", "marketing", "hard_bounce", "complaint"])
def test_undo_takes_back_its_own_press_alone(ana: Contact, scope: str) -> None:
    actions.suppress(
        actor=access.system("delivery"), address_hash=bytes(ana.address_hash), scope=scope, source="telephone"
    )
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="unsubscribe page")
    actions.undo_unsubscribe(actor=actor(ana), token=link(ana))
    assert reach(ana) is Standing.SUPPRESSED


def test_another_brands_no_stays(ana: Contact) -> None:
    other = Brand.objects.create(
        name="Harbor Dental",
        from_name="Harbor Dental",
        from_address="news@harbor.example",
        postal_address="1 Quay",
        phone="555-0177",
    )
    theirs = link(ana, brand_id=other.pk)
    for token in (link(ana), theirs):
        actions.unsubscribe(actor=actor(ana), token=token, source="one-click")
    actions.undo_unsubscribe(actor=actor(ana), token=link(ana))
    assert Suppression.objects.get(lifted_at=None).brand == other
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    actions.choose_topics(actor=actor(ana), token=link(ana), topic_ids=[topic().pk])
    assert Suppression.objects.get(lifted_at=None, scope="brand").brand == other
    assert reach(ana) is Standing.REACHABLE


@pytest.mark.parametrize(
    ("scope", "comes_back"),
    [("brand", True), ("marketing", True), ("complaint", True), ("hard_bounce", False), ("all", False)],
)
def test_choosing_again_after_a_full_stop_is_fresh_consent(
    ana: Contact, scope: str, comes_back: bool
) -> None:
    brand = cast.clinic() if scope == "brand" else None
    actions.suppress(
        actor=actor(ana), address_hash=bytes(ana.address_hash), scope=scope, source="telephone", brand=brand
    )
    before = ConsentRecord.objects.count()
    actions.choose_topics(actor=actor(ana), token=link(ana), topic_ids=[topic().pk])
    assert (reach(ana) is Standing.REACHABLE) is comes_back
    assert reach(ana, "new-services") is Standing.SUPPRESSED
    fresh = ConsentRecord.objects.latest("id")
    # The yes to every topic ends, and one for this topic takes its place.
    assert ConsentRecord.objects.count() == before + 2
    assert (fresh.source, fresh.text_version, fresh.topic) == (
        "preferences page",
        actions.PREFERENCES_TEXT,
        topic(),
    )


def test_choosing_nothing_stops_each_topic(ana: Contact) -> None:
    actions.choose_topics(actor=actor(ana), token=link(ana), topic_ids=[])
    slugs = ("clinic-news", "new-services", "wellness-programmes")
    assert {reach(ana, slug) for slug in slugs} == {Standing.SUPPRESSED}


def new_topic() -> Topic:
    """A topic that the clinic adds after everybody has chosen."""
    return actions.add_topic(
        actor=access.system("setup"),
        slug="classes",
        name="Classes",
        name_es="Clases",
        about="Evenings",
        about_es="Tardes",
    )


@pytest.mark.parametrize("slugs", [[], ["clinic-news"]], ids=["nothing", "one"])
def test_choosing_ends_the_yes_to_every_topic_for_topics_to_come(ana: Contact, slugs: list[str]) -> None:
    assert reach(ana) is Standing.REACHABLE
    actions.choose_topics(actor=actor(ana), token=link(ana), topic_ids=[topic(slug).pk for slug in slugs])
    new_topic()
    assert reach(ana, "classes") is Standing.NO_CONSENT
    assert (reach(ana) is Standing.REACHABLE) == bool(slugs)
    # An old yes in tonight's file proves nothing new.
    old = evidence(person_key=bytes(ana.person_key))
    actions.record(actor=IMPORTER, evidence=[old])
    assert reach(ana, "classes") is Standing.NO_CONSENT
    # Saving the same again says nothing new.
    count = ConsentRecord.objects.count()
    actions.choose_topics(actor=actor(ana), token=link(ana), topic_ids=[topic(slug).pk for slug in slugs])
    assert ConsentRecord.objects.count() == count


def test_choosing_by_an_old_mail_ends_it_at_the_new_address_and_leaves_there_what_was_chosen(
    ana: Contact,
) -> None:
    old, new = link(ana), tokens.address_key("ana@new.example")
    move = Move(bytes(ana.person_key), bytes(ana.address_hash), new)
    actions.rebind(actor=IMPORTER, moves=[move])
    ana.address_hash = new
    actions.choose_topics(actor=actor(ana), token=old, topic_ids=[topic().pk])
    new_topic()
    assert reach(ana) is Standing.REACHABLE
    assert reach(ana, "new-services") is Standing.SUPPRESSED
    assert reach(ana, "classes") is Standing.NO_CONSENT


def test_topics_that_do_not_exist_lift_nothing(ana: Contact) -> None:
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    actions.choose_topics(actor=actor(ana), token=link(ana), topic_ids=[987654])
    assert Suppression.objects.filter(scope="brand", lifted_at=None).exists()
    assert AuditEvent.objects.get(action="consent.chosen").details == {"topics": []}


def test_the_history_tells_it_all_newest_first(ana: Contact) -> None:
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    actions.undo_unsubscribe(actor=actor(ana), token=link(ana))
    told = queries.history(bytes(ana.address_hash), bytes(ana.person_key))
    assert [entry.what for entry in told] == ["came back", "stopped", "agreed"]
    assert [entry.source for entry in told] == ["undo on the page", "one-click", "paper form"]


def test_asking_leaves_a_sealed_notice_and_no_consent(ana: Contact) -> None:
    before = ConsentRecord.objects.count()
    token = ask(ana)
    notice = Notice.objects.get()
    assert notices.opened(notice)[0] == EMAIL
    assert len(token) >= 22  # 128 bits and more
    confirmation = Confirmation.objects.get()
    assert token.encode() not in bytes(confirmation.token_hash)
    assert EMAIL not in str(notice.parameters) and token not in str(notice.parameters)
    assert timedelta(days=6) < confirmation.expires_at - timezone.now() <= timedelta(days=7)
    assert ConsentRecord.objects.count() == before


def test_confirming_records_the_opt_in_and_lifts_the_stop(ana: Contact) -> None:
    actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")
    confirmation = actions.confirm(actor=actor(ana), token=ask(ana))
    assert reach(ana) is Standing.REACHABLE
    record = ConsentRecord.objects.latest("id")
    assert (record.source, record.text_version) == ("confirmed: front desk", actions.CONFIRM_TEXT)
    assert AuditEvent.objects.get(action="consent.confirmed").target_id == str(confirmation.pk)


def test_a_confirmation_works_once(ana: Contact) -> None:
    token = ask(ana)
    actions.confirm(actor=actor(ana), token=token)
    with pytest.raises(actions.TokenUsed):
        actions.confirm(actor=actor(ana), token=token)
    assert AuditEvent.objects.filter(action="consent.confirmed").count() == 1


def test_a_confirmation_ends_after_seven_days(ana: Contact) -> None:
    token = ask(ana)
    Confirmation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(actions.TokenUsed):
        actions.confirm(actor=actor(ana), token=token)
    assert Confirmation.objects.get().used_at is None

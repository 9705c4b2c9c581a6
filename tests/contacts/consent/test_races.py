"""What two hands do at once, in a database that commits."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections

from accounts import access
from contacts.consent import actions
from contacts.consent.models import ConsentRecord, Suppression
from safeguards.models import AuditEvent, Notice
from tests import cast, factories
from tests.contacts.consent.people import EMAIL, actor, ask, link, topic


def test_asking_needs_a_topic_and_the_permission(own_database: str) -> None:
    brand = cast.clinic()
    terms = {"address": EMAIL, "person_key": bytes(16), "brand": brand, "source": "x", "language": "en"}
    with pytest.raises(ValueError, match="topic"):
        actions.ask_confirmation(actor=cast.actor(cast.dana()), topics=[], **terms)  # type: ignore[arg-type]
    with pytest.raises(access.Denied):
        actions.ask_confirmation(actor=cast.actor(cast.ann()), topics=[topic()], **terms)  # type: ignore[arg-type]
    assert not Notice.objects.exists()


def race(*presses: Callable[[], object]) -> list[actions.TokenUsed]:
    """Do these at once, each on a connection of its own; returns what they raised."""
    ready = threading.Barrier(len(presses))
    raised: list[actions.TokenUsed] = []

    def run(press: Callable[[], object]) -> None:
        ready.wait()
        try:
            press()
        except actions.TokenUsed as error:
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(press,)) for press in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_of_two_racing_confirmations_one_counts(own_database: str) -> None:
    cast.clinic()
    ana = factories.contact(EMAIL, opted_in=False)
    token = ask(ana)

    def press() -> object:
        return actions.confirm(actor=actor(ana), token=token)

    raised = race(press, press)
    assert [type(error) for error in raised] == [actions.TokenUsed]
    assert ConsentRecord.objects.count() == 1
    assert AuditEvent.objects.filter(action="consent.confirmed").count() == 1


def test_two_racing_unsubscribes_are_one(own_database: str) -> None:
    cast.clinic()
    ana = factories.contact(EMAIL)

    def press() -> object:
        return actions.unsubscribe(actor=actor(ana), token=link(ana), source="one-click")

    assert race(press, press) == []
    assert Suppression.objects.count() == 1
    assert AuditEvent.objects.filter(action="consent.suppressed").count() == 1

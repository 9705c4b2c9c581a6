"""What a crash does: the campaign finishes, nobody is lost, nobody gets two (DELIVERY, "what a crash does to it")."""

from collections import Counter

import pytest
from django.db import connections

from campaigns.delivery.models import IpPool, Mailing, Message
from campaigns.delivery.queries import progress
from tests import factories, ground
from tests.flows.stack import Stack, eventually

PEOPLE = 60


def finished(mailing: Mailing) -> bool:
    return Mailing.objects.get(pk=mailing.pk).state == Mailing.State.FINISHED


@pytest.fixture
def sending(stack: Stack) -> Mailing:
    """A mailing to sixty people, slow enough (twelve a second) to be caught in the middle."""
    mailing = factories.mailing()
    IpPool.objects.filter(pk=mailing.pool_id).update(per_second=12, burst=6)
    people = [factories.contact(f"p{mailing.pk}x{n}@goodmail.example") for n in range(PEOPLE)]
    factories.launch(mailing, people)
    return mailing


def settled_without_doubles(stack: Stack, mailing: Mailing) -> None:
    """Everybody is accounted for: sent is in the mailbox, once; what is uncertain is shown as such, and not sent again."""
    counted = progress(mailing.pk)
    entries = stack.sandbox.mailbox.entries()
    arrived = Counter(entry.recipient for entry in entries if entry.recipient.startswith(f"p{mailing.pk}x"))
    assert set(arrived.values()) == {1}, "nobody gets two"
    uncertain = counted.states.get("uncertain", 0)
    assert counted.sent + uncertain == PEOPLE
    assert counted.sent <= len(arrived) <= counted.sent + uncertain


def test_a_worker_killed_in_the_middle_loses_nobody_and_doubles_nobody(
    stack: Stack, sending: Mailing
) -> None:
    for _ in range(3):
        so_far = progress(sending.pk).sent
        eventually(lambda so_far=so_far: progress(sending.pk).sent > so_far + 4, "some mails")  # type: ignore[misc]
        stack.kill_workers("worker-marketing")
        stack.start_worker("marketing")
    eventually(lambda: finished(sending), "the end of the campaign", 120)
    settled_without_doubles(stack, sending)


@pytest.mark.own_servers
def test_postgresql_and_redis_going_away_only_delay_it(stack: Stack, sending: Mailing) -> None:
    servers = ground.servers()
    assert servers is not None
    eventually(lambda: progress(sending.pk).sent > 5, "some mails")
    servers.stop_valkey()
    servers.start_valkey()
    before = progress(sending.pk).sent
    eventually(lambda: progress(sending.pk).sent > before, "mails after Redis came back", 120)
    servers.restart_postgres()
    # This process's own connections died with it too.
    connections.close_all()
    eventually(lambda: finished(sending), "the end of the campaign", 180)
    settled_without_doubles(stack, sending)
    assert Message.objects.filter(mailing_id=sending.pk).count() == PEOPLE

"""What an administrator changes while mail leaves: who may, what is refused, what is logged, and that workers keep to it."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings as django_settings
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from accounts import access
from accounts.models import User
from campaigns.delivery import actions, drain, sending_notices, sweeping, world
from campaigns.delivery.actions import claims, tallies
from campaigns.delivery.models import EgressSource, IpPool, Provider, Stream, Tally
from campaigns.delivery.outcome import Kind, Outcome
from campaigns.delivery.queries import progress
from campaigns.delivery.replies import _rest
from campaigns.delivery.sandbox import Sandbox
from campaigns.delivery.throttle import Limit, Throttle
from safeguards.models import AuditEvent
from tests import cast, factories


@pytest.fixture
def sandbox(tmp_path: Path, settings: Settings) -> Iterator[Sandbox]:
    """The demo's mail world, which this process is pointed at, and buckets that nobody has drawn from."""
    redis.Redis.from_url(django_settings.REDIS_URL).flushdb()
    with Sandbox(tmp_path / "sandbox") as running:
        settings.DELIVERY_DNS = f"127.0.0.1:{running.dns_port}"
        settings.DELIVERY_SMTP_PORT = running.smtp_port
        settings.DELIVERY_CA_FILE = str(running.ca_file)
        settings.JOURNAL_DIR = tmp_path / "journal"
        world.tls.cache_clear()
        drain.compiled.cache_clear()
        yield running
    world.tls.cache_clear()


def marketing_pool() -> IpPool:
    cast.clinic()
    return IpPool.objects.get(stream=Stream.MARKETING)


def source() -> EgressSource:
    return marketing_pool().entries.order_by("pk")[0].source


@pytest.mark.django_db
@pytest.mark.parametrize("person", [cast.dana, cast.marcus, cast.olive, cast.ann])
def test_nobody_but_an_administrator_changes_how_mail_leaves(person: Callable[[], User]) -> None:
    actor = cast.actor(person())
    pool, address, google = marketing_pool(), source(), Provider.objects.get(name="google")
    until = timezone.now() + timedelta(hours=1)
    for act in (
        lambda: actions.rest_source(actor=actor, source=address, until=until, why="x"),
        lambda: actions.wake_source(actor=actor, source=address),
        lambda: actions.change_pool_rate(actor=actor, pool=pool, per_second=1, burst=1),
        lambda: actions.change_provider_limits(
            actor=actor, provider=google, per_second=1, burst=1, connections=1, per_connection=1
        ),
    ):
        with pytest.raises(access.Denied):
            act()
    assert source().suspended_until is None


@pytest.mark.django_db
def test_a_rest_ends_in_thirty_days_at_most_and_not_in_the_past() -> None:
    ada = cast.actor(cast.ada())
    for until in (timezone.now(), timezone.now() + timedelta(days=31)):
        with pytest.raises(actions.NotPossible):
            actions.rest_source(actor=ada, source=source(), until=until, why="x")
    with pytest.raises(actions.NotPossible, match="isn't resting"):
        actions.wake_source(actor=ada, source=source())
    assert not AuditEvent.objects.filter(action__startswith="source.").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (1, 0), (10_001, 1), (float("nan"), 1)])
def test_a_rate_allows_something_and_no_more_than_makes_sense(per_second: float, burst: int) -> None:
    ada = cast.actor(cast.ada())
    with pytest.raises(actions.NotPossible):
        actions.change_pool_rate(actor=ada, pool=marketing_pool(), per_second=per_second, burst=burst)
    with pytest.raises(actions.NotPossible):
        actions.change_provider_limits(
            actor=ada,
            provider=Provider.objects.get(name="google"),
            per_second=per_second,
            burst=burst,
            connections=1,
            per_connection=1,
        )


@pytest.mark.django_db
def test_each_change_is_in_the_log_with_before_and_after() -> None:
    ada, address, pool = cast.actor(cast.ada()), source(), marketing_pool()
    until = timezone.now() + timedelta(hours=1)
    actions.rest_source(actor=ada, source=address, until=until, why="on a blocklist")
    actions.wake_source(actor=ada, source=address)
    actions.change_pool_rate(actor=ada, pool=pool, per_second=3.5, burst=7)
    actions.change_provider_limits(
        actor=ada,
        provider=Provider.objects.get(name="google"),
        per_second=2,
        burst=4,
        connections=3,
        per_connection=9,
    )
    told = {
        event.action: event.details
        for event in AuditEvent.objects.filter(actor_id=ada.id).exclude(action="access.denied")
    }
    assert told["source.rested"] == {"source": address.name, "until": until.isoformat()}
    assert told["source.woken"] == {"source": address.name}
    assert told["pool.rate_changed"] == {"pool": pool.name, "before": ["200", "200"], "after": ["3.5", "7"]}
    assert told["provider.limits_changed"]["before"] == ["10", "20", "5", "50"]
    assert told["provider.limits_changed"]["after"] == ["2", "4", "3", "9"]
    address.refresh_from_db()
    assert address.suspended_why == "on a blocklist", "why it rested can still be read"


@pytest.mark.django_db
def test_a_refusal_by_a_provider_does_not_shorten_a_rest_that_somebody_gave() -> None:
    until = timezone.now() + timedelta(days=2)
    rested = actions.rest_source(actor=cast.actor(cast.ada()), source=source(), until=until, why="removal")
    _rest(rested)
    rested.refresh_from_db()
    assert (rested.suspended_until, rested.suspended_why) == (until, "removal")


def test_a_changed_rate_holds_at_once_and_what_is_owed_stays_the_same_number_of_messages() -> None:
    throttle = Throttle(redis.Redis.from_url(django_settings.REDIS_URL))
    slow, fast = Limit("pool:raised", 0.01, 10), Limit("pool:raised", 100, 10)
    redis.Redis.from_url(django_settings.REDIS_URL).delete("throttle:pool:raised")
    assert throttle.room([slow]) == [10]
    assert throttle.take(10, [slow]).count == 10
    assert (throttle.room([slow]), throttle.room([fast])) == ([0], [0])
    refused = throttle.take(1, [slow])
    assert (refused.count, refused.wait_seconds > 90) == (0, True), "at this rate the next comes in 100 s"
    refused = throttle.take(1, [fast])
    assert (refused.count, refused.wait_seconds <= 0.01) == (0, True), "at the new one in 10 ms"
    time.sleep(0.06)
    assert 5 <= throttle.room([fast])[0] <= 10
    assert throttle.take(5, [fast]).count == 5
    # And back: what was taken just now isn't forgotten either.
    taken = 10 - throttle.room([fast])[0]
    again = throttle.take(10, [slow])
    assert again.count <= 10 - taken + 1


def in_a_thread(source_id: int, provider_id: int) -> threading.Thread:
    """A worker's drain of one lane, under way in a thread of its own."""

    def work() -> None:
        try:
            drain.drain(source_id, provider_id)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def waits_until(what: str, holds: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def test_a_drain_that_runs_takes_up_a_raised_rate_and_a_rest(own_database: str, sandbox: Sandbox) -> None:
    ada = cast.actor(cast.ada())
    pool = marketing_pool()
    pool.entries.exclude(source=source()).delete()
    actions.change_pool_rate(actor=ada, pool=pool, per_second=0.02, burst=1)
    people = [factories.contact(f"p{n}@goodmail.example") for n in range(60)]
    mailing = factories.launch(factories.mailing(), people)
    [(source_id, provider_id)] = claims.due_lanes()
    worker = in_a_thread(source_id, provider_id)
    try:
        waits_until("the first", lambda: progress(mailing.pk).sent == 1)
        time.sleep(0.3)
        assert progress(mailing.pk).sent == 1, "one every 50 seconds"
        # Ten a second in bursts of two: slow enough to be met in the middle.
        actions.change_pool_rate(actor=ada, pool=pool, per_second=10, burst=2)
        waits_until("the raised rate", lambda: progress(mailing.pk).sent >= 6)
        actions.rest_source(
            actor=ada, source=source(), until=timezone.now() + timedelta(hours=1), why="looked at"
        )
        worker.join(5)
        assert not worker.is_alive(), "the lane is given back although its minute isn't over"
        sent = progress(mailing.pk).sent
        assert sent < 60
        assert claims.due_lanes() == []
        actions.wake_source(actor=ada, source=source())
        provider = Provider.objects.get(pk=provider_id)
        actions.change_provider_limits(
            actor=ada, provider=provider, per_second=0.02, burst=1, connections=1, per_connection=1
        )
        worker = in_a_thread(source_id, provider_id)
        time.sleep(1.0)
        assert progress(mailing.pk).sent <= sent + 1, "the provider's limit holds"
        actions.change_pool_rate(actor=ada, pool=pool, per_second=200, burst=200)
        actions.change_provider_limits(
            actor=ada, provider=provider, per_second=200, burst=200, connections=5, per_connection=50
        )
        waits_until("the rest of them", lambda: progress(mailing.pk).sent == 60)
    finally:
        worker.join(10)


def test_batches_are_tallied_by_source_provider_and_outcome_and_old_tallies_go(
    own_database: str, sandbox: Sandbox
) -> None:
    people = [factories.contact(f"p{n}@goodmail.example") for n in range(4)]
    people += [factories.contact("nosuch1@goodmail.example"), factories.contact("x@countryisp.example")]
    mailing = factories.launch(factories.mailing(), people)
    for lane in claims.due_lanes():
        drain.drain(*lane)
    tallied: dict[str, int] = {}
    for row in Tally.objects.all():
        assert (row.mailing_id, row.minute.second) == (mailing.pk, 0)
        tallied[row.kind] = tallied.get(row.kind, 0) + row.messages
    assert tallied == {"accepted": 4, "bounced": 1, "tls_not_met": 1}
    assert set(Tally.objects.filter(kind="accepted").values_list("code", flat=True)) == {250}
    old = timezone.now() - timedelta(days=3)
    tallies.count([(Outcome(Kind.ACCEPTED, 1, at=old), source().pk, None, mailing.pk)])
    sweeping.sweep()
    assert not Tally.objects.filter(minute__lt=timezone.now() - timedelta(days=2)).exists()
    assert Tally.objects.exists()


@pytest.mark.django_db
def test_notices_leave_by_no_address_that_rests() -> None:
    cast.clinic()
    actions.add_sending_domain(actor=access.system("setup"), domain="northfield.example")
    first, second = EgressSource.objects.filter(entries__pool__stream=Stream.TRANSACTIONAL).order_by("pk")
    ada, until = cast.actor(cast.ada()), timezone.now() + timedelta(hours=1)
    way = sending_notices._way()
    assert way is not None
    assert way.source == first
    actions.rest_source(actor=ada, source=first, until=until, why="x")
    way = sending_notices._way()
    assert way is not None
    assert way.source == second
    actions.rest_source(actor=ada, source=second, until=until, why="x")
    assert sending_notices._way() is None

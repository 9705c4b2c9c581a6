"""The queue door: numbers only, after commit, and a broker that is away loses nothing."""

import base64
import json
import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from redis import Redis

from marketing.celery import app as ours
from safeguards import queue

NAME = "tests.nobody_runs_this"


@pytest.fixture
def broker() -> Iterator[Redis]:
    """The real broker. What the test left there is taken out again."""
    client: Redis = Redis.from_url(str(settings.REDIS_URL))
    yield client
    for raw in _ours(client):
        client.lrem(settings.CELERY_TASK_DEFAULT_QUEUE, 0, raw)
    client.close()


def _ours(broker: Redis) -> list[str]:
    """The test's own tasks in the queue, the newest first: other tests leave theirs, which nobody runs."""
    raws = [
        raw.decode() if isinstance(raw, bytes) else raw
        for raw in broker.lrange(settings.CELERY_TASK_DEFAULT_QUEUE, 0, -1)
    ]
    return [raw for raw in raws if json.loads(raw)["headers"]["task"] == NAME]


def waiting(broker: Redis) -> list[dict[str, object]]:
    """What waits in the queue: the arguments of each task, as a worker would get them."""
    found = []
    for raw in reversed(_ours(broker)):
        _args, kwargs, _options = json.loads(base64.b64decode(json.loads(raw)["body"]))
        found.append(kwargs)
    return found


@pytest.mark.parametrize(
    "value", ["ana@mail.example", b"x", 1.5, True, None, ["1"], {"a": 1}, ("1",), object()], ids=repr
)
def test_nothing_but_numbers_goes_in(value: object, own_database: str, broker: Redis) -> None:
    with pytest.raises(TypeError, match="contact_id"):
        queue.enqueue(NAME, contact_id=value)  # type: ignore[arg-type]
    assert waiting(broker) == []


def test_the_refusal_does_not_quote_the_value() -> None:
    with pytest.raises(TypeError) as refused:
        queue.enqueue(NAME, contact_id="ana@mail.example")  # type: ignore[arg-type]
    assert "ana" not in str(refused.value)


def test_ids_arrive_as_they_were_given(own_database: str, broker: Redis) -> None:
    key = uuid.uuid4()
    queue.enqueue(NAME, mailing_id=2**62, import_id=key)
    assert waiting(broker) == [{"mailing_id": 2**62, "import_id": str(key)}]


def test_a_wake_up_that_nobody_takes_expires(own_database: str, broker: Redis) -> None:
    before = datetime.now(UTC)
    queue.enqueue(NAME, mailing_id=1)
    [raw] = _ours(broker)
    expires = datetime.fromisoformat(json.loads(raw)["headers"]["expires"])
    assert before <= expires - timedelta(seconds=queue.EXPIRES) <= datetime.now(UTC) + timedelta(seconds=1)


def test_nobody_is_woken_before_the_row_can_be_seen(own_database: str, broker: Redis) -> None:
    with transaction.atomic():
        queue.enqueue(NAME, mailing_id=1)
        with transaction.atomic():
            queue.enqueue(NAME, mailing_id=2)
        assert waiting(broker) == []
    assert waiting(broker) == [{"mailing_id": 1}, {"mailing_id": 2}]


def test_what_is_rolled_back_wakes_nobody(own_database: str, broker: Redis) -> None:
    class Failed(Exception):
        pass

    with pytest.raises(Failed), transaction.atomic():
        queue.enqueue(NAME, mailing_id=1)
        raise Failed
    assert waiting(broker) == []


def test_a_broker_that_is_away_fails_nobodys_work(
    own_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The row is committed and the sweep will find it; whoever asked goes on."""
    away = Celery("away", broker="redis://127.0.0.1:1/0", set_as_current=False)
    away.set_current()
    try:
        with transaction.atomic():
            queue.enqueue(NAME, mailing_id=1)
        assert "waits for the sweep" in caplog.text
    finally:
        ours.set_current()


def test_a_broker_that_does_not_answer_holds_nobody_up_for_long(own_database: str) -> None:
    """It takes connections and says nothing, as a stopped process does."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        silent = Celery("silent", broker=f"redis://127.0.0.1:{mute.getsockname()[1]}/0", set_as_current=False)
        silent.conf.broker_transport_options = options
        done = threading.Event()

        def ask() -> None:
            silent.set_current()
            queue.enqueue(NAME, mailing_id=1)
            connection.close()
            done.set()

        threading.Thread(target=ask, daemon=True).start()
        assert done.wait(60), "it still waits"


def test_neither_does_the_cache() -> None:
    for name in ("socket_timeout", "socket_connect_timeout"):
        assert 0 < cache._cache.get_client().connection_pool.connection_kwargs[name] <= 10  # type: ignore[attr-defined]


def test_a_connection_that_broke_is_told_as_away_and_not_as_an_error(broker: Redis) -> None:
    for _ in range(3):
        queue.workers()
        # As after a restart of the server: what was kept open is closed at the other end.
        broker.client_kill_filter(_type="normal", skipme=True)
        found = queue.workers()
        assert found is None or isinstance(found, list)

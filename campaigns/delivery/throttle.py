"""How fast a lane may send: rates shared by all workers, kept in Redis (GCRA).

Each limit is one key that holds when the bucket will be empty again, and the interval by which that was
reckoned. A call takes tokens of several limits at once (a source, and the provider behind it) or none, by
Redis's own clock, so that workers need not agree on theirs. If Redis is gone the call fails and nothing is
sent: redis.RedisError reaches the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import redis

_PREFIX = "throttle:"

# KEYS: one a limit. ARGV: tokens wanted, then of each limit the microseconds a token and the burst.
# Gives the tokens granted (the least that any limit allows) and the microseconds until there will be one.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local granted = tonumber(ARGV[1])
local wait = 0
local full = {}
local function keep(key, at, interval)
  local stays = math.max(0, math.ceil((at - now) / 1000)) + 1000
  redis.call('SET', key, string.format('%.0f %.6f', at, interval), 'PX', stays)
end
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local at, was = string.match(redis.call('GET', key) or '', '^(%d+) ?([%d%.]*)$')
  full[i] = math.max(tonumber(at or now), now)
  was = tonumber(was or '') or interval
  if math.abs(was - interval) > 0.000002 then
    -- The rate was changed: what is owed stays the same number of messages, and is paid back at the new rate from here on.
    full[i] = now + (full[i] - now) * interval / was
    keep(key, full[i], interval)
  end
  local room = math.floor((now + interval * burst - full[i]) / interval + 0.000001)
  if room < 1 then
    wait = math.max(wait, full[i] + interval - interval * burst - now)
  end
  granted = math.min(granted, math.max(room, 0))
end
if granted > 0 then
  for i, key in ipairs(KEYS) do
    keep(key, full[i] + tonumber(ARGV[2 * i]) * granted, tonumber(ARGV[2 * i]))
  end
end
return {granted, math.ceil(wait)}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `burst` at once and `per_second` in the long run; `key` names no person."""

    key: str
    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if not self.per_second > 0 or self.burst < 1:
            raise ValueError("a limit must allow something; suspend the lane to allow nothing")


@dataclass(frozen=True, slots=True)
class Grant:
    """How many may be sent now; if none, how many seconds until one may."""

    count: int
    wait_seconds: float


class Throttle:
    """Takes tokens from limits that all workers share."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._take = client.register_script(_TAKE)

    def take(self, want: int, limits: Sequence[Limit]) -> Grant:
        """Take up to `want` tokens, as many of every limit; where one gives none, all give none.

        Refuses (ValueError) to be asked for fewer than one, or twice for one key. Raises redis.RedisError.
        """
        if want < 1:
            raise ValueError("at least one token must be wanted")
        if len({limit.key for limit in limits}) != len(limits):
            raise ValueError("a key must stand once in a call")
        if not limits:
            return Grant(want, 0.0)
        numbers: list[float] = [want]
        for limit in limits:
            numbers += [1_000_000 / limit.per_second, limit.burst]
        answer = self._take(keys=[_PREFIX + limit.key for limit in limits], args=numbers)
        granted, wait = cast("list[int]", answer)
        return Grant(granted, wait / 1_000_000)

    def room(self, limits: Sequence[Limit]) -> list[int]:
        """How many tokens each limit would give now; none is taken. Raises redis.RedisError."""
        seconds, micros = self._client.time()
        now = seconds * 1_000_000 + micros
        held = cast(
            "list[bytes | None]", self._client.mget([_PREFIX + limit.key for limit in limits] or ["-"])
        )
        found = []
        for limit, until in zip(limits, held, strict=False):
            interval = 1_000_000 / limit.per_second
            at, _, was = (until or b"").decode().partition(" ")
            owed = max(0.0, float(at or now) - now) / (float(was) if was else interval)
            found.append(max(0, int(limit.burst - owed + 0.000001)))
        return found

"""How fast a lane may send: rates shared by all workers, kept in Redis (GCRA).

Each limit is one key that holds a single time: when the bucket will be empty again. A call takes tokens of
several limits at once (a source, and the provider behind it) or none, by Redis's own clock, so that
workers need not agree on theirs. If Redis is gone the call fails and nothing is sent: redis.RedisError
reaches the caller.
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
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  full[i] = math.max(tonumber(redis.call('GET', key) or now), now)
  local room = math.floor((now + interval * burst - full[i]) / interval + 0.000001)
  if room < 1 then
    wait = math.max(wait, full[i] + interval - interval * burst - now)
  end
  granted = math.min(granted, math.max(room, 0))
end
if granted > 0 then
  for i, key in ipairs(KEYS) do
    local next = full[i] + tonumber(ARGV[2 * i]) * granted
    redis.call('SET', key, string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1000)
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

"""Requests of the last minute, counted in Redis for all web processes together."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from arena.errors import SettingsError
from arena.web.limits import MINUTE, Minutes, Taken

log = logging.getLogger(__name__)

ANSWER_SECONDS = 0.25
"""How long a request waits for Redis at the most."""

REST_SECONDS = 5.0
"""How long Redis is left alone after it did not answer."""

_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local minute, most = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - minute)
local made = redis.call('ZCARD', KEYS[1])
local allowed = made < most and 1 or 0
if allowed == 1 then
  redis.call('ZADD', KEYS[1], now, time[1] .. '.' .. time[2] .. '.' .. ARGV[3])
  redis.call('PEXPIRE', KEYS[1], minute * 1000)
  made = made + 1
end
local first = redis.call('ZRANGE', KEYS[1], math.max(0, made - most), math.max(0, made - most), 'WITHSCORES')
local again = first[2] and (first[2] + minute - now) or minute
return {allowed, made, tostring(again)}
"""
"""Drops what is older than a minute, counts, and adds this request if there is room; by Redis's own clock."""


class SharedMinutes:
    """Counts in Redis; while it does not answer, each process counts for itself and nobody is sent away."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            import redis
        except ImportError as error:
            raise SettingsError("ARENA_REDIS needs `pip install 'vernissage-arena[redis]'`") from error
        self._faults = (redis.RedisError, OSError)
        client: Any = redis.Redis.from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        )
        self._take: Any = client.register_script(_TAKE)
        self._clock = clock
        self._near = Minutes(clock)
        self._rests_until = 0.0
        self._lock = threading.Lock()
        self._made = 0

    def take(self, name: str, most: int) -> Taken:
        """Count a request of somebody who may make ``most`` a minute; one that is refused is not counted."""
        if self._clock() < self._rests_until:
            return self._near.take(name, most)
        try:
            allowed, made, again = self._take(
                keys=[f"arena:minute:{name}"], args=[MINUTE, most, self._next()]
            )
        except self._faults as error:
            log.warning("Redis does not answer, each process counts for itself: %s", error)
            self._rests_until = self._clock() + REST_SECONDS
            return self._near.take(name, most)
        return Taken(bool(allowed), most, max(0, most - int(made)), float(again))

    def _next(self) -> str:
        """A number that tells two requests of one microsecond apart."""
        with self._lock:
            self._made += 1
            return f"{id(self):x}.{self._made}"

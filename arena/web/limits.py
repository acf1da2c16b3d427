"""How often somebody may ask: requests of the last minute, counted in this process, or in Redis for all."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

MINUTE = 60.0
MOST_NAMES = 10_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What a request found: whether it may be answered, and what is left of the minute.

    ``again`` is in how many seconds one more may be made than now.
    """

    allowed: bool
    most: int
    left: int
    again: float


class Counts(Protocol):
    """Requests of the last minute by name."""

    def take(self, name: str, most: int) -> Taken:
        """Count a request of somebody who may make ``most`` a minute; one that is refused is not counted."""
        ...


def counting(redis: str | None) -> Counts:
    """Count in the Redis of a URL, for all processes together; without one, in this process.

    Raises
    ------
    SettingsError
        If the client of Redis is not installed.
    """
    if redis is None:
        return Minutes()
    from arena.web.shared_limits import SharedMinutes

    return SharedMinutes(redis)


class Minutes:
    """Requests of the last minute by name; those who have not asked for longest make room for others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, most_names: int = MOST_NAMES) -> None:
        self._clock = clock
        self._most_names = most_names
        self._made: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str, most: int) -> Taken:
        """Count a request of somebody who may make ``most`` a minute; one that is refused is not counted."""
        now = self._clock()
        with self._lock:
            made = self._made.setdefault(name, deque())
            self._made.move_to_end(name)
            while len(self._made) > self._most_names:
                self._made.popitem(last=False)
            while made and made[0] <= now - MINUTE:
                made.popleft()
            allowed = len(made) < most
            if allowed:
                made.append(now)
            left = max(0, most - len(made))
            return Taken(allowed, most, left, made[max(0, len(made) - most)] + MINUTE - now)

"""Pictures behind a URL, for a few minutes, in this process's memory."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MINUTES = 10
MOST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture's file, its type, and until when it is kept."""

    data: bytes
    mimetype: str
    until: float


class ShortLived:
    """Files under names that nobody guesses; the oldest make room, and all go after `MINUTES`."""

    def __init__(self, *, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most_bytes
        self._clock = clock
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, data: bytes, mimetype: str) -> str:
        """Keep a file; returns its name."""
        name = secrets.token_urlsafe(24)
        now = self._clock()
        with self._lock:
            self._kept[name] = Kept(data, mimetype, now + 60 * MINUTES)
            self._bytes += len(data)
            while self._kept and (self._bytes > self._most or next(iter(self._kept.values())).until <= now):
                _, gone = self._kept.popitem(last=False)
                self._bytes -= len(gone.data)
        return name

    def get(self, name: str) -> Kept | None:
        """The file of a name; nothing once its time is over."""
        with self._lock:
            found = self._kept.get(name)
        return found if found is not None and found.until > self._clock() else None

"""Pages that are the same for everybody, rendered once a second however many ask for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

SECONDS: Final = 1.0
MOST: Final = 256


@dataclass(slots=True)
class _Page:
    lock: threading.Lock = field(default_factory=threading.Lock)
    text: str = ""
    until: float = 0.0


@dataclass(slots=True)
class KeptPages:
    """Rendered pages, each good for `SECONDS`; who comes while one is rendered waits for that one."""

    _pages: dict[Hashable, _Page] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, key: Hashable, render: Callable[[], str]) -> str:
        """A page by everything that decides what it says."""
        kept = self._find(key)
        with kept.lock:
            if kept.until < time.monotonic():
                kept.text = render()
                kept.until = time.monotonic() + SECONDS
            return kept.text

    def _find(self, key: Hashable) -> _Page:
        with self._lock:
            if key not in self._pages and len(self._pages) >= MOST:
                self._pages.clear()
            return self._pages.setdefault(key, _Page())

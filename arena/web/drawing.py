"""The geometry of whiskers and axes, in per cent of their width; the templates draw them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_MIDDLE = 1000.0
_ROOMY = 0.24


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale of ratings, from ``low`` to ``high``, with the round numbers to print."""

    low: float
    high: float
    ticks: tuple[int, ...]

    def at(self, rating: float) -> str:
        """Where a rating lies, such as ``37.25%``."""
        share = (rating - self.low) / (self.high - self.low)
        return f"{100 * min(1.0, max(0.0, share)):.2f}%"

    @property
    def middle(self) -> str | None:
        """Where 1000 lies, if the axis holds it."""
        return self.at(_MIDDLE) if self.low <= _MIDDLE <= self.high else None


@dataclass(frozen=True, slots=True)
class Whisker:
    """A rating with its interval on an axis; an end that the votes leave open runs to the edge.

    ``roomy`` says that both ends are far enough apart for a number under each.
    """

    dot: str | None
    left: str
    right: str
    open_left: bool
    open_right: bool
    roomy: bool


def axis(numbers: Iterable[float | None], *, most_ticks: int = 5, hold_middle: bool = True) -> Axis:
    """An axis that holds every number (missing ones aside), with some air, and 1000 where asked."""
    known = [number for number in numbers if number is not None and math.isfinite(number)]
    nothing = not known
    if hold_middle or not known:
        known.append(_MIDDLE)
    low, high = min(known), max(known)
    air = max(20.0, (0.06 if hold_middle else 0.13) * (high - low))
    low, high = low - air, high + air
    step = _step((high - low) / most_ticks)
    first = math.ceil(low / step) * step
    ticks = tuple(range(first, math.floor(high) + 1, step))
    return Axis(low, high, () if nothing else ticks)


def _step(least: float) -> int:
    """The round step not below ``least``: 5, 10, 20, 25, 50, 100, ..."""
    size = 1
    while True:
        for step in (5, 10, 20, 25):
            if step * size >= least:
                return step * size
        size *= 10


def whisker(scale: Axis, rating: float | None, low: float | None, high: float | None) -> Whisker | None:
    """A rating and its interval on an axis; nothing where the votes say nothing at all."""
    if low is None and high is None:
        return None
    left, right = (scale.low if low is None else low), (scale.high if high is None else high)
    return Whisker(
        dot=None if rating is None else scale.at(rating),
        left=scale.at(left),
        right=scale.at(right),
        open_left=low is None,
        open_right=high is None,
        roomy=(right - left) / (scale.high - scale.low) > _ROOMY,
    )

"""The geometry of a histogram, in per cent of its box; the templates draw it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_FEWEST, _MOST = 6, 24
_TAIL = 0.99
_TICKS = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, from ``low`` to ``high``; the last one of a histogram with a tail has no end."""

    low: float
    high: float | None
    count: int
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars on a common ground, and where to print round numbers under them."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[str, float], ...]
    digits: int
    most: int


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that is at least as large as that share of them."""
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def histogram(values: Sequence[float]) -> Histogram | None:
    """Bars of one round width, as many as so many values can tell; the slowest hundredth is in the last bar.

    Nothing where there are no values.
    """
    if not values:
        return None
    low, high = min(values), percentile(values, _TAIL)
    wanted = min(_MOST, max(_FEWEST, math.ceil(2 * math.sqrt(len(values)))))
    step = _round_step(max(high - low, 0.02 * abs(high), 1e-9) / wanted)
    first = math.floor(low / step)
    bins = math.floor(high / step) - first + 1
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, math.floor(value / step) - first)] += 1
    tail = max(values) >= (first + bins) * step
    most = max(counts)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    bars = tuple(
        Bar(
            low=(first + n) * step,
            high=None if tail and n == bins - 1 else (first + n + 1) * step,
            count=count,
            x=_percent(n / bins),
            y=_percent(1 - count / most),
            width=_percent(1 / bins),
            height=_percent(count / most),
        )
        for n, count in enumerate(counts)
    )
    every = max(1, math.ceil(bins / _TICKS))
    ticks = tuple((_percent(n / bins), (first + n) * step) for n in range(0, bins + 1, every))
    return Histogram(bars, ticks, digits, most)


def _round_step(least: float) -> float:
    """The round number not below ``least``: 1, 2 or 5 times a power of ten."""
    size = 10.0 ** math.floor(math.log10(least))
    return next(step * size for step in (1, 2, 5, 10) if step * size >= least * (1 - 1e-9))


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"

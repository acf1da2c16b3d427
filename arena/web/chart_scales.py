"""Scales, ticks, and places for labels, in the units of a drawing's view box; charts are built on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from arena.web.drawing import axis

TEXT: Final = 12.5
"""Size of the text of a chart."""

LOG_FROM: Final = 10.0
"""A cost is drawn on a logarithmic scale where the dearest entrant costs so many times the cheapest."""

_CLEAR = 9.0
_MARK = 5.5
_DAY = timedelta(days=1)
_STEPS = (
    *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14)),
)
_MONTHS = (1, 2, 3, 6, 12)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle; ``top`` is above ``bottom``, so it is the smaller number."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From top to bottom."""
        return self.bottom - self.top

    def meets(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def within(self, other: Box) -> bool:
        """Whether all of it lies in the other."""
        return (
            other.left <= self.left
            and self.right <= other.right
            and other.top <= self.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from ``low`` to ``high`` drawn from ``start`` to ``end``; ``ticks`` are the values to print."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies; one beyond an end lies at that end."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return round(self.start + share * (self.end - self.start), 1)


def rating_scale(numbers: Sequence[float | None], frame: Box, *, most_ticks: int = 6) -> Scale:
    """An upright scale that holds every rating, the highest on top; missing ones aside."""
    shown = axis(numbers, most_ticks=most_ticks, hold_middle=False)
    return Scale(shown.low, shown.high, frame.bottom, frame.top, tuple(float(tick) for tick in shown.ticks))


def cost_scale(costs: Sequence[float], frame: Box, *, most_ticks: int = 6) -> Scale:
    """A level scale of costs, none below zero: from zero, or logarithmic where their spread asks for it."""
    least, most = min(costs), max(costs)
    if least > 0 and most / least >= LOG_FROM:
        air = (most / least) ** 0.06
        low, high = least / air, most * air
        return Scale(low, high, frame.left, frame.right, _log_ticks(low, high, most_ticks), log=True)
    high = 1.08 * most if most > 0 else 1.0
    step = _round_step(high / most_ticks)
    ticks = tuple(n * step for n in range(math.floor(high / step) + 1))
    return Scale(0.0, high, frame.left, frame.right, ticks)


def _log_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Powers of ten times 1, 2 and 5, or 1 and 3, or 1: as many as there is room for."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = tuple(
            step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high
        )
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]


def _round_step(least: float) -> float:
    """The round number not below ``least``: 1, 2 or 5 times a power of ten."""
    size = 10.0 ** math.floor(math.log10(least))
    return next(step * size for step in (1, 2, 5, 10) if step * size >= least * (1 - 1e-9))


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Moments from ``first`` to ``last`` drawn from ``start`` to ``end``.

    ``unit`` says what tells the ticks apart: ``hours``, ``days`` or ``months``.
    """

    first: datetime
    last: datetime
    start: float
    end: float
    ticks: tuple[datetime, ...]
    unit: str

    def at(self, moment: datetime) -> float:
        """Where a moment lies."""
        span = (self.last - self.first).total_seconds()
        share = (moment - self.first).total_seconds() / span if span else 1.0
        return round(self.start + share * (self.end - self.start), 1)


def time_scale(first: datetime, last: datetime, frame: Box, *, most_ticks: int = 5) -> TimeScale:
    """A level scale of moments with round ones to print, in UTC."""
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    for step in _STEPS:
        numbers = range(-((midnight - first) // step), (last - midnight) // step + 1)
        if len(numbers) <= most_ticks:
            ticks = tuple(midnight + number * step for number in numbers)
            unit = "hours" if step < _DAY else "days"
            return TimeScale(first, last, frame.left, frame.right, ticks, unit)
    return TimeScale(first, last, frame.left, frame.right, _month_ticks(first, last, most_ticks), "months")


def _month_ticks(first: datetime, last: datetime, most: int) -> tuple[datetime, ...]:
    """The first days of months, every so many."""
    months = 12 * (last.year - first.year) + last.month - first.month
    step = next((step for step in _MONTHS if months / step <= most), 12 * math.ceil(months / (12 * most)))
    numbers = range(
        step * math.ceil((12 * first.year + first.month) / step), 12 * last.year + last.month, step
    )
    return tuple(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in numbers)


@dataclass(frozen=True, slots=True)
class Label:
    """A text where it is written: ``x`` is its start, middle or end, ``y`` its base line."""

    text: str
    x: float
    y: float
    anchor: str

    @property
    def box(self) -> Box:
        """What it covers, by a guess that is rather too wide."""
        width = text_width(self.text)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return Box(left, self.y - 0.8 * TEXT, left + width, self.y + 0.25 * TEXT)


@dataclass(frozen=True, slots=True)
class Spot:
    """A mark that wants a label: its middle, and the ends of its whisker."""

    name: str
    x: float
    y: float
    top: float
    bottom: float

    @property
    def boxes(self) -> tuple[Box, Box]:
        """What the mark and its whisker cover."""
        return (
            Box(self.x - _MARK, self.y - _MARK, self.x + _MARK, self.y + _MARK),
            Box(self.x - 2, self.top, self.x + 2, self.bottom),
        )


def place(spots: Sequence[Spot], frame: Box, lines: Sequence[Box] = ()) -> list[Label | None]:
    """A label for each mark, in a place that no other label and no mark takes; the first mark chooses first.

    Labels keep clear of the lines, too, where they can. None where the frame has no place left.
    """
    taken = [box for spot in spots for box in spot.boxes]
    placed: list[Label | None] = []
    for spot in spots:
        free = [label for label in _places(spot) if _is_free(label.box, taken, frame)]
        clear = [label for label in free if not any(label.box.meets(line) for line in lines)]
        found = next(iter([*clear, *free]), None)
        placed.append(found)
        if found:
            taken.append(found.box)
    return placed


def _is_free(box: Box, taken: Sequence[Box], frame: Box) -> bool:
    return box.within(frame) and not any(box.meets(other) for other in taken)


def _places(spot: Spot) -> list[Label]:
    """Where a label may go, the best place first: beside the mark, beyond its whisker, at its corners."""
    text = short(spot.name)
    level = spot.y + 0.35 * TEXT
    above = min(spot.top, spot.y - _MARK) - 5
    below = max(spot.bottom, spot.y + _MARK) + 0.8 * TEXT + 3
    sides = [(spot.x + _CLEAR, "start"), (spot.x - _CLEAR, "end")]
    corners = [(spot.x, "middle"), (spot.x - _MARK, "start"), (spot.x + _MARK, "end")]
    return [
        *(Label(text, x, level, anchor) for x, anchor in sides),
        *(Label(text, x, y, anchor) for y in (above, below) for x, anchor in corners),
        *(Label(text, x, level + down, anchor) for down in (-11, 11, -19, 19) for x, anchor in sides),
    ]


def spread(wanted: Sequence[float], low: float, high: float, apart: float) -> list[float]:
    """Heights near the wanted ones, in their order, at least so far apart, from ``low`` to ``high``.

    Where there is no room for that they lie evenly, closer together.
    """
    if not wanted:
        return []
    apart = min(apart, (high - low) / max(1, len(wanted) - 1))
    order = sorted(range(len(wanted)), key=lambda n: (wanted[n], n))
    heights = [max(low, wanted[n]) for n in order]
    for n in range(1, len(heights)):
        heights[n] = max(heights[n], heights[n - 1] + apart)
    heights[-1] = min(heights[-1], high)
    for n in range(len(heights) - 2, -1, -1):
        heights[n] = min(heights[n], heights[n + 1] - apart)
    told = dict(zip(order, heights, strict=True))
    return [round(told[n], 1) for n in range(len(wanted))]


def short(name: str, most: int = 24) -> str:
    """A name of so many characters, cut where it has more; the tables have it in full."""
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def text_width(text: str, size: float = TEXT) -> float:
    """About how wide a text is, rather too wide than too narrow."""
    return size * sum(_width(character) for character in text)


def _width(character: str) -> float:
    """The width of a character, in its height."""
    if ord(character) >= 0x1100:
        return 1.0
    for holds, width in _WIDTHS:
        if holds(character):
            return width
    return 0.58


_WIDTHS: tuple[tuple[Callable[[str], bool], float], ...] = (
    (lambda c: c in "ijlI.,:;'|!()[]- ", 0.32),
    (lambda c: c in "frt", 0.42),
    (lambda c: c in "mwMW@%…", 0.95),
    (str.isupper, 0.72),
)

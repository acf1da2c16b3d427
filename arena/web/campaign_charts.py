"""The drawings of campaigns: what a gap costs in votes, and how the answer to the target came about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from arena.queries.campaigns import PairVotes
from arena.tables import CampaignLook
from arena.web.chart_scales import Box, Scale, rating_scale

CURVE: Final = Box(44.0, 12.0, 330.0, 170.0)
CURVE_SIZE: Final = (338, 212)
GAPS: Final = (10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0)
LARGEST_GAP: Final = 100.0

WIDE: Final = (720, 300)
NARROW: Final = (360, 280)
_MARGINS: Final = (48.0, 14.0, 14.0, 52.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """Votes by the gap that is to be seen, on a log scale, with the point that is asked for."""

    width: int
    height: int
    frame: Box
    gaps: Scale
    votes: Scale
    path: str
    point: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Course:
    """A confidence sequence over the votes: its band, its estimate, and the lines that decide."""

    size: str
    width: int
    height: int
    frame: Box
    votes: Scale
    points: Scale
    path: str
    band: str
    zero: float
    gaps: tuple[float, float]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Votes of a pair, and the class that colours them; 5 for none to 10 for the most."""

    votes: int
    heat: int


def curve(told: Sequence[tuple[float, int]], gap: float, votes: int) -> Curve:
    """Draw votes by gap."""
    counts = [count for _, count in told] + [votes]
    low, high = 10 ** math.floor(math.log10(min(counts))), 10 ** math.ceil(math.log10(max(counts) + 1))
    powers = range(round(math.log10(low)), round(math.log10(high)) + 1)
    ticks = tuple(float(10**power) for power in powers)
    upright = Scale(float(low), float(high), CURVE.bottom, CURVE.top, ticks, log=True)
    level = Scale(GAPS[0], LARGEST_GAP, CURVE.left, CURVE.right, (10.0, 30.0, 50.0, 100.0))
    points = [f"{level.at(at)} {upright.at(float(count))}" for at, count in told]
    shown = GAPS[0] <= gap <= LARGEST_GAP
    return Curve(
        *CURVE_SIZE,
        frame=CURVE,
        gaps=level,
        votes=upright,
        path="M" + "L".join(points),
        point=(level.at(gap), upright.at(float(votes))) if shown else None,
    )


def courses(looks: Sequence[CampaignLook], gap: float) -> list[Course]:
    """Draw the looks of a rule, for a desk and for a phone; nothing before there are two with an interval."""
    told = [look for look in looks if look.low is not None and look.high is not None]
    if len(told) < 2:
        return []
    return [_course("wide", WIDE, told, gap), _course("narrow", NARROW, told, gap)]


def _course(size: str, room: tuple[int, int], looks: Sequence[CampaignLook], gap: float) -> Course:
    width, height = room
    left, top, right, bottom = _MARGINS
    frame = Box(left, top, width - right, height - bottom)
    first, last = looks[0].votes, looks[-1].votes
    votes = Scale(float(first), float(max(last, first + 1)), frame.left, frame.right, _ticks(first, last))
    newest = looks[-1]
    # The first intervals are many times as wide as the last; the drawing is cut where those of its
    # second half end.
    shown = looks[len(looks) // 2 :]
    bounds = [value for look in shown for value in (look.low, look.high)]
    points = rating_scale([*bounds, newest.estimate, 0.0, gap, -gap], frame)
    xs = [votes.at(float(look.votes)) for look in looks]
    line = [
        f"{x} {points.at(look.estimate)}"
        for x, look in zip(xs, looks, strict=True)
        if look.estimate is not None
    ]
    pairs = list(zip(xs, looks, strict=True))
    around = [f"{x} {points.at(look.high)}" for x, look in pairs if look.high is not None]
    around += [f"{x} {points.at(look.low)}" for x, look in reversed(pairs) if look.low is not None]
    return Course(
        size=size,
        width=width,
        height=height,
        frame=frame,
        votes=votes,
        points=points,
        path="M" + "L".join(line),
        band="M" + "L".join(around) + "Z",
        zero=points.at(0.0),
        gaps=(points.at(gap), points.at(-gap)),
    )


def _ticks(first: int, last: int, most: int = 5) -> tuple[float, ...]:
    """Round numbers of votes from the first to the last."""
    least = max(1.0, (last - first) / most)
    size = 10.0 ** math.floor(math.log10(least))
    step = next(step * size for step in (1, 2, 5, 10) if step * size >= least)
    return tuple(n * step for n in range(math.ceil(first / step), math.floor(last / step) + 1))


def heat(pairs: Sequence[PairVotes]) -> tuple[list[str], dict[tuple[str, str], HeatCell]]:
    """The table of votes per pair: its entrants in order, and a cell for each two of them, either way."""
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)))
    most = max((pair.votes for pair in pairs), default=0)
    cells = {}
    for pair in pairs:
        cell = HeatCell(pair.votes, 5 + (round(5 * pair.votes / most) if most else 0))
        cells[pair.first, pair.second] = cells[pair.second, pair.first] = cell
    return names, cells

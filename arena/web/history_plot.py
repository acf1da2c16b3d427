"""How ratings settled: the geometry of lines with bands over time, each named at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from arena.queries.boards import BoardRow
from arena.queries.history import History, Moment, Reading
from arena.web.chart_scales import (
    TEXT,
    Box,
    Label,
    Scale,
    TimeScale,
    rating_scale,
    short,
    spread,
    text_width,
    time_scale,
)
from arena.web.cost_plots import HOUSE, SIZES

MOST_HOUSE = 8
MOST_OTHERS = 5

_LEFT, _TOP, _BOTTOM = 44.0, 16.0, 54.0
_TO_NAME = 22.0
_APART = 1.25 * TEXT
_TICKS_APART = 80


@dataclass(frozen=True, slots=True)
class Line:
    """One entrant's ratings as a path, its interval as another; ``end`` is where the last rating lies."""

    row: BoardRow
    path: str
    band: str
    end: tuple[float, float] | None
    label: Label | None


@dataclass(frozen=True, slots=True)
class HistoryPlot:
    """One drawing, in its own units; bands are cut at the edges of its frame."""

    size: str
    width: int
    height: int
    frame: Box
    times: TimeScale
    ratings: Scale
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class HistoryChart:
    """The history of some rows of a board; ``left_out`` of its entrants are not among them.

    ``table`` has the moments, the newest first, with a reading for each of ``rows``. There are no plots of
    a single moment.
    """

    rows: tuple[BoardRow, ...]
    left_out: int
    table: tuple[tuple[Moment, tuple[Reading | None, ...]], ...]
    plots: tuple[HistoryPlot, ...]


def followed(rows: Sequence[BoardRow]) -> list[BoardRow]:
    """Whose history is drawn: the best of the house, and the others nearest to the very best of it.

    Without an entrant of the house that has a rating, the best of all. In board order.
    """
    rated = [row for row in rows if row.rating is not None]
    house = [row for row in rated if row.kind == HOUSE][:MOST_HOUSE]
    others = [row for row in rated if row.kind != HOUSE]
    if house:
        best = house[0].rating or 0.0
        others.sort(key=lambda row: abs((row.rating or 0.0) - best))
    chosen = {row.entrant for row in (*house, *others[:MOST_OTHERS])}
    return [row for row in rows if row.entrant in chosen]


def history_chart(rows: Sequence[BoardRow], history: History) -> HistoryChart | None:
    """The chart of the rows that are followed; nothing where no run was kept."""
    shown = tuple(row for row in followed(rows) if row.entrant in history.tracks)
    if not history.moments or not shown:
        return None
    table = tuple(
        (moment, tuple(history.tracks[row.entrant][n] for row in shown))
        for n, moment in enumerate(history.moments)
    )
    drawn = len(history.moments) > 1
    return HistoryChart(
        rows=shown,
        left_out=len(rows) - len(shown),
        table=table[::-1],
        plots=tuple(_plot(size, shown, history) for size in SIZES) if drawn else (),
    )


def _plot(size: str, rows: Sequence[BoardRow], history: History) -> HistoryPlot:
    width, height = SIZES[size]
    names = [short(row.name) for row in rows]
    room = min(max(map(text_width, names)), 0.36 * width)
    frame = Box(_LEFT, _TOP, round(width - _TO_NAME - room), height - _BOTTOM)
    moments = history.moments
    times = time_scale(
        moments[0].at, moments[-1].at, frame, most_ticks=max(3, int(frame.width / _TICKS_APART))
    )
    tracks = [history.tracks[row.entrant] for row in rows]
    ratings = rating_scale(list(_numbers(tracks)), frame)
    xs = [times.at(moment.at) for moment in moments]
    ends = [_end(xs, track, ratings) for track in tracks]
    labels = _labels(names, ends, frame)
    return HistoryPlot(
        size=size,
        width=width,
        height=height,
        frame=frame,
        times=times,
        ratings=ratings,
        lines=tuple(
            Line(row, _line(xs, track, ratings), _band(xs, track, ratings), end, label)
            for row, track, end, label in zip(rows, tracks, ends, labels, strict=True)
        ),
    )


def _numbers(tracks: Iterable[Sequence[Reading | None]]) -> Iterable[float | None]:
    """What the scale of ratings has to hold: all ratings, and the newest intervals.

    The first intervals of a board are many times as wide as its ratings are apart.
    """
    for track in tracks:
        known = [reading for reading in track if reading and reading.rating is not None]
        yield from (reading.rating for reading in known)
        for newest in known[-1:]:
            yield from (newest.low, newest.high)


def _line(xs: Sequence[float], track: Sequence[Reading | None], ratings: Scale) -> str:
    """A path through the ratings, with a gap where there was none."""
    points = [
        (x, ratings.at(reading.rating)) if reading and reading.rating is not None else None
        for x, reading in zip(xs, track, strict=True)
    ]
    return "".join(
        "M" + "L".join(f"{x} {y}" for x, y in filter(None, stretch))
        for known, stretch in groupby(points, key=lambda point: point is not None)
        if known
    )


def _band(xs: Sequence[float], track: Sequence[Reading | None], ratings: Scale) -> str:
    """The area between the ends of the intervals, with a gap where one was open."""
    points = [
        (x, ratings.at(reading.low), ratings.at(reading.high))
        if reading and reading.low is not None and reading.high is not None
        else None
        for x, reading in zip(xs, track, strict=True)
    ]
    paths = []
    for known, stretch in groupby(points, key=lambda point: point is not None):
        edges = list(filter(None, stretch))
        if known and len(edges) > 1:
            around = [(x, high) for x, _, high in edges] + [(x, low) for x, low, _ in reversed(edges)]
            paths.append("M" + "L".join(f"{x} {y}" for x, y in around) + "Z")
    return "".join(paths)


def _end(xs: Sequence[float], track: Sequence[Reading | None], ratings: Scale) -> tuple[float, float] | None:
    known = [(x, r.rating) for x, r in zip(xs, track, strict=True) if r and r.rating is not None]
    return (known[-1][0], ratings.at(known[-1][1])) if known else None


def _labels(
    names: Sequence[str], ends: Sequence[tuple[float, float] | None], frame: Box
) -> list[Label | None]:
    """The names right of the lines, pushed apart where they would overlap."""
    wanted = [end[1] for end in ends if end]
    heights = iter(spread(wanted, frame.top, frame.bottom, _APART))
    return [
        Label(name, frame.right + _TO_NAME - 4, round(next(heights) + 0.35 * TEXT, 1), "start")
        if end
        else None
        for name, end in zip(names, ends, strict=True)
    ]

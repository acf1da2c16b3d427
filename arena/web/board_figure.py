"""A board as a picture for slides, drawn in pixels; matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from arena.web.drawing import Axis, axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH: Final = 1600

_DPI = 100
_MARGIN = 72.0
_ROW = 66.0
_NAME, _RATING, _SCALE, _SCALE_END = 176.0, 690.0, 830.0, 1400.0
_INK, _SOFT, _FAINT, _RULE, _PAPER = "#1b1b1b", "#474747", "#666666", "#dddddd", "#ffffff"
_HOUSE, _BASE, _DOT = "#24549a", "#6a6a6a", "#c4311b"
_MARKERS: Mapping[str, str] = {"external": "s", "reference": "D"}
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class PosterRow:
    """One entrant; texts are as they are written, numbers place the whisker."""

    rank: str
    name: str
    kind: str
    under: str
    told: str
    half: str
    votes: str
    rating: float | None
    low: float | None
    high: float | None
    provisional: bool


@dataclass(frozen=True, slots=True)
class Poster:
    """All that the picture of a board says, in one language; two that say the same look the same.

    ``heads`` are those of the columns of rank, entrant, rating and votes; ``foot`` is written line by line.
    """

    run: int
    title: str
    question: tuple[str, ...]
    filters: str
    heads: tuple[str, str, str, str]
    rows: tuple[PosterRow, ...]
    foot: tuple[str, ...]


def draw(poster: Poster) -> bytes:
    """Draw a board as PNG, `WIDTH` pixels wide and as high as its rows ask for; one at a time."""
    with _ONE_AT_A_TIME:
        return _draw(poster)


def _draw(poster: Poster) -> bytes:
    from matplotlib.figure import Figure

    head = 150.0 + 40 * len(poster.question) + (36 if poster.filters else 0)
    table = head + 60
    bottom = table + _ROW * len(poster.rows)
    height = round(bottom + 50 + 30 * len(poster.foot) + 40)
    figure = Figure(figsize=(WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor=_PAPER)
    page = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    page.set_xlim(0, WIDTH)
    page.set_ylim(height, 0)
    page.set_axis_off()
    _title(page, poster)
    scale = axis(number for row in poster.rows for number in (row.rating, row.low, row.high))
    _heads(page, poster.heads, scale, table, bottom)
    for place, row in enumerate(poster.rows):
        _row(page, row, scale, table + _ROW * place)
    _rule(page, bottom, _INK)
    for place, line in enumerate(poster.foot):
        _write(page, line, _MARGIN, bottom + 50 + 30 * place, 19, color=_SOFT)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=_DPI)
    return out.getvalue()


def _title(page: Axes, poster: Poster) -> None:
    _write(page, poster.title, _MARGIN, 104, 46, family="serif")
    _write(page, "Vernissage", WIDTH - _MARGIN - 16, 100, 26, family="serif", ha="right")
    page.plot(WIDTH - _MARGIN - 7, 96, "o", color=_DOT, markersize=6, markeredgewidth=0)
    for place, line in enumerate(poster.question):
        _write(page, line, _MARGIN, 154 + 40 * place, 27, family="serif", color=_SOFT)
    if poster.filters:
        _write(page, poster.filters, _MARGIN, 154 + 40 * len(poster.question), 20, color=_FAINT)


def _heads(page: Axes, heads: tuple[str, str, str, str], scale: Axis, top: float, bottom: float) -> None:
    rank, entrant, rating, votes = heads
    for text, x, side in (
        (rank, _MARGIN, "left"),
        (entrant, _NAME, "left"),
        (rating, _RATING, "right"),
        (votes, WIDTH - _MARGIN, "right"),
    ):
        _write(page, text, x, top - 14, 19, color=_SOFT, ha=side)
    for value in scale.ticks:
        _write(page, str(value), _across(scale, value), top - 14, 17, color=_FAINT, ha="center")
    if scale.middle:
        middle = _across(scale, 1000)
        page.plot([middle, middle], [top, bottom], color=_RULE, linewidth=1.2, zorder=1)
    _rule(page, top, _INK)


def _row(page: Axes, row: PosterRow, scale: Axis, top: float) -> None:
    middle = top + _ROW / 2
    _write(page, row.rank, _MARGIN, middle + 9, 26, family="serif")
    _write(page, row.name, _NAME, middle + 1, 24)
    _write(page, row.under, _NAME, middle + 24, 16, color=_FAINT)
    _write(page, row.told, _RATING, middle + 9, 26, ha="right")
    _write(page, row.half, _RATING + 10, middle + 9, 18, color=_FAINT)
    _write(page, row.votes, WIDTH - _MARGIN, middle + 8, 22, ha="right")
    if row.low is not None or row.high is not None:
        _whisker(page, row, scale, middle)
    _rule(page, top + _ROW, _RULE)


def _whisker(page: Axes, row: PosterRow, scale: Axis, y: float) -> None:
    """A rating with its interval; an open end is an arrow at the edge of the scale."""
    colour = _HOUSE if row.kind == "in-house" else _BASE
    low = _across(scale, scale.low if row.low is None else row.low)
    high = _across(scale, scale.high if row.high is None else row.high)
    page.plot([low, high], [y, y], ":" if row.provisional else "-", color=colour, linewidth=2.2, zorder=2)
    for x, is_open, arrow in ((low, row.low is None, "<"), (high, row.high is None, ">")):
        page.plot(x, y, arrow if is_open else "|", color=colour, markersize=9, markeredgewidth=2.2)
    if row.rating is not None:
        fill = colour if row.kind == "in-house" else _PAPER
        page.plot(
            _across(scale, row.rating), y, _MARKERS.get(row.kind, "o"),
            color=colour, markerfacecolor=fill, markersize=10, markeredgewidth=2.2, zorder=3,
        )  # fmt: skip


def _across(scale: Axis, rating: float) -> float:
    return _SCALE + (rating - scale.low) / (scale.high - scale.low) * (_SCALE_END - _SCALE)


def _write(page: Axes, text: str, x: float, y: float, size: float, **more: Any) -> None:
    """Write a text with its base line at ``y``, ``size`` pixels high; a dollar in it is a dollar."""
    page.text(x, y, text, **{"color": _INK, "fontsize": 72 / _DPI * size, "parse_math": False, **more})


def _rule(page: Axes, y: float, colour: str) -> None:
    page.plot([_MARGIN, WIDTH - _MARGIN], [y, y], color=colour, linewidth=1.0, zorder=1)

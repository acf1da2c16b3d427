"""Figures for papers and pages: intervals, wins, ranks, history, cost against rating.

Each function returns a `matplotlib.figure.Figure` that belongs to no window and no global state; save it
with ``figure.savefig("board.pdf")``. Colours are those of Okabe and Ito [1]_, told apart with any colour
vision, and nothing is said by colour alone. ``theme="dark"`` is for dark pages. matplotlib is imported when
the first figure is drawn.

References
----------
.. [1] M. Okabe, K. Ito, "Color universal design: how to make figures and presentations that are friendly to
   colorblind people", 2008.
.. [2] W. S. Cleveland, R. McGill, "Graphical perception", Journal of the American Statistical Association
   79, 1984.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.arrays import Floats
from analysis.boards import Leaderboard, LeaderboardRow
from analysis.comparisons import LEFT, RIGHT, Comparisons, require_option
from analysis.errors import InvalidComparisons
from analysis.themes import MARKERS, THEMES, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH: Final = 6.5
"""Inches: the text width of most papers."""

ANNOTATED: Final = 14
"""A win matrix of up to so many entrants has its numbers written in."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One entrant's ratings over time.

    Attributes
    ----------
    entrant : str
    at : sequence
        Numbers (votes so far) or dates, rising.
    rating, low, high : ndarray of shape (len(at),)
        In points; NaN where there was none, a gap in the line.
    """

    entrant: str
    at: Sequence[Any]
    rating: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Offer:
    """What one entrant costs and how well it does.

    Attributes
    ----------
    entrant : str
    cost : float
        Seconds, money, parameters: less is better.
    rating : float
    low, high : float or None
    """

    entrant: str
    cost: float
    rating: float
    low: float | None = None
    high: float | None = None


def interval_plot(board: Leaderboard, *, theme: str = "light", width: float = WIDTH) -> Figure:
    """Draw ratings with their intervals, the best on top.

    An open end is an arrow; a provisional entrant has a hollow marker and no rating that is not there.
    Entrants of whom nothing is known are left out.
    """
    rows = [row for row in board.rows if not row.rating is row.low is row.high is None]
    style, figure, axes = _canvas(theme, width, _height(len(rows)))
    with _context(style):
        ends = [value for row in rows for value in (row.rating, row.low, row.high) if value is not None]
        room = 0.06 * max(max(ends, default=1000) - min(ends, default=1000), 60)
        for y, row in enumerate(rows):
            _whisker(axes, style, row, float(y), room)
        _name_rows(axes, [row.entrant for row in rows])
        axes.set_xlim(min(ends, default=900) - 1.5 * room, max(ends, default=1100) + 1.5 * room)
        axes.set_xlabel(f"rating, with {board.level:.0%} intervals")
        axes.grid(axis="x", color=style.grid, linewidth=0.8)
        if any(row.provisional for row in rows):
            _note(axes, style, "hollow: provisional;  arrow: open end")
    return figure


def rank_sets(board: Leaderboard, *, theme: str = "light", width: float = WIDTH) -> Figure:
    """Draw the ranks that the votes leave open for each entrant, for the whole board at once."""
    rows = [row for row in board.rows if row.rank_low is not None and row.rank_high is not None]
    style, figure, axes = _canvas(theme, width, _height(len(rows)))
    with _context(style):
        from matplotlib.ticker import MaxNLocator

        for y, row in enumerate(rows):
            assert row.rank_low is not None and row.rank_high is not None  # noqa: PT018
            axes.plot(
                [row.rank_low, row.rank_high], [y, y],
                color=style.accent, alpha=0.35, linewidth=9, solid_capstyle="round",
            )  # fmt: skip
            if row.rank is not None:
                axes.plot(row.rank, y, "o", color=style.accent, markersize=6)
        _name_rows(axes, [row.entrant for row in rows])
        axes.set_xlabel(f"rank, all intervals at once {board.level:.0%}")
        axes.set_xlim(0.4, max(len(rows), 1) + 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(axis="x", color=style.grid, linewidth=0.8)
    return figure


def win_matrix(
    comparisons: Comparisons,
    order: Sequence[str] | None = None,
    *,
    theme: str = "light",
    width: float = WIDTH,
) -> Figure:
    """Draw how often the entrant of the row won against that of the column, ties as half.

    Parameters
    ----------
    comparisons : Comparisons
    order : sequence of str, optional
        Entrants from the top, such as those of a board; by default by win rate. Others are left out.
    theme : {"light", "dark"}
    width : float
        In inches; the matrix is square.
    """
    table = comparisons.table()
    half = (table[:, :, 2] + table[:, :, 3]) / 2
    won = table[:, :, LEFT] + half + (table[:, :, RIGHT] + half).T
    met = won + won.T
    if order is None:
        with np.errstate(invalid="ignore"):
            rate = np.nan_to_num(won.sum(axis=1) / met.sum(axis=1), nan=-1.0)
        at = np.argsort(-rate, kind="stable")
    else:
        at = np.array([comparisons.index(name) for name in order], dtype=np.int64)
    won, met = won[np.ix_(at, at)], met[np.ix_(at, at)]
    share = np.divide(won, met, out=np.full(won.shape, np.nan), where=met > 0)
    style, figure, axes = _canvas(theme, width, 0.87 * width)
    with _context(style):
        from matplotlib.colors import LinearSegmentedColormap

        colours = LinearSegmentedColormap.from_list("wins", [style.lost, style.even, style.won])
        shown = colours.with_extremes(bad=style.paper)
        image = axes.imshow(np.ma.masked_invalid(share), cmap=shown, vmin=0, vmax=1)
        names = [comparisons.labels[i] for i in at.tolist()]
        axes.set_yticks(range(len(names)), names)
        axes.set_xticks(range(len(names)), names, rotation=45, ha="left", rotation_mode="anchor")
        axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
        if len(names) <= ANNOTATED:
            for i, j in np.argwhere(met > 0).tolist():
                strong = abs(share[i, j] - 0.5) > 0.3
                ink = style.on_strong if strong else style.on_even
                axes.text(j, i, f"{100 * share[i, j]:.0f}", ha="center", va="center", color=ink, fontsize=8)
        bar = figure.colorbar(image, ax=axes, shrink=0.7, pad=0.03)
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0%", "25%", "50%", "75%", "100%"])
        bar.set_label("row won against column")
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0)
    return figure


def history(
    tracks: Sequence[Track], *, theme: str = "light", width: float = WIDTH, x_label: str = "votes"
) -> Figure:
    """Draw ratings over time with their intervals as bands; each line is named at its end."""
    style, figure, axes = _canvas(theme, width, 0.6 * width)
    with _context(style):
        last = []
        for number, track in enumerate(tracks):
            if not len(track.at) == len(track.rating) == len(track.low) == len(track.high):
                raise InvalidComparisons(f"the track of {track.entrant} has columns of several lengths")
            colour = style.lines[number % len(style.lines)]
            axes.fill_between(track.at, track.low, track.high, color=colour, alpha=0.16, linewidth=0)
            marker = MARKERS[number % len(MARKERS)]
            axes.plot(
                track.at, track.rating, color=colour, marker=marker, markersize=4,
                markevery=max(1, len(track.at) // 8),
            )  # fmt: skip
            known = np.flatnonzero(np.isfinite(track.rating))
            if known.size:
                last.append((float(track.rating[known[-1]]), track.entrant, colour))
        axes.margins(x=0.01)
        axes.set_xlabel(x_label)
        axes.set_ylabel("rating")
        axes.grid(axis="y", color=style.grid, linewidth=0.8)
        _name_lines(axes, last)
    return figure


def pareto(
    offers: Sequence[Offer],
    *,
    cost: str = "seconds a picture",
    logarithmic: bool = True,
    theme: str = "light",
    width: float = WIDTH,
) -> Figure:
    """Draw rating against cost; the line joins those whom nobody beats at their cost or less."""
    style, figure, axes = _canvas(theme, width, 0.62 * width)
    with _context(style):
        from matplotlib.patheffects import withStroke

        best = pareto_front(offers)
        front = sorted((offer for offer in offers if offer.entrant in best), key=lambda offer: offer.cost)
        if logarithmic:
            _log_axis(axes)
        last = [max((offer.cost for offer in offers), default=1.0)] if front else []
        axes.step(
            [offer.cost for offer in front] + last, [offer.rating for offer in [*front, *front[-1:]]],
            where="post", color=style.accent, alpha=0.6, linewidth=1.5, zorder=1,
        )  # fmt: skip
        for offer in offers:
            on = offer.entrant in best
            colour = style.accent if on else style.faint
            if offer.low is not None and offer.high is not None:
                ends = [offer.low, offer.high]
                axes.plot([offer.cost, offer.cost], ends, color=colour, linewidth=1.2, zorder=2)
            axes.plot(
                offer.cost, offer.rating, "o" if on else "s", color=colour,
                markerfacecolor=colour if on else style.paper, markersize=6.5, zorder=3,
            )  # fmt: skip
            axes.annotate(
                offer.entrant, (offer.cost, offer.rating), xytext=(6, 5), textcoords="offset points",
                fontsize=8, color=style.ink if on else style.faint, zorder=4,
                path_effects=[withStroke(linewidth=2.5, foreground=style.paper)],
            )  # fmt: skip
        axes.margins(x=0.14, y=0.1)
        axes.set_xlabel(cost)
        axes.set_ylabel("rating")
        axes.grid(color=style.grid, linewidth=0.8)
    return figure


def pareto_front(offers: Sequence[Offer]) -> frozenset[str]:
    """Entrants whom nobody beats: no other is as cheap and as good, and cheaper or better."""
    return frozenset(
        offer.entrant
        for offer in offers
        if not any(
            other.cost <= offer.cost
            and other.rating >= offer.rating
            and (other.cost < offer.cost or other.rating > offer.rating)
            for other in offers
        )
    )


def _canvas(theme: str, width: float, height: float) -> tuple[Theme, Figure, Axes]:
    """An empty figure in a theme."""
    from matplotlib.figure import Figure

    require_option("theme", theme, tuple(THEMES))
    style = THEMES[theme]
    with _context(style):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor=style.paper)
        axes = figure.add_subplot(facecolor=style.paper)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
    return style, figure, axes


def _context(style: Theme) -> AbstractContextManager[None]:
    """Colours and sizes in force while a figure is drawn, and no longer."""
    from matplotlib import rc_context

    return rc_context(
        {
            "font.size": 9,
            "axes.edgecolor": style.faint,
            "axes.labelcolor": style.ink,
            "axes.linewidth": 0.8,
            "text.color": style.ink,
            "xtick.color": style.ink,
            "ytick.color": style.ink,
            "lines.linewidth": 1.6,
        }
    )


def _log_axis(axes: Axes) -> None:
    """A logarithmic axis with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _height(rows: int) -> float:
    return 0.9 + 0.26 * max(rows, 2)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Write entrants beside their rows, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)


def _whisker(axes: Axes, style: Theme, row: LeaderboardRow, y: float, room: float) -> None:
    """One entrant's interval; an open end is an arrow."""
    known = [value for value in (row.low, row.rating, row.high) if value is not None]
    low = min(known) - room if row.low is None else row.low
    high = max(known) + room if row.high is None else row.high
    axes.plot([low, high], [y, y], color=style.accent, linewidth=1.8, solid_capstyle="butt")
    for end, is_open, arrow in ((low, row.low is None, "<"), (high, row.high is None, ">")):
        axes.plot(end, y, arrow if is_open else "|", color=style.accent, markersize=6, markeredgewidth=1.6)
    if row.rating is not None:
        fill = style.paper if row.provisional else style.accent
        axes.plot(row.rating, y, "o", color=style.accent, markerfacecolor=fill, markersize=6.5)


def _name_lines(axes: Axes, last: list[tuple[float, str, str]]) -> None:
    """Name lines at their right ends, pushed apart where they would overlap."""
    if not last:
        return
    bottom, top = axes.get_ylim()
    gap = (top - bottom) * 0.052
    last.sort()
    places = [value for value, _, _ in last]
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + gap)
    over = max(0.0, places[-1] - top)
    for i in range(len(places) - 1, -1, -1):
        limit = top if i == len(places) - 1 else places[i + 1] - gap
        places[i] = min(places[i], limit) if over else places[i]
    for place, (_, name, colour) in zip(places, last, strict=True):
        share = (place - bottom) / (top - bottom) if not math.isclose(top, bottom) else 0.5
        axes.annotate(
            name, (1.01, share), xycoords="axes fraction", va="center", color=colour, fontsize=8.5
        )  # fmt: skip


def _note(axes: Axes, style: Theme, words: str) -> None:
    axes.annotate(
        words, (1, 1.0), xycoords="axes fraction", xytext=(0, 4), textcoords="offset points",
        ha="right", va="bottom", fontsize=7.5, color=style.faint,
    )  # fmt: skip

"""Figures: what they show, and that nothing else is touched."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys

import numpy as np
import pytest

from analysis import Comparisons, InvalidComparisons, InvalidOption, fit_bradley_terry, leaderboard
from analysis.figures import (
    Offer,
    Track,
    history,
    interval_plot,
    pareto,
    pareto_front,
    rank_sets,
    win_matrix,
)
from analysis.themes import MARKERS, THEMES


@pytest.fixture(scope="module")
def comparisons():
    rows = [(a, b, word, n) for a, b in ("AB", "BC", "CA") for word, n in (("left", 40), ("right", 30))]
    left, right, word, count = zip(*rows, ("X", "A", "left", 7), ("A", "Y", "left", 6), strict=True)
    return Comparisons.from_counts("ABCXYN", left, right, word, count)


@pytest.fixture(scope="module")
def board(comparisons):
    return leaderboard(fit_bradley_terry(comparisons))


def texts(figure):
    figure.savefig(io.BytesIO(), format="png")
    return {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))}


def markers(figure):
    return [line.get_marker() for line in figure.axes[0].lines]


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_every_figure_is_drawn_in_both_themes(board, comparisons, theme):
    at = np.arange(4)
    track = Track("A", at, at + 1000.0, at + 990.0, at + 1010.0)
    for figure in (
        interval_plot(board, theme=theme),
        rank_sets(board, theme=theme),
        win_matrix(comparisons, theme=theme),
        history([track], theme=theme),
        pareto([Offer("A", 1.0, 1000.0, 990.0, 1010.0), Offer("B", 2.0, 900.0)], theme=theme),
    ):
        assert "A" in texts(figure)
        paper = [int(THEMES[theme].paper[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        assert figure.get_facecolor() == pytest.approx((*paper, 1.0))


def test_an_open_end_is_an_arrow_and_an_unknown_entrant_is_not_drawn(board):
    figure = interval_plot(board)
    assert markers(figure).count(">") == 1
    assert markers(figure).count("<") == 1
    assert markers(figure).count("o") == 3
    assert "N" not in texts(figure)


def test_the_best_stands_on_top(board):
    axes = interval_plot(board).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        row.entrant for row in board.rows if row.entrant != "N"
    ]
    bottom, top = axes.get_ylim()
    assert bottom > top


def test_a_win_matrix_says_how_often(comparisons):
    figure = win_matrix(comparisons, ["A", "B", "C"])
    # A beat B in 40 of 70, ties as half.
    assert {"57", "43"} <= texts(figure)
    shown = figure.axes[0].images[0].get_array()
    assert shown[0, 1] == pytest.approx(4 / 7)
    assert shown.mask[0, 0]
    with pytest.raises(InvalidComparisons):
        win_matrix(comparisons, ["A", "nobody"])


def test_the_front_is_those_whom_nobody_beats():
    offers = [Offer("a", 1, 900), Offer("b", 2, 1000), Offer("c", 2, 950), Offer("d", 3, 1000)]
    assert pareto_front(offers) == {"a", "b"}
    assert pareto_front(offers[:1] * 2) == {"a"}
    assert pareto_front([]) == frozenset()


def test_names_of_lines_do_not_overlap():
    at = np.arange(3)
    tracks = [Track(f"e{k}", at, *(np.full(3, 1000.0 + k + shift) for shift in (0, -1, 1))) for k in range(5)]
    axes = history(tracks).axes[0]
    heights = sorted(text.xy[1] for text in axes.texts)
    assert min(np.diff(heights)) >= 0.05
    with pytest.raises(InvalidComparisons, match="lengths"):
        history([Track("x", at, np.zeros(2), np.zeros(3), np.zeros(3))])


def test_empty_boards_and_unknown_themes():
    empty = Comparisons.from_counts("AB", [], [], [], [])
    board = leaderboard(fit_bradley_terry(empty))
    for figure in (interval_plot(board), rank_sets(board), win_matrix(empty), history([]), pareto([])):
        figure.savefig(io.BytesIO(), format="png")
    with pytest.raises(InvalidOption, match="theme"):
        interval_plot(board, theme="sepia")


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_colours_can_be_read(theme):
    # WCAG 2: 4.5 for text, 3 for graphics.
    style = THEMES[theme]
    assert contrast(style.ink, style.paper) > 7
    assert contrast(style.faint, style.paper) > 4.5
    for colour in (style.accent, *style.lines):
        assert contrast(colour, style.paper) > 3
    assert contrast(style.on_even, style.even) > 4.5
    for end in (style.lost, style.won):
        assert contrast(style.on_strong, end) > 4.5


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_colours_differ_without_red_and_green(theme):
    # Vienot, Brettel and Mollon 1999: how dichromats see linear RGB.
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    lines = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in THEMES[theme].lines])
    for seen in (lines, lines**2.2 @ deutan.T, lines**2.2 @ protan.T):
        gaps = [np.abs(a - b).sum() for a, b in itertools.combinations(seen, 2)]
        assert min(gaps) > 0.05
    # Lines that look alike all the same are told apart by their markers.
    assert len(set(MARKERS)) == len(MARKERS) >= len(lines)


def test_figures_need_no_window_and_leave_matplotlib_alone():
    code = (
        "import sys, numpy as np\n"
        "import analysis.figures as f\n"
        "assert 'matplotlib' not in sys.modules\n"
        "f.history([f.Track('a', [1, 2], *np.ones((3, 2)))])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "import matplotlib\n"
        "assert matplotlib.rcParams['font.size'] == 10\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)

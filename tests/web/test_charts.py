"""The geometry of the plots: nobody is left out, nothing is covered, and the frontier is the frontier."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from arena import paths
from arena.queries.boards import BoardRow
from arena.queries.history import History, Moment, Reading
from arena.web.chart_scales import Box, Spot, cost_scale, place, spread, time_scale
from arena.web.cost_plots import cost_charts, frontier
from arena.web.history_plot import MOST_HOUSE, MOST_OTHERS, followed, history_chart
from arena.web.win_matrix import CLASSES, Cell, win_matrix

FRAME = Box(44, 16, 546, 346)
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
RATINGS = some.one_of(some.none(), some.floats(200, 1800))
COSTS = some.one_of(some.none(), some.sampled_from([0.0, -1.0, 4.0, float("nan")]), some.floats(1e-6, 1e6))
KINDS = some.sampled_from(["in-house", "baseline", "external", "reference"])


def row(name: str, **told: Any) -> BoardRow:
    """A row of a board of which nothing is known but what is told."""
    known: Mapping[str, Any] = {
        "entrant": name,
        "name": name,
        "kind": "baseline",
        "provisional": False,
        **told,
    }
    values: dict[str, Any] = {field.name: known.get(field.name) for field in fields(BoardRow)}
    return BoardRow(**values)


@some.composite
def boards(draw: some.DrawFn) -> list[BoardRow]:
    return [
        row(
            f"Entrant {n}",
            kind=draw(KINDS),
            rating=(rating := draw(RATINGS)),
            low=None if rating is None or draw(some.booleans()) else rating - 30,
            high=None if rating is None or draw(some.booleans()) else rating + 40,
            seconds=draw(COSTS),
            joules=draw(COSTS),
            price=draw(COSTS),
            currency=draw(some.sampled_from([None, "USD", "EUR"])),
        )
        for n in range(draw(some.integers(1, 14)))
    ]


@given(boards())
def test_every_entrant_is_in_the_plot_or_told_beside_it(rows: list[BoardRow]) -> None:
    for chart in cost_charts(rows):
        told = [offer.row for offer in chart.offers] + [*chart.without_cost, *chart.without_rating]
        assert sorted(one.name for one in told) == sorted(one.name for one in rows)
        for plot in chart.plots:
            assert [mark.offer for mark in plot.marks] == list(chart.offers)
            for mark in plot.marks:
                assert plot.frame.left <= mark.x <= plot.frame.right
                assert plot.frame.top <= mark.top <= mark.y <= mark.bottom <= plot.frame.bottom


@given(some.lists(some.tuples(some.integers(0, 9), some.integers(0, 9)), max_size=30))
def test_nobody_on_the_frontier_is_beaten_and_everybody_else_is(points: list[tuple[int, int]]) -> None:
    best = frontier(points)
    for cost, rating in points:
        beaten = any(
            other_cost <= cost and other >= rating and (other_cost < cost or other > rating)
            for other_cost, other in points
        )
        assert ((cost, rating) in best) is not beaten


def test_equals_share_the_frontier_and_the_path_climbs() -> None:
    numbers = {"a": (1.0, 1000.0), "b": (1.0, 1000.0), "c": (2.0, 990.0), "d": (3.0, 1100.0)}
    rows = [row(name, seconds=cost, rating=rating) for name, (cost, rating) in numbers.items()]
    chart = cost_charts(rows)[0]
    assert [offer.row.name for offer in chart.offers if offer.best] == ["a", "b", "d"]
    corners = re.findall(r"[\d.]+ [\d.]+", chart.plots[0].frontier)
    points = [tuple(map(float, corner.split())) for corner in corners]
    assert points[0][1] == chart.plots[0].frame.bottom
    assert points[-1][0] == chart.plots[0].frame.right
    for (x, y), (next_x, next_y) in itertools.pairwise(points):
        assert next_x >= x
        assert next_y <= y


def test_costs_far_apart_ask_for_a_logarithmic_scale() -> None:
    assert not cost_scale([1, 9], FRAME).log
    assert not cost_scale([0, 900], FRAME).log
    scale = cost_scale([0.4, 2480], FRAME)
    assert scale.log
    assert scale.ticks == (1, 10, 100, 1000)
    steps = [b - a for a, b in itertools.pairwise(map(scale.at, scale.ticks))]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.2)


@given(some.lists(some.tuples(some.floats(44, 546), some.floats(16, 346), some.integers(1, 30)), max_size=40))
def test_no_label_covers_another_or_a_mark(spots: list[tuple[float, float, int]]) -> None:
    marks = [Spot("W" * length, x, y, max(16, y - 20), min(346, y + 20)) for x, y, length in spots]
    boxes = [label.box for label in place(marks, FRAME) if label]
    covered = [box for mark in marks for box in mark.boxes]
    assert all(box.within(FRAME) for box in boxes)
    assert not any(one.meets(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(label.meets(mark) for label in boxes for mark in covered)


def test_on_a_desk_the_labels_of_a_small_board_all_find_a_place() -> None:
    told = zip(
        "abcdefgh", (1128, 1116, 1081, 1034, 1016, 972, 924, 729), (42, 98, 41, 69, 56, 9, 16, 4), strict=True
    )
    rows = [
        row(f"Sfumato {name}", rating=float(rating), low=rating - 16.0, high=rating + 16.0, seconds=cost / 10)
        for name, rating, cost in told
    ]
    assert cost_charts(rows)[0].plots[0].unlabelled == 0


@given(some.lists(some.floats(0, 300), min_size=1, max_size=12))
def test_names_at_line_ends_keep_apart_and_in_order(wanted: list[float]) -> None:
    heights = spread(wanted, 0, 300, 15)
    assert all(0 <= height <= 300 for height in heights)
    pairs = sorted(zip(wanted, heights, strict=True))
    for (_, height), (_, below) in itertools.pairwise(pairs):
        assert below - height >= 14.8


@given(some.integers(0, 10**9), some.integers(1, 4 * 10**8), some.integers(3, 7))
def test_the_ticks_of_time_are_few_round_and_inside(start: int, seconds: int, most: int) -> None:
    first = NOON + timedelta(seconds=start)
    scale = time_scale(first, first + timedelta(seconds=seconds), FRAME, most_ticks=most)
    assert len(scale.ticks) <= most
    for tick in scale.ticks:
        assert first <= tick <= scale.last
        assert tick.second == tick.microsecond == 0
        assert scale.unit == "hours" or tick.hour == tick.minute == 0
        assert scale.unit != "months" or tick.day == 1


@pytest.mark.parametrize(
    ("wins", "draws", "losses", "heat"),
    [
        (0, 0, 9, 0), (1, 0, 11, 0), (1, 0, 10, 1), (5, 0, 6, 5), (3, 4, 3, 5), (6, 0, 5, 6), (10, 0, 1, 10),
        (9, 0, 0, 10),
    ],
)  # fmt: skip
def test_the_eleven_classes_are_of_equal_width(wins: int, draws: int, losses: int, heat: int) -> None:
    assert Cell(wins, draws, losses).heat == heat


def test_the_matrix_is_in_board_order_and_empty_where_two_never_met() -> None:
    rows = [row(name) for name in ("b", "new", "a", "c")]
    pairs = {
        "labels": ["a", "b", "c"],
        "wins": [[0, 2, 0], [5, 0, 0], [0, 0, 0]],
        "draws": [[0, 3, 0], [3, 0, 0], [0, 0, 0]],
    }
    shown = win_matrix(rows, pairs)
    assert shown is not None
    assert [line.row.name for line in shown.rows] == ["b", "new", "a", "c"]
    cells = {
        (line.row.name, column.name): cell
        for line in shown.rows
        for column, cell in zip(shown.columns, line.cells, strict=True)
        if cell
    }
    assert cells == {("b", "a"): Cell(5, 3, 2), ("a", "b"): Cell(2, 3, 5)}
    assert [(pair.first.name, pair.second.name, pair.cell.share) for pair in shown.pairs] == [
        ("b", "a", 0.65)
    ]
    cut = win_matrix(rows, pairs, most=3)
    assert cut is not None
    assert (len(cut.rows), cut.entrants) == (3, 4)
    assert win_matrix(rows[1:2], pairs) is None


def test_heat_is_readable_by_day_and_by_night() -> None:
    sheet = (paths.PACKAGE / "static" / "charts.css").read_text()
    told = {
        name: themes
        for name, *themes in re.findall(r"--([\w-]*heat[\w-]*): light-dark\((#\w+), (#\w+)\)", sheet)
    }
    strong = {0, 1, 9, 10}
    for heat, theme in itertools.product(range(CLASSES), (0, 1)):
        text = told["on-strong-heat" if heat in strong else "on-heat"][theme]
        assert contrast(text, told[f"heat-{heat}"][theme]) >= 4.5, (heat, theme)


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2 between two colours."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_house_and_those_nearest_to_its_best_are_followed() -> None:
    others = [row(f"o{n}", rating=1300.0 - 20 * n) for n in range(30)]
    house = [row(f"h{n}", rating=1100.0 - n, kind="in-house") for n in range(12)]
    board = [*sorted([*others, *house], key=lambda one: -(one.rating or 0)), row("new")]
    chosen = followed(board)
    assert [one.name for one in chosen if one.kind == "in-house"] == [f"h{n}" for n in range(MOST_HOUSE)]
    assert [one.name for one in chosen if one.kind != "in-house"] == ["o8", "o9", "o10", "o11", "o12"]
    assert chosen == [one for one in board if one in chosen]
    assert [one.name for one in followed(others)] == [f"o{n}" for n in range(MOST_OTHERS)]


def test_a_history_has_gaps_where_nothing_was_known() -> None:
    rows = [row("a", rating=1010.0), row("b", rating=990.0, kind="in-house")]
    known = Reading(1000.0, 900.0, 1100.0)
    history = History(
        tuple(Moment(n, 10 * n, NOON + timedelta(hours=n)) for n in range(5)),
        {
            "a": (known, known, None, known, replace(known, rating=None, low=None)),
            "b": (None, None, *[known] * 3),
        },
    )
    chart = history_chart(rows, history)
    assert chart is not None
    assert [moment.run for moment, _ in chart.table] == [4, 3, 2, 1, 0]
    for plot in chart.plots:
        gapped, whole = plot.lines
        assert gapped.path.count("M") == 2
        assert gapped.band.count("M") == 1
        assert whole.path.count("M") == 1
        assert gapped.end is not None
        assert gapped.end[0] < plot.frame.right
        assert whole.end is not None
        assert whole.end[0] == plot.frame.right
    alone = history_chart(rows, History(history.moments[:1], {"a": (known,), "b": (None,)}))
    assert alone is not None
    assert alone.plots == ()
    assert history_chart(rows, History((), {"a": (), "b": ()})) is None

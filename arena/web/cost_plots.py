"""Quality against what a picture costs: the geometry of the plots, from the rows of a board."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from arena.queries.boards import BoardRow
from arena.web.chart_scales import Box, Label, Scale, Spot, cost_scale, place, rating_scale
from arena.web.i18n import gettext

SIZES: Final = {"wide": (560, 400), "narrow": (328, 340)}
"""A plot is made for a desk and for a phone, so that its text keeps its size; the style sheet shows one."""

HOUSE: Final = "in-house"

_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 14.0, 16.0, 54.0
_TICKS_APART = 62


@dataclass(frozen=True, slots=True)
class Offer:
    """An entrant with both numbers; ``best`` says that nobody beats it on one without losing on the other."""

    row: BoardRow
    rating: float
    cost: float
    best: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """An entrant in a plot; its whisker runs from ``top`` to ``bottom``, to the edge where an end is open."""

    offer: Offer
    x: float
    y: float
    top: float
    bottom: float
    open_top: bool
    open_bottom: bool
    label: Label | None


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing, in its own units; ``frontier`` is the path that joins those whom nobody beats."""

    size: str
    width: int
    height: int
    frame: Box
    costs: Scale
    ratings: Scale
    frontier: str
    marks: tuple[Mark, ...]

    @property
    def unlabelled(self) -> int:
        """How many marks there was no room to name."""
        return sum(mark.label is None for mark in self.marks)


@dataclass(frozen=True, slots=True)
class CostChart:
    """Rating against one cost.

    Attributes
    ----------
    key : str
        For ids and classes: ``seconds``, ``joules`` or ``price``.
    title, label : str
        In the reader's language; the label is that of the cost's axis and column.
    offers : tuple of Offer
        Everybody with both numbers, in board order.
    plots : tuple of Plot
        The same offers at each of `SIZES`; none where nobody has both numbers.
    without_cost, without_rating : tuple of BoardRow
        Everybody else: those whose cost nobody knows, and those with a cost but no rating.
    """

    key: str
    title: str
    label: str
    offers: tuple[Offer, ...]
    plots: tuple[Plot, ...]
    without_cost: tuple[BoardRow, ...]
    without_rating: tuple[BoardRow, ...]


def cost_charts(rows: Sequence[BoardRow]) -> list[CostChart]:
    """Rating against seconds, joules, and price; a plot of its own for each currency."""
    currencies = sorted({row.currency or "" for row in rows if _amount(row.price) is not None}) or [""]
    return [
        cost_chart(
            "seconds",
            gettext("Quality against time"),
            gettext("Seconds an image"),
            rows,
            lambda row: row.seconds,
        ),
        cost_chart(
            "joules",
            gettext("Quality against energy"),
            gettext("Joules an image"),
            rows,
            lambda row: row.joules,
        ),
        *(
            cost_chart(
                f"price{place or ''}",
                gettext("Quality against price"),
                gettext("Price an image, %(currency)s", currency=currency)
                if currency
                else gettext("Price an image"),
                rows,
                _price_in(currency),
            )
            for place, currency in enumerate(currencies)
        ),
    ]


def _price_in(currency: str) -> Callable[[BoardRow], float | None]:
    return lambda row: row.price if (row.currency or "") == currency else None


def cost_chart(
    key: str, title: str, label: str, rows: Sequence[BoardRow], cost_of: Callable[[BoardRow], float | None]
) -> CostChart:
    """One chart of all rows: whoever has no place in the plot is told beside it."""
    costs = {row.entrant: cost for row in rows if (cost := _amount(cost_of(row))) is not None}
    known = [row for row in rows if row.entrant in costs]
    points = [(costs[row.entrant], row.rating) for row in known if row.rating is not None]
    best = frontier(points)
    offers = tuple(
        Offer(row, row.rating, costs[row.entrant], (costs[row.entrant], row.rating) in best)
        for row in known
        if row.rating is not None
    )
    return CostChart(
        key=key,
        title=title,
        label=label,
        offers=offers,
        plots=tuple(_plot(size, offers) for size in SIZES) if offers else (),
        without_cost=tuple(row for row in rows if row.entrant not in costs),
        without_rating=tuple(row for row in known if row.rating is None),
    )


def frontier(points: Iterable[tuple[float, float]]) -> set[tuple[float, float]]:
    """Points of cost and rating that no other point beats.

    One point beats another that is at least as dear and at most as good, unless the two are the same.
    """
    best: set[tuple[float, float]] = set()
    highest = -math.inf
    for cost, rating in sorted(set(points), key=lambda point: (point[0], -point[1])):
        if rating > highest:
            best.add((cost, rating))
            highest = rating
    return best


def _amount(cost: float | None) -> float | None:
    """A cost that can be drawn; what is no amount at all is as good as unknown."""
    return cost if cost is not None and math.isfinite(cost) and cost >= 0 else None


def _plot(size: str, offers: Sequence[Offer]) -> Plot:
    width, height = SIZES[size]
    frame = Box(_LEFT, _TOP, width - _RIGHT, height - _BOTTOM)
    costs = cost_scale([offer.cost for offer in offers], frame, most_ticks=int(frame.width / _TICKS_APART))
    ratings = rating_scale(
        [number for offer in offers for number in (offer.rating, offer.row.low, offer.row.high)], frame
    )
    spots = [_spot(offer, costs, ratings) for offer in offers]
    order = sorted(range(len(offers)), key=lambda n: (not offers[n].best, offers[n].row.kind != HOUSE, n))
    steps = _corners(
        [(spot.x, spot.y) for spot, offer in zip(spots, offers, strict=True) if offer.best], frame
    )
    labels = place([spots[n] for n in order], Box(frame.left, 0, width, frame.bottom), _boxes(steps))
    label_of = dict(zip(order, labels, strict=True))
    return Plot(
        size=size,
        width=width,
        height=height,
        frame=frame,
        costs=costs,
        ratings=ratings,
        frontier="M" + "L".join(f"{x} {y}" for x, y in steps),
        marks=tuple(
            Mark(
                offer=offer,
                x=spot.x,
                y=spot.y,
                top=spot.top,
                bottom=spot.bottom,
                open_top=offer.row.high is None,
                open_bottom=offer.row.low is None,
                label=label_of[n],
            )
            for n, (offer, spot) in enumerate(zip(offers, spots, strict=True))
        ),
    )


def _spot(offer: Offer, costs: Scale, ratings: Scale) -> Spot:
    """Where an offer lies; an end of its interval that the votes leave open runs to the edge."""
    row = offer.row
    return Spot(
        name=row.name,
        x=costs.at(offer.cost),
        y=ratings.at(offer.rating),
        top=ratings.at(ratings.high if row.high is None else row.high),
        bottom=ratings.at(ratings.low if row.low is None else row.low),
    )


def _corners(points: Sequence[tuple[float, float]], frame: Box) -> list[tuple[float, float]]:
    """Steps from the ground up to the cheapest, on to each next, and out to the right."""
    corners: list[tuple[float, float]] = []
    height = frame.bottom
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        corners += [(x, height), (x, y)]
        height = y
    return [*corners, (frame.right, height)] if corners else []


def _boxes(corners: Sequence[tuple[float, float]]) -> list[Box]:
    """What the steps cover, for labels to keep clear of."""
    return [Box(min(a, c), min(b, d), max(a, c), max(b, d)) for (a, b), (c, d) in pairwise(corners)]

"""A board from its votes: the one fit behind pages, commands, exports and `arena verify`.

Intervals let the votes of one rater, and those on one prompt, depend on each other, so they speak of other
raters and prompts like those seen; a way with fewer than `LEAST_CLUSTERS` of them is left out, and the
options of the run say which ways there were.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis import (
    Comparisons,
    Leaderboard,
    clustered,
    fit_bradley_terry,
    fit_contextual,
    fit_davidson,
    leaderboard,
    position_bias,
    selection_adjusted,
    usable_ways,
)
from analysis.contextual import ContextualFit
from analysis.errors import AnalysisError
from analysis.estimate import StrengthFit
from analysis.next_rows import Neighbour, neighbours
from analysis.outcomes import Outcome
from analysis.scale import to_points, to_rating
from arena.domain.views import View

LEVEL = 0.95
OUTCOMES = tuple(outcome.value for outcome in Outcome)
ALL_VOTES = View()

Style = Mapping[str, NDArray[np.float64]]
"""By the name of a measure: of each vote, that of the left picture less that of the right."""


def options(ways: Sequence[str], view: View = ALL_VOTES) -> dict[str, Any]:
    """What a run records of how it was fitted, as JSON."""
    return {
        "ties": view.ties,
        "both_bad": "drop" if view.ties == "drop" else "tie",
        "intervals": "sandwich",
        "clusters": list(ways),
        "level": LEVEL,
    }


@dataclass(slots=True)
class Names:
    """Numbers for names, in the order in which they come."""

    of: dict[Hashable, int] = field(default_factory=dict)

    def __getitem__(self, name: Hashable) -> int:
        return self.of.setdefault(name, len(self.of))

    def __len__(self) -> int:
        return len(self.of)


@dataclass(slots=True)
class BoardVotes:
    """The votes of one board in their order, as columns of numbers: 20 bytes a vote, cheap to append to.

    Whoever reads the same votes in the same order gets the same columns, whatever raters and prompts are
    called where they were read; so a fit of them, its random draws included, is the same.
    """

    entrants: Names = field(default_factory=Names)
    raters: Names = field(default_factory=Names)
    prompts: Names = field(default_factory=Names)
    columns: tuple[array[int], ...] = field(default_factory=lambda: tuple(array("i") for _ in range(5)))

    def __len__(self) -> int:
        return len(self.columns[0])

    def add(self, left: str, right: str, outcome: str, rater: Hashable, prompt: Hashable) -> None:
        """Append a vote.

        Raises
        ------
        ValueError
            If the outcome is none of `analysis.outcomes.Outcome`.
        """
        row = (
            self.entrants[left],
            self.entrants[right],
            OUTCOMES.index(outcome),
            self.raters[rater],
            self.prompts[prompt],
        )
        for column, code in zip(self.columns, row, strict=True):
            column.append(code)

    def comparisons(self, labels: Sequence[str], first: int | None = None) -> Comparisons:
        """The first votes, or all, among the entrants of a board.

        Raises
        ------
        analysis.errors.InvalidComparisons
            If an entrant is not among the labels.
        """
        n = len(self) if first is None else first
        names = (
            list(self.entrants.of),
            list(self.entrants.of),
            OUTCOMES,
            range(len(self.raters)),
            range(len(self.prompts)),
        )
        table = {
            role: pa.DictionaryArray.from_arrays(
                np.array(column[:n], dtype=np.int32),
                pa.array(map(str, told), pa.string()),
            )
            for role, column, told in zip(
                ("left", "right", "outcome", "rater", "prompt"), self.columns, names, strict=True
            )
        }
        return Comparisons.from_frame(
            pa.table(table), rater="rater", prompt="prompt", labels=list(labels), keep_votes=True
        )


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A board, the options that its run records, and what stands beside the rows.

    ``plain`` are ratings without style control, ``details`` what
    belongs to no row; each is empty where it was not asked for.
    """

    table: Leaderboard
    options: dict[str, Any]
    beside: dict[str, Neighbour] = field(default_factory=dict)
    left_advantage: dict[str, float] = field(default_factory=dict)
    plain: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


def fit_board(labels: Sequence[str], votes: BoardVotes, *, seed: int, first: int | None = None) -> Fitted:
    """Fit a standing board from rows of votes.

    Parameters
    ----------
    labels : sequence of str
        Every entrant of the board, those without votes included.
    votes : BoardVotes
    seed : int
        Of the draws behind the rank intervals.
    first : int, optional
        Only so many votes from the first on.
    """
    fit, ways = _fit(votes.comparisons(labels, first), ALL_VOTES, None)
    return Fitted(leaderboard(fit, level=LEVEL, seed=seed), options(ways))


def fit_view(
    comparisons: Comparisons,
    view: View = ALL_VOTES,
    *,
    seed: int,
    style: Style | None = None,
    in_house: Sequence[str] = (),
    families: Mapping[str, Sequence[str]] | None = None,
    tried: Mapping[str, int] | None = None,
) -> Fitted:
    """Fit the board of a view with everything that its page shows.

    Parameters
    ----------
    comparisons : Comparisons
        The votes that the view counts, in their order, with raters and prompts.
    view : View
    seed : int
    style : mapping of str to ndarray of shape (n_votes,), optional
        What is held equal, for a view that controls style.
    in_house : sequence of str
        Entrants of the house; the best of them is what all are set against.
    families : mapping of str to sequence of str, optional
        Families with several variants, and those of them on this board; the best of each is told with the
        advantage of having been chosen taken off.
    tried : mapping of str to int, optional
        How many variants each family ever entered, those on this board included.
    """
    fit, ways = _fit(comparisons, view, style)
    table = leaderboard(fit, level=LEVEL, seed=seed)
    house = next((row.entrant for row in table.rows if row.entrant in in_house), None)
    beside = {one.entrant: one for one in neighbours(fit, table, house=house)}
    details: dict[str, Any] = {"house": house, "target": table.target, **_sizes(comparisons)}
    if (bias := _bias(comparisons, view)) is not None:
        details["left_share"] = bias
    if families:
        details["selection"] = [asdict(best) for best in selection_adjusted(fit, families, tried=tried)]
    plain: dict[str, float] = {}
    if isinstance(fit, ContextualFit):
        details["style"] = _effects(fit)
        strengths = fit.plain.strengths
        plain = _known(fit.labels, to_rating(strengths - np.nanmean(strengths)))
    return Fitted(
        table,
        options(ways, view),
        beside=beside,
        left_advantage=_left_advantage(comparisons),
        plain=plain,
        details=details,
    )


def pair_table(comparisons: Comparisons) -> dict[str, Any]:
    """Votes of each pair, as JSON: ``wins[a][b]`` is how often a won against b, ``draws`` is symmetric."""
    table = comparisons.table()
    wins = table[:, :, 0] + table[:, :, 1].T
    draws = table[:, :, 2:].sum(axis=2)
    return {
        "labels": list(comparisons.labels),
        "wins": wins.astype(int).tolist(),
        "draws": (draws + draws.T).astype(int).tolist(),
    }


def _fit(comparisons: Comparisons, view: View, style: Style | None) -> tuple[StrengthFit, tuple[str, ...]]:
    """Fit the strengths; and by which ways the intervals are clustered."""
    fit: StrengthFit
    if view.ties == "davidson":
        return fit_davidson(comparisons, both_bad="tie"), ()
    if view.style:
        fit = fit_contextual(comparisons, style, position=False, ties=view.ties, both_bad="tie")
    else:
        fit = fit_bradley_terry(comparisons, ties=view.ties, both_bad="tie")
    ways = usable_ways(comparisons) if fit.covariance is not None else ()
    return (clustered(fit, by=ways) if ways else fit), ways


def _known(labels: Sequence[str], ratings: NDArray[np.float64]) -> dict[str, float]:
    pairs = zip(labels, ratings.tolist(), strict=True)
    return {label: rating for label, rating in pairs if rating == rating}


def _effects(fit: ContextualFit) -> list[dict[str, Any]]:
    """What a difference of one standard deviation in each measure is worth, in points."""
    return [
        {
            "name": effect.name,
            "estimate": to_points(effect.estimate),
            "low": to_points(effect.low),
            "high": to_points(effect.high),
            "scale": effect.scale,
            "explained": effect.explained,
        }
        for effect in fit.effect_table(LEVEL)
        if effect.estimate == effect.estimate
    ]


def _bias(comparisons: Comparisons, view: View) -> dict[str, float] | None:
    """How often the left would win between equals, with its interval; None where the votes cannot tell.

    Sides are drawn for each battle by itself, so the votes tell this independently of each other, whoever
    cast them.
    """
    try:
        bias = position_bias(comparisons, ties="drop" if view.ties == "drop" else "half", level=LEVEL)
    except AnalysisError:
        return None
    share = {"estimate": bias.share, "low": bias.share_low, "high": bias.share_high}
    return share if all(value == value for value in share.values()) else None


def _left_advantage(comparisons: Comparisons) -> dict[str, float]:
    """Win rate on the left less that on the right, of entrants that were shown on both sides."""
    n, counts = comparisons.n_entrants, comparisons.counts
    half = counts[:, 2:].sum(axis=1) / 2
    shown = counts.sum(axis=1)
    left = np.bincount(comparisons.left, counts[:, 0] + half, n), np.bincount(comparisons.left, shown, n)
    right = np.bincount(comparisons.right, counts[:, 1] + half, n), np.bincount(comparisons.right, shown, n)
    met = (left[1] > 0) & (right[1] > 0)
    return {
        label: float(left[0][i] / left[1][i] - right[0][i] / right[1][i])
        for i, label in enumerate(comparisons.labels)
        if met[i]
    }


def _sizes(comparisons: Comparisons) -> dict[str, int]:
    """How many raters and prompts the votes came from."""
    assert comparisons.votes is not None
    return {f"{way}s": int(np.unique(codes).size) for way, codes in comparisons.votes.clusters.items()}

"""A standing board from its votes: the one fit behind pages, commands, exports and `arena verify`.

Intervals let the votes of one rater, and those on one prompt, depend on each other, so they speak of other
raters and prompts like those seen; a way with fewer than `LEAST_CLUSTERS` of them is left out, and the
options of the run say which ways there were.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from analysis import Comparisons, Leaderboard, clustered, fit_bradley_terry, leaderboard, run_elo, usable_ways
from analysis.outcomes import Outcome

LEVEL = 0.95
OUTCOMES = tuple(outcome.value for outcome in Outcome)


def options(ways: Sequence[str]) -> dict[str, Any]:
    """What a run records of how it was fitted, as JSON."""
    return {
        "ties": "half",
        "both_bad": "tie",
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
    """A board, the options that its run records, and online Elo beside it, which ranks nobody."""

    table: Leaderboard
    options: dict[str, Any]
    elo: dict[str, float]


def fit_board(
    labels: Sequence[str], votes: BoardVotes, *, seed: int, first: int | None = None, elo: bool = False
) -> Fitted:
    """Fit a standing board.

    Parameters
    ----------
    labels : sequence of str
        Every entrant of the board, those without votes included.
    votes : BoardVotes
    seed : int
        Of the draws behind the rank intervals.
    first : int, optional
        Only so many votes from the first on.
    elo : bool
        Whether to run online Elo, too.
    """
    comparisons = votes.comparisons(labels, first)
    fit = fit_bradley_terry(comparisons, ties="half", both_bad="tie")
    ways = usable_ways(comparisons) if fit.covariance is not None else ()
    if ways:
        fit = clustered(fit, by=ways)
    rated: dict[str, float] = {}
    if elo and len(votes):
        run = run_elo(comparisons)
        known = zip(run.labels, run.ratings.tolist(), strict=True)
        rated = {label: rating for label, rating in known if rating == rating}
    return Fitted(leaderboard(fit, level=LEVEL, seed=seed), options(ways), rated)

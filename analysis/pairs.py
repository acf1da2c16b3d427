"""Counts of comparisons as a list of the unordered pairs that met, the form in which fits read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.comparisons import BOTH_BAD, LEFT, RIGHT, TIE, Comparisons


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Summed weights of wins and ties for each pair that met.

    Attributes
    ----------
    n : int
        Number of entrants, those who met nobody included.
    first, second : ndarray of shape (n_pairs,)
        Positions of the entrants, first < second.
    wins, losses : ndarray of shape (n_pairs,)
        Weight of the votes won and lost by the first.
    ties : ndarray of shape (n_pairs,)
        Weight of the votes that count as ties.
    """

    n: int
    first: Ints
    second: Ints
    wins: Floats
    losses: Floats
    ties: Floats

    def only(self, keep: Bools) -> Pairs:
        """Those pairs for which `keep`, of shape (n_pairs,), is true."""
        return Pairs(
            self.n, self.first[keep], self.second[keep], self.wins[keep], self.losses[keep], self.ties[keep]
        )

    def half_wins(self) -> tuple[Floats, Floats]:
        """Wins of the first and of the second where a tie is half a win to each."""
        return self.wins + self.ties / 2, self.losses + self.ties / 2

    def total(self, values: Floats) -> Floats:
        """Sum per-pair values, which enter with opposite signs, over each entrant; shape (n,)."""
        total = np.bincount(self.first, values, self.n) - np.bincount(self.second, values, self.n)
        return np.asarray(total, dtype=np.float64)

    def laplacian(self, values: Floats) -> Floats:
        """Sum ``values (e_first - e_second)(e_first - e_second)'`` over the pairs; shape (n, n)."""
        matrix = np.zeros((self.n, self.n))
        matrix[self.first, self.second] = -values
        matrix[self.second, self.first] = -values
        diagonal = np.bincount(self.first, values, self.n) + np.bincount(self.second, values, self.n)
        matrix.flat[:: self.n + 1] = diagonal
        return matrix


def pairs_of(
    comparisons: Comparisons, *, ties: str = "half", both_bad: str = "tie", squared: bool = False
) -> Pairs:
    """Fold the two sides together and decide which votes count as ties.

    Parameters
    ----------
    comparisons : Comparisons
    ties : {"half", "drop"}
        Whether votes that count as ties are kept.
    both_bad : {"tie", "drop"}
        Whether a both-bad vote counts as a tie.
    squared : bool
        Sum squared weights instead of weights.

    Returns
    -------
    Pairs
        Every pair that met, in order, even where none of its votes is kept (so that the pairs of weights
        and of squared weights are the same).
    """
    values = comparisons.squares if squared else comparisons.weights
    left, right = comparisons.left, comparisons.right
    n = comparisons.n_entrants
    forward = left < right
    key = np.where(forward, left * n + right, right * n + left)
    met, at = np.unique(key, return_inverse=True)
    won = np.where(forward, values[:, LEFT], values[:, RIGHT])
    lost = np.where(forward, values[:, RIGHT], values[:, LEFT])
    tied = np.zeros(len(left)) if ties == "drop" else values[:, TIE].copy()
    if ties != "drop" and both_bad == "tie":
        tied += values[:, BOTH_BAD]
    wins, losses, drawn = (
        np.asarray(np.bincount(at, sums, met.size), dtype=np.float64) for sums in (won, lost, tied)
    )
    return Pairs(n, met // max(n, 1), met % max(n, 1), wins, losses, drawn)

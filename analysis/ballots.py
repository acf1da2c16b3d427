"""Every rater's ballot beside what all others' votes say of it, and how far honest tastes carry.

Honest raters differ: one likes an entrant more than most do, another less. A null that knows of no tastes
calls every taste suspicious, so raters are compared with ones whose likings of entrants are drawn from normal
distributions. Their spread is read off the middle of the raters, which a few dishonest ones cannot move far.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.stats import chi2

from analysis.arrays import Bools, Floats, Ints
from analysis.comparisons import TIE, Comparisons
from analysis.errors import InvalidComparisons
from analysis.rater_looks import leave_one_out

MIDDLE: Final = 0.75
"""Tastes are read off this quantile of squared deviations: half as many dishonest raters as lie beyond it
barely move it."""

LEAST_INFORMATION: Final = 0.5
"""Information on an entrant, about two votes' worth, from which a rater's deviation is read."""

MANY_RATERS: Final = 50
"""From so many raters on an entrant may have a spread of its own."""

_WIDEST: Final = 3.0
_ATTENUATION: Final = (16 * np.sqrt(3) / (15 * np.pi)) ** 2
_SCORES: Final = np.array([1.0, 0.0, 0.5])


@dataclass(frozen=True, slots=True, eq=False)
class Ballots:
    """Votes in the order of raters; one place an array for each vote, but where it is said.

    Attributes
    ----------
    codes : ndarray of shape (n_raters,)
        As in ``comparisons.votes.clusters["rater"]``.
    begins : ndarray of shape (n_raters + 1,)
        Where each rater's votes begin.
    place : ndarray of shape (n_votes,)
        Position of the vote in the comparisons.
    rater, left, right : ndarray of shape (n_votes,)
    answer : ndarray of shape (n_votes,)
        0 left, 1 right, 2 tie; "both bad" is a tie.
    probability : ndarray of shape (n_votes, 3)
        Of each answer, by the votes of all other raters.
    residual, variance : ndarray of shape (n_votes,)
        Score of the left (1, 0 or one half) less its expectation, and its variance.
    taste : ndarray of shape (n_entrants,)
        Standard deviation of raters' likings, in nats.
    """

    codes: Ints
    begins: Ints
    place: Ints
    rater: Ints
    left: Ints
    right: Ints
    answer: Ints
    probability: Floats
    residual: Floats
    variance: Floats
    taste: Floats

    @property
    def n_raters(self) -> int:
        """How many raters there are, those without a vote to judge included."""
        return self.codes.size

    @property
    def sizes(self) -> Ints:
        """Votes of each rater."""
        return np.diff(self.begins)

    def of(self, rater: int) -> slice:
        """The votes of a rater."""
        return slice(int(self.begins[rater]), int(self.begins[rater + 1]))

    def shares(self, own: slice, likings: Floats) -> Floats:
        """Probabilities of the answers of some votes under likings of shape (n_draws, n_entrants).

        Returns
        -------
        ndarray of shape (n_draws, n_votes, 3)
        """
        left, right, p = self.left[own], self.right[own], self.probability[own]
        # The board shows the average rater, whose preferences are weaker than those of anybody in it.
        stretch = np.sqrt(1 + _ATTENUATION * (self.taste[left] ** 2 + self.taste[right] ** 2))
        x = (np.log(p[:, 0] / p[:, 1])) * stretch + likings[:, left] - likings[:, right]
        level = np.log(np.maximum(p[:, 2], 1e-300) / np.sqrt(p[:, 0] * p[:, 1]))
        raised = np.exp(np.stack([x / 2, -x / 2, np.broadcast_to(level, x.shape)], axis=-1))
        return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)

    def draw_likings(self, count: int, rng: np.random.Generator) -> Floats:
        """Likings of honest raters; shape (count, n_entrants)."""
        return np.asarray(rng.normal(size=(count, self.taste.size)) * self.taste, dtype=np.float64)

    def pushes(self) -> tuple[Floats, Floats]:
        """How far each rater's votes lift each entrant, and the variance of that among honest raters.

        Returns
        -------
        pushed : ndarray of shape (n_raters, n_entrants)
            Sum of the residuals, from the entrant's side, over the battles in which it hung.
        spread : ndarray of shape (n_raters, n_entrants)
        """
        size = (self.n_raters, self.taste.size)
        pushed, information = np.zeros(size), np.zeros(size)
        for side, sign in ((self.left, 1.0), (self.right, -1.0)):
            cell = self.rater * size[1] + side
            pushed += np.bincount(cell, sign * self.residual, size[0] * size[1]).reshape(size)
            information += np.bincount(cell, self.variance, size[0] * size[1]).reshape(size)
        squared = self.taste**2
        return pushed, information + information**2 * squared + self.of_opponents(squared)

    def of_opponents(self, squared: Floats) -> Floats:
        """What likings of those whom an entrant met, of these variances, add to that of its pushes.

        Returns
        -------
        ndarray of shape (n_raters, n_entrants)
        """
        n = self.taste.size
        added = np.zeros((self.n_raters, n))
        for rater in np.flatnonzero(self.sizes).tolist():
            own = self.of(rater)
            one_way = np.bincount(self.left[own] * n + self.right[own], self.variance[own], n * n)
            met = one_way.reshape(n, n) + one_way.reshape(n, n).T
            added[rater] = met**2 @ squared
        return added


def with_tastes_of(ballots: Ballots, honest: Bools) -> Ballots:
    """The same ballots, with tastes as wide as those of some raters alone.

    Parameters
    ----------
    ballots : Ballots
    honest : ndarray of bool, shape (n_raters,)
    """
    return replace(ballots, taste=_tastes(ballots, honest))


def ballots_of(comparisons: Comparisons) -> Ballots:
    """Judge every vote by those of all other raters, and estimate how far tastes differ.

    Parameters
    ----------
    comparisons : Comparisons
        Read with a rater column and ``keep_votes=True``; unweighted.

    Raises
    ------
    InvalidComparisons
        If the votes have no raters or weights, or there are nothing but ties.
    """
    votes = comparisons.votes
    if votes is None or "rater" not in votes.clusters:
        raise InvalidComparisons("the votes were read without a column for rater")
    if votes.weight is not None:
        raise InvalidComparisons("raters are looked at by unweighted votes")
    codes, rater = np.unique(votes.clusters["rater"], return_inverse=True)
    probability, _ = leave_one_out(comparisons, votes, rater, codes.size, "tie", None)
    judged = np.flatnonzero(np.isfinite(probability[:, 0]) & (probability[:, :2].min(axis=1) > 0))
    place = judged[np.argsort(rater[judged], kind="stable")]
    told = probability[place]
    answer = np.minimum(votes.outcome[place], TIE).astype(np.int64)
    expected = told @ _SCORES
    found = Ballots(
        codes=codes,
        begins=np.searchsorted(rater[place], np.arange(codes.size + 1)),
        place=place,
        rater=rater[place],
        left=votes.left[place].astype(np.int64),
        right=votes.right[place].astype(np.int64),
        answer=answer,
        probability=told,
        residual=_SCORES[answer] - expected,
        variance=told @ _SCORES**2 - expected**2,
        taste=np.zeros(comparisons.n_entrants),
    )
    return with_tastes_of(found, np.ones(codes.size, dtype=np.bool_))


def _tastes(ballots: Ballots, honest: Bools) -> Floats:
    """Standard deviation of likings, in nats: of all entrants together, or of one where it is wider."""
    n = ballots.taste.size
    without = replace(ballots, taste=np.zeros(n))
    pushed, information = without.pushes()
    squares = information**2 + without.of_opponents(np.ones(n))
    known = (information >= LEAST_INFORMATION) & honest[:, None]
    pooled = _spread(pushed[known], information[known], squares[known])
    spreads = np.full(n, pooled)
    for entrant in np.flatnonzero(known.sum(axis=0) >= MANY_RATERS).tolist():
        at = known[:, entrant], entrant
        spreads[entrant] = max(pooled, _spread(pushed[at], information[at], squares[at]))
    return spreads


def _spread(pushed: Floats, information: Floats, squares: Floats) -> float:
    """The spread at which the squared deviations have the middle that they should have; by bisection."""
    if not pushed.size:
        return 0.0
    wanted = float(chi2.ppf(MIDDLE, 1))

    def too_narrow(spread: float) -> bool:
        return bool(np.quantile(pushed**2 / (information + spread**2 * squares), MIDDLE) > wanted)

    low, high = 0.0, _WIDEST
    if not too_narrow(low):
        return 0.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if too_narrow(middle) else (low, middle)
    return high

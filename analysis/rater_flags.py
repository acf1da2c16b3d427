"""Raters whose ballots honest tastes do not explain: three looks at each, against simulated honest raters.

- ``surprise``: how unlikely the answers are by everybody else's votes, ``-2 sum log p(own answer)`` [1]_.
- ``influence``: how far the whole ballot moves two neighbours of the ranking against each other, the largest
  of ``|sum w (y - E y)|`` in its standard deviations, `w` being what a vote does to their difference.
- ``following``: how far the answers follow one entrant, for it or against it, wherever it hangs; whoever
  tells entrants by their pixels can do that in every battle, a taste does not.

The null draws likings, then answers, on the rater's own pairs. p-values of a look are adjusted for the number
of raters by Benjamini and Hochberg, and a rater is found where the adjusted one is at most `level` and the
plain one at most `share`: of the raters found about `level` are honest on average, and of all honest raters
at most `share` are found.

References
----------
.. [1] R. Min, T. Pang, C. Du, Q. Liu, M. Cheng, M. Lin, "Improving your model ranking on Chatbot Arena by
   vote rigging", ICML 2025, arXiv:2501.17858.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.ballots import Ballots
from analysis.errors import InvalidOption
from analysis.estimate import StrengthFit, generalised_inverse
from analysis.multiplicity import adjust_p_values
from analysis.rater_looks import EXCEEDANCES

LOOKS: Final = ("surprise", "influence", "following")

MOST_DRAWS: Final = 100_000
"""Simulated ballots of one rater at most."""

_FIRST: Final = 200
_BLOCK: Final = 1_000_000
_SCORES: Final = np.array([1.0, 0.0, 0.5])


@dataclass(frozen=True, slots=True, eq=False)
class RaterFlags:
    """Each rater under each look, in the order of ``ballots.codes`` and of `LOOKS`.

    Attributes
    ----------
    statistic : ndarray of shape (n_raters, 3)
        Surprise in twice nats, the others in standard deviations of honest raters; NaN where not looked at.
    p_value, adjusted : ndarray of shape (n_raters, 3)
    about : ndarray of int, shape (n_raters, 3)
        What the largest value is of: the place in `order` of the upper neighbour, or the entrant; -1 for
        surprise.
    upward : ndarray of bool, shape (n_raters, 3)
        Whether that was lifted.
    found : ndarray of bool, shape (n_raters, 3)
    order : ndarray of int
        Connected entrants, the strongest first: neighbours are neighbours here.
    """

    statistic: Floats
    p_value: Floats
    adjusted: Floats
    about: Ints
    upward: Bools
    found: Bools
    order: Ints


def flag_raters(
    ballots: Ballots,
    fit: StrengthFit,
    *,
    least_votes: int = 8,
    level: float = 0.01,
    share: float = 0.002,
    seed: int = 0,
) -> RaterFlags:
    """Look at every rater with enough votes.

    Parameters
    ----------
    ballots : Ballots
    fit : StrengthFit
        The board of the same votes.
    least_votes : int
        Raters with fewer are not looked at.
    level, share : float
        See the head of this module; both hold for each look.
    seed : int
    """
    if not 0 < level < 1 or not 0 < share < 1:
        raise InvalidOption("level and share lie between 0 and 1")
    n = ballots.n_raters
    core = np.flatnonzero(fit.core())
    order = core[np.argsort(-fit.strengths[core], kind="stable")]
    pulls = _pulls(fit, order)
    rng = np.random.default_rng(seed)
    looked = ballots.sizes >= least_votes
    draws = int(min(MOST_DRAWS, max(10_000, 1.2 * looked.sum() / level)))
    statistic, p_value = np.full((n, 3), np.nan), np.full((n, 3), np.nan)
    about, upward = np.full((n, 3), -1), np.zeros((n, 3), dtype=np.bool_)
    for rater in np.flatnonzero(looked).tolist():
        one = _One(ballots, ballots.of(rater), pulls)
        statistic[rater], signed, p_value[rater] = one.look(draws, rng)
        for look, values in enumerate(signed, start=1):
            about[rater, look] = largest = int(np.argmax(np.abs(values)))
            upward[rater, look] = values[largest] > 0
    adjusted = np.column_stack(
        [adjust_p_values(p_value[:, look], method="benjamini-hochberg") for look in range(3)]
    )
    with np.errstate(invalid="ignore"):
        found = (adjusted <= level) & (p_value <= share)
    return RaterFlags(statistic, p_value, adjusted, about, upward, found, order)


def _pulls(fit: StrengthFit, order: Ints) -> Floats:
    """What a win of one entrant over another does to each difference of neighbours.

    Returns
    -------
    ndarray of shape (n_entrants, n_neighbours)
        Row of the winner less row of the loser.
    """
    inverse = generalised_inverse(fit.information(), fit.component)
    return np.asarray((inverse[order[:-1]] - inverse[order[1:]]).T, dtype=np.float64)


class _One:
    """One rater's votes, ready to be compared with simulated ones."""

    def __init__(self, ballots: Ballots, own: slice, pulls: Floats) -> None:
        self.ballots, self.own = ballots, own
        left, right = ballots.left[own], ballots.right[own]
        n = ballots.taste.size
        self.surprises = -2 * np.log(np.maximum(ballots.probability[own], 1e-300))
        self.expected = ballots.probability[own] @ _SCORES
        sides = np.zeros((left.size, n))
        sides[np.arange(left.size), left] += 1
        sides[np.arange(left.size), right] -= 1
        variance = ballots.variance[own]
        weights = (pulls[left] - pulls[right], sides)
        self.weights = tuple(self._standardised(weight, sides, variance) for weight in weights)

    def _standardised(self, weight: Floats, sides: Floats, variance: Floats) -> Floats:
        """Weights whose sums have unit variance among honest raters; zero where they say nothing."""
        by_chance = (weight**2 * variance[:, None]).sum(axis=0)
        by_taste = ((sides * variance[:, None]).T @ weight) ** 2
        total = by_chance + self.ballots.taste**2 @ by_taste
        scaled: Floats = np.divide(weight, np.sqrt(total), out=np.zeros_like(weight), where=total > 1e-18)
        return scaled

    def look(self, draws: int, rng: np.random.Generator) -> tuple[Floats, tuple[Floats, Floats], Floats]:
        """The three statistics, the signed values behind the last two, and p-values."""
        at = np.arange(self.expected.size)
        answer = self.ballots.answer[self.own]
        residual = self.ballots.residual[self.own]
        signed = (residual @ self.weights[0], residual @ self.weights[1])
        real = np.array([self.surprises[at, answer].sum(), *(np.abs(values).max() for values in signed)])
        reached, done, size = np.zeros(3), 0, _FIRST
        while done < draws and reached.min() < EXCEEDANCES:
            size = int(min(size, draws - done, max(1, _BLOCK // answer.size)))
            reached += (self._simulated(size, rng) >= real * (1 - 1e-9) - 1e-12).sum(axis=0)
            done += size
            size *= 4
        return real, signed, (reached + 1) / (done + 1)

    def _simulated(self, size: int, rng: np.random.Generator) -> Floats:
        """Statistics of as many honest raters with the same pairs; shape (size, 3)."""
        shares = self.ballots.shares(self.own, self.ballots.draw_likings(size, rng))
        u = rng.random(shares.shape[:2])
        answers = (u >= shares[..., 0]).astype(np.int64) + (u >= shares[..., 0] + shares[..., 1])
        residuals = _SCORES[answers] - self.expected
        surprise = self.surprises[np.arange(self.expected.size), answers].sum(axis=1)
        pushed = [np.abs(residuals @ weight).max(axis=1) for weight in self.weights]
        return np.column_stack([surprise, *pushed])


def influence(ballots: Ballots, fit: StrengthFit) -> Floats:
    """By how many nats each rater's votes, as they differ from everybody else's, moved each entrant.

    Returns
    -------
    ndarray of shape (n_raters, n_entrants)
        First order: the inverse information times the rater's score.
    """
    pushed, _ = ballots.pushes()
    inverse = generalised_inverse(fit.information(), fit.component)
    return np.asarray(pushed @ inverse, dtype=np.float64)

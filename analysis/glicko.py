"""Glicko-2 ratings: a rating, its deviation and its volatility, updated a rating period at a time.

References
----------
.. [1] M. E. Glickman, "Dynamic paired comparison models with stochastic variances", Journal of Applied
   Statistics 28(6), 2001.
.. [2] M. E. Glickman, "Example of the Glicko-2 system", 2013, http://www.glicko.net/glicko/glicko2.pdf; the
   steps named below are those of this note.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from scipy.special import ndtri

from analysis.arrays import Floats, Ints
from analysis.comparisons import Comparisons
from analysis.errors import ConvergenceError, InvalidComparisons, InvalidOption
from analysis.likelihood import HALF_WINS
from analysis.scale import CENTRE, POINTS_PER_NAT

METHOD_VERSION: Final = "glicko2-1.0.0"

GAMES_A_PERIOD: Final = 15
"""Mean number of votes of an entrant in a rating period, where none are given."""


@dataclass(frozen=True, slots=True)
class Glicko2Rating:
    """One entrant after a period.

    Attributes
    ----------
    rating, deviation : float
        In points.
    volatility : float
        Expected fluctuation of the rating from period to period, in nats.
    """

    rating: float
    deviation: float
    volatility: float


@dataclass(frozen=True, slots=True, eq=False)
class Glicko2Run:
    """Ratings after the last period.

    Attributes
    ----------
    labels : tuple of str
    ratings, deviations : ndarray of shape (n,)
        In points; NaN for an entrant without votes.
    volatilities : ndarray of shape (n,)
        In nats.
    votes : ndarray of shape (n,)
    n_periods : int
    tau, initial, deviation, volatility : float
        Options in force.
    method, method_version : str
    order_dependent : bool
        Always true: the same votes in other periods give other ratings.
    """

    labels: tuple[str, ...]
    ratings: Floats
    deviations: Floats
    volatilities: Floats
    votes: Ints
    n_periods: int
    tau: float
    initial: float
    deviation: float
    volatility: float
    method: str = "glicko-2 (depends on the order of the votes)"
    method_version: str = METHOD_VERSION
    order_dependent: bool = True

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Rating less and plus a multiple of the deviation, in points: what Glicko-2 itself believes."""
        half = float(ndtri((1 + level) / 2)) * self.deviations
        return self.ratings - half, self.ratings + half


def run_glicko2(
    comparisons: Comparisons,
    *,
    periods: Sequence[Any] | None = None,
    tau: float = 0.5,
    initial: float = CENTRE,
    deviation: float = 350.0,
    volatility: float = 0.06,
) -> Glicko2Run:
    """Rate period after period [1]_, in the order of the source.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``keep_votes=True`` and without weights. Ties and both-bad votes score one half.
    periods : sequence of shape (n_votes,), optional
        Period of each vote: numbers or dates, never falling. By default periods in which an entrant has
        `GAMES_A_PERIOD` votes in the mean.
    tau : float
        How fast volatility may change; 0.3 to 1.2 is customary.
    initial, deviation, volatility : float
        Of an entrant before its first vote.

    Raises
    ------
    InvalidComparisons
        The votes were not kept, are weighted, or their periods fall.
    InvalidOption
        An option is not positive.
    """
    votes = comparisons.votes
    if votes is None:
        raise InvalidComparisons("Glicko-2 needs the votes in their order: read them with keep_votes=True")
    if votes.weight is not None:
        raise InvalidComparisons("Glicko-2 has no place for weights")
    for value in (tau, deviation, volatility):
        if not (value > 0 and math.isfinite(value)):
            raise InvalidOption("tau, deviation and volatility must be positive numbers")
    n, total = comparisons.n_entrants, len(votes.left)
    mu, sigma = np.zeros(n), np.full(n, volatility)
    phi = np.full(n, deviation / POINTS_PER_NAT)
    seen = np.bincount(votes.left, minlength=n) + np.bincount(votes.right, minlength=n)
    met = np.zeros(n, dtype=np.bool_)
    bounds = _periods(periods, total, max(1, round(GAMES_A_PERIOD * np.count_nonzero(seen) / 2)))
    score = HALF_WINS[votes.outcome]
    for begin, end in pairwise(bounds):
        left, right, won = votes.left[begin:end], votes.right[begin:end], score[begin:end]
        met[left] = met[right] = True
        player, other = np.concatenate([left, right]), np.concatenate([right, left])
        mu, updated, sigma = _period(mu, phi, sigma, player, other, np.concatenate([won, 1 - won]), tau)
        # Who has not yet entered keeps its first deviation.
        phi = np.where(met, updated, phi)
    unseen = seen == 0
    ratings, deviations = initial + POINTS_PER_NAT * mu, POINTS_PER_NAT * phi
    ratings[unseen] = deviations[unseen] = sigma[unseen] = np.nan
    return Glicko2Run(
        comparisons.labels, ratings, deviations, sigma, np.asarray(seen, dtype=np.int64), len(bounds) - 1,
        tau, initial, deviation, volatility,
    )  # fmt: skip


def rate_glicko2(
    player: Glicko2Rating,
    opponents: Sequence[Glicko2Rating],
    scores: Sequence[float],
    *,
    tau: float = 0.5,
    centre: float = 1500.0,
) -> Glicko2Rating:
    """Rate one player after one period [2]_.

    Parameters
    ----------
    player, opponents : Glicko2Rating
        Before the period.
    scores : sequence of float
        1, 1/2 or 0 against each opponent.
    tau : float
    centre : float
        The rating that is zero on the internal scale.
    """
    everyone = [player, *opponents]
    games = len(opponents)
    mu, phi, sigma = _period(
        np.array([(one.rating - centre) / POINTS_PER_NAT for one in everyone]),
        np.array([one.deviation / POINTS_PER_NAT for one in everyone]),
        np.array([one.volatility for one in everyone]),
        np.zeros(games, dtype=np.int64),
        np.arange(1, games + 1),
        np.asarray(scores, dtype=np.float64),
        tau,
    )
    return Glicko2Rating(
        float(centre + POINTS_PER_NAT * mu[0]), float(POINTS_PER_NAT * phi[0]), float(sigma[0])
    )


def _periods(periods: Sequence[Any] | None, total: int, votes: int) -> list[int]:
    """Where periods begin, and where the last ends."""
    if periods is None:
        return [*range(0, total, votes), total]
    values = np.asarray(periods)
    if len(values) != total:
        raise InvalidComparisons("periods must hold one value for each vote")
    if np.any(values[1:] < values[:-1]):
        rows = np.flatnonzero(values[1:] < values[:-1]) + 1
        raise InvalidComparisons("periods must not fall", rows=rows[:10].tolist(), count=rows.size)
    return [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), total] if total else [0]


def _period(
    mu: Floats, phi: Floats, sigma: Floats, player: Any, other: Any, score: Floats, tau: float
) -> tuple[Floats, Floats, Floats]:
    """Steps 3 to 7 for everyone at once; who did not play only grows less certain (step 6)."""
    n = mu.size
    g = 1 / np.sqrt(1 + 3 * phi**2 / math.pi**2)
    pull = g[other]
    expected = 1 / (1 + np.exp(-pull * (mu[player] - mu[other])))
    information = np.bincount(player, pull**2 * expected * (1 - expected), n)
    gain = np.bincount(player, pull * (score - expected), n)
    played = np.flatnonzero(information > 0)
    v = 1 / information[played]
    sigma, widened = sigma.copy(), np.sqrt(phi**2 + sigma**2)
    sigma[played] = _volatility(phi[played], sigma[played], v, v * gain[played], tau)
    before = phi[played] ** 2 + sigma[played] ** 2
    narrowed = 1 / np.sqrt(1 / before + 1 / v)
    mu = mu.copy()
    mu[played] += narrowed**2 * gain[played]
    widened[played] = narrowed
    return mu, widened, sigma


def _volatility(phi: Floats, sigma: Floats, v: Floats, delta: Floats, tau: float) -> Floats:
    """Step 5: the root of f by the Illinois method, for all players side by side."""
    a = 2 * np.log(sigma)

    def f(x: Floats) -> Floats:
        e = np.exp(x)
        spread = phi**2 + v + e
        return np.asarray(e * (delta**2 - spread) / (2 * spread**2) - (x - a) / tau**2, dtype=np.float64)

    surprise = delta**2 - phi**2 - v
    high = np.where(surprise > 0, np.log(np.maximum(surprise, 1e-300)), a - tau)
    for _ in range(1000):
        low_side = (surprise <= 0) & (f(high) < 0)
        if not low_side.any():
            break
        high = np.where(low_side, high - tau, high)
    one, two = a.copy(), high
    at_one, at_two = f(one), f(two)
    for _ in range(200):
        if np.all(np.abs(two - one) <= 1e-9):
            return np.asarray(np.exp(one / 2), dtype=np.float64)
        gap = at_two - at_one
        third = one + np.where(gap == 0, 0.0, (one - two) * at_one / np.where(gap == 0, 1.0, gap))
        at_third = f(third)
        across = at_third * at_two <= 0
        one, at_one = np.where(across, two, one), np.where(across, at_two, at_one / 2)
        two, at_two = third, at_third
    raise ConvergenceError("a volatility was not found", iterations=200)

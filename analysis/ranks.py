"""Rank intervals that hold for all entrants at once.

Every pair is compared with one critical value, the quantile of the largest of all standardised differences
(max-T) [1]_. An entrant's rank interval then is 1 + those surely above it to n - those surely below it, and
with probability `level` no interval on the board is wrong [2]_.

References
----------
.. [1] J. P. Romano, M. Wolf, "Exact and approximate stepdown methods for multiple hypothesis testing",
   Journal of the American Statistical Association 100, 2005.
.. [2] M. Mogstad, J. P. Romano, A. M. Shaikh, D. Wilhelm, "Inference for ranks with applications to mobility
   across neighbourhoods and academic achievement across countries", Review of Economic Studies 91(1), 2024.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.connections import Standing
from analysis.estimate import StrengthFit
from analysis.intervals import deviations
from analysis.profile import cautious_covariance, profile_interval

RANK_DRAWS: Final = 2000


@dataclass(frozen=True, slots=True, eq=False)
class RankIntervals:
    """Ranks in the main island, 1 the best.

    Attributes
    ----------
    rank : ndarray of shape (n,)
        By estimate and, across components, by win order; NaN where the order does not decide it, in other
        islands, and for entrants who met nobody.
    low, high : ndarray of shape (n,)
        Best and worst rank that the votes leave open; NaN outside the main island.
    surely_above : ndarray of shape (n, n)
        ``[a, b]``: a is above b, simultaneously at the level. Empty where there is no covariance matrix.
    critical_value : float
        What a standardised difference has to pass; NaN with fewer than two entrants in the core.
    level : float
    draws, seed : int
    """

    rank: Floats
    low: Floats
    high: Floats
    surely_above: Bools
    critical_value: float
    level: float
    draws: int
    seed: int


def rank_intervals(
    fit: StrengthFit, *, level: float = 0.95, draws: int = RANK_DRAWS, seed: int = 0
) -> RankIntervals:
    """Find simultaneous rank intervals.

    Entrants above or below the core are set against it by profile bounds, for which a part of the error
    probability is kept aside. Between two of them, and across islands, nothing is ever sure.

    Parameters
    ----------
    fit : StrengthFit
        Must hold its covariance matrix; without (very large boards) every interval is NaN.
    level : float
        Probability that no rank interval is wrong.
    draws, seed : int
        Simulated maxima.
    """
    n = len(fit.labels)
    rank = point_ranks(fit)
    if fit.covariance is None:
        nothing = np.full(n, np.nan)
        unsure = np.zeros((0, 0), dtype=np.bool_)
        return RankIntervals(rank, nothing, nothing, unsure, math.nan, level, draws, seed)
    standings = fit.connectivity.standings()
    surely = np.zeros((n, n), dtype=np.bool_)
    core = np.flatnonzero(fit.core())
    placed = [
        i for i, standing in enumerate(standings)
        if fit.island[i] == 0 and standing in (Standing.ABOVE, Standing.BELOW)
    ]  # fmt: skip
    unmet = np.array([standing is Standing.UNMET for standing in standings], dtype=np.bool_)
    ranked = (fit.island == 0) & ~unmet
    error = (1 - level) / (2 if placed else 1)
    critical = math.nan
    if core.size > 1:
        covariance = cautious_covariance(fit, core)
        rng = np.random.default_rng(seed)
        critical = _largest_difference(covariance, fit.degrees_of_freedom, 1 - error, draws, rng)
        gap = fit.strengths[core, None] - fit.strengths[core]
        spread = _difference_errors(covariance)
        surely[np.ix_(core, core)] = (gap > critical * spread) & (spread > 0)
        margin = critical * np.sqrt(np.diagonal(covariance))
        for i in placed:
            bound = profile_interval(fit, i, level=1 - error / len(placed))
            surely[i, core] = bound.low > fit.strengths[core] + margin
            surely[core, i] = bound.high < fit.strengths[core] - margin
    low = np.where(ranked, 1.0 + surely.sum(axis=0), np.nan)
    high = np.where(ranked, int(ranked.sum()) - surely.sum(axis=1), np.nan)
    return RankIntervals(rank, low, high, surely, critical, level, draws, seed)


def point_ranks(fit: StrengthFit) -> Floats:
    """One more than the number of entrants above, where the estimate or the win order decides it.

    Returns
    -------
    ndarray of shape (n,)
        `RankIntervals.rank`.
    """
    standings = fit.connectivity.standings()
    n = len(fit.labels)
    rank = np.full(n, np.nan)
    if not n:
        return rank
    main = np.array([
        fit.island[i] == 0 and s is not Standing.UNMET for i, s in enumerate(standings)
    ], dtype=np.bool_)  # fmt: skip
    if fit.connectivity.core[0] >= 0:
        main &= np.array([s is not Standing.APART for s in standings], dtype=np.bool_)
    at = np.flatnonzero(main)
    component = fit.component[at]
    reach = fit.connectivity.above().astype(np.float32)
    size = np.bincount(component, minlength=fit.connectivity.n_components).astype(np.float32)
    over, under = size @ reach, reach @ size
    strengths = np.nan_to_num(fit.strengths[at])
    stronger = np.zeros(at.size)
    for number in np.flatnonzero(size > 1).tolist():
        of = component == number
        stronger[of] = size[number] - np.searchsorted(np.sort(strengths[of]), strengths[of], side="right")
    decided = (over + under + size)[component] == at.size
    decided |= fit.core()[at]
    rank[at[decided]] = (1.0 + over[component] + stronger)[decided]
    return rank


def _difference_errors(covariance: Floats) -> Floats:
    """Standard errors of all differences, in nats; shape (k, k)."""
    diagonal = np.diagonal(covariance)
    return np.asarray(
        np.sqrt(np.clip(diagonal[:, None] + diagonal - 2 * covariance, 0, None)), dtype=np.float64
    )


def _largest_difference(
    covariance: Floats, degrees_of_freedom: float, level: float, draws: int, rng: np.random.Generator
) -> float:
    """Quantile of the largest standardised difference, by simulation."""
    spread = _difference_errors(covariance)
    smallest = 1e-9 * float(spread.max(initial=0.0))
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > smallest).astype(np.float32)
    noise = deviations(covariance, degrees_of_freedom, draws, rng).astype(np.float32)
    largest = np.zeros(draws, dtype=np.float32)
    for i in range(len(noise) - 1):
        gaps = noise[i + 1 :] - noise[i]
        gaps *= scale[i, i + 1 :, None]
        np.maximum(largest, gaps.max(axis=0), out=largest)
        np.maximum(largest, -gaps.min(axis=0), out=largest)
    return float(np.quantile(largest, level, method="higher"))

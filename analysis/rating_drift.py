"""Whether strengths stay what they were: fits to periods, and tests that they are one.

References
----------
.. [1] W. G. Cochran, "The combination of estimates from different experiments", Biometrics 10(1), 1954: Q.
.. [2] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
   6(2), 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtrc

from analysis.arrays import Bools, Floats
from analysis.bradley_terry import BradleyTerryFit, fit_bradley_terry
from analysis.clustering import clustered
from analysis.comparisons import Comparisons
from analysis.errors import InvalidComparisons, InvalidOption
from analysis.intervals import quantile
from analysis.subsets import require_votes, select_votes


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """Strengths of the entrants that every period connects, period by period.

    Attributes
    ----------
    periods : tuple of str
        In the order of their first vote's value, sorted.
    labels : tuple of str
        The entrants of the core of every period: only their mean is the same yardstick throughout.
    strengths, low, high : ndarray of shape (n_periods, n)
        In nats, relative to the mean of `labels` in that period.
    votes : ndarray of shape (n_periods,)
    statistic, degrees_of_freedom, p_value : float, int, float
        Of the hypothesis that nobody moved.
    entrant_statistics, entrant_p_values : ndarray of shape (n,)
        Cochran's Q [1]_ of each entrant, and p-values adjusted for testing all [2]_.
    fits : tuple of BradleyTerryFit
    level : float
    """

    periods: tuple[str, ...]
    labels: tuple[str, ...]
    strengths: Floats
    low: Floats
    high: Floats
    votes: Floats
    statistic: float
    degrees_of_freedom: int
    p_value: float
    entrant_statistics: Floats
    entrant_p_values: Floats
    fits: tuple[BradleyTerryFit, ...]
    level: float


def drift(
    comparisons: Comparisons,
    period: Sequence[Any],
    *,
    by: Sequence[str] = (),
    ties: str = "half",
    both_bad: str = "tie",
    level: float = 0.95,
) -> Drift:
    """Fit each period by itself and test whether strengths moved.

    Strengths are relative to the mean of the entrants: one that truly rises makes all others seem to fall.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``keep_votes=True``.
    period : sequence of shape (n_votes,)
        Anything that can be sorted: months, dates, numbers.
    by : sequence of {"rater", "prompt"}
        Whose votes belong together, within a period.
    ties, both_bad : str
        As in `fit_bradley_terry`.
    level : float

    Raises
    ------
    InvalidComparisons
        `period` has another length than the votes.
    InvalidOption
        There are not two periods, or fewer than two entrants are connected in each of them.
    """
    votes = require_votes(comparisons, "drift over time")
    values = np.asarray(period)
    if len(values) != len(votes.left):
        raise InvalidComparisons("period must hold one value for each vote")
    names, at = np.unique(values, return_inverse=True)
    if names.size < 2:
        raise InvalidOption("drift takes at least two periods")
    fits = []
    shared: Bools = np.ones(comparisons.n_entrants, dtype=np.bool_)
    for number in range(names.size):
        fit = fit_bradley_terry(select_votes(comparisons, at == number), ties=ties, both_bad=both_bad)
        fits.append(clustered(fit, by) if by else fit)
        shared &= fit.core()
    if shared.sum() < 2:
        raise InvalidOption("fewer than two entrants are connected in every period: take longer ones")
    members = np.flatnonzero(shared)
    k, count = members.size, names.size
    centre = np.eye(k) - 1 / k
    strengths, half = np.empty((count, k)), np.empty((count, k))
    weight_sum, pulled = np.zeros((k, k)), np.zeros(k)
    inverses = []
    for number, fit in enumerate(fits):
        assert fit.covariance is not None
        strengths[number] = centre @ fit.strengths[members]
        covariance = centre @ fit.covariance[np.ix_(members, members)] @ centre
        half[number] = quantile(fit, level) * np.sqrt(np.diagonal(covariance))
        inverses.append(np.linalg.pinv(covariance, rcond=1e-10, hermitian=True))
        weight_sum += inverses[-1]
        pulled += inverses[-1] @ strengths[number]
    pooled = np.linalg.pinv(weight_sum, rcond=1e-10, hermitian=True) @ pulled
    gaps = strengths - pooled
    statistic = float(sum(gap @ inverse @ gap for gap, inverse in zip(gaps, inverses, strict=True)))
    freedom = (count - 1) * (k - 1)
    precision = np.array([1 / (half[t] / quantile(fit, level)) ** 2 for t, fit in enumerate(fits)])
    mean = (precision * strengths).sum(axis=0) / precision.sum(axis=0)
    own = (precision * (strengths - mean) ** 2).sum(axis=0)
    return Drift(
        tuple(str(name) for name in names.tolist()),
        tuple(comparisons.labels[i] for i in members.tolist()),
        strengths,
        strengths - half,
        strengths + half,
        np.bincount(at, minlength=count).astype(np.float64),
        statistic,
        freedom,
        float(chdtrc(freedom, statistic)) if freedom else math.nan,
        own,
        _holm(np.asarray(chdtrc(count - 1, own), dtype=np.float64)),
        tuple(fits),
        level,
    )


def _holm(p: Floats) -> Floats:
    """Adjust p-values [2]_."""
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * (p.size - np.arange(p.size)))
    found = np.empty_like(p)
    found[order] = np.minimum(stepped, 1.0)
    return found

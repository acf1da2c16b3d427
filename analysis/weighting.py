"""Weights of votes, and what they cost: inverse propensities, equal pairs, effective sample size.

References
----------
.. [1] D. G. Horvitz, D. J. Thompson, "A generalization of sampling without replacement from a finite
   universe", Journal of the American Statistical Association 47, 1952.
.. [2] L. Kish, "Survey Sampling", Wiley, 1965, section 11.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.arrays import Floats
from analysis.comparisons import Comparisons
from analysis.errors import InvalidComparisons, InvalidOption
from analysis.subsets import require_votes


@dataclass(frozen=True, slots=True, eq=False)
class Weighting:
    """Weights, and what is left of the sample.

    Attributes
    ----------
    weights : ndarray of shape (n_votes,)
        Their mean is 1; for `reweighted`.
    rule : str
        How they were got.
    effective_votes : float
        Votes of equal weight that would carry as much information, by Kish's rule [2]_.
    efficiency : float
        The same as a share of the votes.
    largest_share : float
        Part of the total weight that the heaviest vote has.
    n_clipped : int
        Votes whose weight was cut.
    """

    weights: Floats
    rule: str
    effective_votes: float
    efficiency: float
    largest_share: float
    n_clipped: int = 0


def effective_sample_size(weights: Any) -> float:
    """Square of the sum over the sum of squares [2]_; 0 for none."""
    values = np.asarray(weights, dtype=np.float64)
    squares = float((values**2).sum())
    return float(values.sum()) ** 2 / squares if squares > 0 else 0.0


def propensity_weights(propensities: Any, *, largest: float | None = None) -> Weighting:
    """Weigh votes by the inverse of the probability with which their battle was dealt [1]_.

    Estimates are then about battles dealt evenly, whatever the policy was. A probability near zero makes one
    vote speak for thousands; cutting its weight trades that variance for a bias towards the policy.

    Parameters
    ----------
    propensities : array of shape (n_votes,)
        Joint probability of prompt, pair and side, stored with the battle; above 0 and not above 1.
    largest : float, optional
        Cut weights at so many times their mean.

    Raises
    ------
    InvalidComparisons
        A propensity is no probability.
    InvalidOption
        `largest` is below 1.
    """
    values = np.asarray(propensities, dtype=np.float64)
    bad = np.flatnonzero(~((values > 0) & (values <= 1)))
    if bad.size:
        raise InvalidComparisons(
            "a propensity must be above 0 and not above 1", rows=bad[:10].tolist(), count=bad.size
        )
    if largest is not None and not largest >= 1:
        raise InvalidOption(f"largest must be at least 1, not {largest}")
    weights = 1 / values
    rule, clipped = "inverse propensity", 0
    if largest is not None and values.size:
        bound = largest * float(weights.mean())
        clipped = int(np.count_nonzero(weights > bound))
        weights = np.minimum(weights, bound)
        rule += f", cut at {largest:g} times the mean"
    return _weighting(weights, rule, clipped)


def pair_weights(comparisons: Comparisons) -> Weighting:
    """Weigh votes so that every pair that met weighs the same: a board that no dealing policy has tilted.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``keep_votes=True``.
    """
    votes = require_votes(comparisons, "a weight for each vote")
    low = np.minimum(votes.left, votes.right).astype(np.int64)
    pair = low * comparisons.n_entrants + np.maximum(votes.left, votes.right)
    _, at, met = np.unique(pair, return_inverse=True, return_counts=True)
    return _weighting(1 / met[at], "every pair alike", 0)


def _weighting(weights: Floats, rule: str, clipped: int) -> Weighting:
    """Give weights a mean of one and say what they cost."""
    if not weights.size:
        return Weighting(weights, rule, 0.0, 1.0, 0.0, clipped)
    scaled = weights / weights.mean()
    effective = effective_sample_size(scaled)
    return Weighting(
        scaled, rule, effective, effective / scaled.size, float(scaled.max() / scaled.sum()), clipped
    )

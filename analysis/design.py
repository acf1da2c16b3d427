"""Which pair to ask about next.

One more vote on a pair (a, b) lowers the variance of its strength difference from ``v`` to
``v / (1 + p(1-p) v)``, ``p`` being the win probability under the present fit. Pairs are drawn in proportion
to that drop, mixed with a uniform share so that every pair keeps a known, positive probability.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNIFORM_SHARE = 0.2
PRIOR_PRECISION = 0.25
"""Of each strength, in nats^-2; for planning only, never for a rating."""


def pair_probabilities(wins: Floats, *, uniform_share: float = UNIFORM_SHARE) -> Floats:
    """Probability of dealing each pair, by how much one more vote would tell.

    Parameters
    ----------
    wins : ndarray of shape (n_items, n_items)
        ``wins[i, j]`` is how often `i` beat `j`, a tie counting one half to each.
    uniform_share : float
        Share that is spread evenly over all pairs, at least 0.1.

    Returns
    -------
    ndarray of shape (n_items, n_items)
        Symmetric, zero on the diagonal; the upper triangle sums to 1.

    Raises
    ------
    ValueError
        If the uniform share is outside [0.1, 1], or there are fewer than two items.

    References
    ----------
    .. [Glickman2005] M. Glickman and S. Jensen, "Adaptive paired comparison design", Journal of
       Statistical Planning and Inference 127, 2005.
    """
    if not 0.1 <= uniform_share <= 1:
        raise ValueError(f"the uniform share must be from 0.1 to 1, not {uniform_share}")
    n_items = len(wins)
    if n_items < 2:
        raise ValueError("a pair takes at least two items")
    strengths = _shrunken_strengths(wins)
    probability = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    spread = probability * (1 - probability)
    covariance = np.linalg.inv(_information(wins, spread))
    variance = np.diag(covariance)
    gap = np.maximum(variance[:, None] + variance[None, :] - 2 * covariance, 0.0)
    drop = np.triu(spread * gap**2 / (1 + spread * gap), 1)
    uniform = np.triu(np.ones_like(drop), 1)
    mixed = (1 - uniform_share) * drop / drop.sum() + uniform_share * uniform / uniform.sum()
    return np.asarray(mixed + mixed.T)


def _information(wins: Floats, spread: Floats) -> Floats:
    """Information on the strengths plus the prior's, of shape (n_items, n_items)."""
    weight = (wins + wins.T) * spread
    return np.asarray(np.diag(weight.sum(axis=1) + PRIOR_PRECISION) - weight)


def _shrunken_strengths(wins: Floats) -> Floats:
    """Strengths under the planning prior, by Newton steps; they exist whatever the votes are."""
    strengths = np.zeros(len(wins))
    games = wins + wins.T
    for _ in range(25):
        probability = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
        gradient = wins.sum(axis=1) - (games * probability).sum(axis=1) - PRIOR_PRECISION * strengths
        step = np.linalg.solve(_information(wins, probability * (1 - probability)), gradient)
        strengths = strengths + step
        if np.abs(step).max() < 1e-6:
            break
    return strengths

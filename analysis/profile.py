"""Profile-likelihood intervals: for few votes, and for entrants who have only won or only lost.

An interval holds every value whose best likelihood, over all other strengths, is not significantly below
the maximum. It follows the skew that few votes have, and is open where the likelihood keeps rising [1]_.
With ties as half wins it is somewhat too wide, never too narrow.

References
----------
.. [1] D. J. Venzon, S. H. Moolgavkar, "A method for computing profile-likelihood-based confidence
   intervals", Journal of the Royal Statistical Society C 37(1), 1988.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_expit, ndtri

from analysis.arrays import Bools, Floats, Ints
from analysis.connections import Standing
from analysis.errors import ConvergenceError
from analysis.estimate import StrengthFit, generalised_inverse, within_components
from analysis.likelihood import climb

FEW_VOTES: Final = 30
"""Below so many votes a board shows a profile-likelihood interval, marked provisional."""

FEW_ONE_WAY: Final = 5
"""The same with fewer wins or fewer losses than this (a tie is half of each), whatever the votes."""

FEW_DECISIVE: Final = 10
"""The same with fewer votes than this that were no ties: a sandwich of nothing but ties is zero."""

FARTHEST: Final = 40.0
"""Bounds are sought up to so many nats away (odds of 1 to 10^17)."""


class Interval(NamedTuple):
    """Bounds in nats; infinite at an open end, NaN where nothing is known."""

    low: float
    high: float


NOTHING: Final = Interval(math.nan, math.nan)


def profile_interval(
    fit: StrengthFit, entrant: int, *, level: float = 0.95, standing: Standing | None = None
) -> Interval:
    """Profile-likelihood interval of one strength.

    Parameters
    ----------
    fit : StrengthFit
    entrant : int
        Position in ``fit.labels``.
    level : float
    standing : Standing, optional
        Of this entrant, where it is known already.

    Returns
    -------
    Interval
        In the core: of the strength relative to the mean of its component. Above or below the core: one
        bound, relative to the mean of the core, the core held and the entrant's own group free. NaN for an
        entrant who met the core only through other separated entrants, or not at all.

    Raises
    ------
    ConvergenceError
    """
    standing = fit.connectivity.standings()[entrant] if standing is None else standing
    threshold = float(ndtri((1 + level) / 2))
    if standing in (Standing.CORE, Standing.ABOVE, Standing.BELOW):
        own = fit.own_profile(entrant, level)
        if own is not None:
            return Interval(*own)
    if standing is Standing.CORE:
        return _inside(fit, entrant, threshold)
    if standing in (Standing.ABOVE, Standing.BELOW):
        return _outside(fit, entrant, threshold, 1.0 if standing is Standing.ABOVE else -1.0)
    return NOTHING


def few_votes(fit: StrengthFit) -> Bools:
    """Which entrants have too few votes, wins or losses for a normal approximation; shape (n,).

    Votes within the entrant's component count: others do not enter its estimate.
    """
    pairs = within_components(fit.pairs(), fit.connectivity)
    forth, back = pairs.half_wins()
    won = np.bincount(pairs.first, forth, pairs.n) + np.bincount(pairs.second, back, pairs.n)
    lost = np.bincount(pairs.first, back, pairs.n) + np.bincount(pairs.second, forth, pairs.n)
    decided = np.bincount(pairs.first, pairs.wins + pairs.losses, pairs.n)
    decided = decided + np.bincount(pairs.second, pairs.wins + pairs.losses, pairs.n)
    few = (won + lost < FEW_VOTES) | (np.minimum(won, lost) < FEW_ONE_WAY) | (decided < FEW_DECISIVE)
    return np.asarray(few, dtype=np.bool_)


def cautious_covariance(fit: StrengthFit, members: Ints) -> Floats:
    """Covariance of some entrants of one component, not below the model's for those with few votes.

    With few votes a sandwich is too sure of itself, and with nothing but ties it is zero.

    Parameters
    ----------
    fit : StrengthFit
        Must hold its covariance matrix.
    members : ndarray of int
    """
    assert fit.covariance is not None
    covariance: Floats = fit.covariance[np.ix_(members, members)]
    few = few_votes(fit)[members]
    if not few.any() or fit.covariance_method == "hessian":
        return covariance
    plain = generalised_inverse(fit.information(), fit.component)[np.ix_(members, members)]
    at = np.flatnonzero(few)
    values, vectors = np.linalg.eigh((plain - covariance)[np.ix_(at, at)])
    cautious = covariance.copy()
    cautious[np.ix_(at, at)] += (vectors * np.clip(values, 0, None)) @ vectors.T
    return cautious


def held_intervals(fit: StrengthFit, entrants: Ints, *, level: float) -> tuple[Floats, Floats]:
    """Profile bounds of many entrants of the core at once, each with all others held: for very large boards.

    Returns
    -------
    tuple of ndarray of shape (n_entrants,)
        Low and high, in nats.
    """
    pairs = within_components(fit.pairs(), fit.connectivity)
    wins, losses = pairs.half_wins()
    place = np.full(pairs.n, -1)
    place[entrants] = np.arange(entrants.size)
    owner = place[np.concatenate([pairs.first, pairs.second])]
    mine = owner >= 0
    owner = owner[mine]
    other = np.concatenate([pairs.second, pairs.first])[mine]
    won, lost = np.concatenate([wins, losses])[mine], np.concatenate([losses, wins])[mine]
    at = np.nan_to_num(fit.strengths)[entrants]
    known = np.nan_to_num(fit.strengths)[other]
    half = float(ndtri((1 + level) / 2)) ** 2 / 2

    def fallen(r: Floats) -> Floats:
        x = r[owner] - known
        heights = np.bincount(owner, (won + lost) * log_expit(x) - lost * x, entrants.size)
        return np.asarray(heights, dtype=np.float64)

    lowest = fallen(at) - half
    bounds = []
    for side in (-1.0, 1.0):
        near, far = np.zeros(entrants.size), np.full(entrants.size, FARTHEST)
        for _ in range(40):
            middle = (near + far) / 2
            within = fallen(at + side * middle) > lowest
            near, far = np.where(within, middle, near), np.where(within, far, middle)
        bounds.append(np.asarray(at + side * near, dtype=np.float64))
    return bounds[0], bounds[1]


def _inside(fit: StrengthFit, entrant: int, threshold: float) -> Interval:
    """Both bounds of an entrant of the core, all others of its component free and their sum given."""
    members = np.flatnonzero(fit.component == fit.component[entrant])
    pairs = within_components(fit.pairs(), fit.connectivity)
    pairs = pairs.only(fit.component[pairs.first] == fit.component[entrant])
    others = members[members != entrant]
    known = np.nan_to_num(fit.strengths)
    best = fit.model.terms(pairs, known[pairs.first] - known[pairs.second], fit.eta).value
    estimate = float(known[entrant])
    start = known

    def root(value: float) -> float:
        nonlocal start
        moved = start.copy()
        moved[others] -= (value - moved[entrant]) / others.size
        moved[entrant] = value
        summit = (
            climb(fit.model, pairs, moved, others, eta=fit.eta, keep_sum=others.size > 1, tolerance=1e-5)
            if others.size > 1
            else None
        )
        if summit is None:
            height = fit.model.terms(pairs, moved[pairs.first] - moved[pairs.second], fit.eta).value
        else:
            height, start = summit.value, summit.strengths
        return math.sqrt(max(0.0, 2 * (best - height)))

    spread = math.sqrt(1 / _own_information(fit, entrant))
    low = estimate - reach(lambda d: root(estimate - d), threshold, spread)
    start = known
    high = estimate + reach(lambda d: root(estimate + d), threshold, spread)
    return Interval(low, high)


def reach(root: Callable[[float], float], threshold: float, spread: float) -> float:
    """Find the distance at which the signed root of the deviance, nearly a straight line, is `threshold`."""
    near, at_near = 0.0, 0.0
    distance = threshold * spread
    for _ in range(60):
        height = root(distance)
        if abs(height - threshold) < 1e-3:
            return distance
        slope = (height - at_near) / (distance - near)
        near, at_near = distance, height
        if slope <= 0 or not math.isfinite(slope):
            distance *= 2
        else:
            distance += max(-0.7 * distance, min(2 * distance, (threshold - height) / slope))
        if distance > FARTHEST:
            return math.inf
    raise ConvergenceError("a profile bound was not found", iterations=60)


def _outside(fit: StrengthFit, entrant: int, threshold: float, side: float) -> Interval:
    """Find the one bound of an entrant whose group has only won against the core, or only lost."""
    pairs = fit.pairs()
    core = int(fit.connectivity.core[fit.island[entrant]])
    own = int(fit.component[entrant])
    first, second = fit.component[pairs.first], fit.component[pairs.second]
    inner = pairs.only((first == own) & (second == own))
    cross = ((first == own) & (second == core)) | ((first == core) & (second == own))
    if not np.any(cross):
        return NOTHING
    pairs = pairs.only(cross | ((first == own) & (second == own)))
    known = np.nan_to_num(fit.strengths)
    best = fit.model.terms(inner, known[inner.first] - known[inner.second], fit.eta).value
    members: Ints = np.flatnonzero(fit.component == own)
    others = members[members != entrant]
    at_entrant = float(known[entrant])

    def excess(value: float) -> float:
        moved: Floats = known.copy()
        moved[members] += value - at_entrant
        height = climb(fit.model, pairs, moved, others, eta=fit.eta, tolerance=1e-6).value
        return math.sqrt(max(0.0, 2 * (best - height))) - threshold

    inside = float(side * np.max(side * known[fit.component == core]))
    while excess(inside) > 0 and abs(inside) < FARTHEST:
        inside += side
    beyond = inside - side
    while excess(beyond) < 0 and abs(beyond) < FARTHEST:
        beyond -= side
    if excess(inside) > 0 or excess(beyond) < 0:
        return Interval(-math.inf, math.inf)
    bound = float(brentq(excess, min(inside, beyond), max(inside, beyond), xtol=1e-6))
    return Interval(bound, math.inf) if side > 0 else Interval(-math.inf, bound)


def _own_information(fit: StrengthFit, entrant: int) -> float:
    """Information about one strength with all others held, per nat squared."""
    pairs = within_components(fit.pairs(), fit.connectivity)
    pairs = pairs.only((pairs.first == entrant) | (pairs.second == entrant))
    known = np.nan_to_num(fit.strengths)
    return float(fit.model.terms(pairs, known[pairs.first] - known[pairs.second], fit.eta).curvature.sum())

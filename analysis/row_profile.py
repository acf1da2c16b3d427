"""Profile bounds where the likelihood is a function of single votes, not of counts.

The entrant's own votes are taken exactly, all others by their quadratic approximation at the maximum: for an
entrant with few votes on a board with many that is nearly the full profile, at the price of its few votes.
Effects other than strengths are held; the bounds are stretched by what that leaves out of the standard error.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit, ndtri

from analysis.arrays import Floats, Ints
from analysis.connections import Standing
from analysis.errors import ConvergenceError
from analysis.estimate import StrengthFit
from analysis.profile import FARTHEST, NOTHING, Interval, reach


class Rows(NamedTuple):
    """Some votes: log-odds of the left are scale * (r_left - r_right) + offset; each of shape (n_rows,)."""

    left: Ints
    right: Ints
    score: Floats
    weight: Floats
    scale: Floats
    offset: Floats

    def heights(self, r: Floats) -> tuple[float, Floats, Floats]:
        """Log-likelihood, its slope and curvature by x = r_left - r_right."""
        x = self.scale * (r[self.left] - r[self.right]) + self.offset
        p = expit(x)
        value = float(self.weight @ (log_expit(x) - (1 - self.score) * x))
        slope = self.weight * self.scale * (self.score - p)
        return value, slope, self.weight * self.scale**2 * p * (1 - p)

    def system(self, r: Floats) -> tuple[float, Floats, Floats]:
        """Log-likelihood, gradient (n,) and information (n, n) by the strengths."""
        n = len(r)
        value, slope, curve = self.heights(r)
        gradient = np.bincount(self.left, slope, n) - np.bincount(self.right, slope, n)
        information = np.zeros((n, n))
        np.add.at(information, (self.left, self.right), -curve)
        information += information.T
        information.flat[:: n + 1] = np.bincount(self.left, curve, n) + np.bincount(self.right, curve, n)
        return value, np.asarray(gradient, dtype=np.float64), information


def rows_for(fit: StrengthFit, left: Ints, right: Ints, entrant: int) -> Ints:
    """Find the votes that a profile of an entrant needs; shape (n_rows,)."""
    own = int(fit.component[entrant])
    first, second = fit.component[left], fit.component[right]
    if fit.connectivity.in_core()[entrant]:
        return np.flatnonzero(((left == entrant) | (right == entrant)) & (first == second))
    core = int(fit.connectivity.core[fit.island[entrant]])
    cross = ((first == own) & (second == core)) | ((first == core) & (second == own))
    return np.flatnonzero(cross | ((first == own) & (second == own)))


def row_profile(
    fit: StrengthFit, rows: Rows, entrant: int, *, level: float, held: Floats, variance: float
) -> Interval:
    """Profile bounds of one strength.

    Parameters
    ----------
    fit : StrengthFit
    rows : Rows
        Those of `rows_for`.
    entrant : int
    level : float
    held : ndarray of shape (n, n)
        Information of the strengths, all else held.
    variance : float
        Model-based variance of this strength with nothing held.

    Returns
    -------
    Interval
        As `analysis.profile_interval` has it.
    """
    threshold = float(ndtri((1 + level) / 2))
    standing = fit.connectivity.standings()[entrant]
    if standing is Standing.CORE:
        return _inside(fit, rows, entrant, threshold, held, variance)
    if not rows.left.size:
        return NOTHING
    return _outside(fit, rows, entrant, threshold, 1.0 if standing is Standing.ABOVE else -1.0)


def _inside(
    fit: StrengthFit, rows: Rows, entrant: int, threshold: float, held: Floats, variance: float
) -> Interval:
    members = np.flatnonzero(fit.component == fit.component[entrant])
    size = members.size
    place = np.full(len(fit.labels), -1)
    place[members] = np.arange(size)
    own = rows._replace(left=place[rows.left], right=place[rows.right])
    at = int(place[entrant])
    best = fit.strengths[members]
    top, gradient, information = own.system(best)
    rest = held[np.ix_(members, members)] - information
    others = np.delete(np.arange(size), at)
    share = np.full((size, size), 1 / size)
    alone = float((np.linalg.inv(held[np.ix_(members, members)] + share) - share)[at, at])
    stretch = math.sqrt(max(1.0, variance / alone))
    start = np.zeros(size)

    def height(moved: Floats) -> tuple[float, Floats, Floats]:
        value, slope, curve = own.system(best + moved)
        tilt = rest @ moved
        return float(value - top - gradient @ moved - moved @ tilt / 2), slope - gradient - tilt, curve + rest

    def root(shift: float) -> float:
        nonlocal start
        moved = start.copy()
        moved[others] -= (shift - moved[at]) / others.size
        moved[at] = shift
        value, slope, curve = height(moved)
        for _ in range(50 if others.size > 1 else 0):
            matrix = curve[np.ix_(others, others)]
            solved = np.linalg.solve(matrix, np.column_stack([slope[others], np.ones(others.size)]))
            step = solved[:, 0] - solved[:, 1] * (solved[:, 0].sum() / solved[:, 1].sum())
            factor = min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
            for _ in range(40):
                tried = moved.copy()
                tried[others] += factor * step
                then = height(tried)
                if then[0] >= value - 1e-10 * (1 + abs(value)):
                    break
                factor /= 2
            moved, (value, slope, curve) = tried, then
            if np.abs(step).max() < 1e-5:
                break
        else:
            if others.size > 1:
                raise ConvergenceError("a profile bound was not found", iterations=50)
        start = moved
        return math.sqrt(max(0.0, -2 * value))

    spread = math.sqrt(alone)
    low = reach(lambda d: root(-d), threshold, spread)
    start = np.zeros(size)
    high = reach(root, threshold, spread)
    estimate = float(best[at])
    return Interval(estimate - stretch * low, estimate + stretch * high)


def _outside(fit: StrengthFit, rows: Rows, entrant: int, threshold: float, side: float) -> Interval:
    """One bound of an entrant whose group has only won against the core, or only lost; the core is held."""
    members = np.flatnonzero(fit.component == fit.component[entrant])
    others = members[members != entrant]
    known = np.nan_to_num(fit.strengths)
    core = fit.component == fit.connectivity.core[fit.island[entrant]]
    inner = fit.component[rows.left] == fit.component[rows.right]
    within = Rows(*(values[inner] for values in rows))
    best = within.heights(known)[0]

    def excess(value: float) -> float:
        moved = known.copy()
        moved[members] += value - known[entrant]
        now, slope, curve = rows.system(moved)
        for _ in range(50 if others.size else 0):
            step = np.linalg.solve(curve[np.ix_(others, others)], slope[others])
            step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
            moved[others] += step
            now, slope, curve = rows.system(moved)
            if np.abs(step).max() < 1e-6:
                break
        return math.sqrt(max(0.0, 2 * (best - now))) - threshold

    inside = float(side * np.max(side * known[core], initial=-FARTHEST))
    while excess(inside) > 0 and abs(inside) < FARTHEST:
        inside += side
    beyond = inside - side
    while excess(beyond) < 0 and abs(beyond) < FARTHEST:
        beyond -= side
    if excess(inside) > 0 or excess(beyond) < 0:
        return Interval(-math.inf, math.inf)
    bound = float(brentq(excess, min(inside, beyond), max(inside, beyond), xtol=1e-6))
    return Interval(bound, math.inf) if side > 0 else Interval(-math.inf, bound)

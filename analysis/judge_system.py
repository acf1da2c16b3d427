"""The equations of strengths and raters' discriminations, the many raters eliminated.

The information is a small dense block for the strengths, a diagonal for the raters and a sparse block between
them, so raters cost no more than votes. The mean of the discriminations is held at 1 by a multiplier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array, diags_array
from scipy.special import expit, log_expit

from analysis.arrays import Floats, Ints
from analysis.comparisons import Votes
from analysis.likelihood import HALF_WINS

_CHUNK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What each rater said of each pair.

    Attributes
    ----------
    n, n_raters : int
    rater, first, second : ndarray of shape (n_cells,)
    wins, met : ndarray of shape (n_cells,)
        Weight of wins of the first, ties half, and of all votes.
    spread : float
        Standard deviation of the prior of discriminations.
    """

    n: int
    n_raters: int
    rater: Ints
    first: Ints
    second: Ints
    wins: Floats
    met: Floats
    spread: float

    @classmethod
    def of(cls, votes: Votes, code: Ints, n_raters: int, n: int, weight: Floats, spread: float) -> Self:
        """Sum votes with a positive weight by rater and pair."""
        used = np.flatnonzero(weight > 0)
        left, right = votes.left[used].astype(np.int64), votes.right[used].astype(np.int64)
        swap = left > right
        score = np.where(swap, 1 - HALF_WINS[votes.outcome[used]], HALF_WINS[votes.outcome[used]])
        pair = np.where(swap, right * n + left, left * n + right)
        key, at = np.unique(code[used] * (n * n) + pair, return_inverse=True)
        rater, pair = key // max(n * n, 1), key % max(n * n, 1)
        wins = np.bincount(at, weight[used] * score, key.size).astype(np.float64)
        met = np.bincount(at, weight[used], key.size).astype(np.float64)
        return cls(n, n_raters, rater, pair // max(n, 1), pair % max(n, 1), wins, met, spread)

    def at(self, r: Floats, theta: Floats, *, expected: bool = False) -> Point:
        """Log-likelihood and derivatives; with the expected information on demand."""
        x = r[self.first] - r[self.second]
        t = theta[self.rater]
        z = t * x
        p = expit(z)
        value = float(self.met @ log_expit(z) - (self.met - self.wins) @ z)
        residual = self.wins - self.met * p
        curve = self.met * p * (1 - p)
        drawn = (theta - 1) / self.spread**2
        held = np.zeros((self.n, self.n))
        np.add.at(held, (self.first, self.second), -curve * t * t)
        held += held.T
        held.flat[:: self.n + 1] = -held.sum(axis=1)
        bent = np.bincount(self.rater, curve * x * x, self.n_raters)
        diagonal = np.asarray(bent + 1 / self.spread**2, dtype=np.float64)
        # What the unknown discriminations cost: half the logarithm of their information (Laplace).
        skew = curve * (1 - 2 * p)
        slack = 0.5 / diagonal[self.rater]
        slope_r = self._ends(t * residual - slack * (2 * curve * x + skew * t * x * x))
        by_t = x * residual - slack * skew * x**3
        slope_t = np.bincount(self.rater, by_t, self.n_raters) - drawn
        mixed = curve * t * x - (0.0 if expected else residual)
        rows = np.concatenate([self.rater, self.rater])
        columns = np.concatenate([self.first, self.second])
        cross = csr_array((np.concatenate([mixed, -mixed]), (rows, columns)), shape=(self.n_raters, self.n))
        shares = cross / diagonal[:, None]
        total: Floats = np.asarray(shares.sum(axis=0), dtype=np.float64)
        free = float((1 / diagonal).sum())
        schur = held - (cross.T @ shares).toarray() + np.outer(total, total) / max(free, 1e-300)
        penalised = value - float((theta - 1) @ drawn) / 2 - float(np.log(diagonal).sum()) / 2
        return Point(value, penalised, slope_r, slope_t, held, diagonal, cross, total, free, schur)

    def _ends(self, values: Floats) -> Floats:
        total = np.bincount(self.first, values, self.n) - np.bincount(self.second, values, self.n)
        return np.asarray(total, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Derivatives at one point.

    Attributes
    ----------
    value, penalised : float
        Log-likelihood; and the same with the prior of the discriminations, which are integrated out by
        Laplace's approximation.
    slope_r, slope_t : ndarray of shape (n,), (n_raters,)
    held : ndarray of shape (n, n)
        Information of the strengths, discriminations held.
    diagonal : ndarray of shape (n_raters,)
    cross : csr_array of shape (n_raters, n)
    total, free : ndarray of shape (n,), float
        Sums over raters of cross / diagonal and of 1 / diagonal, for the multiplier.
    schur : ndarray of shape (n, n)
        Information of the strengths, discriminations with mean 1 eliminated.
    """

    value: float
    penalised: float
    slope_r: Floats
    slope_t: Floats
    held: Floats
    diagonal: Floats
    cross: csr_array
    total: Floats
    free: float
    schur: Floats

    def newton(self, component: Ints) -> tuple[Floats, Floats]:
        """Solve for the step; LinAlgError where the information is not positive."""
        same = (component[:, None] == component) / np.bincount(component)[component]
        factor = cho_factor(self.schur + same, lower=True)
        eased = self.slope_t / self.diagonal
        right = self.slope_r - self.cross.T @ eased + self.total * (eased.sum() / self.free)
        step_r = cho_solve(factor, right)
        left = self.slope_t - self.cross @ step_r
        multiplier = float((left / self.diagonal).sum()) / self.free
        return step_r, (left - multiplier) / self.diagonal

    def eliminated(self, told: csr_array) -> Any:
        """What scores by the discriminations, (groups, n_raters), are to the strengths; (groups, n)."""
        eased = csr_array(told @ diags_array(1 / self.diagonal))
        spare = np.asarray(eased.sum(axis=1))
        return (eased @ self.cross).toarray() - np.outer(spare, self.total / self.free)

    def filling(self, votes: Votes, code: Ints, by_x: Floats, by_t: Floats) -> Floats:
        """Sum of outer products of the votes' scores for the strengths; shape (n, n)."""
        n, raters = len(self.slope_r), len(self.diagonal)
        own = np.zeros((n, n))
        np.add.at(own, (votes.left, votes.right), -by_x * by_x)
        own += own.T
        own.flat[:: n + 1] = -own.sum(axis=1)
        rows, ends = np.concatenate([code, code]), np.concatenate([votes.left, votes.right])
        both = csr_array((np.concatenate([by_x * by_t, -by_x * by_t]), (rows, ends)), shape=(raters, n))
        square = np.bincount(code, by_t * by_t, raters)
        found = own
        for begin in range(0, raters, _CHUNK):
            part = slice(begin, begin + _CHUNK)
            spread = (self.cross[part].toarray() - self.total / self.free) / self.diagonal[part, None]
            crossed = both[part].T @ spread
            found = found - crossed - crossed.T + spread.T @ (spread * square[part, None])
        return np.asarray(found, dtype=np.float64)

    def theta_variance(self, covariance: Floats) -> Floats:
        """Diagonal of the inverse penalised information that belongs to the raters; shape (n_raters,)."""
        found = 1 / self.diagonal - 1 / self.diagonal**2 / max(self.free, 1e-300)
        for begin in range(0, len(found), _CHUNK):
            part = slice(begin, begin + _CHUNK)
            spread = (self.cross[part].toarray() - self.total / self.free) / self.diagonal[part, None]
            found[part] += ((spread @ covariance) * spread).sum(axis=1)
        return np.asarray(np.maximum(found, 0.0), dtype=np.float64)

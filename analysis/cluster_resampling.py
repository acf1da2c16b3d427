"""The cluster bootstrap-t: intervals where few raters or few prompts voted.

Whole clusters are drawn with replacement and the votes fitted again; with raters and prompts a vote is drawn
as often as its rater times as often as its prompt [2]_. In each draw the distance from the estimate is
divided by the draw's own clustered standard error, copies of a cluster counting as clusters: the quantile of
this t takes the place of Student's [1]_.

References
----------
.. [1] A. C. Cameron, J. B. Gelbach, D. L. Miller, "Bootstrap-based improvements for inference with clustered
   errors", Review of Economics and Statistics 90(3), 2008.
.. [2] A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_array

from analysis.arrays import Bools, Floats, Ints
from analysis.bradley_terry import BradleyTerryFit
from analysis.clustering import clustered, clusters_of, gapless, intersection
from analysis.errors import AnalysisError, InvalidOption
from analysis.likelihood import HALF_WINS

CLUSTER_DRAWS: Final = 499
"""By default; with 499 a 95 % quantile is itself known to about one point of its level."""

_FAR: Final = 15.0
_APART: Final = 1e5
"""Variances of entrants that a draw does not connect are of the order of 1e9."""


@dataclass(frozen=True, slots=True, eq=False)
class ClusterBootstrap:
    """Absolute t of redrawn clusters, and the fit they belong to.

    Attributes
    ----------
    fit : BradleyTerryFit
        With the clustered covariance.
    t : ndarray of shape (draws kept, n)
        NaN outside the core and where a draw has no positive variance.
    draws, seed : int
    n_dropped : int
        Draws in which the core fell apart, or an entrant was not voted on; they are left out.
    target : str
        What the intervals are about.
    """

    fit: BradleyTerryFit
    t: Floats
    draws: int
    seed: int
    n_dropped: int
    target: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The entrants."""
        return self.fit.labels

    def critical(self, level: float = 0.95) -> Floats:
        """Quantile of the absolute t of each entrant; shape (n,), NaN outside the core."""
        found = np.full(len(self.labels), np.nan)
        core = np.flatnonzero(~np.all(np.isnan(self.t), axis=0)) if self.t.size else np.zeros(0, np.int64)
        found[core] = np.nanquantile(self.t[:, core], level, axis=0, method="higher")
        return found

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Symmetric bounds in nats, each of shape (n,); NaN outside the core."""
        half = self.critical(level) * np.sqrt(self.fit.variance)
        return self.fit.strengths - half, self.fit.strengths + half


def cluster_bootstrap(
    fit: BradleyTerryFit,
    by: Sequence[str] = ("rater", "prompt"),
    *,
    draws: int = CLUSTER_DRAWS,
    seed: int = 0,
) -> ClusterBootstrap:
    """Redraw raters, prompts or both, and studentise.

    Parameters
    ----------
    fit : BradleyTerryFit
        Its comparisons must hold votes with these clusters.
    by : sequence of {"rater", "prompt"}
    draws, seed : int

    Raises
    ------
    InvalidComparisons, InvalidOption
        As in `clustered`; or `draws` is not positive.
    AnalysisError
        More than half of the draws fell apart: these votes carry no such interval.
    """
    if draws < 1:
        raise InvalidOption("draws must be positive")
    base = clustered(fit, by)
    cells = _Cells(base, tuple(base.clusters))
    rng = np.random.default_rng(seed)
    t = np.full((draws, len(fit.labels)), np.nan)
    kept = np.zeros(draws, dtype=np.bool_)
    size = max(1, min(draws, int(4e6 / max(cells.met.size, cells.members.size**2))))
    for begin in range(0, draws, size):
        count = min(size, draws - begin)
        weights = [
            rng.multinomial(groups, np.full(groups, 1 / groups), size=count).astype(np.float64)
            for groups in cells.sizes
        ]
        found, arrived = cells.refit(weights)
        for i in np.flatnonzero(arrived).tolist():
            variance = cells.variance(found[i], [w[i] for w in weights])
            arrived[i] = np.isfinite(variance[0])
            gap = np.abs(found[i] - base.strengths[cells.members])
            with np.errstate(invalid="ignore", divide="ignore"):
                t[begin + i, cells.members] = np.where(variance > 0, gap / np.sqrt(variance), np.nan)
        kept[begin : begin + count] = arrived
    if cells.members.size and kept.sum() < draws / 2:
        raise AnalysisError(f"{draws - int(kept.sum())} of {draws} draws fell apart: too few clusters")
    return ClusterBootstrap(base, t[kept], draws, seed, draws - int(kept.sum()), base.target)


class _Cells:
    """Votes of the core by cluster and pair, and what a draw does with them."""

    def __init__(self, fit: BradleyTerryFit, by: tuple[str, ...]) -> None:
        clustering = clusters_of(fit.comparisons, by)
        votes = clustering.votes
        core = fit.core()
        self.members = np.flatnonzero(core)
        self.sizes = clustering.sizes
        m = self.members.size
        place = np.cumsum(core) - 1
        weight = fit.vote_weights(votes) * core[votes.left]
        used = np.flatnonzero(weight > 0)
        group = intersection(clustering)[0] if len(by) == 2 else clustering.codes[0]
        left, right = place[votes.left[used]], place[votes.right[used]]
        swap = left > right
        score = HALF_WINS[votes.outcome[used]]
        pair = np.where(swap, right * m + left, left * m + right)
        key, at = np.unique(group[used] * (m * m) + pair, return_inverse=True)
        self.met = np.bincount(at, weight[used])
        self.wins = np.bincount(at, weight[used] * np.where(swap, 1 - score, score))
        pairs, self.pair = np.unique(key % (m * m), return_inverse=True)
        self.first, self.second = pairs // max(m, 1), pairs % max(m, 1)
        # The clusters of each cell, one row a way.
        first_use = np.zeros(key.size, dtype=np.int64)
        first_use[at[::-1]] = used[::-1]
        self.clusters = [code[first_use] for code in clustering.codes]
        self.group = gapless(group[first_use])
        of_group = np.zeros(int(self.group.max(initial=-1)) + 1, dtype=np.int64)
        of_group[self.group] = first_use
        self.of_group = [code[of_group] for code in clustering.codes]
        self.start = fit.strengths[self.members]
        self.to_pair = csr_array(
            (np.ones(key.size), (self.pair, np.arange(key.size))), shape=(pairs.size, key.size)
        )

        rows = np.tile(self.group, 2)
        columns = np.concatenate([self.first[self.pair], self.second[self.pair]])
        self.ends = _Pattern(rows, columns, (of_group.size, m))
        self.gathers = [
            _Pattern(codes, np.arange(of_group.size), (size, of_group.size))
            for codes, size in zip(self.of_group, self.sizes, strict=True)
        ]

    def refit(self, weights: list[Floats]) -> tuple[Floats, Bools]:
        """Strengths in each draw, (draws, m), and whether the fit arrived."""
        m = self.members.size
        drawn = weights[0].T[self.clusters[0]]
        for w, codes in zip(weights[1:], self.clusters[1:], strict=True):
            drawn = drawn * w.T[codes]
        met = np.asarray(self.to_pair @ (drawn * self.met[:, None]), dtype=np.float64).T
        wins = np.asarray(self.to_pair @ (drawn * self.wins[:, None]), dtype=np.float64).T
        r: Floats = np.tile(self.start, (len(met), 1))
        arrived = np.zeros(len(met), dtype=np.bool_)
        going = np.arange(len(met)) if m > 1 else np.zeros(0, dtype=np.int64)
        for _ in range(30):
            if not going.size:
                break
            p = 1 / (1 + np.exp(r[going][:, self.second] - r[going][:, self.first]))
            gradient = _scatter(wins[going] - met[going] * p, self.first, self.second, m)
            step = np.linalg.solve(self._information(met[going] * p * (1 - p)), gradient[:, :, None])[:, :, 0]
            longest = np.abs(step).max(axis=1)
            r[going] += step * np.minimum(1, 2 / np.maximum(longest, 1e-300))[:, None]
            arrived[going[longest < 1e-6]] = True
            going = going[(longest >= 1e-6) & (np.abs(r[going]).max(axis=1) < _FAR)]
        r -= r.mean(axis=1, keepdims=True)
        return r, arrived

    def variance(self, r: Floats, weights: list[Floats]) -> Floats:
        """Clustered variances of one draw, copies of a cluster as clusters of their own; shape (m,)."""
        m = self.members.size
        of_cell = [w[codes] for w, codes in zip(weights, self.clusters, strict=True)]
        p = 1 / (1 + np.exp(r[self.second] - r[self.first]))
        met = self.to_pair @ (np.prod(of_cell, axis=0) * self.met)
        bread = np.linalg.inv(self._information((met * p * (1 - p))[None])[0]) - 1 / m
        if np.abs(bread).max() > _APART:
            return np.full(m, np.nan)
        residual = self.wins - self.met * p[self.pair]
        influence = self.ends.fill(np.concatenate([residual, -residual])) @ bread
        if len(weights) == 1:
            return _spread(influence, weights[0])
        of_group = [w[codes] for w, codes in zip(weights, self.of_group, strict=True)]
        total = -_spread(influence, of_group[0] * of_group[1])
        for way in (0, 1):
            gather = self.gathers[way].fill(of_group[1 - way])
            total = total + _spread(gather @ influence, weights[way])
        return total

    def _information(self, curvature: Floats) -> Floats:
        """Information of each draw, its null direction filled; shape (draws, m, m)."""
        m = self.members.size
        found = np.zeros((len(curvature), m, m))
        found[:, self.first, self.second] = found[:, self.second, self.first] = -curvature
        at = np.arange(m)
        found[:, at, at] = _scatter(curvature, self.first, self.second, m, sign=1.0) + 1e-9
        return found + 1 / m


class _Pattern:
    """A sparse matrix to be filled again and again."""

    def __init__(self, rows: Ints, columns: Ints, shape: tuple[int, int]) -> None:
        self.order = np.argsort(rows, kind="stable")
        self.indices = columns[self.order]
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
        self.shape = shape

    def fill(self, values: Floats) -> csr_array:
        return csr_array((values[self.order], self.indices, self.starts), shape=self.shape)


def _spread(influence: Floats, copies: Floats) -> Floats:
    """Sum squared influences over copies of clusters, times G / (G - 1)."""
    total = float(copies.sum())
    return np.asarray(copies @ influence**2 * (total / max(total - 1, 1)), dtype=np.float64)


def _scatter(values: Floats, first: Ints, second: Ints, m: int, sign: float = -1.0) -> Floats:
    """Add values of pairs, (draws, pairs), to their first and with a sign to their second; (draws, m)."""
    ends = (np.tile(np.arange(first.size), 2), np.concatenate([first, second]))
    signs = np.repeat([1.0, sign], first.size)
    return np.asarray(values @ csr_array((signs, ends), shape=(first.size, m)), dtype=np.float64)

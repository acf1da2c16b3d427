"""Sums over millions of votes with covariates, block by block, so that memory does not grow with the votes.

The log-odds of a vote for the left are x = r_left - r_right + b_0 + z'b. Every sum that Newton's method and a
sandwich need runs over a table of ordered pairs: of one block's values one `bincount` for the votes and one
for each covariate is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from analysis.arrays import Floats, Ints

BLOCK: Final = 16_384
"""Votes a block: its dozen arrays stay in a core's second-level cache."""


class Sums(NamedTuple):
    """Derivatives at one point; parameters are n strengths, then the effects.

    `slope` (n + p,), `information` (n + p, n + p), and, where asked for, `filling` (the sum of outer products
    of the votes' scores) and the log-likelihood.
    """

    slope: Floats
    information: Floats
    filling: Floats | None
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class VoteTable:
    """Votes with covariates, ready to be summed.

    Attributes
    ----------
    n : int
        Number of entrants.
    pair : ndarray of shape (n_votes,)
        left * n + right.
    left, right : ndarray of shape (n_votes,)
    score : ndarray of shape (n_votes,)
        1, 1/2 or 0 for the left.
    weight, square : ndarray of shape (n_votes,), or None
        Weight and sum of squared weights of a row; None for ones.
    covariates : tuple of ndarray of shape (n_votes,)
        Left less right, in the units of the source.
    scales : ndarray of shape (n_covariates,)
        What they are divided by.
    position : bool
        Whether an intercept is the first effect.
    """

    n: int
    pair: Ints
    left: Ints
    right: Ints
    score: Floats
    weight: Floats | None
    square: Floats | None
    covariates: tuple[Floats, ...]
    scales: Floats
    position: bool

    @property
    def n_effects(self) -> int:
        """The intercept and the covariates."""
        return len(self.covariates) + self.position

    def sample(self, step: int) -> VoteTable:
        """Every step-th vote."""

        def thin(values: Floats | None) -> Floats | None:
            return None if values is None else values[::step].copy()

        return VoteTable(
            self.n,
            self.pair[::step].copy(),
            self.left[::step].copy(),
            self.right[::step].copy(),
            self.score[::step].copy(),
            thin(self.weight),
            thin(self.square),
            tuple(values[::step].copy() for values in self.covariates),
            self.scales,
            self.position,
        )

    def within(self, component: Ints) -> VoteTable:
        """Those votes that the likelihood is made of: with a weight, of entrants of one component."""
        kept = component[self.left] == component[self.right]
        if self.weight is not None:
            kept &= self.weight > 0
        if kept.all():
            return self
        rows = np.flatnonzero(kept)
        return replace(
            self,
            pair=self.pair[rows],
            left=self.left[rows],
            right=self.right[rows],
            score=self.score[rows],
            weight=None if self.weight is None else self.weight[rows],
            square=None if self.square is None else self.square[rows],
            covariates=tuple(values[rows] for values in self.covariates),
        )

    def offsets(self, effects: Floats, rows: Ints) -> Floats:
        """What the effects add to the log-odds of some votes; shape (n_rows,)."""
        found = np.full(len(rows), effects[0] if self.position else 0.0)
        for values, effect, scale in zip(self.covariates, effects[self.position :], self.scales, strict=True):
            found += values[rows] * (effect / scale)
        return found

    def sums(self, strengths: Floats, effects: Floats, *, last: bool = False) -> Sums:
        """Sum derivatives over all votes.

        Parameters
        ----------
        strengths : ndarray of shape (n,)
        effects : ndarray of shape (n_effects,)
        last : bool
            Sum the filling of the sandwich and the log-likelihood too.
        """
        per_unit = effects[self.position :] / self.scales
        level = float(effects[0]) if self.position else 0.0
        gained = _Tables(self.n, len(self.covariates))
        bent = _Tables(self.n, len(self.covariates))
        squared = _Tables(self.n, len(self.covariates))
        value = 0.0
        for begin in range(0, len(self.pair), BLOCK):
            part = slice(begin, begin + BLOCK)
            pair = self.pair[part]
            z = [values[part] for values in self.covariates]
            x = strengths.take(self.left[part])
            x -= strengths.take(self.right[part])
            if level:
                x += level
            for values, effect in zip(z, per_unit, strict=True):
                x += values * effect
            with np.errstate(over="ignore"):
                p = 1 / (1 + np.exp(-x))
            residual = self.score[part] - p
            curve = p - p * p
            if self.weight is not None:
                weight = self.weight[part]
                curve *= weight
            if last:
                softplus = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
                height = self.score[part] * x - softplus
                square = residual * residual
                if self.weight is not None and self.square is not None:
                    height *= weight
                    square *= self.square[part]
                value += float(height.sum())
                squared.add(pair, square, z)
            if self.weight is not None:
                residual *= weight
            gained.add_slopes(pair, residual, z)
            bent.add(pair, curve, z)
        return Sums(
            gained.slope(self.scales, self.position),
            bent.matrix(self.scales, self.position),
            squared.matrix(self.scales, self.position) if last else None,
            value,
        )


class _Tables:
    """Sums of one kind of value over ordered pairs, and over products of covariates."""

    def __init__(self, n: int, covariates: int) -> None:
        self.n = n
        self.by_pair = np.zeros(n * n)
        self.mixed = np.zeros((covariates, n * n))
        self.products = np.zeros((covariates, covariates))
        self.slopes = np.zeros(covariates)

    def add(self, pair: Ints, values: Floats, covariates: Sequence[Floats]) -> None:
        cells = self.n * self.n
        self.by_pair += np.bincount(pair, values, cells)
        for k, z in enumerate(covariates):
            scaled = values * z
            self.mixed[k] += np.bincount(pair, scaled, cells)
            for other in range(k + 1):
                self.products[k, other] += scaled @ covariates[other]

    def add_slopes(self, pair: Ints, values: Floats, covariates: Sequence[Floats]) -> None:
        self.by_pair += np.bincount(pair, values, self.n * self.n)
        for k, z in enumerate(covariates):
            self.slopes[k] += values @ z

    def slope(self, scales: Floats, position: bool) -> Floats:
        first = [self.by_pair.sum()] if position else []
        return np.concatenate([_ends(self.by_pair, self.n), first, self.slopes / scales])

    def matrix(self, scales: Floats, position: bool) -> Floats:
        n, start = self.n, self.n + position
        size = start + len(scales)
        table = self.by_pair.reshape(n, n)
        both = table + table.T
        whole = np.zeros((size, size))
        whole[:n, :n] = np.diag(both.sum(axis=1)) - both
        lower = np.tril(self.products) + np.tril(self.products, -1).T
        whole[start:, start:] = lower / np.outer(scales, scales)
        for k, scale in enumerate(scales):
            whole[:n, start + k] = whole[start + k, :n] = _ends(self.mixed[k], n) / scale
        if position:
            whole[:n, n] = whole[n, :n] = _ends(self.by_pair, n)
            whole[n, n] = self.by_pair.sum()
            whole[n, start:] = whole[start:, n] = self.mixed.sum(axis=1) / scales
        return whole


def _ends(by_pair: Floats, n: int) -> Floats:
    """Sum a table of ordered pairs over those to the left less those to the right; shape (n,)."""
    table = by_pair.reshape(n, n)
    return np.asarray(table.sum(axis=1) - table.sum(axis=0), dtype=np.float64)

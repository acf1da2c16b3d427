"""Scores of votes, and sums of their outer products: what sandwich covariances are filled with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse import csr_array

from analysis.arrays import Bools, Codes, Floats, Ints

DENSE: Final = 1 << 23
"""Cells of a table of clusters by parameters, 64 MB, that are summed at once."""


@dataclass(frozen=True, slots=True, eq=False)
class VoteScores:
    """Derivatives of the votes' log-likelihoods.

    Attributes
    ----------
    n : int
        Number of entrants.
    left, right : ndarray of shape (n_votes,)
    by_x : ndarray of shape (n_votes,)
        By the left strength, and less that by the right one.
    extra : tuple of ndarray of shape (n_votes,)
        By each further parameter.
    """

    n: int
    left: Codes
    right: Codes
    by_x: Floats
    extra: tuple[Floats, ...] = ()

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.n + len(self.extra)

    def by_cluster(self, code: Ints, groups: int) -> csr_array:
        """Sums by cluster, sparse; shape (groups, size)."""
        columns = [self.left, self.right]
        columns += [np.full(len(code), self.n + k, np.int32) for k in range(len(self.extra))]
        values = np.concatenate([self.by_x, -self.by_x, *self.extra])
        rows = np.tile(code, len(columns))
        return csr_array((values, (rows, np.concatenate(columns))), shape=(groups, self.size))

    def products(self, code: Ints, groups: int) -> Floats:
        """Sum over clusters of the outer product of a cluster's summed score; shape (size, size).

        Votes that are alone in their cluster are summed by pairs, the rest in a dense table where it fits.
        """
        alone = np.bincount(code, minlength=groups)[code] == 1
        if alone.all():
            return self.products_of_votes()
        if not alone.any():
            return self.products_of_clusters(code, groups)
        together = ~alone
        number = np.cumsum(np.bincount(code[together], minlength=groups) > 0) - 1
        rest = self._only(together)
        again = rest.products_of_clusters(number[code[together]], int(number[-1]) + 1)
        return self._only(alone).products_of_votes() + again

    def products_of_votes(self) -> Floats:
        """Sum over votes of the outer product of a vote's score; shape (size, size)."""
        n, pair = self.n, self.left.astype(np.int64) * self.n + self.right
        whole = np.zeros((self.size, self.size))
        table = np.bincount(pair, self.by_x * self.by_x, n * n).reshape(n, n)
        both = table + table.T
        whole[:n, :n] = np.diag(both.sum(axis=1)) - both
        for k, values in enumerate(self.extra):
            mixed = np.bincount(pair, self.by_x * values, n * n).reshape(n, n)
            whole[:n, n + k] = whole[n + k, :n] = mixed.sum(axis=1) - mixed.sum(axis=0)
            for other in range(k + 1):
                whole[n + k, n + other] = whole[n + other, n + k] = values @ self.extra[other]
        return whole

    def products_of_clusters(self, code: Ints, groups: int) -> Floats:
        """The same as `products`, through a table of clusters; for clusters of several votes each."""
        if groups * self.size > DENSE:
            scores = self.by_cluster(code, groups)
            return np.asarray((scores.T @ scores).toarray(), dtype=np.float64)
        table = np.empty((groups, self.size))
        first = code * self.n
        cells = groups * self.n
        table[:, : self.n] = (
            np.bincount(first + self.left, self.by_x, cells)
            - np.bincount(first + self.right, self.by_x, cells)
        ).reshape(groups, self.n)
        for k, values in enumerate(self.extra):
            table[:, self.n + k] = np.bincount(code, values, groups)
        return np.asarray(table.T @ table, dtype=np.float64)

    def _only(self, rows: Bools) -> VoteScores:
        kept = np.flatnonzero(rows)
        return VoteScores(
            self.n, self.left[kept], self.right[kept], self.by_x[kept], tuple(one[kept] for one in self.extra)
        )

"""Some of the votes, or the votes with other weights, as comparisons of their own."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from analysis.arrays import Bools, Floats
from analysis.comparisons import Comparisons, Votes
from analysis.errors import InvalidComparisons


def require_votes(comparisons: Comparisons, what: str) -> Votes:
    """Give the votes one by one, or raise InvalidComparisons where they were not kept."""
    if comparisons.votes is None:
        raise InvalidComparisons(f"{what} needs the votes one by one: read them with keep_votes=True")
    return comparisons.votes


def from_votes(labels: tuple[str, ...], votes: Votes) -> Comparisons:
    """Count votes that are already coded."""
    n = max(len(labels), 1)
    pair, at = np.unique(votes.left.astype(np.int64) * n + votes.right, return_inverse=True)
    cell = at * 4 + votes.outcome

    def total(values: Floats | None) -> Floats:
        found = np.bincount(cell, values, pair.size * 4).reshape(-1, 4)
        return np.asarray(found, dtype=np.float64)

    counts = total(None)
    if votes.weight is None:
        return Comparisons(labels, pair // n, pair % n, counts, counts, counts, votes)
    weights, squares = total(votes.weight), total(votes.weight * votes.weight)
    return Comparisons(labels, pair // n, pair % n, counts, weights, squares, votes)


def select_votes(comparisons: Comparisons, keep: Bools) -> Comparisons:
    """Keep those votes for which `keep`, of shape (n_votes,), is true; every entrant stays."""
    votes = require_votes(comparisons, "a selection")
    rows = np.flatnonzero(keep)
    kept = Votes(
        votes.left[rows],
        votes.right[rows],
        votes.outcome[rows],
        None if votes.weight is None else votes.weight[rows],
        MappingProxyType({role: codes[rows] for role, codes in votes.clusters.items()}),
        votes.levels,
    )
    return from_votes(comparisons.labels, kept)


def reweighted(comparisons: Comparisons, weights: Any) -> Comparisons:
    """Give every vote a weight of its own, in place of the one it had.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``keep_votes=True``.
    weights : array of shape (n_votes,)
        Zero or more; a vote of weight zero is counted and does not count.

    Raises
    ------
    InvalidComparisons
        A weight is negative or not finite, or there are more or fewer than votes.
    """
    votes = require_votes(comparisons, "reweighting")
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != votes.left.shape:
        raise InvalidComparisons("there must be one weight for each vote")
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if bad.size:
        raise InvalidComparisons("a weight must be zero or more", rows=bad[:10].tolist(), count=bad.size)
    return from_votes(comparisons.labels, replace(votes, weight=values))

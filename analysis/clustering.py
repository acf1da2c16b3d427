"""Sandwich covariances for votes that belong together: one rater's, one prompt's.

References
----------
.. [1] K.-Y. Liang, S. L. Zeger, "Longitudinal data analysis using generalized linear models",
   Biometrika 73(1), 1986.
.. [2] A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust inference with multiway clustering", Journal of
   Business & Economic Statistics 29(2), 2011.
.. [3] A. V. Carter, K. T. Schnepel, D. G. Steigerwald, "Asymptotic behavior of a t-test robust to cluster
   heterogeneity", Review of Economics and Statistics 99(4), 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.comparisons import Comparisons, Votes
from analysis.errors import InvalidComparisons, InvalidOption
from analysis.estimate import StrengthFit
from analysis.vote_scores import VoteScores

FEW_CLUSTERS: Final = 10.0
"""Effective clusters below which a board says how few they are: its intervals hold, and are wide."""

LEAST_CLUSTERS: Final = 3
"""With fewer raters, say, votes tell nothing of others: `usable_ways` leaves that way of clustering out."""

Fit = TypeVar("Fit", bound=StrengthFit)


class Clustering(NamedTuple):
    """Votes with their clusters: names of the ways, codes of the votes, numbers of clusters."""

    votes: Votes
    ways: tuple[str, ...]
    codes: tuple[Ints, ...]
    sizes: tuple[int, ...]

    def method(self) -> str:
        """Name the ways of clustering."""
        return " and ".join(self.ways)

    def target(self) -> str:
        """Say what an interval is about that lets these clusters vary."""
        counted = " and ".join(f"{size} {way}s" for way, size in zip(self.ways, self.sizes, strict=True))
        return f"other {' and '.join(way + 's' for way in self.ways)} like the {counted} seen"


def clustered(fit: Fit, by: Sequence[str] = ("rater", "prompt")) -> Fit:
    """Give a fit a covariance that lets the votes of one rater, one prompt or both depend on each other.

    Each way of clustering [1]_ is scaled by G / (G - 1) with G clusters; two ways are added and their
    intersection is taken off [2]_, negative eigenvalues are set to zero, and intervals use Student's t with
    the smaller number of effective clusters [3]_ minus one degrees of freedom: of a few raters one may have
    cast most votes, and with G - 1 degrees of freedom the intervals would then be too narrow.

    Parameters
    ----------
    fit : StrengthFit
        Its comparisons must hold votes with these clusters.
    by : sequence of {"rater", "prompt"}
        One or two of them.

    Returns
    -------
    StrengthFit
        The same estimates; `covariance`, `covariance_method`, `target` and `degrees_of_freedom` new.

    Raises
    ------
    InvalidComparisons
        The comparisons hold no such column.
    InvalidOption
        `by` is empty or too long, or there is only one cluster, or more entrants than a matrix is kept for.
    """
    found = clusters_of(fit.comparisons, by)
    if fit.covariance is None:
        raise InvalidOption("too many entrants for a clustered covariance")
    scores = fit.vote_scores(found.votes)
    filling = sum(_products(scores, code, size) for code, size in zip(found.codes, found.sizes, strict=True))
    if len(found.ways) == 2:
        filling = filling - _products(scores, *intersection(found))
    bread = fit.bread()
    covariance = bread @ filling @ bread.T
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    covariance = (vectors * np.clip(values, 0, None)) @ vectors.T
    return fit.with_covariance(
        covariance,
        f"sandwich clustered by {found.method()}",
        found.target(),
        min(effective_clusters(code) for code in found.codes) - 1,
        found.ways,
    )


def effective_clusters(codes: Ints) -> float:
    """How many equally large clusters would weigh like these: (sum of sizes)² / sum of squared sizes."""
    sizes = np.bincount(codes).astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes @ sizes))


def usable_ways(comparisons: Comparisons, least: int = LEAST_CLUSTERS) -> tuple[str, ...]:
    """Find the ways of clustering, of "rater" and "prompt", with at least so many clusters."""
    if comparisons.votes is None:
        return ()
    clusters = comparisons.votes.clusters
    return tuple(
        way for way in ("rater", "prompt") if way in clusters and np.unique(clusters[way]).size >= least
    )


def clusters_of(comparisons: Comparisons, by: Sequence[str]) -> Clustering:
    """Look up the clusters of the votes, numbered without gaps; errors as in `clustered`."""
    votes = comparisons.votes
    ways = tuple(dict.fromkeys(by))
    if not 1 <= len(ways) <= 2:
        raise InvalidOption("cluster by one or two columns")
    missing = [way for way in ways if votes is None or way not in votes.clusters]
    if votes is None or missing:
        raise InvalidComparisons(f"the votes were read without a column for {', '.join(missing)}")
    codes = tuple(gapless(votes.clusters[way]) for way in ways)
    sizes = tuple(int(code.max(initial=-1)) + 1 for code in codes)
    if min(sizes) < 2:
        raise InvalidOption("one cluster alone says nothing about others")
    return Clustering(votes, ways, codes, sizes)


def intersection(clustering: Clustering) -> tuple[Ints, int]:
    """Number the occurring pairs of clusters."""
    first, second = clustering.codes
    both = gapless(first * clustering.sizes[1] + second)
    return both, int(both.max()) + 1


def gapless(codes: Ints) -> Ints:
    """Number the codes that occur from zero, in order."""
    largest = int(codes.max(initial=-1)) + 1
    if largest > 4 * codes.size + 1000:
        return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.int64)
    occurring = np.bincount(codes, minlength=largest) > 0
    return np.asarray((np.cumsum(occurring) - 1)[codes], dtype=np.int64)


def _products(scores: VoteScores, code: Ints, groups: int) -> Floats:
    """Sum the outer products of the clusters' summed scores, times G / (G - 1)."""
    return scores.products(code, groups) * (groups / max(groups - 1, 1))

"""Sandwich covariances for votes that belong together: one rater's, one prompt's.

References
----------
.. [1] K.-Y. Liang, S. L. Zeger, "Longitudinal data analysis using generalized linear models",
   Biometrika 73(1), 1986.
.. [2] A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust inference with multiway clustering", Journal of
   Business & Economic Statistics 29(2), 2011.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from analysis.arrays import Floats, Ints
from analysis.bradley_terry import BradleyTerryFit
from analysis.comparisons import Votes
from analysis.errors import InvalidComparisons, InvalidOption
from analysis.estimate import generalised_inverse

FEW_CLUSTERS: Final = 30
"""With fewer clusters even corrected sandwich intervals tend to be too narrow; a board says so."""

_SCORES: Final = np.array([1.0, 0.0, 0.5, 0.5])


def clustered(fit: BradleyTerryFit, by: Sequence[str] = ("rater", "prompt")) -> BradleyTerryFit:
    """Give a fit a covariance that lets the votes of one rater, one prompt or both depend on each other.

    Each way of clustering [1]_ is scaled by G / (G - 1) with G clusters; two ways are added and their
    intersection is taken off [2]_, negative eigenvalues are set to zero, and intervals use Student's t with
    the smaller G minus one degrees of freedom.

    Parameters
    ----------
    fit : BradleyTerryFit
        Its comparisons must hold votes with these clusters.
    by : sequence of {"rater", "prompt"}
        One or two of them.

    Returns
    -------
    BradleyTerryFit
        The same strengths; `covariance`, `covariance_method`, `target` and `degrees_of_freedom` new.

    Raises
    ------
    InvalidComparisons
        The comparisons hold no such column.
    InvalidOption
        `by` is empty or too long, or there is only one cluster, or more entrants than a matrix is kept for.
    """
    votes = fit.comparisons.votes
    ways = tuple(dict.fromkeys(by))
    if not 1 <= len(ways) <= 2:
        raise InvalidOption("cluster by one or two columns")
    missing = [way for way in ways if votes is None or way not in votes.clusters]
    if votes is None or missing:
        raise InvalidComparisons(f"the votes were read without a column for {', '.join(missing)}")
    if fit.covariance is None:
        raise InvalidOption("too many entrants for a clustered covariance")
    residuals = _residuals(fit, votes)
    codes = [np.unique(votes.clusters[way], return_inverse=True)[1] for way in ways]
    sizes = [int(code.max(initial=-1)) + 1 for code in codes]
    if min(sizes) < 2:
        raise InvalidOption("one cluster alone says nothing about others")
    filling = sum(
        (_cluster_products(fit, votes, residuals, code) for code in codes),
        start=np.zeros_like(fit.covariance),
    )
    if len(ways) == 2:
        both = np.unique(codes[0] * sizes[1] + codes[1], return_inverse=True)[1]
        filling -= _cluster_products(fit, votes, residuals, both)
    bread = generalised_inverse(fit.information(), fit.component)
    covariance = bread @ filling @ bread
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    covariance = (vectors * np.clip(values, 0, None)) @ vectors.T
    unknown = ~np.isfinite(fit.strengths)
    covariance[unknown, :] = covariance[:, unknown] = np.nan
    counted = " and ".join(f"{size} {way}s" for way, size in zip(ways, sizes, strict=True))
    return replace(
        fit,
        covariance=covariance,
        variance=np.diagonal(covariance).copy(),
        covariance_method="sandwich clustered by " + " and ".join(ways),
        target=f"other {' and '.join(way + 's' for way in ways)} like the {counted} seen",
        degrees_of_freedom=float(min(sizes) - 1),
    )


def _residuals(fit: BradleyTerryFit, votes: Votes) -> Floats:
    """Weight times (score - expected score) of each vote; zero where the fit does not use the vote."""
    known = np.nan_to_num(fit.strengths)
    residuals = _SCORES[votes.outcome] - expit(known[votes.left] - known[votes.right])
    used = fit.component[votes.left] == fit.component[votes.right]
    if fit.ties == "drop":
        used &= votes.outcome < 2
    elif fit.both_bad == "drop":
        used &= votes.outcome < 3
    residuals *= used
    if votes.weight is not None:
        residuals *= votes.weight
    return residuals


def _cluster_products(fit: BradleyTerryFit, votes: Votes, residuals: Floats, code: Ints) -> Floats:
    """Sum the outer products of the clusters' summed scores, times G / (G - 1); shape (n, n)."""
    n = len(fit.labels)
    groups = int(code.max()) + 1
    rows = np.concatenate([code, code])
    columns = np.concatenate([votes.left, votes.right])
    scores = csr_array((np.concatenate([residuals, -residuals]), (rows, columns)), shape=(groups, n))
    product = (scores.T @ scores).toarray()
    return np.asarray(product * (groups / (groups - 1)), dtype=np.float64)

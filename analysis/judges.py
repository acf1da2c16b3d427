"""Bradley-Terry with raters of unequal reliability: P(left wins) = 1 / (1 + exp(-t_k (r_left - r_right))).

Rater k has a discrimination t_k: 1 as the others, 0 a coin, below 0 against them. The mean of all is 1, which
fixes the scale of the strengths. With few votes a discrimination is hardly known, so each is drawn to 1 as by
a normal prior with a standard deviation of `spread`; that shrinkage is part of the method and is told.

Fitting many raters as if they were known would inflate the strengths (6 % at 100 votes a rater), so half the
logarithm of each discrimination's information is taken off the likelihood: Laplace's approximation to
integrating over it.

References
----------
.. [1] "Judge-aware ranking", arXiv 2601.21817.
.. [2] "am-ELO: a stable framework for arena-based LLM evaluation", arXiv 2505.03475.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import LinAlgError
from scipy.sparse import csr_array
from scipy.special import ndtri

from analysis.arrays import Floats, Ints
from analysis.bradley_terry import BradleyTerryFit, fit_bradley_terry
from analysis.clustering import gapless
from analysis.comparisons import Comparisons, Votes
from analysis.errors import ConvergenceError, InvalidComparisons, InvalidOption
from analysis.estimate import StrengthFit, generalised_inverse
from analysis.judge_system import Judged, Point
from analysis.likelihood import DENSE_LIMIT, HALF_WINS
from analysis.row_profile import Rows, row_profile, rows_for

METHOD_VERSION: Final = "judges-1.0.0"
"""Changes with anything that could change a number."""

SPREAD: Final = 0.5
"""Standard deviation of discriminations that the shrinkage assumes."""

WEIGHT_CAP: Final = 2.0
"""No rater counts for more than so many average ones."""

WEIGHT_VOTES: Final = 20
"""A rater with fewer votes counts as an average one."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class JudgeFit(StrengthFit):
    """Strengths on the scale of an average rater; see `StrengthFit` for what it holds beside this.

    Attributes
    ----------
    raters : tuple of str
        Those with a vote.
    rater_votes : ndarray of shape (n_raters,)
    discriminations : ndarray of shape (n_raters,)
        Their mean is 1.
    discrimination_se : ndarray of shape (n_raters,)
        From the inverse of the penalised information: between those of the votes alone and of the prior.
    spread : float
        Standard deviation of the normal prior around 1 that shrinks them.
    plain : BradleyTerryFit
        The same votes, all raters alike.
    code : ndarray of shape (n_votes,)
        Position of each vote's rater in `raters`.
    judged : Judged
        The votes of each rater on each pair.
    point : Point
        Derivatives at the estimate.
    """

    raters: tuple[str, ...]
    rater_votes: Ints
    discriminations: Floats
    discrimination_se: Floats
    spread: float
    plain: BradleyTerryFit
    code: Ints
    judged: Judged
    point: Point

    def discrimination_intervals(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Bounds of the discriminations, prior included; each (n_raters,)."""
        half = float(ndtri((1 + level) / 2)) * self.discrimination_se
        return self.discriminations - half, self.discriminations + half

    def information(self) -> Floats:
        """Information of the strengths with the discriminations eliminated; shape (n, n)."""
        return self.point.schur

    def bread(self) -> Floats:
        """Inverse of that information."""
        return generalised_inverse(self.point.schur, self.component)

    def cluster_scores(self, votes: Votes, code: Ints, groups: int) -> csr_array:
        """Sum the votes' scores for the strengths, what they say of discriminations taken off."""
        by_x, by_t = self.scores(votes)
        n, raters = len(self.labels), len(self.raters)
        rows = np.tile(code, 2)
        ends = np.concatenate([votes.left, votes.right])
        own = csr_array((np.concatenate([by_x, -by_x]), (rows, ends)), shape=(groups, n))
        told = csr_array((by_t, (code, self.code)), shape=(groups, raters))
        told.data[np.abs(told.data) < 1e-12] = 0.0
        told.eliminate_zeros()
        if not told.nnz:
            return own
        return csr_array(own - csr_array(self.point.eliminated(told)))

    def deviance(self) -> tuple[float, int]:
        """Refuse: the likelihood is no function of counts."""
        raise InvalidOption("the deviance is defined for fits to counts")

    def own_profile(self, entrant: int, level: float) -> tuple[float, float]:
        """Profile bounds from the entrant's own votes; the discriminations are held."""
        votes = self.comparisons.votes
        assert votes is not None
        left, right = votes.left.astype(np.int64), votes.right.astype(np.int64)
        rows = rows_for(self, left, right, entrant)
        weight = _used(self.plain, votes)[rows]
        own = Rows(
            left[rows], right[rows], HALF_WINS[votes.outcome[rows]], weight,
            self.discriminations[self.code[rows]], np.zeros(len(rows)),
        )  # fmt: skip
        plain = float(self.bread()[entrant, entrant])
        return row_profile(self, own, entrant, level=level, held=self.point.held, variance=plain)

    def remarks(self) -> tuple[str, ...]:
        """Say how raters are weighed, and who votes against the others."""
        told = [
            f"Raters count by how well their votes agree with the strengths; {len(self.raters)}"
            f" discriminations are shrunk to 1 with a standard deviation of {self.spread:g}."
        ]
        _, high = self.discrimination_intervals()
        against = int(np.count_nonzero(high < 0))
        if against:
            told.append(f"{against} of the raters vote against the others.")
        return tuple(told)

    def scores(self, votes: Votes) -> tuple[Floats, Floats]:
        """Score of each vote by x and, centred within each rater's votes, by the rater's discrimination."""
        known = np.nan_to_num(self.strengths)
        x = known[votes.left] - known[votes.right]
        theta = self.discriminations[self.code]
        weight = _used(self.plain, votes) * (self.component[votes.left] == self.component[votes.right])
        residual = weight * (HALF_WINS[votes.outcome] - 1 / (1 + np.exp(-theta * x)))
        by_t = residual * x
        total = np.bincount(self.code, weight, len(self.raters))
        mean = np.bincount(self.code, by_t, len(self.raters)) / np.where(total > 0, total, 1.0)
        return theta * residual, by_t - weight * mean[self.code]


def fit_judges(
    comparisons: Comparisons,
    *,
    ties: str = "half",
    both_bad: str = "tie",
    spread: float = SPREAD,
    max_iterations: int = 200,
) -> JudgeFit:
    """Fit strengths and raters' discriminations together [1]_ [2]_.

    The covariance is the vote-level sandwich; `clustered` takes the votes of a rater or a prompt together.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``rater=``.
    ties : {"half", "drop"}
    both_bad : {"tie", "drop"}
    spread : float
        Of the prior that draws discriminations to 1.
    max_iterations : int

    Raises
    ------
    InvalidComparisons
        The votes were read without raters.
    InvalidOption
        `spread` is not positive, or there are too many entrants.
    ConvergenceError
    """
    votes = comparisons.votes
    if votes is None or "rater" not in votes.clusters:
        raise InvalidComparisons("the votes were read without a column for rater")
    if not (spread > 0 and math.isfinite(spread)):
        raise InvalidOption(f"spread must be a positive number, not {spread}")
    if comparisons.n_entrants > DENSE_LIMIT:
        raise InvalidOption(f"discriminations are offered for up to {DENSE_LIMIT} entrants")
    plain = fit_bradley_terry(comparisons, ties=ties, both_bad=both_bad)
    code, raters = _by_name(votes)
    inner = plain.component[votes.left] == plain.component[votes.right]
    judged = Judged.of(votes, code, len(raters), comparisons.n_entrants, _used(plain, votes) * inner, spread)
    strengths, theta, point, iterations = _climb(
        judged, np.nan_to_num(plain.strengths), plain.component, max_iterations
    )
    unknown = np.isnan(plain.strengths)
    n = comparisons.n_entrants
    fit = JudgeFit(
        comparisons=comparisons,
        strengths=np.where(unknown, np.nan, strengths),
        covariance=np.zeros((n, n)),
        variance=np.zeros(n),
        connectivity=plain.connectivity,
        log_likelihood=point.value,
        n_iterations=iterations,
        converged=True,
        method="judge-aware bradley-terry",
        method_version=METHOD_VERSION,
        ties=ties,
        both_bad=both_bad,
        solver="newton",
        covariance_method="sandwich",
        model=plain.model,
        raters=raters,
        rater_votes=np.bincount(code, minlength=len(raters)),
        discriminations=theta,
        discrimination_se=np.sqrt(point.theta_variance(generalised_inverse(point.schur, plain.component))),
        spread=spread,
        plain=plain,
        code=code,
        judged=judged,
        point=point,
    )
    bread = fit.bread()
    by_x, by_t = fit.scores(votes)
    filling = point.filling(votes, code, by_x, by_t)
    return fit.with_covariance(bread @ filling @ bread.T, "sandwich", plain.target, math.inf)


def judge_weights(fit: JudgeFit, *, cap: float = WEIGHT_CAP, votes: int = WEIGHT_VOTES) -> Floats:
    """Turn discriminations to weights of raters by a rule fixed beforehand.

    A rater's weight is the discrimination, but not below 0 and not above `cap`, and 1 with fewer votes than
    `votes`. In the model a vote's share in the score of the strengths is proportional to its rater's
    discrimination, so this is the model's own weight, bounded. Publish the rule before results are seen.

    Returns
    -------
    ndarray of shape (n_raters,)
        In the order of ``fit.raters``; ``[fit.code]`` gives the weight of each vote.
    """
    weights = np.clip(fit.discriminations, 0.0, cap)
    return np.where(fit.rater_votes < votes, 1.0, weights)


def _by_name(votes: Votes) -> tuple[Ints, tuple[str, ...]]:
    """Number the raters that occur in the order of their names; the numbers of the votes, the names."""
    levels = votes.levels["rater"]
    names = [levels[i] for i in np.unique(votes.clusters["rater"]).tolist()]
    order = np.argsort(names, kind="stable")
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    return place[gapless(votes.clusters["rater"])], tuple(names[i] for i in order.tolist())


def _used(plain: BradleyTerryFit, votes: Votes) -> Floats:
    """Weight of each vote, zero where an option drops it; votes between components keep theirs."""
    weight = np.ones(len(votes.left)) if votes.weight is None else votes.weight
    worst = 2 if plain.ties == "drop" else 3 if plain.both_bad == "drop" else 4
    return np.asarray(weight * (votes.outcome < worst), dtype=np.float64)


def _climb(
    judged: Judged, start: Floats, component: Ints, max_iterations: int
) -> tuple[Floats, Floats, Point, int]:
    """Newton's method on strengths and discriminations; by expected information where it is not concave."""
    r, theta = start.copy(), np.ones(judged.n_raters)
    point = judged.at(r, theta)
    for iteration in range(1, max_iterations + 1):
        for expected in (False, True):
            now = judged.at(r, theta, expected=True) if expected else point
            try:
                step_r, step_t = now.newton(component)
            except LinAlgError:
                continue
            rising = float(now.slope_r @ step_r + now.slope_t @ step_t)
            if rising >= -1e-9:
                break
        else:
            raise ConvergenceError("no step raises the likelihood", iterations=iteration)
        longest = max(float(np.abs(step_r).max(initial=0)), float(np.abs(step_t).max(initial=0)))
        scale = min(1.0, 2.0 / max(longest, 1e-300))
        while True:
            tried = judged.at(r + scale * step_r, theta + scale * step_t)
            if tried.penalised >= point.penalised - 1e-10 * (1 + abs(point.penalised)):
                break
            scale /= 2
            if scale < 1e-10:
                raise ConvergenceError("no step raises the likelihood", iterations=iteration)
        r, theta, point = r + scale * step_r, theta + scale * step_t, tried
        if longest < 1e-7:
            return r, theta, point, iteration
    raise ConvergenceError("the likelihood still rises", iterations=max_iterations)

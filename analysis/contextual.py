"""Bradley-Terry with what else was different: covariates of the pictures, and the advantage of the left.

The log-odds of a vote for the left are r_left - r_right + b_0 + sum b_k z_k. Each z_k is a difference, left
less right, divided by its standard deviation over the votes; its mean is not taken off, so that pictures
without a difference have no effect and swapping the sides swaps its sign. b_0 is the advantage of the left.

A covariate measured on finished pictures is a mediator: part of what makes an entrant strong may act through
it. The board "without" is therefore kept beside the board "with" it, and how far the entrants explain the
covariate is reported. Where they explain it wholly the votes cannot tell the two apart: there is no score.

References
----------
.. [1] A. Agresti, "Categorical Data Analysis", 2nd edition, Wiley, 2002, section 10.6.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from scipy.special import ndtri, stdtrit

from analysis.arrays import Floats
from analysis.bradley_terry import BradleyTerryFit, fit_bradley_terry
from analysis.comparisons import Comparisons, Votes, require_option
from analysis.covariates import lay_out
from analysis.errors import InvalidOption
from analysis.estimate import StrengthFit
from analysis.identification import Identified, centring, split_off
from analysis.likelihood import DENSE_LIMIT
from analysis.row_profile import Rows, row_profile, rows_for
from analysis.vote_blocks import Sums, VoteTable
from analysis.vote_climb import approach, climb_votes
from analysis.vote_scores import VoteScores

METHOD_VERSION: Final = "contextual-1.0.0"
"""Changes with anything that could change a number."""

POSITION: Final = "left side"
"""Name of the intercept among the effects."""

SAMPLE: Final = 60_000
"""About so many votes are fitted first, so that the passes over all votes start near the maximum."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one covariate, or being on the left, does to the log-odds.

    Attributes
    ----------
    name : str
    estimate, se, low, high : float
        In nats a standard deviation of the covariate; for `POSITION` in nats. NaN where not identified.
    scale : float
        That standard deviation, in the units of the source; 1 for `POSITION`.
    explained : float
        Share of the covariate's (weighted) sum of squares that the entrants alone explain: 1 where it cannot
        be told from who painted.
    inflation : float
        How much larger the variance is than if neither entrants nor other covariates explained it.
    """

    name: str
    estimate: float
    se: float
    low: float
    high: float
    scale: float
    explained: float
    inflation: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ContextualFit(StrengthFit):
    """Strengths at equal covariates and sides; see `StrengthFit` for what it holds beside this.

    Attributes
    ----------
    names : tuple of str
        Of the effects, `POSITION` first where it was asked for.
    effects : ndarray of shape (n_effects,)
        In nats a standard deviation; NaN where not identified.
    effect_covariance : ndarray of shape (n_effects, n_effects)
    plain : BradleyTerryFit
        The same votes without covariates: the board "without".
    table : VoteTable
        The votes; those that an option drops weigh zero.
    found : Identified
        Which parameters the votes can tell apart, and the inverse of their information.
    sums : Sums
        Derivatives where sums were last taken.
    sample_iterations : int
        Newton steps on the sample; `n_iterations` counts passes over all votes.
    """

    names: tuple[str, ...]
    effects: Floats
    effect_covariance: Floats
    plain: BradleyTerryFit
    table: VoteTable
    found: Identified
    sums: Sums
    sample_iterations: int

    def effect_table(self, level: float = 0.95) -> tuple[Effect, ...]:
        """Give the effects with intervals and what they share with the entrants.

        A standard error is not below the model's own: a sandwich of few clusters is often too sure of itself.
        """
        upper = (1 + level) / 2
        endless = math.isinf(self.degrees_of_freedom)
        critical = float(ndtri(upper) if endless else stdtrit(self.degrees_of_freedom, upper))
        own = np.diagonal(self.found.inverse)[len(self.labels) :]
        errors = np.sqrt(np.maximum(np.diagonal(self.effect_covariance), own))
        scales = [1.0] * self.table.position + self.table.scales.tolist()
        explained, inflation = _collinearity(self.sums.information, self.found, len(self.labels))
        return tuple(
            Effect(
                name,
                float(self.effects[k]),
                float(errors[k]),
                float(self.effects[k] - critical * errors[k]),
                float(self.effects[k] + critical * errors[k]),
                scales[k],
                float(explained[k]),
                float(inflation[k]),
            )
            for k, name in enumerate(self.names)
        )

    def information(self) -> Floats:
        """Information of the strengths with the effects eliminated; shape (n, n)."""
        known = np.flatnonzero(np.isfinite(self.strengths))
        found = np.zeros((len(self.labels),) * 2)
        found[np.ix_(known, known)] = np.linalg.pinv(
            self.found.inverse[np.ix_(known, known)], rcond=1e-10, hermitian=True
        )
        return found

    def bread(self) -> Floats:
        """Turn scores of strengths and effects to changes of the estimate."""
        return self.found.bread

    def vote_scores(self, votes: Votes) -> VoteScores:
        """Derivative of each vote's log-likelihood by strengths and effects."""
        table = self.table
        known, every = np.nan_to_num(self.strengths), np.arange(len(table.pair))
        x = known[table.left] - known[table.right] + table.offsets(np.nan_to_num(self.effects), every)
        used = self.plain.component[table.left] == self.plain.component[table.right]
        score = (table.score - 1 / (1 + np.exp(-x))) * used
        if table.weight is not None:
            score *= table.weight
        extra = [score] if table.position else []
        extra += [
            score * values / scale for values, scale in zip(table.covariates, table.scales, strict=True)
        ]
        return VoteScores(len(self.labels), table.left, table.right, score, tuple(extra))

    def with_covariance(self, whole: Floats, *labels: Any, **more: Any) -> Self:
        """Give the fit another covariance of strengths and effects."""
        fit = super(ContextualFit, self).with_covariance(whole, *labels, **more)
        return replace(fit, effect_covariance=_effect_covariance(whole, len(self.labels), self.effects))

    def deviance(self) -> tuple[float, int]:
        """Refuse: with covariates no two votes need be alike, and there is nothing to compare with."""
        raise InvalidOption("the deviance is defined for fits to counts")

    def own_profile(self, entrant: int, level: float) -> tuple[float, float]:
        """Profile bounds from the entrant's own votes; the effects are held."""
        n, table = len(self.labels), self.table
        rows = rows_for(self, table.left, table.right, entrant)
        weight = np.ones(len(rows)) if table.weight is None else table.weight[rows]
        offset = table.offsets(np.nan_to_num(self.effects), rows)
        own = Rows(table.left[rows], table.right[rows], table.score[rows], weight, np.ones(len(rows)), offset)
        held = self.sums.information[:n, :n]
        return row_profile(
            self, own, entrant, level=level, held=held, variance=float(self.found.inverse[entrant, entrant])
        )

    def remark(self, entrant: int) -> str | None:
        """Say where covariates leave no strength."""
        if self.found.entrants[entrant]:
            return None
        return "its strength cannot be told from the effect of " + " and ".join(self._lost())

    def remarks(self) -> tuple[str, ...]:
        """Say what the ratings are adjusted for."""
        lost = self._lost()
        told = [f"Ratings are adjusted for {', '.join(self.names)}."] if self.names else []
        if lost:
            told.append(
                f"The entrants explain {' and '.join(lost)} wholly: there is no effect to report, and"
                " entrants that differ in it have no rating."
            )
        return tuple(told)

    def _lost(self) -> list[str]:
        return [name for name, effect in zip(self.names, self.effects, strict=True) if math.isnan(effect)]


def fit_contextual(
    comparisons: Comparisons,
    covariates: Mapping[str, Any] | None = None,
    *,
    position: bool = True,
    ties: str = "half",
    both_bad: str = "tie",
    covariance: str = "sandwich",
    max_iterations: int = 50,
) -> ContextualFit:
    """Fit strengths, the advantage of the left, and effects of covariates.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``keep_votes=True``; with `position` alone, counts are enough.
    covariates : mapping of str to array of shape (n_votes,), optional
        Left less right, in the order of the votes; see `read_covariates`.
    position : bool
        Whether the left may have an advantage.
    ties : {"half", "drop"}
    both_bad : {"tie", "drop"}
    covariance : {"sandwich", "hessian"}
        For clusters use `clustered` on the result.
    max_iterations : int

    Returns
    -------
    ContextualFit

    Raises
    ------
    InvalidComparisons
        The votes were not kept, or a covariate is no finite number for each vote.
    InvalidOption
        An option is unknown, or there are too many entrants.
    ConvergenceError
        No maximum was reached, as when a covariate tells wins from losses without error.
    """
    require_option("covariance", covariance, ("sandwich", "hessian"))
    if comparisons.n_entrants > DENSE_LIMIT:
        raise InvalidOption(f"covariates are offered for up to {DENSE_LIMIT} entrants")
    plain = fit_bradley_terry(comparisons, ties=ties, both_bad=both_bad, covariance=covariance)
    table = lay_out(comparisons, covariates or {}, position=position, ties=ties, both_bad=both_bad)
    inner = table.within(plain.component)
    n = comparisons.n_entrants
    start = np.append(np.nan_to_num(plain.strengths), np.zeros(table.n_effects))
    begun, sample_iterations = start, 0
    step = len(inner.pair) // SAMPLE
    if step > 1 and table.n_effects:
        begun, sample_iterations = approach(inner.sample(step), start)
    theta, sums, found, iterations = climb_votes(inner, begun, plain.component, max_iterations)
    names = (*((POSITION,) if position else ()), *(covariates or {}))
    whole = found.inverse
    if covariance == "sandwich":
        assert sums.filling is not None
        whole = found.bread @ sums.filling @ found.bread.T
    theta = centring(plain.component, found.entrants, theta.size) @ theta
    alone = np.bincount(plain.component, minlength=1)[plain.component] == 1
    strengths = np.where(found.entrants & ~alone, theta[:n], np.nan)
    effects = np.where(found.effects, theta[n:], np.nan)
    return ContextualFit(
        comparisons=comparisons,
        strengths=strengths,
        covariance=np.full((n, n), np.nan),
        variance=np.full(n, np.nan),
        connectivity=split_off(plain.connectivity, ~found.entrants & ~alone),
        log_likelihood=sums.value,
        n_iterations=iterations,
        converged=True,
        method="bradley-terry with covariates",
        method_version=METHOD_VERSION,
        ties=ties,
        both_bad=both_bad,
        solver="newton",
        covariance_method=covariance,
        model=plain.model,
        names=names,
        effects=effects,
        effect_covariance=np.full((len(names),) * 2, np.nan),
        plain=plain,
        table=table,
        found=found,
        sums=sums,
        sample_iterations=sample_iterations,
    ).with_covariance(whole, covariance, plain.target, math.inf)


def _effect_covariance(whole: Floats, n: int, effects: Floats) -> Floats:
    """Take the block of the effects, NaN where one is not identified."""
    covariance = whole[n:, n:].copy()
    lost = np.isnan(effects)
    covariance[lost, :] = covariance[:, lost] = np.nan
    return covariance


def _collinearity(information: Floats, found: Identified, n: int) -> tuple[Floats, Floats]:
    """Share of each effect that the entrants explain, and inflation of its variance by all others."""
    own = np.diagonal(information)[n:]
    values, vectors = np.linalg.eigh(information[:n, :n])
    strong = values > 1e-10 * max(float(values.max(initial=0.0)), 1e-300)
    seen = vectors[:, strong].T @ information[:n, n:]
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = (seen**2 / values[strong, None]).sum(axis=0) / own
    explained = np.where(found.effects | (own > 0), np.clip(np.nan_to_num(explained), 0, 1), np.nan)
    inflation = np.where(found.effects, own * np.diagonal(found.inverse)[n:], np.inf)
    return explained, inflation

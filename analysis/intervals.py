"""Wald intervals, differences, the chance of being best, quasi-standard errors.

References
----------
.. [1] D. Firth, R. X. de Menezes, "Quasi-variances", Biometrika 91(1), 2004.
.. [2] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
   American Statistical Association 22, 1927.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import least_squares
from scipy.special import ndtri, stdtrit

from analysis.arrays import Floats
from analysis.errors import AnalysisError, DisconnectedError, InvalidOption
from analysis.estimate import StrengthFit
from analysis.profile import cautious_covariance

BEST_DRAWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """How much stronger one entrant is than another, in nats.

    Attributes
    ----------
    first, second : str
    estimate, se, low, high : float
        Of r_first - r_second.
    level : float
    target : str
        What the interval is about.
    """

    first: str
    second: str
    estimate: float
    se: float
    low: float
    high: float
    level: float
    target: str


def quantile(fit: StrengthFit, level: float) -> float:
    """Two-sided quantile for intervals of a fit: normal, or Student's t where it was clustered."""
    if not 0 < level < 1:
        raise InvalidOption(f"level must lie between 0 and 1, not {level}")
    upper = (1 + level) / 2
    if math.isinf(fit.degrees_of_freedom):
        return float(ndtri(upper))
    return float(stdtrit(fit.degrees_of_freedom, upper))


def standard_errors(fit: StrengthFit) -> Floats:
    """Standard errors of the strengths against the mean of their component, in nats; shape (n,)."""
    return np.asarray(np.sqrt(fit.variance), dtype=np.float64)


def wald_intervals(fit: StrengthFit, *, level: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper bounds of the strengths, in nats, each (n,); NaN where there is no estimate."""
    half = quantile(fit, level) * standard_errors(fit)
    return fit.strengths - half, fit.strengths + half


def difference(fit: StrengthFit, first: str, second: str, *, level: float = 0.95) -> Difference:
    """Compare two entrants; with few votes the standard error is not below the model's.

    Raises
    ------
    DisconnectedError
        They are not in one strongly connected component, so that their difference has no estimate.
    """
    a, b = fit.comparisons.index(first), fit.comparisons.index(second)
    if fit.component[a] != fit.component[b] or not math.isfinite(fit.strengths[a]):
        raise DisconnectedError(
            f"{first} and {second} are not connected by wins both ways", [[first], [second]]
        )
    _whole(fit)
    covariance = cautious_covariance(fit, np.array([a, b]))
    estimate = float(fit.strengths[a] - fit.strengths[b])
    se = math.sqrt(max(0.0, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    half = quantile(fit, level) * se
    return Difference(first, second, estimate, se, estimate - half, estimate + half, level, fit.target)


def best_probabilities(fit: StrengthFit, *, draws: int = BEST_DRAWS, seed: int = 0) -> Floats:
    """Chance that each entrant is the strongest, given the votes, under a normal approximation.

    Returns
    -------
    ndarray of shape (n,)
        NaN outside the core of the main island, and everywhere where an entrant stands above the core or
        apart from it: who is best is then not a question for these votes.
    """
    core = fit.core()
    found = np.full(len(fit.labels), np.nan)
    met = np.bincount(fit.island)[fit.island] > 1 if len(fit.labels) else core
    rivals = (fit.island == 0) & met & ~core
    reach = fit.connectivity.above()
    if not core.any() or any(not reach[fit.connectivity.core[0], c] for c in fit.component[rivals]):
        return found
    sample = draw_strengths(fit, draws=draws, seed=seed)
    wins = np.bincount(np.argmax(sample, axis=0), minlength=len(sample))
    found[core] = wins / draws
    return found


def draw_strengths(fit: StrengthFit, *, draws: int, seed: int) -> Floats:
    """Draw strengths of the core from their approximate sampling distribution; shape (n_core, draws)."""
    core = fit.core()
    rng = np.random.default_rng(seed)
    noise = deviations(_whole(fit)[np.ix_(core, core)], fit.degrees_of_freedom, draws, rng)
    return np.asarray(fit.strengths[core, None] + noise, dtype=np.float64)


def deviations(covariance: Floats, degrees_of_freedom: float, draws: int, rng: np.random.Generator) -> Floats:
    """Draw mean-zero normal (or t) vectors with a covariance that may be singular; shape (n, draws)."""
    values, vectors = np.linalg.eigh(covariance)
    spread = vectors * np.sqrt(np.clip(values, 0, None))
    noise = spread @ rng.standard_normal((len(covariance), draws))
    if math.isfinite(degrees_of_freedom):
        noise *= np.sqrt(degrees_of_freedom / rng.chisquare(degrees_of_freedom, draws))
    return np.asarray(noise, dtype=np.float64)


def quasi_standard_errors(fit: StrengthFit) -> Floats:
    """Numbers q so that q_a^2 + q_b^2 is nearly the variance of each difference, for plotting [1]_.

    Returns
    -------
    ndarray of shape (n,)
        In nats; NaN outside the core. With two entrants each gets half the variance.
    """
    core = fit.core()
    found = np.full(len(fit.labels), np.nan)
    covariance = _whole(fit)[np.ix_(core, core)]
    k = len(covariance)
    if k < 2:
        return found
    diagonal = np.diagonal(covariance)
    a, b = np.triu_indices(k, 1)
    wanted = diagonal[a] + diagonal[b] - 2 * covariance[a, b]
    if k == 2:
        found[core] = math.sqrt(float(wanted[0]) / 2)
        return found
    if np.any(wanted <= 0):
        raise AnalysisError("a difference without variance has no quasi-standard error")
    logs = np.log(wanted)

    def misfit(u: Floats) -> Floats:
        return np.asarray(np.logaddexp(u[a], u[b]) - logs, dtype=np.float64)

    def slope(u: Floats) -> Floats:
        jacobian = np.zeros((a.size, k))
        share = 1 / (1 + np.exp(u[b] - u[a]))
        jacobian[np.arange(a.size), a] = share
        jacobian[np.arange(a.size), b] = 1 - share
        return jacobian

    solved = least_squares(misfit, np.log(np.maximum(diagonal, wanted.min() / 4)), jac=slope)
    found[core] = np.exp(solved.x / 2)
    return found


def wilson_interval(successes: float, trials: float, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion [2]_, which always holds it; NaN without trials."""
    if trials <= 0:
        return math.nan, math.nan
    z2 = float(ndtri((1 + level) / 2)) ** 2
    p = successes / trials
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * (p * (1 - p) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    # Rounded, the ends for 0 and for all of the trials may else lie past the proportion itself.
    return max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half))


def _whole(fit: StrengthFit) -> Floats:
    """Give the covariance matrix, which very large boards do not have."""
    if fit.covariance is None:
        raise AnalysisError("with so many entrants only the variances are kept, not the covariance matrix")
    return fit.covariance

"""Models that give ties a probability of their own.

References
----------
.. [1] R. R. Davidson, "On extending the Bradley-Terry model to accommodate ties in paired comparison
   experiments", Journal of the American Statistical Association 65, 1970.
.. [2] P. V. Rao, L. L. Kupper, "Ties in paired-comparison experiments: a generalization of the Bradley-Terry
   model", Journal of the American Statistical Association 62, 1967.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from analysis.arrays import Floats
from analysis.comparisons import Comparisons, require_option
from analysis.connections import connect
from analysis.errors import InvalidComparisons
from analysis.estimate import StrengthFit, maximise, within_components
from analysis.likelihood import Davidson, Model, RaoKupper
from analysis.pairs import pairs_of

DAVIDSON_VERSION: Final = "davidson-1.0.0"
RAO_KUPPER_VERSION: Final = "rao-kupper-1.0.0"


@dataclass(frozen=True, slots=True, eq=False)
class TieFit(StrengthFit):
    """Strengths from a model with a parameter for ties, which all components share.

    Attributes
    ----------
    tie_parameter : float
        Davidson's nu (0: no ties; 2: half the votes of equals are ties) or Rao and Kupper's kappa (1: no
        ties).
    tie_parameter_se : float
        Its standard error, by the delta method from the covariance of the fit.
    """

    tie_parameter: float = math.nan
    tie_parameter_se: float = math.nan

    def with_covariance(self, whole: Floats, *labels: Any, **more: Any) -> Self:
        """Give the fit another covariance, the last row that of eta."""
        fit = super(TieFit, self).with_covariance(whole, *labels, **more)
        return replace(fit, tie_parameter_se=self.tie_parameter * math.sqrt(whole[-1, -1]))


def fit_davidson(
    comparisons: Comparisons,
    *,
    both_bad: str = "tie",
    covariance: str = "sandwich",
    start: Floats | None = None,
    max_iterations: int = 100,
) -> TieFit:
    """Fit Davidson's model: wins and ties of a and b in proportion pi_a : pi_b : nu sqrt(pi_a pi_b) [1]_.

    Parameters
    ----------
    comparisons : Comparisons
    both_bad : {"tie", "drop"}
    covariance : {"sandwich", "hessian"}
    start : ndarray of shape (n,), optional
        In nats.
    max_iterations : int

    Raises
    ------
    InvalidComparisons
        No votes, or no ties, or nothing but ties, within connected entrants: there is no estimate.
    ConvergenceError
    """
    return _fit(
        comparisons, Davidson(), "davidson", DAVIDSON_VERSION, both_bad, covariance, start, max_iterations
    )


def fit_rao_kupper(
    comparisons: Comparisons,
    *,
    both_bad: str = "tie",
    covariance: str = "sandwich",
    start: Floats | None = None,
    max_iterations: int = 100,
) -> TieFit:
    """Fit Rao and Kupper's model: P(a wins) = pi_a / (pi_a + kappa pi_b), the rest is tied [2]_.

    Parameters and errors as in `fit_davidson`.
    """
    return _fit(
        comparisons,
        RaoKupper(),
        "rao-kupper",
        RAO_KUPPER_VERSION,
        both_bad,
        covariance,
        start,
        max_iterations,
    )


def _fit(
    comparisons: Comparisons,
    model: Model,
    method: str,
    version: str,
    both_bad: str,
    covariance: str,
    start: Floats | None,
    max_iterations: int,
) -> TieFit:
    """Fit strengths and the tie parameter together."""
    require_option("both_bad", both_bad, ("tie", "drop"))
    require_option("covariance", covariance, ("sandwich", "hessian"))
    pairs = pairs_of(comparisons, both_bad=both_bad)
    inner = within_components(pairs, connect(pairs))
    tied, decided = float(inner.ties.sum()), float(inner.wins.sum() + inner.losses.sum())
    if not tied or not decided:
        what = "no ties" if decided else ("nothing but ties" if tied else "no votes")
        raise InvalidComparisons(f"there are {what} between connected entrants: {method} has no estimate")
    # Where all are equal: Davidson ties in nu of nu + 2, Rao-Kupper in (kappa - 1) of (kappa + 1).
    share = tied / (tied + decided)
    first_guess = {
        "davidson": math.log(2 * share / (1 - share)),
        "rao-kupper": math.log((1 + share) / (1 - share)),
    }
    found = maximise(
        comparisons,
        model,
        ties="half",
        both_bad=both_bad,
        covariance=covariance,
        start=start,
        start_eta=first_guess[method],
        max_iterations=max_iterations,
    )
    parameter = math.exp(found.eta)
    return TieFit(
        comparisons=comparisons,
        strengths=found.strengths,
        covariance=found.covariance,
        variance=found.variance,
        connectivity=found.connectivity,
        log_likelihood=found.log_likelihood,
        n_iterations=found.n_iterations,
        converged=True,
        method=method,
        method_version=version,
        ties="model",
        both_bad=both_bad,
        solver="newton",
        covariance_method=covariance,
        model=model,
        eta=found.eta,
        tie_parameter=parameter,
        tie_parameter_se=parameter * math.sqrt(found.eta_variance),
    )

"""Bradley-Terry strengths: P(a beats b) = 1 / (1 + exp(r_b - r_a)).

References
----------
.. [1] R. A. Bradley, M. E. Terry, "Rank analysis of incomplete block designs I: the method of paired
   comparisons", Biometrika 39, 1952.
.. [2] L. Maystre, M. Grossglauser, "Fast and accurate inference of Plackett-Luce models", NeurIPS 2015; the
   algorithm behind ``solver="choix"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.arrays import Floats
from analysis.comparisons import Comparisons, require_option
from analysis.connections import connect
from analysis.errors import ConvergenceError, InvalidOption
from analysis.estimate import StrengthFit, maximise, within_components
from analysis.likelihood import BradleyTerry
from analysis.pairs import Pairs, pairs_of

METHOD_VERSION: Final = "bt-1.1.0"
"""Changes with anything that could change a number."""


@dataclass(frozen=True, slots=True, eq=False)
class BradleyTerryFit(StrengthFit):
    """Bradley-Terry strengths; see `StrengthFit` for what it holds."""


def fit_bradley_terry(
    comparisons: Comparisons,
    *,
    ties: str = "half",
    both_bad: str = "tie",
    solver: str = "newton",
    covariance: str = "sandwich",
    start: Floats | None = None,
    max_iterations: int = 100,
) -> BradleyTerryFit:
    """Fit the plain maximum-likelihood estimate in each strongly connected component [1]_.

    No prior and no ridge: an entrant that never lost, or never won, has no finite estimate, and gets none.

    Parameters
    ----------
    comparisons : Comparisons
    ties : {"half", "drop"}
        A tie is half a win to each, or is left out.
    both_bad : {"tie", "drop"}
        A both-bad vote counts as a tie, or is left out.
    solver : {"newton", "choix"}
        Newton's method on the counts, or I-LSR of the choix package [2]_ as a cross-check.
    covariance : {"sandwich", "hessian"}
        The sandwich is right for ties as half wins, where the inverse Hessian covers 98 % for 95.
    start : ndarray of shape (n,), optional
        A nearby estimate, in nats, to start from.
    max_iterations : int

    Returns
    -------
    BradleyTerryFit

    Raises
    ------
    ConvergenceError
        The fit did not arrive.
    InvalidOption
        An option is unknown, or choix is asked for and not installed.
    """
    require_option("ties", ties, ("half", "drop"))
    require_option("both_bad", both_bad, ("tie", "drop"))
    require_option("solver", solver, ("newton", "choix"))
    require_option("covariance", covariance, ("sandwich", "hessian"))
    model = BradleyTerry()
    strengths = None
    if solver == "choix":
        strengths = _choix(pairs_of(comparisons, ties=ties, both_bad=both_bad), max_iterations)
    found = maximise(
        comparisons,
        model,
        ties=ties,
        both_bad=both_bad,
        covariance=covariance,
        start=start,
        strengths=strengths,
        max_iterations=max_iterations,
    )
    return BradleyTerryFit(
        comparisons=comparisons,
        strengths=found.strengths,
        covariance=found.covariance,
        variance=found.variance,
        connectivity=found.connectivity,
        log_likelihood=found.log_likelihood,
        n_iterations=found.n_iterations,
        converged=True,
        method="bradley-terry",
        method_version=METHOD_VERSION,
        ties=ties,
        both_bad=both_bad,
        solver=solver,
        covariance_method=covariance,
        model=model,
    )


def _choix(everything: Pairs, max_iterations: int) -> Floats:
    """Solve each component with choix; shape (n,), in nats, NaN for entrants alone."""
    try:
        import choix
    except ModuleNotFoundError:
        raise InvalidOption('solver="choix" needs the choix package') from None
    connectivity = connect(everything)
    pairs = within_components(everything, connectivity)
    wins, losses = pairs.half_wins()
    table = np.zeros((pairs.n, pairs.n))
    table[pairs.first, pairs.second] = wins
    table[pairs.second, pairs.first] = losses
    strengths = np.full(pairs.n, np.nan)
    for number in range(connectivity.n_components):
        members = np.flatnonzero(connectivity.component == number)
        if members.size < 2:
            continue
        try:
            strengths[members] = choix.ilsr_pairwise_dense(
                table[np.ix_(members, members)], max_iter=max_iterations, tol=1e-10
            )
        except (RuntimeError, ValueError) as error:
            raise ConvergenceError(f"choix: {error}", iterations=max_iterations) from error
    return strengths

"""What every fit of strengths has in common: the result, the maximum, the covariance.

References
----------
.. [White1982] H. White, "Maximum likelihood estimation of misspecified models", Econometrica 50(1), 1982.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.comparisons import Comparisons, Votes
from analysis.connections import Connectivity, algebraic_connectivity, connect
from analysis.errors import ConvergenceError, InvalidOption
from analysis.likelihood import DENSE_LIMIT, Model, Summit, Terms, climb
from analysis.pairs import Pairs, pairs_of
from analysis.vote_scores import VoteScores

PLAIN_TARGET: Final = "these prompts, pictures and raters: every vote taken as independent"
"""What the interval of an unclustered covariance is about."""


@dataclass(frozen=True, slots=True, eq=False)
class StrengthFit:
    """Strengths of entrants, and how they were got.

    Attributes
    ----------
    comparisons : Comparisons
        The votes that were fitted.
    strengths : ndarray of shape (n,)
        In nats (natural logits). Each strongly connected component has a mean of zero of its own: a
        difference between components is not a number. NaN for an entrant alone in its component.
    covariance : ndarray of shape (n, n), or None
        In nats squared, of the mean-centred strengths; zero between components, NaN with an entrant alone
        in its component. None above `DENSE_LIMIT` entrants.
    variance : ndarray of shape (n,)
        Its diagonal. Above `DENSE_LIMIT` entrants that of each entrant with all others held: too small.
    connectivity : Connectivity
        Components and islands.
    log_likelihood : float
        At the maximum, in nats, summed over the components.
    n_iterations : int
        Newton steps taken.
    converged : bool
        Always true: a fit that does not arrive raises.
    method, method_version : str
        Which estimate this is.
    ties, both_bad : str
        Options in force.
    solver : str
        What found the maximum.
    covariance_method : str
        "sandwich", "hessian", or a clustered sandwich.
    target : str
        What the intervals are about, for people.
    degrees_of_freedom : float
        For t quantiles; infinite unless clustered.
    clusters : tuple of str
        What votes were clustered by.
    """

    comparisons: Comparisons
    strengths: Floats
    covariance: Floats | None
    variance: Floats
    connectivity: Connectivity
    log_likelihood: float
    n_iterations: int
    converged: bool
    method: str
    method_version: str
    ties: str
    both_bad: str
    solver: str
    covariance_method: str
    model: Model
    eta: float = 0.0
    target: str = PLAIN_TARGET
    degrees_of_freedom: float = math.inf
    clusters: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The entrants."""
        return self.comparisons.labels

    @property
    def component(self) -> Ints:
        """Strongly connected component of each entrant, in win order; shape (n,)."""
        return self.connectivity.component

    @property
    def island(self) -> Ints:
        """Island of each entrant, 0 the main one; shape (n,)."""
        return self.connectivity.island

    @property
    def n_votes(self) -> int:
        """Votes read, those dropped by an option included."""
        return self.comparisons.n_votes

    def pairs(self) -> Pairs:
        """The pairs as this fit reads them."""
        return pairs_of(self.comparisons, ties=self.ties, both_bad=self.both_bad)

    def core(self) -> Bools:
        """Entrants in the core of the main island: those whose strengths share one scale; shape (n,)."""
        core = self.connectivity.in_core() & (self.island == 0) & np.isfinite(self.strengths)
        return np.asarray(core, dtype=np.bool_)

    def information(self) -> Floats:
        """Observed information H of the strengths, over the pairs within components; shape (n, n)."""
        n = len(self.labels)
        return self._whole_information()[:n, :n]

    def bread(self) -> Floats:
        """Inverse of the information of all parameters, the strengths first, for sandwich covariances."""
        return generalised_inverse(self._whole_information(), self.component)

    def _whole_information(self) -> Floats:
        """Information of the strengths and, of a tie model, eta."""
        pairs = within_components(self.pairs(), self.connectivity)
        known = np.nan_to_num(self.strengths)
        terms = self.model.terms(pairs, known[pairs.first] - known[pairs.second], self.eta)
        return information_matrix(pairs, terms)

    def vote_scores(self, votes: Votes) -> VoteScores:
        """Derivative of each vote's log-likelihood by the parameters, columns as in `bread`.

        Parameters
        ----------
        votes : Votes
            Those of the comparisons.
        """
        known = np.nan_to_num(self.strengths)
        by_x, by_eta = self.model.vote_scores(votes.outcome, known[votes.left] - known[votes.right], self.eta)
        weight = self.vote_weights(votes)
        extra = (by_eta * weight,) if self.model.has_eta else ()
        return VoteScores(len(self.labels), votes.left, votes.right, by_x * weight, extra)

    def vote_weights(self, votes: Votes) -> Floats:
        """Weight of each vote; zero where this fit does not use it."""
        used = self.component[votes.left] == self.component[votes.right]
        if self.ties == "drop":
            used &= votes.outcome < 2
        elif self.both_bad == "drop":
            used &= votes.outcome < 3
        return np.asarray(used * (1.0 if votes.weight is None else votes.weight), dtype=np.float64)

    def with_covariance(
        self,
        whole: Floats,
        method: str,
        target: str,
        degrees_of_freedom: float,
        clusters: tuple[str, ...] = (),
    ) -> Self:
        """Give the fit another covariance.

        Parameters
        ----------
        whole : ndarray of shape (parameters, parameters)
            Of the strengths first; what else there is belongs to the kind of fit.
        method, target, degrees_of_freedom, clusters
            As in the attributes.
        """
        n = len(self.labels)
        covariance = whole[:n, :n].copy()
        unknown = ~np.isfinite(self.strengths)
        covariance[unknown, :] = covariance[:, unknown] = np.nan
        return replace(
            self,
            covariance=covariance,
            variance=np.diagonal(covariance).copy(),
            covariance_method=method,
            target=target,
            degrees_of_freedom=degrees_of_freedom,
            clusters=clusters,
        )

    def own_profile(self, entrant: int, level: float) -> tuple[float, float] | None:
        """Profile bounds of a fit whose likelihood is no function of counts; None where it is one."""
        return None

    def remark(self, entrant: int) -> str | None:
        """Why this kind of fit gives an entrant no strength, or a doubtful one."""
        return None

    def remarks(self) -> tuple[str, ...]:
        """What this kind of fit has to say of the whole board."""
        return ()

    def lambda_2(self) -> float:
        """Algebraic connectivity of the core: near zero where few votes hold it together."""
        core = self.core()
        return algebraic_connectivity(self.information()[np.ix_(core, core)])

    def deviance(self) -> tuple[float, int]:
        """Twice the log-likelihood lost against one free probability for every pair, and degrees of freedom.

        For Bradley-Terry with ties as half wins the deviance of the half wins.
        """
        if self.model.has_eta:
            raise InvalidOption("the deviance is defined for Bradley-Terry fits")
        pairs = within_components(self.pairs(), self.connectivity)
        wins, losses = pairs.half_wins()
        met = wins + losses
        pairs_met = int(np.count_nonzero(met))
        with np.errstate(divide="ignore", invalid="ignore"):
            best = np.where(wins > 0, wins * np.log(wins / met), 0) + np.where(
                losses > 0, losses * np.log(losses / met), 0
            )
        known = np.isfinite(self.strengths)
        parameters = int(known.sum()) - len(np.unique(self.component[known]))
        return 2 * (float(best.sum()) - self.log_likelihood), pairs_met - parameters


def within_components(pairs: Pairs, connectivity: Connectivity) -> Pairs:
    """Those pairs that met within one strongly connected component."""
    return pairs.only(connectivity.component[pairs.first] == connectivity.component[pairs.second])


def information_matrix(pairs: Pairs, terms: Terms) -> Floats:
    """Information of the strengths and, where the model has one, of eta; shape (n, n) or (n + 1, n + 1)."""
    n = pairs.n
    size = n if terms.eta_cross is None else n + 1
    information = np.zeros((size, size))
    information[:n, :n] = pairs.laplacian(terms.curvature)
    if terms.eta_cross is not None:
        information[n, :n] = information[:n, n] = pairs.total(terms.eta_cross)
        information[n, n] = terms.eta_curvature
    return information


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """A maximum of the likelihood with its covariance, before it is dressed as a result."""

    strengths: Floats
    eta: float
    eta_variance: float
    covariance: Floats | None
    variance: Floats
    connectivity: Connectivity
    log_likelihood: float
    n_iterations: int


def maximise(
    comparisons: Comparisons,
    model: Model,
    *,
    ties: str,
    both_bad: str,
    covariance: str,
    start: Floats | None = None,
    start_eta: float = 0.0,
    strengths: Floats | None = None,
    max_iterations: int = 100,
) -> Maximum:
    """Fit every strongly connected component.

    Parameters
    ----------
    start : ndarray of shape (n,), optional
        Where to start, in nats; NaN as zero.
    strengths : ndarray of shape (n,), optional
        A maximum found by another solver, to be given its covariance.

    Raises
    ------
    ConvergenceError
    """
    everything = pairs_of(comparisons, ties=ties, both_bad=both_bad)
    connectivity = connect(everything)
    inner = connectivity.component[everything.first] == connectivity.component[everything.second]
    pairs = everything.only(inner)
    n = comparisons.n_entrants
    size = np.bincount(connectivity.component, minlength=1)
    alone = size[connectivity.component] == 1
    anchor = np.zeros(n, dtype=np.bool_)
    anchor[np.unique(connectivity.component, return_index=True)[1]] = True
    free = np.flatnonzero(~anchor)
    if strengths is not None:
        given = np.nan_to_num(strengths)
        value = model.terms(pairs, given[pairs.first] - given[pairs.second], start_eta).value
        summit = Summit(given, start_eta, value, 0)
    else:
        begin = np.zeros(n) if start is None else np.nan_to_num(start)
        summit = climb(
            model, pairs, begin, free, eta=start_eta, free_eta=model.has_eta, max_iterations=max_iterations
        )
    found = _centred(summit.strengths, connectivity.component)
    squares = pairs_of(comparisons, ties=ties, both_bad=both_bad, squared=True).only(inner)
    whole, variance, eta_variance = _covariance(
        model, pairs, squares, found, summit.eta, connectivity.component, alone, covariance
    )
    found[alone] = np.nan
    return Maximum(
        found, summit.eta, eta_variance, whole, variance, connectivity, summit.value, summit.iterations
    )


def generalised_inverse(information: Floats, component: Ints) -> Floats:
    """Invert an information matrix that does not know the mean of any component.

    Parameters
    ----------
    information : ndarray of shape (n, n) or (n + 1, n + 1)
        The last row may belong to a tie parameter.
    component : ndarray of shape (n,)

    Returns
    -------
    ndarray
        The Moore-Penrose inverse: strengths are mean-centred in each component.
    """
    n = component.size
    share = (component[:, None] == component[None, :]) / np.bincount(component)[component]
    filled = information.copy()
    filled[:n, :n] += share
    try:
        inverse = np.linalg.inv(filled)
    except np.linalg.LinAlgError:
        raise ConvergenceError("the information matrix cannot be inverted", iterations=0) from None
    inverse[:n, :n] -= share
    return (inverse + inverse.T) / 2


def _covariance(
    model: Model,
    pairs: Pairs,
    squares: Pairs,
    strengths: Floats,
    eta: float,
    component: Ints,
    alone: Bools,
    kind: str,
) -> tuple[Floats | None, Floats, float]:
    """Sandwich [White1982]_ or inverse information: matrix, diagonal, variance of eta."""
    n = strengths.size
    x = strengths[pairs.first] - strengths[pairs.second]
    terms = model.terms(pairs, x, eta)
    by_x, mixed, by_eta = model.squared_scores(squares, x, eta)
    if n > DENSE_LIMIT:
        ends = np.concatenate([pairs.first, pairs.second])
        bread = np.bincount(ends, np.tile(terms.curvature, 2), n)
        around = np.bincount(ends, np.tile(by_x, 2), n) if kind == "sandwich" else bread
        with np.errstate(divide="ignore", invalid="ignore"):
            held: Floats = around / bread**2
        held[alone] = np.nan
        return None, held, math.nan
    inverse = generalised_inverse(information_matrix(pairs, terms), component)
    if kind == "sandwich":
        filling = np.zeros_like(inverse)
        filling[:n, :n] = pairs.laplacian(by_x)
        if model.has_eta:
            filling[n, :n] = filling[:n, n] = pairs.total(mixed)
            filling[n, n] = by_eta
        inverse = inverse @ filling @ inverse
    whole = inverse[:n, :n].copy()
    whole[alone, :] = whole[:, alone] = np.nan
    return whole, np.diagonal(whole).copy(), float(inverse[n, n]) if model.has_eta else math.nan


def _centred(strengths: Floats, component: Ints) -> Floats:
    """Give every component a mean of zero."""
    if strengths.size == 0:
        return strengths
    means = np.bincount(component, strengths) / np.bincount(component)
    return np.asarray(strengths - means[component], dtype=np.float64)

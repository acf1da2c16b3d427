"""Pair-choice policies put to the test, on simulated votes with a known truth.

Policies learn from the votes as they come, refit a batch at a time, and are compared by the votes they take
to a goal: a mean half-width over the board, a half-width of one newcomer, or neighbours told apart. The
board is fitted as always, without weights: the model holds in the simulation, so that who is asked about
whom does not bias it.

References
----------
.. [1] M. Glickman and S. Jensen, "Adaptive paired comparison design", Journal of Statistical Planning and
   Inference 127, 2005.
.. [2] W.-L. Chiang et al., "Chatbot Arena: an open platform for evaluating LLMs by human preference", ICML
   2024, arXiv:2403.04132, sec. 5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtri

from analysis.arrays import Floats
from analysis.bradley_terry import BradleyTerryFit, fit_bradley_terry
from analysis.comparisons import OUTCOMES, Comparisons
from analysis.design import Policy, boosted_probabilities, pair_probabilities, uniform_probabilities
from analysis.errors import InvalidOption
from analysis.likelihood import Davidson
from analysis.scale import to_points
from analysis.simulate import Arena

if TYPE_CHECKING:
    import pandas as pd

POLICIES: Final[Mapping[str, Policy]] = {
    "uniform": uniform_probabilities,
    "informative": pair_probabilities,
    "newcomers first": boosted_probabilities,
}

BATCH: Final = 200
"""Votes between two looks of a policy at the votes, and of the trial at its goal."""


@dataclass(frozen=True, slots=True, eq=False)
class PolicyTrial:
    """How many votes each policy took.

    Attributes
    ----------
    goal : str
        In words.
    votes : mapping of str to ndarray of shape (n_trials,)
        Votes of each trial until the goal; NaN where `limit` was not enough.
    limit : int
    seed : int
    """

    goal: str
    votes: Mapping[str, Floats]
    limit: int
    seed: int

    def frame(self) -> pd.DataFrame:
        """One row a policy: median votes, the middle half of the trials, and the ratio to uniform."""
        import pandas as pd

        reached = {name: np.nan_to_num(votes, nan=np.inf) for name, votes in self.votes.items()}
        base = float(np.median(reached["uniform"])) if "uniform" in reached else float("nan")
        rows = [
            {
                "policy": name,
                "median": float(np.median(votes)),
                "quarter": float(np.quantile(votes, 0.25, method="lower")),
                "three_quarters": float(np.quantile(votes, 0.75, method="higher")),
                "to_uniform": float(np.median(votes)) / base,
                "unfinished": int(np.isinf(votes).sum()),
            }
            for name, votes in reached.items()
        ]
        return pd.DataFrame(rows)


def compare_policies(
    arena: Arena,
    *,
    half_width: float | None = None,
    newcomer: int | None = None,
    policies: Mapping[str, Policy] = POLICIES,
    start: Comparisons | None = None,
    trials: int = 20,
    limit: int = 50_000,
    batch: int = BATCH,
    seed: int = 0,
) -> PolicyTrial:
    """Count the votes that policies take to a goal.

    Parameters
    ----------
    arena : Arena
        The truth; its raters and prompts are not used.
    half_width : float, optional
        The goal: 95 % intervals of so many points to either side, on average over the board or, with
        `newcomer`, of that entrant. Without, the goal is that the intervals of the differences of all
        neighbours on the board leave out zero; entrants who are equal are never told apart.
    newcomer : int, optional
        Position of an entrant in the arena's labels.
    policies : mapping of str to Policy
    start : Comparisons, optional
        Votes that are there before the trial, with the arena's labels; they are not counted.
    trials, limit, batch, seed : int
    """
    if half_width is not None and not half_width > 0:
        raise InvalidOption("the half-width must be positive")
    if start is not None and start.labels != arena.labels:
        raise InvalidOption("the votes at the start must have the arena's labels")
    reached, goal = _goal(arena, half_width, newcomer)
    n = len(arena.strengths)
    before = np.zeros((n, n, 4)) if start is None else start.table()
    votes = {name: np.full(trials, np.nan) for name in policies}
    for trial in range(trials):
        for name, policy in policies.items():
            # All policies of a trial start alike.
            rng = np.random.default_rng([seed, trial])
            votes[name][trial] = _one(arena, policy, reached, before.copy(), limit, batch, rng)
    return PolicyTrial(goal, votes, limit, seed)


def _one(
    arena: Arena,
    policy: Policy,
    reached: Callable[[BradleyTerryFit], bool],
    table: Floats,
    limit: int,
    batch: int,
    rng: np.random.Generator,
) -> float:
    """Run one trial; NaN where the limit was not enough."""
    n = len(table)
    fit = None
    cast = 0
    while cast < limit:
        half = table[:, :, 0] + (table[:, :, 2] + table[:, :, 3]) / 2
        lost = table[:, :, 1] + (table[:, :, 2] + table[:, :, 3]) / 2
        chance = policy(half + lost.T)
        ordered = rng.multinomial(batch, chance.ravel() / chance.sum()).reshape(n, n)
        left, right = np.nonzero(ordered)
        x = arena.strengths[left] - arena.strengths[right]
        shares = _outcome_shares(arena, x)
        for a, b, met, share in zip(left, right, ordered[left, right], shares, strict=True):
            table[a, b] += rng.multinomial(met, share)
        cast += batch
        fit = fit_bradley_terry(_counted(arena, table), start=None if fit is None else fit.strengths)
        if bool(fit.core().all()) and reached(fit):
            return float(cast)
    return float("nan")


def _goal(
    arena: Arena, half_width: float | None, newcomer: int | None
) -> tuple[Callable[[BradleyTerryFit], bool], str]:
    """Say when a trial is over, to the program and to people."""
    z = float(ndtri(0.975))
    if half_width is None:

        def separated(fit: BradleyTerryFit) -> bool:
            order = np.argsort(-fit.strengths)
            assert fit.covariance is not None
            v = fit.covariance[np.ix_(order, order)]
            variance = np.diagonal(v)[:-1] + np.diagonal(v)[1:] - 2 * np.diagonal(v, 1)
            return bool(np.all(-np.diff(fit.strengths[order]) > z * np.sqrt(variance)))

        return separated, "neighbours told apart"
    if newcomer is None:
        return (
            lambda fit: to_points(z * float(np.sqrt(fit.variance).mean())) <= half_width,
            f"half-widths of {half_width:g} points on average",
        )
    label = arena.labels[newcomer]
    return (
        lambda fit: to_points(z * float(np.sqrt(fit.variance[newcomer]))) <= half_width,
        f"a half-width of {half_width:g} points for {label}",
    )


def _outcome_shares(arena: Arena, x: Floats) -> Floats:
    """Probabilities of left, right, tie and both bad at differences `x`; shape (n, 4)."""
    eta = float(np.log(arena.tie)) if arena.tie > 0 else -np.inf
    win, lose, tie = Davidson.probabilities(x, eta)
    shares = np.column_stack([win, lose, tie * (1 - arena.both_bad), tie * arena.both_bad])
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float64)


def _counted(arena: Arena, table: Floats) -> Comparisons:
    left, right = np.nonzero(table.sum(axis=2))
    return Comparisons.from_counts(
        arena.labels,
        np.repeat(left, 4),
        np.repeat(right, 4),
        [str(word) for word in OUTCOMES] * left.size,
        table[left, right].ravel(),
    )

"""Answers that may be read after every vote.

Looking at a fixed-sample test again and again until it says yes is wrong far more often than its level. Two
tools stay right however often one looks:

- for one pair the e-process ``E = 2^n Beta(w + c, l + c) / Beta(c, c)`` over its decided votes: the wealth of
  a bet against "both equally often" whose stakes follow a Beta(c, c) mixture [1]_. By Ville's inequality it
  ever reaches 1 / alpha with probability alpha at most, if, given the past, each decided vote under equality
  is a fair coin: prompts drawn afresh, sides drawn at random, one vote per rater and prompt. Exact.
- for any estimate a confidence sequence: an interval wider than the fixed-sample one by just so much that
  the truth stays inside at all times at once [2]_. Asymptotic; its clock is the information gathered so far.

References
----------
.. [1] A. Ramdas, P. Grünwald, V. Vovk, G. Shafer, "Game-theoretic statistics and safe anytime-valid
   inference", Statistical Science 38(4), 2023.
.. [2] I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
   asymptotic confidence sequences", Annals of Statistics 52(6), 2024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln

from analysis.arrays import Floats
from analysis.comparisons import LEFT, RIGHT, Comparisons
from analysis.errors import InvalidOption
from analysis.estimate import StrengthFit
from analysis.intervals import difference

CONCENTRATION: Final = 10.0
"""Of the Beta mixture: stops earliest, of the round numbers, where one side wins 55 to 60 % of decisions."""

SHOWN_FROM: Final = 100
"""Decided votes of either entrant from which a confidence sequence is shown: it is asymptotic."""

TUNED_TO: Final = 1000.0
"""The clock reading at which a confidence sequence is about as narrow as it can be."""


@dataclass(frozen=True, slots=True)
class Separation:
    """Whether the votes of one pair have decided it, for good.

    Attributes
    ----------
    first, second : str
    wins, losses : int
        Decided votes for the first and for the second.
    e_value : float
        Now; infinite where it passes the largest float.
    threshold : float
        What it has to reach: 1 / alpha, alpha being the share of this pair.
    separated : bool
    leader : str or None
        Who is ahead, once separated.
    """

    first: str
    second: str
    wins: int
    losses: int
    e_value: float
    threshold: float
    separated: bool
    leader: str | None


@dataclass(frozen=True, slots=True)
class SequenceInterval:
    """An interval of a difference that may be read at any time.

    Attributes
    ----------
    first, second : str
    estimate, low, high : float
        In nats; `low` and `high` are NaN while it is too early.
    clock : float
        Decided votes between equals that would tell as much.
    level : float
    """

    first: str
    second: str
    estimate: float
    low: float
    high: float
    clock: float
    level: float


def log_e_value(wins: ArrayLike, losses: ArrayLike, *, concentration: float = CONCENTRATION) -> Floats:
    """Logarithm of the e-process at these counts of decided votes; shape of the counts."""
    w, l = np.asarray(wins, dtype=np.float64), np.asarray(losses, dtype=np.float64)  # noqa: E741
    if not concentration > 0 or np.any(w < 0) or np.any(l < 0):
        raise InvalidOption("counts must not be negative, and the concentration must be positive")
    c = concentration
    return np.asarray((w + l) * math.log(2) + betaln(w + c, l + c) - betaln(c, c), dtype=np.float64)


def separations(
    comparisons: Comparisons,
    pairs: Sequence[tuple[str, str]] | None = None,
    *,
    level: float = 0.95,
    concentration: float = CONCENTRATION,
) -> tuple[Separation, ...]:
    """Say of each pair whether it is separated, at an error probability shared evenly among the pairs.

    Parameters
    ----------
    comparisons : Comparisons
        Unweighted votes; ties and both-bad votes are no decisions.
    pairs : sequence of (str, str), optional
        Named before the votes; all pairs of entrants by default. Naming fewer makes each faster.
    level : float
        Probability that no pair of equals is ever called separated.
    concentration : float
        Larger for pairs expected to be close. To be fixed before the votes.
    """
    if not 0 < level < 1:
        raise InvalidOption(f"level must lie between 0 and 1, not {level}")
    if comparisons.weights is not comparisons.counts:
        raise InvalidOption("weighted votes are not a coin: no e-process")
    labels = comparisons.labels
    named = [(a, b) for i, a in enumerate(labels) for b in labels[i + 1 :]] if pairs is None else list(pairs)
    if not named:
        return ()
    at = [(comparisons.index(a), comparisons.index(b)) for a, b in named]
    if len({frozenset(pair) for pair in at}) < len(at) or any(a == b for a, b in at):
        raise InvalidOption("a pair is named twice, or names one entrant twice")
    n = comparisons.n_entrants
    won = np.zeros((n, n))
    np.add.at(won, (comparisons.left, comparisons.right), comparisons.counts[:, LEFT])
    np.add.at(won, (comparisons.right, comparisons.left), comparisons.counts[:, RIGHT])
    first, second = np.array(at).T
    wins, losses = won[first, second], won[second, first]
    logs = log_e_value(wins, losses, concentration=concentration)
    threshold = len(named) / (1 - level)
    rows = []
    for (a, b), w, l, log in zip(named, wins.tolist(), losses.tolist(), logs.tolist(), strict=True):  # noqa: E741
        sure = log >= math.log(threshold)
        rows.append(
            Separation(
                first=a,
                second=b,
                wins=round(w),
                losses=round(l),
                e_value=math.exp(log) if log < 709 else math.inf,
                threshold=threshold,
                separated=sure,
                leader=(a if w > l else b) if sure else None,
            )
        )
    return tuple(rows)


def neighbours(fit: StrengthFit) -> tuple[tuple[str, str], ...]:
    """Pairs of entrants next to each other on the board, the natural ones to name for the next campaign."""
    core = np.flatnonzero(fit.core())
    order = core[np.argsort(-fit.strengths[core], kind="stable")].tolist()
    return tuple((fit.labels[a], fit.labels[b]) for a, b in pairwise(order))


def best_rho(clock: float, *, level: float = 0.95) -> float:
    """Give the `rho` with which a confidence sequence is nearly narrowest at a clock reading [2]_."""
    if not clock > 0 or not 0 < level < 1:
        raise InvalidOption("the clock must be positive, and the level lie between 0 and 1")
    log = -2 * math.log(1 - level)
    return math.sqrt((log + math.log(log + 1)) / clock)


def sequence_half_width(
    se: ArrayLike, clock: ArrayLike, *, level: float = 0.95, rho: float | None = None
) -> Floats:
    """Half-width of a confidence sequence, ``se sqrt((1 + 1/(n rho^2)) log((n rho^2 + 1) / alpha^2))`` [2]_.

    Parameters
    ----------
    se : array_like
        Standard error now.
    clock : array_like
        The information gathered so far, n; in votes, or in anything that grows as 1 / se^2 does.
    level : float
    rho : float, optional
        Fixed before the votes; by default the best one for a clock at `TUNED_TO`.
    """
    rho = best_rho(TUNED_TO, level=level) if rho is None else rho
    if not rho > 0:
        raise InvalidOption("rho must be positive")
    grown = np.asarray(clock, dtype=np.float64) * rho**2
    widening = np.sqrt((1 + 1 / grown) * np.log((grown + 1) / (1 - level) ** 2))
    return np.asarray(np.asarray(se, dtype=np.float64) * widening, dtype=np.float64)


def difference_sequence(
    fit: StrengthFit, first: str, second: str, *, level: float = 0.95, rho: float | None = None
) -> SequenceInterval:
    """Confidence sequence of the difference of two strengths.

    Its clock is ``4 / se^2``: a decided vote between equals carries a quarter of a unit of information.

    Raises
    ------
    DisconnectedError
        Their difference has no estimate.
    """
    found = difference(fit, first, second, level=level)
    comparisons = fit.comparisons
    decided = comparisons.counts[:, [LEFT, RIGHT]].sum(axis=1)
    fewest = min(
        float(decided[(comparisons.left == i) | (comparisons.right == i)].sum())
        for i in (comparisons.index(first), comparisons.index(second))
    )
    clock = 4 / found.se**2 if found.se > 0 else math.inf
    half = math.nan
    if fewest >= SHOWN_FROM and math.isfinite(clock):
        half = float(sequence_half_width(found.se, clock, level=level, rho=rho))
    return SequenceInterval(
        first, second, found.estimate, found.estimate - half, found.estimate + half, clock, level
    )

"""What votes say about themselves: sides, circles, fit, and how often both pictures were bad.

References
----------
.. [1] M. G. Kendall, B. Babington Smith, "On the method of paired comparisons", Biometrika 31, 1940: circular
   triads.
.. [2] K. Pearson, "On the criterion that a given system of deviations ...", Philosophical Magazine 50, 1900.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, expit, stdtrit

from analysis.bradley_terry import BradleyTerryFit
from analysis.clustering import clustered, clusters_of, effective_clusters
from analysis.comparisons import BOTH_BAD, Comparisons
from analysis.contextual import POSITION, fit_contextual
from analysis.errors import InvalidComparisons
from analysis.estimate import within_components
from analysis.intervals import wilson_interval
from analysis.pairs import Pairs, pairs_of

SMALL_PAIR: Final = 10
"""Pairs with fewer votes are left out of the goodness of fit: a chi-squared needs some."""

TRIPLES_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class PositionBias:
    """Advantage of the left, at equal strength.

    Attributes
    ----------
    estimate, se, low, high : float
        In nats; positive where the left is preferred.
    share, share_low, share_high : float
        The same as the chance that the left of two equals wins.
    level : float
    target : str
        What the interval is about.
    """

    estimate: float
    se: float
    low: float
    high: float
    share: float
    share_low: float
    share_high: float
    level: float
    target: str


@dataclass(frozen=True, slots=True, eq=False)
class Intransitivity:
    """Circles of majorities: a beats b, b beats c, c beats a [1]_.

    Attributes
    ----------
    triples : int
        Triples of entrants who all met and have a majority each.
    circular : int
        How many of them are circles.
    expected : float
        Mean number of circles in votes simulated from the fit, in which there are none but by chance.
    p_value : float
        Chance of so many circles or more if the fit is true.
    strongest : tuple of (str, str, str, float)
        Circles with the largest smallest z of their three majorities.
    strongest_p_value : float
        Chance of a circle as strong as the first of these; one real circle shows here, many weak ones in
        `p_value`. NaN without circles.
    draws, seed : int
    """

    triples: int
    circular: int
    expected: float
    p_value: float
    strongest: tuple[tuple[str, str, str, float], ...]
    strongest_p_value: float
    draws: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class GoodnessOfFit:
    """Whether one strength each explains the pairs.

    Attributes
    ----------
    deviance, degrees_of_freedom : float, int
        Of all pairs; see `StrengthFit.deviance`.
    statistic, statistic_df, p_value : float, int, float
        Sum of squared standardised residuals [2]_ of pairs with at least `SMALL_PAIR` votes; its degrees of
        freedom and upper tail. A tie as half a win lowers a vote's variance p(1 - p) by a quarter of the
        chance of a tie, taken from the pair.
    worst : tuple of (str, str, float)
        Pairs whose first entrant won more (positive) or less often than its strength says, with z.
    """

    deviance: float
    degrees_of_freedom: int
    statistic: float
    statistic_df: int
    p_value: float
    worst: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True)
class BothBadRate:
    """How often both pictures were bad when this entrant's was shown.

    Attributes
    ----------
    entrant : str
    votes, both_bad : int
    rate, low, high : float or None
    target : str
        What the interval is about.
    """

    entrant: str
    votes: int
    both_bad: int
    rate: float | None
    low: float | None
    high: float | None
    target: str


def position_bias(
    comparisons: Comparisons,
    *,
    by: Sequence[str] = (),
    ties: str = "half",
    both_bad: str = "tie",
    level: float = 0.95,
) -> PositionBias:
    """Estimate the advantage of the left together with the strengths.

    Parameters
    ----------
    comparisons : Comparisons
        Counts are enough unless clustered.
    by : sequence of {"rater", "prompt"}
        Whose votes belong together.
    ties, both_bad : str
        As in `fit_bradley_terry`.
    level : float
    """
    fit = fit_contextual(comparisons, position=True, ties=ties, both_bad=both_bad)
    if by:
        fit = clustered(fit, by)
    effect = next(effect for effect in fit.effect_table(level) if effect.name == POSITION)
    share, low, high = (float(expit(value)) for value in (effect.estimate, effect.low, effect.high))
    return PositionBias(
        effect.estimate, effect.se, effect.low, effect.high, share, low, high, level, fit.target
    )


def intransitivity(fit: BradleyTerryFit, *, draws: int = 1000, seed: int = 0) -> Intransitivity:
    """Count circular triples, and simulate how many chance would make.

    Each draw keeps the number of decided votes of every pair and redraws who won them, by the fit.

    Parameters
    ----------
    fit : BradleyTerryFit
    draws, seed : int
    """
    pairs = within_components(pairs_of(fit.comparisons, ties="drop"), fit.connectivity)
    n = pairs.n
    majority = _majorities(pairs, pairs.wins - pairs.losses)
    both = majority + majority.T
    triples = round(float(np.trace(both @ both @ both)) / 6)
    circular = _circles(majority)
    known = np.nan_to_num(fit.strengths)
    decided = np.rint(pairs.wins + pairs.losses).astype(np.int64)
    p = expit(known[pairs.first] - known[pairs.second])
    rng = np.random.default_rng(seed)
    strongest = _strongest(pairs, fit.labels, n) if circular else ()
    bar = strongest[0][3] - 1e-9 if strongest else math.inf
    counts, as_strong = np.empty(draws), 0
    for i in range(draws):
        margin = 2.0 * rng.binomial(decided, p) - decided
        counts[i] = _circles(_majorities(pairs, margin))
        strong = np.abs(margin) >= bar * np.sqrt(decided)
        as_strong += strong.sum() > 2 and _circles(_majorities(pairs, margin * strong)) > 0
    return Intransitivity(
        triples,
        circular,
        float(counts.mean()) if draws else math.nan,
        float(1 + np.count_nonzero(counts >= circular)) / (1 + draws),
        strongest,
        float(1 + as_strong) / (1 + draws) if strongest else math.nan,
        draws,
        seed,
    )


def goodness_of_fit(fit: BradleyTerryFit, *, shown: int = 10) -> GoodnessOfFit:
    """Compare pairs with what the strengths say of them.

    Parameters
    ----------
    fit : BradleyTerryFit
    shown : int
        How many pairs to name.
    """
    deviance, freedom = fit.deviance()
    pairs = within_components(fit.pairs(), fit.connectivity)
    squares = pairs_of(fit.comparisons, ties=fit.ties, both_bad=fit.both_bad, squared=True)
    squares = within_components(squares, fit.connectivity)
    known = np.nan_to_num(fit.strengths)
    x = known[pairs.first] - known[pairs.second]
    wins, losses = pairs.half_wins()
    p = expit(x)
    variance = (squares.wins + squares.losses + squares.ties) * p * (1 - p) - squares.ties / 4
    large = (wins + losses >= SMALL_PAIR) & (variance > 0)
    residual = wins - (wins + losses) * p
    z = np.where(large, residual / np.sqrt(np.where(large, variance, 1.0)), 0.0)
    entrants = np.unique(np.concatenate([pairs.first[large], pairs.second[large]]))
    groups = len(np.unique(fit.component[entrants]))
    statistic, df = float(z @ z), int(large.sum()) - (entrants.size - groups)
    order = np.argsort(-np.abs(z))[: min(shown, int(large.sum()))]
    named = tuple((fit.labels[pairs.first[i]], fit.labels[pairs.second[i]], float(z[i])) for i in order)
    p_value = float(chdtrc(df, statistic)) if df > 0 else math.nan
    return GoodnessOfFit(deviance, freedom, statistic, max(df, 0), p_value, named)


def both_bad_rates(
    comparisons: Comparisons, *, by: Sequence[str] = (), level: float = 0.95
) -> tuple[BothBadRate, ...]:
    """Rate of both-bad votes of each entrant, with Wilson's interval or a clustered one.

    Parameters
    ----------
    comparisons : Comparisons
    by : sequence of {"rater", "prompt"}
        One way of clustering; the interval is then symmetric in log-odds, with Student's t.
    level : float
    """
    n = comparisons.n_entrants
    totals = np.zeros((n, 4))
    np.add.at(totals, comparisons.left, comparisons.counts)
    np.add.at(totals, comparisons.right, comparisons.counts)
    shown, bad = totals.sum(axis=1), totals[:, BOTH_BAD]
    target = "these prompts, pictures and raters: every vote taken as independent"
    errors = None
    if by:
        if len(by) > 1:
            raise InvalidComparisons("cluster rates by one column")
        found = clusters_of(comparisons, by)
        target = found.target()
        rate = bad / np.maximum(shown, 1)
        miss = found.votes.outcome == BOTH_BAD
        sums = np.zeros((found.sizes[0], n))
        for side in (found.votes.left, found.votes.right):
            np.add.at(sums, (found.codes[0], side), miss - rate[side])
        groups = found.sizes[0]
        errors = np.sqrt((sums**2).sum(axis=0) * groups / (groups - 1)) / np.maximum(shown, 1)
        critical = float(stdtrit(effective_clusters(found.codes[0]) - 1, (1 + level) / 2))
    rows = []
    for i, label in enumerate(comparisons.labels):
        votes, count = round(float(shown[i])), round(float(bad[i]))
        low, high = wilson_interval(count, votes, level=level)
        if errors is not None and 0 < count < votes:
            p = count / votes
            half = critical * max(float(errors[i]), 1e-12) / (p * (1 - p))
            centre = math.log(p / (1 - p))
            # Few both-bad votes may all lie in one cluster: never narrower than without clusters.
            low, high = min(low, float(expit(centre - half))), max(high, float(expit(centre + half)))
        known = votes > 0
        rows.append(
            BothBadRate(
                label,
                votes,
                count,
                count / votes if known else None,
                low if known else None,
                high if known else None,
                target,
            )
        )
    return tuple(rows)


def _majorities(pairs: Pairs, margin: NDArray[np.floating]) -> NDArray[np.float32]:
    """Make a table with 1 where the row has a majority against the column; shape (n, n)."""
    table = np.zeros((pairs.n, pairs.n), dtype=np.float32)
    table[pairs.first, pairs.second] = margin > 0
    table[pairs.second, pairs.first] = margin < 0
    return table


def _circles(majority: NDArray[np.float32]) -> int:
    """Count directed circles of three."""
    return round(float(np.einsum("ij,ji->", majority @ majority, majority)) / 3)


def _strongest(pairs: Pairs, labels: tuple[str, ...], n: int) -> tuple[tuple[str, str, str, float], ...]:
    """Find the circles whose weakest majority is strongest."""
    z = np.zeros((n, n))
    decided = pairs.wins + pairs.losses
    strength = (pairs.wins - pairs.losses) / np.sqrt(np.maximum(decided, 1))
    z[pairs.first, pairs.second], z[pairs.second, pairs.first] = strength, -strength
    found: list[tuple[float, int, int, int]] = []
    for a in range(n):
        # Each circle once, by its first entrant: a > b, b > c, c > a with a the smallest.
        weakest = np.minimum(np.minimum(z[a, a + 1 :, None], z[a + 1 :, a + 1 :]), z[a + 1 :, a][None, :])
        flat = np.argsort(-weakest, axis=None)[:TRIPLES_SHOWN]
        for b, c in zip(*np.unravel_index(flat, weakest.shape), strict=True):
            if weakest[b, c] > 0:
                found.append((float(weakest[b, c]), a, int(b) + a + 1, int(c) + a + 1))
    found.sort(reverse=True)
    return tuple((labels[a], labels[b], labels[c], value) for value, a, b, c in found[:TRIPLES_SHOWN])

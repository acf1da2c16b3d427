"""How far raters agree: with each other, with themselves, and how well anything could predict them.

References
----------
.. [1] K. Krippendorff, "Computing Krippendorff's alpha-reliability", University of Pennsylvania, 2011.
.. [2] A. F. Hayes, K. Krippendorff, "Answering the call for a standard reliability measure for coding data",
   Communication Methods and Measures 1(1), 2007.
.. [3] H. Nili et al., "A toolbox for representational similarity analysis", PLoS Computational Biology 10(4),
   2014: a noise ceiling between a lower and an upper bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.comparisons import BOTH_BAD, LEFT, RIGHT, TIE, Comparisons, Votes, require_option
from analysis.errors import InvalidComparisons
from analysis.intervals import wilson_interval
from analysis.subsets import require_votes

METRICS: Final = ("nominal", "ordinal", "interval", "ratio")

ALPHA_DRAWS: Final = 500

_BLOCK: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """Krippendorff's alpha: 1 is perfect, 0 what chance would give.

    Attributes
    ----------
    alpha, low, high : float
        NaN where all values are the same, or no unit has two; bounds by a bootstrap over units.
    observed, expected : float
        Disagreement seen and by chance.
    metric : str
    units, values : int
        Units with at least two values, and how many values they have.
    level : float
    draws, seed : int
    """

    alpha: float
    low: float
    high: float
    observed: float
    expected: float
    metric: str
    units: int
    values: int
    level: float
    draws: int
    seed: int


@dataclass(frozen=True, slots=True)
class Share:
    """How often two votes agreed.

    Attributes
    ----------
    agreeing, pairs : int
    rate, low, high : float
        With Wilson's interval, which takes every pair as independent; NaN without pairs.
    """

    agreeing: int
    pairs: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SelfAgreement:
    """Whether raters say the same when asked twice.

    Attributes
    ----------
    repeated : Share
        The same prompt and pair, on the same sides.
    mirrored : Share
        On swapped sides: agreement is about the picture, not the side.
    same_side : Share
        Of the mirrored pairs with two decided votes, those that took the same side twice, which is never
        about the pictures.
    raters : int
        Who were asked twice.
    """

    repeated: Share
    mirrored: Share
    same_side: Share
    raters: int


@dataclass(frozen=True, slots=True)
class NoiseCeiling:
    """How often the best predictor could be right: raters themselves do not agree.

    Attributes
    ----------
    lower : float
        The majority of the other raters predicts a vote so often: something reaches this.
    upper : float
        The majority with the vote itself among them: nothing exceeds this.
    lower_low, lower_high, upper_low, upper_high : float
        Bounds by a bootstrap over units.
    agreement : float
        Chance that two raters say the same.
    units, votes : int
    level : float
    draws, seed : int
    """

    lower: float
    upper: float
    lower_low: float
    lower_high: float
    upper_low: float
    upper_high: float
    agreement: float
    units: int
    votes: int
    level: float
    draws: int
    seed: int


def krippendorff_alpha(
    ratings: Any,
    metric: str = "nominal",
    *,
    level: float = 0.95,
    draws: int = ALPHA_DRAWS,
    seed: int = 0,
) -> Agreement:
    """Krippendorff's alpha of a table of raters by units [1]_.

    Parameters
    ----------
    ratings : array of shape (n_raters, n_units)
        Numbers; NaN where a rater did not see a unit. For nominal values any codes.
    metric : {"nominal", "ordinal", "interval", "ratio"}
    level : float
    draws, seed : int
        Of the bootstrap over units; 0 draws for none.
    """
    require_option("metric", metric, METRICS)
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise InvalidComparisons("ratings must be a table of raters by units")
    rater, unit = np.nonzero(~np.isnan(table))
    values, code = np.unique(table[rater, unit], return_inverse=True)
    return _alpha(_tally(unit, code, values.size), values, metric, level, draws, seed)


def rater_agreement(
    comparisons: Comparisons,
    metric: str = "nominal",
    *,
    level: float = 0.95,
    draws: int = ALPHA_DRAWS,
    seed: int = 0,
) -> Agreement:
    """Krippendorff's alpha of votes: a unit is a prompt and a pair, whatever the sides.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``prompt=``.
    metric : {"nominal", "ordinal"}
        Four outcomes; or won, tied (both bad too), lost in this order.
    level, draws, seed
        As in `krippendorff_alpha`.
    """
    require_option("metric", metric, ("nominal", "ordinal"))
    unit, said = _units(comparisons)
    values = np.arange(4.0)
    if metric == "ordinal":
        said, values = np.array([2, 0, 1, 1])[said], np.arange(3.0)
    return _alpha(_tally(unit, said, values.size), values, metric, level, draws, seed)


def self_agreement(comparisons: Comparisons, *, level: float = 0.95) -> SelfAgreement:
    """Compare each rater's later votes on a prompt and pair with the first.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``rater=`` and ``prompt=``, in the order of time.
    level : float
    """
    votes = require_votes(comparisons, "self-agreement")
    if "rater" not in votes.clusters:
        raise InvalidComparisons("the votes were read without a column for rater")
    unit, said = _units(comparisons)
    rater = votes.clusters["rater"]
    order = np.lexsort((unit, rater))
    same = (unit[order][1:] == unit[order][:-1]) & (rater[order][1:] == rater[order][:-1])
    begins = np.concatenate([[True], ~same]) if len(order) else np.zeros(0, dtype=np.bool_)
    first = order[np.flatnonzero(begins)][np.cumsum(begins) - 1] if len(order) else order
    later = np.flatnonzero(~begins)
    one, two = first[later], order[later]
    swapped = votes.left[one] != votes.left[two]
    agree = said[one] == said[two]
    decided = (said[one] < TIE) & (said[two] < TIE)
    return SelfAgreement(
        _share(agree[~swapped], level),
        _share(agree[swapped], level),
        _share(votes.outcome[one] == votes.outcome[two], level, swapped & decided),
        len(np.unique(rater[two])),
    )


def noise_ceiling(
    comparisons: Comparisons,
    *,
    decided: bool = True,
    level: float = 0.95,
    draws: int = ALPHA_DRAWS,
    seed: int = 0,
) -> NoiseCeiling:
    """Bound what any predictor of single votes can reach, from units that several raters saw [3]_.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``prompt=``. A unit is a prompt and a pair.
    decided : bool
        Only votes that were no ties; otherwise both-bad votes are ties and there are three outcomes.
    level : float
    draws, seed : int

    Raises
    ------
    InvalidComparisons
        No unit has two votes.
    """
    unit, said = _units(comparisons)
    said = np.where(said == BOTH_BAD, TIE, said)
    if decided:
        unit, said = unit[said < TIE], said[said < TIE]
    table = _tally(unit, said, 3)
    size = table.sum(axis=1)
    table, size = table[size > 1], size[size > 1]
    if not size.size:
        raise InvalidComparisons("no prompt and pair has two votes: there is nothing to bound by")
    top = table.max(axis=1)
    # Leaving a vote out, it is right if its outcome is ahead, and by a coin among those that are even.
    right = np.zeros(size.size)
    for value in range(3):
        others = table.copy()
        others[:, value] -= 1
        ahead = others.max(axis=1)
        ties = (others == ahead[:, None]).sum(axis=1)
        right += table[:, value] * np.where(others[:, value] == ahead, 1 / np.maximum(ties, 1), 0.0)
    both = (table * (table - 1)).sum(axis=1) / (size - 1)
    sums = np.column_stack([right, top, both, size])
    drawn = _resampled(sums, draws, seed)
    rates = drawn[:, :2] / drawn[:, 3:]
    tail = (1 - level) / 2
    low, high = (
        (np.quantile(rates, tail, axis=0), np.quantile(rates, 1 - tail, axis=0))
        if draws
        else (np.full(2, np.nan), np.full(2, np.nan))
    )
    total = sums.sum(axis=0)
    return NoiseCeiling(
        lower=float(total[0] / total[3]),
        upper=float(total[1] / total[3]),
        lower_low=float(low[0]),
        lower_high=float(high[0]),
        upper_low=float(low[1]),
        upper_high=float(high[1]),
        agreement=float(total[2] / total[3]),
        units=int(size.size),
        votes=round(float(total[3])),
        level=level,
        draws=draws,
        seed=seed,
    )


def _units(comparisons: Comparisons) -> tuple[Ints, Ints]:
    """Number each vote's prompt and pair, and what it said with the sides in one order."""
    votes: Votes = require_votes(comparisons, "agreement")
    if "prompt" not in votes.clusters:
        raise InvalidComparisons("the votes were read without a column for prompt")
    n = comparisons.n_entrants
    left, right = votes.left.astype(np.int64), votes.right.astype(np.int64)
    pair = np.minimum(left, right) * n + np.maximum(left, right)
    unit = np.unique(votes.clusters["prompt"] * (n * n) + pair, return_inverse=True)[1]
    swap = np.array([RIGHT, LEFT, TIE, BOTH_BAD])
    said = np.where(left < right, votes.outcome, swap[votes.outcome])
    return np.asarray(unit, dtype=np.int64), np.asarray(said, dtype=np.int64)


def _tally(unit: Ints, code: Ints, values: int) -> Floats:
    """How often each unit got each value; shape (n_units, n_values)."""
    units = int(unit.max(initial=-1)) + 1
    counts = np.bincount(unit * values + code, minlength=units * values)
    return counts.reshape(units, values).astype(np.float64)


def _alpha(table: Floats, values: Floats, metric: str, level: float, draws: int, seed: int) -> Agreement:
    """Alpha of a tally of units by values, its coincidences summed unit by unit."""
    size = table.sum(axis=1)
    table, size = table[size > 1], size[size > 1]
    k = values.size
    pairs = table[:, :, None] * table[:, None, :] - table[:, :, None] * np.eye(k)
    flat = pairs.reshape(len(pairs), k * k) / (size - 1)[:, None]
    alpha, observed, expected = _from_coincidences(flat.sum(axis=0), values, metric)
    low = high = math.nan
    if draws and len(flat):
        drawn = [_from_coincidences(one, values, metric)[0] for one in _resampled(flat, draws, seed)]
        known = np.array([one for one in drawn if not math.isnan(one)])
        if known.size:
            low, high = (float(q) for q in np.quantile(known, [(1 - level) / 2, (1 + level) / 2]))
    return Agreement(
        alpha, low, high, observed, expected, metric, len(flat), round(float(size.sum())), level, draws, seed
    )


def _from_coincidences(flat: Floats, values: Floats, metric: str) -> tuple[float, float, float]:
    """Alpha, observed and expected disagreement of a coincidence matrix [1]_."""
    k = values.size
    seen = flat.reshape(k, k)
    each = seen.sum(axis=0)
    total = float(each.sum())
    if total <= 1:
        return math.nan, math.nan, math.nan
    gap = _distances(values, each, metric)
    observed = float((seen * gap).sum()) / total
    expected = float((np.outer(each, each) * gap).sum()) / (total * (total - 1))
    return (1 - observed / expected if expected > 0 else math.nan), observed, expected


def _distances(values: Floats, each: Floats, metric: str) -> Floats:
    """Squared differences between values."""
    one, two = values[:, None], values[None, :]
    if metric == "nominal":
        return np.asarray(one != two, dtype=np.float64)
    if metric == "ordinal":
        upto = np.cumsum(each) - each / 2
        return np.asarray((upto[:, None] - upto) ** 2, dtype=np.float64)
    if metric == "interval":
        return np.asarray((one - two) ** 2, dtype=np.float64)
    whole = one + two
    return np.asarray(((one - two) / np.where(whole == 0, 1.0, whole)) ** 2, dtype=np.float64)


def _resampled(sums: Floats, draws: int, seed: int) -> Floats:
    """Sums over units drawn with replacement; shape (draws, n_columns)."""
    rng = np.random.default_rng(seed)
    units = len(sums)
    found = np.empty((draws, sums.shape[1]))
    block = max(1, _BLOCK // max(units, 1))
    for begin in range(0, draws, block):
        size = min(block, draws - begin)
        chosen = rng.integers(units, size=(size, units)) + units * np.arange(size)[:, None]
        times = np.bincount(chosen.ravel(), minlength=size * units).reshape(size, units)
        found[begin : begin + size] = times @ sums
    return found


def _share(agree: Any, level: float, among: Any = None) -> Share:
    kept = agree if among is None else agree[among]
    pairs, agreeing = len(kept), int(np.count_nonzero(kept))
    low, high = wilson_interval(agreeing, pairs, level=level)
    return Share(agreeing, pairs, agreeing / pairs if pairs else math.nan, low, high)

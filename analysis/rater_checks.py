"""What checks of single raters say: how well anything could predict them, and who keeps to one side.

Asked twice, a rater who gives the `k` possible answers with chances ``p_1 ... p_k`` agrees with chance
``s = sum p_i^2``, if the second answer does not remember the first. Whoever knew the chances could predict
with chance ``m = max p_i``, and nobody could do better. Since ``s <= m``, the agreement `A` over all pairs is
no larger than the best prediction `C`. With the other answers as even as they can be ``s = m^2 + (1 - m)^2 /
(k - 1)``, so that ``m`` is at most ``(1 + sqrt((k - 1) (k s - 1))) / k``, which is concave in `s`; by
Jensen's inequality

    A  <=  C  <=  (1 + sqrt((k - 1) (k A - 1))) / k.

A rater who does remember agrees more than that, and both bounds are then too high.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from analysis.agreement import Share
from analysis.arrays import Floats
from analysis.errors import InvalidOption
from analysis.multiplicity import adjust_p_values


@dataclass(frozen=True, slots=True)
class RepeatCeiling:
    """How often the best predictor of single answers could be right, by what raters say when asked twice.

    Attributes
    ----------
    lower, upper : float
        Bounds that hold for the agreement seen; NaN without any pair.
    lower_low, upper_high : float
        The same bounds at the ends of its interval.
    """

    lower: float
    upper: float
    lower_low: float
    upper_high: float


def repeat_ceiling(agreement: Share, *, answers: int = 4) -> RepeatCeiling:
    """Bound what any predictor of single answers can reach, from answers that were asked for twice.

    Parameters
    ----------
    agreement : Share
        How often both answers were the same; fewer than by chance count as chance.
    answers : int
        How many there are to choose from: 4 with ties and both bad, 2 among decided ones.
    """
    if answers < 2:
        raise InvalidOption(f"there are at least 2 answers to choose from, not {answers}")
    if not agreement.pairs:
        return RepeatCeiling(math.nan, math.nan, math.nan, math.nan)
    chance = 1 / answers
    return RepeatCeiling(
        lower=max(chance, agreement.rate),
        upper=_upper(agreement.rate, answers),
        lower_low=max(chance, agreement.low),
        upper_high=_upper(agreement.high, answers),
    )


def side_tests(left: ArrayLike, decided: ArrayLike, *, method: str = "holm") -> Floats:
    """Test for each rater whether they take one side more often than a fair coin would.

    Sides are drawn by a fair coin, so whoever judges pictures alone takes each in half of the cases, however
    different the pictures are.

    Parameters
    ----------
    left, decided : array_like of int, shape (n_raters,)
        Answers for the left, and for either side.
    method : {"holm", "benjamini-hochberg"}
        How the p-values are adjusted for the number of raters.

    Returns
    -------
    ndarray of shape (n_raters,)
        Two-sided exact binomial p-values, adjusted; NaN for a rater who decided nothing.
    """
    one = np.asarray(left, dtype=np.int64)
    all_of = np.asarray(decided, dtype=np.int64)
    if one.shape != all_of.shape or np.any((one < 0) | (one > all_of)):
        raise InvalidOption("of each rater, the answers for the left are from 0 to those for either side")
    fewer = np.minimum(one, all_of - one)
    p_values = np.minimum(1.0, 2 * binom.cdf(fewer, all_of, 0.5))
    return adjust_p_values(np.where(all_of > 0, p_values, np.nan), method=method)


def _upper(rate: float, answers: int) -> float:
    return (1 + math.sqrt((answers - 1) * max(0.0, answers * rate - 1))) / answers

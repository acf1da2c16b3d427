"""Many tests at once: which of them still stand.

References
----------
.. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
   Statistics 6(2), 1979.
.. [2] Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate: a practical and powerful approach to
   multiple testing", Journal of the Royal Statistical Society B 57(1), 1995.
.. [3] R. Wang, A. Ramdas, "False discovery rate control with e-values", Journal of the Royal Statistical
   Society B 84(3), 2022.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analysis.arrays import Floats
from analysis.comparisons import require_option
from analysis.errors import InvalidOption


def adjust_p_values(p_values: ArrayLike, *, method: str = "holm") -> Floats:
    """Adjust p-values for their number; a NaN is no test, and stays.

    Parameters
    ----------
    p_values : array_like of shape (n,)
    method : {"holm", "benjamini-hochberg"}
        "holm" bounds the probability of even one false finding, under any dependence [1]_;
        "benjamini-hochberg" bounds the expected share of false ones among the findings, for independent
        tests [2]_.

    Returns
    -------
    ndarray of shape (n,)
        Compare with the level asked for.
    """
    require_option("method", method, ("holm", "benjamini-hochberg"))
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    if np.any((p[known] < 0) | (p[known] > 1)):
        raise InvalidOption("a p-value lies between 0 and 1")
    adjusted = np.full(p.shape, np.nan)
    order = known[np.argsort(p[known], kind="stable")]
    count = order.size
    place = np.arange(count)
    if method == "holm":
        raised = np.maximum.accumulate(p[order] * (count - place))
    else:
        raised = np.minimum.accumulate((p[order] * count / (place + 1))[::-1])[::-1]
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted


def adjust_e_values(e_values: ArrayLike) -> Floats:
    """Turn e-values to adjusted p-values of the e-BH procedure [3]_; a NaN is no test, and stays.

    The k largest of n are found at level alpha where the k-th is at least ``n / (k alpha)``; the expected
    share of false findings is then at most alpha, whatever the dependence.

    Returns
    -------
    ndarray of shape (n,)
        Compare with the level asked for.
    """
    e = np.asarray(e_values, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return adjust_p_values(np.minimum(1 / e, 1.0), method="benjamini-hochberg")

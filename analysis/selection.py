"""The best of many variants looks better than it is; and who is shown how often.

The largest of N estimates of equal variants with independent errors lies m_N standard errors above the
truth, m_N the expected maximum of N standard normals. Taking ``sigma m_N`` off the best is right in that
worst case and too much in every other; fresh votes for the chosen variant are better than any
correction [1]_.

References
----------
.. [1] S. Singh et al., "The leaderboard illusion", arXiv:2504.20879, 2025.
.. [2] H. A. David, H. N. Nagaraja, "Order Statistics", 3rd ed., Wiley, 2003, sec. 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.integrate import quad
from scipy.special import log_ndtr

from analysis.comparisons import Comparisons
from analysis.errors import InvalidComparisons, InvalidOption
from analysis.estimate import StrengthFit
from analysis.scale import to_points, to_rating

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class SelectedBest:
    """The best variant of a family.

    Attributes
    ----------
    family : str
    best : str
        Its strongest variant by estimate.
    tried : int
        How many variants were in the running, those withdrawn included.
    rating : float
        As the board shows it, in points.
    adjusted : float
        Less `correction`.
    correction : float
        ``sigma m_N``, in points.
    expected_maximum : float
        m_N.
    sigma : float
        Mean standard error of the family's variants on the board, in points.
    """

    family: str
    best: str
    tried: int
    rating: float
    adjusted: float
    correction: float
    expected_maximum: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Exposure:
    """How often a group of entrants is shown.

    Attributes
    ----------
    group : str
    entrants : int
    votes : float
        Votes on battles with one of them; a battle of two of the group counts twice.
    share : float
        Of all places in battles; all shares add up to one.
    even_share : float
        What it would be were every entrant shown alike.
    """

    group: str
    entrants: int
    votes: float
    share: float
    even_share: float


@lru_cache(maxsize=256)
def expected_maximum(n: int) -> float:
    """Expected largest of `n` independent standard normals, by quadrature [2]_; 2: .56, 5: 1.16, 10: 1.54."""
    if n < 1:
        raise InvalidOption(f"the largest of {n} is not a number")
    if n == 1:
        return 0.0

    def tails(x: float) -> float:
        # P(max > x) - P(max < -x), for E max = the integral over positive x.
        return float(-np.expm1(n * log_ndtr(x)) - np.exp(n * log_ndtr(-x)))

    reach = 10 + np.sqrt(2 * np.log(n))
    middle = float(np.sqrt(2 * np.log(n)))
    whole, _ = quad(tails, 0, reach, points=[middle] if middle > 0 else None, limit=200, epsabs=1e-12)
    return float(whole)


def selection_adjusted(
    fit: StrengthFit, families: Mapping[str, Sequence[str]], *, tried: Mapping[str, int] | None = None
) -> tuple[SelectedBest, ...]:
    """Give the best variant of each family with the advantage of having been chosen taken off.

    Parameters
    ----------
    fit : StrengthFit
    families : mapping of str to sequence of str
        Family to its variants. Variants without an estimate are counted as tried and not rated; families
        without any estimate are left out.
    tried : mapping of str to int, optional
        How many variants a family really had in the running, where more were tested than are on the board.

    Returns
    -------
    tuple of SelectedBest
        By adjusted rating, the best first.
    """
    found = []
    ratings = to_rating(fit.strengths)
    core = fit.core()
    for family, variants in families.items():
        if len(set(variants)) < len(variants):
            raise InvalidComparisons(f"a variant stands twice in {family!r}")
        number = (tried or {}).get(family, len(variants))
        if number < len(variants):
            raise InvalidOption(
                f"{family!r} has {len(variants)} variants, so {number} cannot have been tried"
            )
        at = np.array([fit.comparisons.index(name) for name in variants], dtype=np.int64)
        rated = at[core[at]] if at.size else at
        if not rated.size:
            continue
        best = int(rated[np.argmax(ratings[rated])])
        sigma = to_points(float(np.sqrt(fit.variance[rated]).mean()))
        m = expected_maximum(number)
        rating = float(ratings[best])
        found.append(
            SelectedBest(family, fit.labels[best], number, rating, rating - sigma * m, sigma * m, m, sigma)
        )
    return tuple(sorted(found, key=lambda row: (-row.adjusted, row.family)))


def exposure_shares(
    comparisons: Comparisons, groups: Mapping[str, str] | None = None
) -> tuple[Exposure, ...]:
    """Count how often each entrant, or each organisation, was shown.

    Parameters
    ----------
    comparisons : Comparisons
    groups : mapping of str to str, optional
        Entrant to organisation; entrants left out form a group of their own, named as they are.

    Returns
    -------
    tuple of Exposure
        The most shown first.
    """
    n = comparisons.n_entrants
    met = comparisons.counts.sum(axis=1)
    votes = np.bincount(comparisons.left, met, n) + np.bincount(comparisons.right, met, n)
    total = float(votes.sum())
    by_group: dict[str, list[int]] = {}
    for i, label in enumerate(comparisons.labels):
        by_group.setdefault((groups or {}).get(label, label), []).append(i)
    rows = [
        Exposure(
            group,
            len(members),
            float(votes[members].sum()),
            float(votes[members].sum()) / total if total else 0.0,
            len(members) / n,
        )
        for group, members in by_group.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.votes, row.group)))


def exposure_frame(rows: Sequence[Exposure]) -> pd.DataFrame:
    """Exposure as a table, with the ratio of a share to the even one."""
    import pandas as pd

    names = ("group", "entrants", "votes", "share", "even_share")
    table = pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})
    return table.assign(ratio=table["share"] / table["even_share"])

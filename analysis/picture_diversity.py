"""How much an entrant varies: how far apart its pictures of different prompts are, and of one prompt.

Distances are Euclidean between vectors scaled over the pictures of all entrants (`analysis.vectors`). An
entrant is compared with the mean of the entrants on the very prompts that it painted, so that what others
were asked or refused to paint changes nothing:

    relative(e) = sum over p != q of d_e(p, q)  /  sum over p != q of mean over f of d_f(p, q)
    genericness(e) = 1 - relative(e)

where d_e(p, q) is the mean distance between pictures of e of the prompts p and q, both sums run over the
prompts that e painted, and the mean over the entrants f that painted both. One that varies as much as the
mean has genericness 0, one that paints the same picture whatever it is told has 1; below 0 it varies more.

References
----------
.. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993, chapter 13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.arrays import Bools, Floats, Ints
from analysis.errors import InvalidOption
from analysis.vectors import distances, scaling_of

FEWEST_PROMPTS: Final = 10
"""With fewer prompts than these an entrant gets no number."""

DRAWS: Final = 1000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Diversity:
    """How an entrant varies beside the mean of the entrants; nothing where prompts are too few.

    Attributes
    ----------
    prompts : int
        That it painted.
    across : float or None
        Mean distance between its pictures of different prompts; two random pictures of the pool are about
        1.4 apart.
    genericness : Estimate or None
        One less its relative diversity across prompts.
    within : Estimate or None
        Its relative diversity between pictures of one prompt, over prompts it painted more than once.
    """

    prompts: int
    across: float | None
    genericness: Estimate | None
    within: Estimate | None


def diversity(
    vectors: Floats,
    entrant: Ints,
    prompt: Ints,
    *,
    parts: Sequence[slice],
    entrants: int,
    draws: int = DRAWS,
    level: float = 0.95,
    seed: int = 0,
) -> list[Diversity]:
    """Compare how much entrants vary, with percentile intervals of a bootstrap over prompts [1]_.

    Parameters
    ----------
    vectors : ndarray of shape (n_pictures, n_features)
    entrant, prompt : ndarray of shape (n_pictures,)
        Codes from zero, of who painted what.
    parts : sequence of slice
        Groups of columns that weigh the same.
    entrants : int
        How many there are; the answer has one row each.
    draws, seed : int
    level : float

    Raises
    ------
    InvalidOption
        The codes do not fit the vectors.
    """
    if not len(vectors) == len(entrant) == len(prompt):
        raise InvalidOption("there must be one entrant and one prompt a vector")
    if not len(vectors):
        return [Diversity(0, None, None, None)] * entrants
    scaled = scaling_of(vectors, parts)(vectors)
    prompts = int(prompt.max()) + 1
    apart = np.stack([_between(scaled[entrant == e], prompt[entrant == e], prompts) for e in range(entrants)])
    known = ~np.isnan(apart)
    pool = np.where(known, apart, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    rng = np.random.default_rng(seed)
    weights = np.vstack([np.ones(prompts), rng.multinomial(prompts, np.full(prompts, 1 / prompts), draws)])
    alone = int(known.any(axis=(1, 2)).sum()) < 2
    return [_row(apart[e], known[e], pool, weights, level, alone=alone) for e in range(entrants)]


def _between(vectors: Floats, prompt: Ints, prompts: int) -> Floats:
    """Mean distances between pictures of each two prompts of one entrant; NaN where there are none.

    On the diagonal stand those of different pictures of one prompt.
    """
    counts = np.bincount(prompt, minlength=prompts)
    member = (np.arange(prompts)[:, None] == prompt).astype(float)
    sums = member @ distances(vectors, vectors) @ member.T
    pairs = np.outer(counts, counts) - np.diag(counts)
    return np.where(pairs > 0, sums / np.maximum(pairs, 1), np.nan)


def _row(
    apart: Floats, known: Bools, pool: Floats, weights: Floats, level: float, *, alone: bool
) -> Diversity:
    painted = known.any(axis=1)
    across = known & ~np.eye(len(known), dtype=bool)
    own, mean = (np.where(across, matrix, 0) for matrix in (apart, pool))
    pairs = across.sum()
    enough = not alone and painted.sum() >= FEWEST_PROMPTS
    twice = np.diag(known)
    return Diversity(
        prompts=int(painted.sum()),
        across=float(own.sum() / pairs) if pairs and painted.sum() >= FEWEST_PROMPTS else None,
        genericness=_estimate(1 - _ratio(_quadratic(weights, own), _quadratic(weights, mean)), level)
        if enough
        else None,
        within=_estimate(
            _ratio(weights[:, twice] @ np.diag(apart)[twice], weights[:, twice] @ np.diag(pool)[twice]), level
        )
        if not alone and twice.sum() >= FEWEST_PROMPTS
        else None,
    )


def _quadratic(weights: Floats, matrix: Floats) -> Floats:
    """``w' M w`` of each row of weights."""
    values: Floats = np.einsum("dp,dp->d", weights @ matrix, weights)
    return values


def _ratio(first: Floats, second: Floats) -> Floats:
    """First over second; NaN where a draw has nothing to compare."""
    return np.divide(first, second, out=np.full_like(first, np.nan), where=second > 0)


def _estimate(values: Floats, level: float) -> Estimate | None:
    """The first value with the interval of the others; nothing where it is unknown."""
    if np.isnan(values[0]):
        return None
    low, high = np.nanquantile(values[1:], [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(values[0]), float(low), float(high))

"""Elo ratings, updated vote by vote; they depend on the order of the votes.

References
----------
.. [1] A. E. Elo, "The Rating of Chessplayers, Past and Present", Arco, 1978.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.comparisons import Comparisons
from analysis.errors import InvalidComparisons, InvalidOption

METHOD_VERSION: Final = "elo-1.0.0"


@dataclass(frozen=True, slots=True, eq=False)
class EloRun:
    """Ratings after the last vote.

    Attributes
    ----------
    labels : tuple of str
    ratings : ndarray of shape (n,)
        In points; NaN for an entrant without votes.
    votes : ndarray of shape (n,)
        Votes of each entrant.
    k, initial, scale : float
        Options in force.
    method, method_version : str
    order_dependent : bool
        Always true: the same votes in another order give other ratings. No interval is given, as none
        describes that.
    """

    labels: tuple[str, ...]
    ratings: Floats
    votes: Ints
    k: float
    initial: float
    scale: float
    method: str = "online elo (depends on the order of the votes)"
    method_version: str = METHOD_VERSION
    order_dependent: bool = True


def run_elo(
    comparisons: Comparisons,
    *,
    k: float = 4.0,
    initial: float = 1000.0,
    scale: float = 400.0,
    start: Mapping[str, float] | None = None,
) -> EloRun:
    """Update ratings vote by vote, in the order of the source [1]_.

    Parameters
    ----------
    comparisons : Comparisons
        Read with ``keep_votes=True``. Ties and both-bad votes score one half; a weight multiplies k.
    k : float
        Points that a certain loser wins by winning; 4 is customary where votes are many, 32 in chess.
    initial : float
        Rating before the first vote.
    scale : float
        Points for odds of ten to one.
    start : mapping of str to float, optional
        Ratings after earlier votes, by label, to go on from; `initial` for who is not in it.

    Raises
    ------
    InvalidComparisons
        The votes were not kept, so their order is unknown.
    InvalidOption
        `k` or `scale` is not positive, or `k` is so large that ratings run away.
    """
    votes = comparisons.votes
    if votes is None:
        raise InvalidComparisons("Elo needs the votes in their order: read them with keep_votes=True")
    if not (k > 0 and scale > 0 and math.isfinite(k) and math.isfinite(scale)):
        raise InvalidOption("k and scale must be positive numbers")
    nats = math.log(10) / scale
    # A win of the left adds gain * (1 - p), a tie gain * (1/2 - p): the first term is looked up.
    gain = k * nats
    first_term = np.array([gain, 0.0, gain / 2, gain / 2])[votes.outcome]
    begun = start or {}
    ratings = [(begun.get(label, initial) - initial) * nats for label in comparisons.labels]
    exp = math.exp
    try:
        if votes.weight is None:
            for a, b, term in zip(
                votes.left.tolist(), votes.right.tolist(), first_term.tolist(), strict=True
            ):
                at_a = ratings[a]
                at_b = ratings[b]
                change = term - gain / (1.0 + exp(at_b - at_a))
                ratings[a] = at_a + change
                ratings[b] = at_b - change
        else:
            for a, b, term, w in zip(
                votes.left.tolist(),
                votes.right.tolist(),
                first_term.tolist(),
                votes.weight.tolist(),
                strict=True,
            ):
                change = w * (term - gain / (1.0 + exp(ratings[b] - ratings[a])))
                ratings[a] += change
                ratings[b] -= change
    except OverflowError:
        raise InvalidOption(f"k = {k} is so large that the ratings run away") from None
    n = comparisons.n_entrants
    seen = np.bincount(votes.left, minlength=n) + np.bincount(votes.right, minlength=n)
    rated = (seen > 0) | np.array([label in begun for label in comparisons.labels], dtype=bool)
    points = np.where(rated, initial + np.array(ratings) / nats, np.nan)
    return EloRun(comparisons.labels, points, seen, k, initial, scale)


def rate_period(
    rating: float,
    opponents: Sequence[float],
    scores: Sequence[float],
    *,
    k: float = 32.0,
    scale: float = 400.0,
) -> float:
    """Give a player's rating after a tournament, all expectations taken from the ratings before it [1]_.

    Parameters
    ----------
    rating : float
    opponents : sequence of float
        Their ratings before.
    scores : sequence of float
        1, 1/2 or 0 against each.
    """
    expected = (1 / (1 + 10 ** ((other - rating) / scale)) for other in opponents)
    return rating + k * sum(score - share for score, share in zip(scores, expected, strict=True))

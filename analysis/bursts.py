"""Bursts: votes for or against one entrant that come together in time.

Raters are put in the order of their votes. The largest standardised push of one entrant by any run of
raters is compared with what the same raters give in random orders, which keeps every taste as it is: if
nothing came together in time, every order is as likely as the real one, so that the p-value is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.ballots import Ballots, with_tastes_of
from analysis.errors import InvalidOption

WIDTHS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Runs of raters that are looked at, as shares of all."""

SHUFFLES: Final = 499

OWN: Final = 2.33
"""A rater of the run belongs to the burst whose own push is so many standard deviations of the raters outside
it: one of a hundred."""

_BUDGET: Final = 400_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Burst:
    """The run of raters that pushes one entrant the most.

    Attributes
    ----------
    entrant : int
    upward : bool
    first, last : int
        Places of the run in ``order``, both included.
    order : ndarray of int
        Positions of the raters in ``ballots.codes``, by the middle of their votes.
    members : ndarray of int
        Raters of the run who push by themselves.
    push : float
        Of the whole run, in standard deviations.
    p_value : float
        For all entrants, runs and widths together.
    """

    entrant: int
    upward: bool
    first: int
    last: int
    order: Ints
    members: Ints
    push: float
    p_value: float


def find_burst(ballots: Ballots, moments: Floats, *, least_votes: int = 4, seed: int = 0) -> Burst | None:
    """Look for the largest burst; none where there are too few raters.

    Parameters
    ----------
    ballots : Ballots
    moments : ndarray of shape (n_votes,)
        When each vote of the ballots was cast, in seconds.
    least_votes : int
        Raters with fewer votes are left out.
    seed : int
        Of the random orders.
    """
    if moments.shape != ballots.place.shape:
        raise InvalidOption("moments must hold one value for each vote of the ballots")
    who = np.flatnonzero(ballots.sizes >= least_votes)
    if who.size < 20:
        return None
    middle = np.array([np.median(moments[ballots.of(rater)]) for rater in who.tolist()])
    order = who[np.argsort(middle, kind="stable")]
    pushed, spread = ballots.pushes()
    pushed, spread = pushed[order], spread[order]
    widths = sorted({max(3, round(share * order.size)) for share in WIDTHS})
    real, (width, first, entrant) = _largest(pushed, spread, widths)
    rng = np.random.default_rng(seed)
    shuffles = int(max(99, min(SHUFFLES, _BUDGET // (pushed.size * len(widths)))))
    reached = 0
    for _ in range(shuffles):
        shuffled = rng.permutation(order.size)
        reached += _largest(pushed[shuffled], spread[shuffled], widths)[0] >= real
    last = first + width - 1
    run = slice(first, last + 1)
    upward = bool(pushed[run, entrant].sum() > 0)
    others = np.ones(ballots.n_raters, dtype=np.bool_)
    others[order[run]] = False
    calm = with_tastes_of(ballots, others).pushes()[1][order]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.nan_to_num(pushed[run, entrant] / np.sqrt(calm[run, entrant]))
    members = np.sort(order[run][own >= OWN if upward else own <= -OWN])
    return Burst(entrant, upward, first, last, order, members, real, (reached + 1) / (shuffles + 1))


def _largest(pushed: Floats, spread: Floats, widths: list[int]) -> tuple[float, tuple[int, int, int]]:
    """The largest standardised sum over runs of raters: it, and (width, first rater, entrant)."""
    sums = np.vstack([np.zeros(pushed.shape[1]), np.cumsum(pushed, axis=0)])
    variances = np.vstack([np.zeros(pushed.shape[1]), np.cumsum(spread, axis=0)])
    best, where = 0.0, (widths[0], 0, 0)
    for width in widths:
        variance = np.maximum(variances[width:] - variances[:-width], 1e-12)
        push = np.abs(sums[width:] - sums[:-width]) / np.sqrt(variance)
        at = int(np.argmax(push))
        if push.flat[at] > best:
            first, entrant = divmod(at, pushed.shape[1])
            best, where = float(push.flat[at]), (width, first, entrant)
    return best, where

"""How few votes the order of two entrants hangs on.

Two numbers, and they are not the same: votes to *drop*, as if they had never been cast, and votes to
*change*, the same people saying something else. Votes of one pair with one outcome all weigh alike, so both
are found from counts. Votes are ordered by how much the gap between the two strengths leans on each [1]_,
the first of that order are taken away, and a refit decides whether the order has turned; the number is
bisected, and the ordering is done again at the fit without those votes, until that helps no more. A
number printed here is therefore a proof that so few are enough, not that fewer could not be.

References
----------
.. [1] J. Y. Huang, Y. Shen, D. Wei, T. Broderick, "Dropping just a handful of preferences can change top
   large language model rankings", arXiv:2508.11847, 2025.
.. [2] T. Broderick, R. Giordano, R. Meager, "An automatic finite-sample robustness metric: when can dropping
   a little data make a big difference?", arXiv:2011.14999, 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import expit

from analysis.arrays import Floats, Ints
from analysis.connections import connect
from analysis.errors import ConvergenceError, DisconnectedError, InvalidOption
from analysis.estimate import StrengthFit, generalised_inverse, within_components
from analysis.likelihood import BradleyTerry, climb
from analysis.pairs import Pairs

ROUNDS: Final = 4
"""How often the votes are ordered anew at most."""

TURNED: Final = 1e-9
"""The other entrant has to lead by so many nats."""

_SCORES: Final = np.array([1.0, 0.0, 0.5])


@dataclass(frozen=True, slots=True)
class VoteGroup:
    """Some of the votes of one pair with one answer.

    Attributes
    ----------
    first, second : str
    outcome : str
        "first" or "second" for who won, or "tie".
    votes : int
        How many of them are meant.
    """

    first: str
    second: str
    outcome: str
    votes: int


@dataclass(frozen=True, slots=True, eq=False)
class Fragility:
    """What it takes to turn the order of two entrants.

    Attributes
    ----------
    first, second : str
        The stronger and the weaker in the fit.
    gap : float
        Between them, in nats.
    votes : int
        Votes that the fit uses.
    drop : int or None
        So many votes dropped put `second` above `first`; None where no such number was found.
    dropped : tuple of VoteGroup
        Which ones, the most influential first.
    change : int or None
        So many votes changed do the same; None where it was not looked for, too.
    changed : tuple of VoteGroup
        Which ones, as they were cast; each is changed to a win for the side that helps `second`.
    """

    first: str
    second: str
    gap: float
    votes: int
    drop: int | None
    dropped: tuple[VoteGroup, ...]
    change: int | None
    changed: tuple[VoteGroup, ...]


def fragility(
    fit: StrengthFit, first: str | None = None, second: str | None = None, *, changes: bool = True
) -> Fragility:
    """Find how few votes, dropped or changed, turn the order of two entrants.

    Parameters
    ----------
    fit : StrengthFit
        A Bradley-Terry fit of unweighted votes.
    first, second : str, optional
        Two connected entrants, in any order; by default the two strongest.
    changes : bool
        Whether to look for votes to change, too.

    Returns
    -------
    Fragility

    Raises
    ------
    DisconnectedError
        The two are not connected by wins both ways, or fewer than two entrants are.
    InvalidOption
        The fit is of another model, or its votes are weighted.
    """
    _require_plain(fit)
    a, b = _two(fit, first, second)
    pairs = fit.pairs()
    outcomes = np.stack([pairs.wins, pairs.losses, pairs.ties])
    drop, dropped = _fewest(
        fit, pairs, a, b, outcomes, lambda now: _gain_of_dropping(pairs, now, a, b), _without
    )
    change, changed = None, np.zeros_like(outcomes)
    if changes:
        change, changed = _fewest(
            fit, pairs, a, b, outcomes, lambda now: _gain_of_changing(pairs, now, a, b), _changed
        )
    return Fragility(
        fit.labels[a],
        fit.labels[b],
        float(fit.strengths[a] - fit.strengths[b]),
        round(float(outcomes.sum())),
        drop,
        _groups(fit, pairs, dropped),
        change,
        _groups(fit, pairs, changed),
    )


def vote_influence(fit: StrengthFit, first: str, second: str) -> Floats:
    """How far the gap between two strengths would shrink if one vote were dropped.

    To first order, with the correction for leverage: ``(e_a - e_b)' H^+ x (y - p) / (1 - h)``, where
    ``h = p (1 - p) x' H^+ x`` is the share of its own fit that a vote decides [2]_.

    Returns
    -------
    ndarray of shape (3, n_pairs)
        In nats, for a win of the first, a win of the second and a tie of each pair of ``fit.pairs()``;
        negative where the gap would grow, zero for pairs that are not connected both ways.
    """
    _require_plain(fit)
    a, b = fit.comparisons.index(first), fit.comparisons.index(second)
    now = _Fitted(np.nan_to_num(fit.strengths), fit.pairs(), fit.component)
    return _gain_of_dropping(fit.pairs(), now, a, b)


class _Fitted:
    """Strengths of some votes, and the inverse information that goes with them."""

    def __init__(self, strengths: Floats, pairs: Pairs, component: Ints) -> None:
        self.inner = component[pairs.first] == component[pairs.second]
        met = pairs.wins + pairs.losses + pairs.ties
        self.p: Floats = expit(strengths[pairs.first] - strengths[pairs.second])
        self.curvature: Floats = self.p * (1 - self.p)
        self.inverse = generalised_inverse(pairs.laplacian(met * self.curvature * self.inner), component)


def _gain_of_dropping(pairs: Pairs, now: _Fitted, a: int, b: int) -> Floats:
    """Nats that the gap r_a - r_b loses with one vote of each pair and outcome; shape (3, n_pairs)."""
    inverse, first, second = now.inverse, pairs.first, pairs.second
    pull = (inverse[a, first] - inverse[a, second]) - (inverse[b, first] - inverse[b, second])
    leverage = now.curvature * (inverse[first, first] + inverse[second, second] - 2 * inverse[first, second])
    # A vote that decides its own fit altogether (leverage one) is a bridge: it counts as strong, not endless.
    kept = np.maximum(1 - leverage, 1e-3)
    return np.asarray(now.inner * pull * (_SCORES[:, None] - now.p) / kept, dtype=np.float64)


def _gain_of_changing(pairs: Pairs, now: _Fitted, a: int, b: int) -> Floats:
    """The same when the vote is turned to the winner that helps b most; shape (3, n_pairs)."""
    inverse, first, second = now.inverse, pairs.first, pairs.second
    pull = (inverse[a, first] - inverse[a, second]) - (inverse[b, first] - inverse[b, second])
    # With a pull upwards the second of the pair is to win (score 0), else the first.
    return np.asarray(now.inner * pull * (_SCORES[:, None] - (pull < 0)), dtype=np.float64)


def _without(outcomes: Floats, taken: Floats, _gain: Floats) -> Floats:
    """Outcomes when those taken are dropped."""
    return outcomes - taken


def _changed(outcomes: Floats, taken: Floats, gain: Floats) -> Floats:
    """Outcomes when those taken become wins of the helpful side: the one whose own votes gain nothing."""
    moved = outcomes - taken
    to_second = gain[0] > 0
    moved[1] += np.where(to_second, taken.sum(axis=0), 0)
    moved[0] += np.where(to_second, 0, taken.sum(axis=0))
    return moved


def _fewest(
    fit: StrengthFit,
    pairs: Pairs,
    a: int,
    b: int,
    outcomes: Floats,
    gain_at: Callable[[_Fitted], Floats],
    apply: Callable[[Floats, Floats, Floats], Floats],
) -> tuple[int | None, Floats]:
    """Bisect the number of votes, and order them anew at the fit found, as long as that saves votes."""
    strengths = np.nan_to_num(fit.strengths)
    now = _Fitted(strengths, pairs, fit.component)
    best: int | None = None
    chosen = np.zeros_like(outcomes)
    for _ in range(ROUNDS):
        gain = gain_at(now)
        order = np.argsort(-gain, axis=None, kind="stable")
        order = order[(gain.ravel()[order] > 0) & (outcomes.ravel()[order] > 0)]
        running = np.cumsum(outcomes.ravel()[order])

        def take(number: int, order: Ints = order, running: Floats = running) -> Floats:
            taken = np.zeros(outcomes.size)
            whole = int(np.searchsorted(running, number, side="right"))
            taken[order[:whole]] = outcomes.ravel()[order[:whole]]
            if whole < order.size:
                taken[order[whole]] = number - (running[whole - 1] if whole else 0)
            return taken.reshape(outcomes.shape)

        def turned(number: int, gain: Floats = gain, take: Callable[[int], Floats] = take) -> bool:
            return _is_above(_replaced(pairs, apply(outcomes, take(number), gain)), b, a, strengths)

        everything = int(running[-1]) if running.size else 0
        ceiling = everything if best is None else best - 1
        if ceiling < 1 or not turned(min(ceiling, everything)):
            if best is not None or ceiling < 1:
                break
            # Dropping all that helps leaves too little; fewer may still turn the order.
            ceiling = _first_turn(turned, everything)
            if not ceiling:
                break
        low, high = 0, min(ceiling, everything)
        guess = _predicted(gain, order, outcomes, float(strengths[a] - strengths[b]))
        while high - low > 1:
            middle = guess if low < guess < high else (low + high) // 2
            guess = 0
            if turned(middle):
                high = middle
            else:
                low = middle
        best, chosen = high, take(high)
        after = _replaced(pairs, apply(outcomes, chosen, gain))
        connectivity = connect(after)
        if connectivity.component[a] != connectivity.component[b]:
            break
        # Half-way between the two fits the straight line is nearest to the curve.
        middle_strengths = (strengths + _refit(after, strengths)) / 2
        now = _Fitted(middle_strengths, pairs, fit.component)
    return best, chosen


def _predicted(gain: Floats, order: Ints, outcomes: Floats, gap: float) -> int:
    """How many votes the straight line says; where to begin the bisection."""
    counts = outcomes.ravel()[order]
    each = gain.ravel()[order]
    closed = np.cumsum(counts * each)
    whole = int(np.searchsorted(closed, gap))
    if whole >= order.size:
        return 0
    before = float(closed[whole - 1]) if whole else 0.0
    return int(counts[:whole].sum() + np.ceil((gap - before) / each[whole]))


def _first_turn(turned: Callable[[int], bool], everything: int) -> int:
    """Some number that turns the order, tried by thirds more; 0 where none of them does."""
    number = 1
    while number < everything:
        if turned(number):
            return number
        number += max(1, number // 3)
    return 0


def _replaced(pairs: Pairs, outcomes: Floats) -> Pairs:
    return replace(pairs, wins=outcomes[0], losses=outcomes[1], ties=outcomes[2])


def _is_above(pairs: Pairs, upper: int, lower: int, start: Floats) -> bool:
    """Whether the votes put one entrant above another: by estimate, or by a chain of wins one way."""
    connectivity = connect(pairs)
    high, low = int(connectivity.component[upper]), int(connectivity.component[lower])
    if high != low:
        return bool(connectivity.above()[high, low])
    r = _refit(pairs, start)
    return bool(r[upper] - r[lower] > TURNED)


def _refit(pairs: Pairs, start: Floats) -> Floats:
    """Bradley-Terry strengths of every component, its first entrant held; shape (n,), in nats."""
    connectivity = connect(pairs)
    anchors = np.unique(connectivity.component, return_index=True)[1]
    free = np.setdiff1d(np.arange(pairs.n), anchors)
    inner = within_components(pairs, connectivity)
    try:
        return climb(BradleyTerry(), inner, start, free).strengths
    except ConvergenceError:
        return climb(BradleyTerry(), inner, np.zeros(pairs.n), free).strengths


def _groups(fit: StrengthFit, pairs: Pairs, taken: Floats) -> tuple[VoteGroup, ...]:
    """Name the votes taken, the largest groups first."""
    order = np.argsort(-taken, axis=None, kind="stable")
    words = ("first", "second", "tie")
    found = []
    for i in order[: np.count_nonzero(taken)].tolist():
        kind, at = divmod(i, taken.shape[1])
        first, second = fit.labels[pairs.first[at]], fit.labels[pairs.second[at]]
        found.append(VoteGroup(first, second, words[kind], round(float(taken[kind, at]))))
    return tuple(found)


def _two(fit: StrengthFit, first: str | None, second: str | None) -> tuple[int, int]:
    """Positions of the stronger and the weaker."""
    if (first is None) != (second is None):
        raise InvalidOption("name both entrants or neither")
    if first is None or second is None:
        core = np.flatnonzero(fit.core())
        if core.size < 2:
            raise DisconnectedError("fewer than two entrants are connected by wins both ways")
        a, b = core[np.argsort(-fit.strengths[core], kind="stable")[:2]].tolist()
    else:
        a, b = fit.comparisons.index(first), fit.comparisons.index(second)
        if a == b:
            raise InvalidOption("name two different entrants")
        if fit.component[a] != fit.component[b]:
            raise DisconnectedError(
                f"{first} and {second} are not connected by wins both ways", [[first], [second]]
            )
    return (a, b) if fit.strengths[a] >= fit.strengths[b] else (b, a)


def _require_plain(fit: StrengthFit) -> None:
    if fit.model.has_eta or fit.method != "bradley-terry":
        raise InvalidOption("fragility is computed for Bradley-Terry fits")
    if fit.comparisons.weights is not fit.comparisons.counts:
        raise InvalidOption("fragility is computed for unweighted votes")

"""The vote bootstrap, exactly, from counts.

Drawing votes with replacement and counting them is drawing the counts of all (pair, outcome) cells from one
multinomial distribution; the votes themselves are not needed [1]_. Ties are resampled as ties and made half
wins afterwards: resampling a table that already holds half wins is wrong, and too wide.

References
----------
.. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import expit

from analysis.arrays import Bools, Floats
from analysis.bradley_terry import BradleyTerryFit
from analysis.connectivity import connect
from analysis.errors import ConvergenceError, InvalidOption
from analysis.estimate import generalised_inverse, within_components
from analysis.likelihood import climb
from analysis.pairs import Pairs

BLOCK_CELLS: Final = 2_000_000
"""Draws are made in blocks of so many cells, to keep memory small."""


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Strengths of resampled votes.

    Attributes
    ----------
    strengths : ndarray of shape (draws, n)
        In nats, centred as in the fit; infinite where an entrant is undefeated or winless in the draw, NaN
        outside the core of the fit and where a draw says nothing of the entrant.
    labels : tuple of str
    seed : int
    n_separated : int
        Draws in which somebody fell out of the core.
    target : str
        What it is about.
    """

    strengths: Floats
    labels: tuple[str, ...]
    seed: int
    n_separated: int
    target: str

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Percentile bounds in nats, each of shape (n,); infinite at an open end."""
        tail = (1 - level) / 2
        low = np.quantile(self.strengths, tail, axis=0, method="inverted_cdf")
        high = np.quantile(self.strengths, 1 - tail, axis=0, method="inverted_cdf")
        return low, high


def bootstrap(fit: BradleyTerryFit, *, draws: int = 1000, seed: int = 0) -> Bootstrap:
    """Refit resampled votes.

    Parameters
    ----------
    fit : BradleyTerryFit
        Its votes must be unweighted.
    draws : int
    seed : int

    Raises
    ------
    InvalidOption
        Votes are weighted, or `draws` is not positive.
    ConvergenceError
    """
    if fit.comparisons.weights is not fit.comparisons.counts:
        raise InvalidOption("the bootstrap from counts is for unweighted votes")
    if draws < 1:
        raise InvalidOption("draws must be positive")
    core = fit.core()
    every = fit.pairs()
    inner = within_components(every, fit.connectivity)
    pairs = inner.only(core[inner.first])
    outcomes = np.stack([pairs.wins, pairs.losses, pairs.ties]).ravel()
    cells = np.flatnonzero(outcomes)
    strengths = np.full((draws, len(fit.labels)), np.nan)
    separated = 0
    if cells.size:
        # Votes outside the core are one cell more: how many votes the core gets varies too.
        total = fit.n_votes
        votes = np.append(outcomes[cells], total - outcomes[cells].sum())
        rng = np.random.default_rng(seed)
        inverse = generalised_inverse(fit.information(), fit.component)[np.ix_(core, core)]
        block = max(1, BLOCK_CELLS // outcomes.size)
        for begin in range(0, draws, block):
            size = min(block, draws - begin)
            counts = np.zeros((size, outcomes.size))
            counts[:, cells] = rng.multinomial(total, votes / votes.sum(), size=size)[:, :-1]
            part, fallen = _refit(fit, pairs, core, inverse, counts.reshape(size, 3, -1))
            strengths[begin : begin + size] = part
            separated += fallen
    return Bootstrap(strengths, fit.labels, seed, separated, fit.target)


def _refit(
    fit: BradleyTerryFit, pairs: Pairs, core: Bools, inverse: Floats, counts: Floats
) -> tuple[Floats, int]:
    """Fit a block of draws together with the information of the fit; finish stragglers one by one."""
    members = np.flatnonzero(core)
    place = np.cumsum(core) - 1
    first, second = place[pairs.first], place[pairs.second]
    wins = counts[:, 0] + counts[:, 2] / 2
    met = counts.sum(axis=1)
    losses = met - wins
    base_wins, base_losses = pairs.half_wins()
    # A draw in which every pair keeps its wins and losses is connected, as the fit is.
    whole = ~np.any((wins == 0) & (base_wins > 0), axis=1) & ~np.any(
        (losses == 0) & (base_losses > 0), axis=1
    )
    # Rows of `spread` turn pair residuals to strength steps in one product.
    spread = (inverse[first] - inverse[second]).astype(np.float64)
    start = fit.strengths[core]
    r = np.tile(start, (len(counts), 1))
    change = np.full(len(counts), np.inf)
    moving = np.arange(len(counts))
    for _ in range(12):
        x = r[np.ix_(moving, first)] if moving.size < len(counts) else r[:, first]
        x = x - (r[np.ix_(moving, second)] if moving.size < len(counts) else r[:, second])
        step = (wins[moving] - met[moving] * expit(x)) @ spread
        r[moving] += step
        change[moving] = np.abs(step).max(axis=1)
        moving = moving[(change[moving] > 1e-6) & (change[moving] < 5)]
        if not moving.size:
            break
    found = np.full((len(counts), core.size), np.nan)
    found[:, members] = r
    fallen = 0
    for i in np.flatnonzero(~whole | ~(change <= 1e-6)).tolist():
        drawn = replace(pairs, wins=counts[i, 0], losses=counts[i, 1], ties=counts[i, 2])
        found[i], complete = _refit_one(fit, drawn, core)
        fallen += not complete
    return found, fallen


def _refit_one(fit: BradleyTerryFit, drawn: Pairs, core: Bools) -> tuple[Floats, bool]:
    """Fit one draw by Newton's method, where it is connected, and say whether it is."""
    connectivity = connect(drawn)
    found = np.full(core.size, np.nan)
    center = connectivity.core[0]
    if center < 0:
        return found, False
    inside = connectivity.component == center
    anchor = int(np.flatnonzero(inside)[0])
    free = np.flatnonzero(inside)[1:]
    begin = np.where(inside, np.nan_to_num(fit.strengths), 0.0)
    begin -= begin[anchor]
    kept = within_components(drawn, connectivity)
    kept = kept.only(inside[kept.first])
    try:
        r = climb(fit.model, kept, begin, free).strengths
    except ConvergenceError:
        return found, False
    found[inside] = r[inside] - r[inside].mean() + fit.strengths[inside].mean()
    reach = connectivity.above()
    for i in np.flatnonzero(core & ~inside).tolist():
        c = connectivity.component[i]
        if reach[c, center]:
            found[i] = np.inf
        elif reach[center, c]:
            found[i] = -np.inf
    return found, bool(inside[core].all())

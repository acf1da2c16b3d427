"""The vote bootstrap, exactly, from counts.

Drawing votes with replacement and counting them is drawing the counts of all (pair, outcome) cells from one
multinomial distribution; the votes themselves are not needed [1]_. Ties are resampled as ties and made half
wins afterwards: resampling a table that already holds half wins is wrong, and too wide.

References
----------
.. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993.
.. [2] L. Devroye, "Non-Uniform Random Variate Generation", Springer, 1986, chapters III.2 and XI.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit, pdtr

from analysis.arrays import Bools, Floats
from analysis.bradley_terry import BradleyTerryFit
from analysis.connections import connect
from analysis.errors import ConvergenceError, InvalidOption
from analysis.estimate import generalised_inverse, within_components
from analysis.likelihood import climb
from analysis.pairs import Pairs

BLOCK_CELLS: Final = 2_000_000
"""Draws are made in blocks of so many cells, to keep memory small."""

MISSING: Final = 7.0
"""The Poisson total aims so many standard deviations below the number of votes."""

TABLED: Final = 20
"""Tables are shared where there are so many times more cells than different counts."""

GUIDE: Final = 4096
"""Steps of a table."""


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
        raise InvalidOption(
            "the bootstrap from counts is for unweighted votes; for weighted ones take the sandwich interval,"
            " which is right for them, or resample votes and fit each sample"
        )
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
        source = Resampling(votes, rng)
        block = max(1, BLOCK_CELLS // outcomes.size)
        for begin in range(0, draws, block):
            size = min(block, draws - begin)
            counts = np.zeros((outcomes.size, size))
            counts[cells] = source.draw(size)[:-1]
            part, fallen = _refit(fit, pairs, core, inverse, counts.reshape(3, -1, size))
            strengths[begin : begin + size] = part
            separated += fallen
    return Bootstrap(strengths, fit.labels, seed, separated, fit.target)


class Resampling:
    """Multinomial draws of votes over cells, where there are many cells by shared tables.

    Independent Poisson counts given their sum are multinomial [2]_. So Poisson counts with a total a little
    below the number of votes are drawn, and the few missing votes are added one by one: together exactly
    multinomial. Cells with equal votes share an inverted distribution function.
    """

    def __init__(self, votes: Floats, rng: np.random.Generator) -> None:
        self.rng = rng
        self.total = round(float(votes.sum()))
        self.share = votes / votes.sum()
        self.least = 1 - MISSING / np.sqrt(max(self.total, 1))
        levels, at = np.unique(votes, return_inverse=True)
        self.tabled = self.total > 10_000 and votes.size > TABLED * levels.size
        if self.tabled:
            order = np.argsort(at, kind="stable")
            self.groups = np.split(order, np.cumsum(np.bincount(at))[:-1])
            self.tables = [_Inverted(self.least * level) if level < 1000 else None for level in levels]
            self.means = self.least * levels
            self.owner = np.repeat(np.arange(votes.size, dtype=np.int32), np.rint(votes).astype(np.int64))

    def draw(self, size: int) -> Floats:
        """Draw `size` times; shape (n_cells, size)."""
        if not self.tabled:
            return self.rng.multinomial(self.total, self.share, size=size).T.astype(np.float64)
        found = np.empty((self.share.size, size))
        for cells, table, mean in zip(self.groups, self.tables, self.means.tolist(), strict=True):
            shape = (len(cells), size)
            found[cells] = self.rng.poisson(mean, shape) if table is None else table.draw(self.rng, shape)
        missing = self.total - found.sum(axis=0)
        for i in np.flatnonzero(missing < 0).tolist():  # one draw in a thousand million
            found[:, i] = self.rng.multinomial(self.total, self.share)
        missing = np.maximum(missing, 0).astype(np.int64)
        added = self.owner[self.rng.integers(self.total, size=int(missing.sum()))].astype(np.int64)
        added = added * size + np.repeat(np.arange(size), missing)
        found += np.bincount(added, minlength=found.size).reshape(found.shape)
        return found


class _Inverted:
    """A Poisson distribution function, inverted by a table of its steps."""

    def __init__(self, mean: float) -> None:
        values = np.arange(int(mean + 12 * np.sqrt(mean) + 40))
        self.steps = pdtr(values, mean)
        edges = np.arange(GUIDE + 1) / GUIDE
        self.low = np.searchsorted(self.steps, edges[:-1], side="right")
        self.sure = self.low == np.searchsorted(self.steps, edges[1:], side="left")

    def draw(self, rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
        u = rng.random(shape[0] * shape[1])
        slot = (u * GUIDE).astype(np.int32)
        found = self.low.take(slot)
        search = np.flatnonzero(~self.sure.take(slot))
        found[search] = np.searchsorted(self.steps, u[search], side="right")
        return found.reshape(shape).astype(np.float64)


def _refit(
    fit: BradleyTerryFit, pairs: Pairs, core: Bools, inverse: Floats, counts: Floats
) -> tuple[Floats, int]:
    """Fit a block of draws together with the information of the fit; finish stragglers one by one.

    `counts` holds wins, losses and ties of the pairs; shape (3, n_pairs, draws).
    """
    members = np.flatnonzero(core)
    place = np.cumsum(core) - 1
    first, second = place[pairs.first], place[pairs.second]
    wins = counts[0] + counts[2] / 2
    met = counts.sum(axis=0)
    losses = met - wins
    base_wins, base_losses = pairs.half_wins()
    # A draw in which every pair keeps its wins and losses is connected, as the fit is.
    whole = ~np.any(wins[base_wins > 0] == 0, axis=0) & ~np.any(losses[base_losses > 0] == 0, axis=0)
    ends = (np.concatenate([first, second]), np.tile(np.arange(first.size), 2))
    signs = np.repeat([1.0, -1.0], first.size)
    total = csr_array((signs, ends), shape=(members.size, first.size))
    start = fit.strengths[core]
    # The first step starts where all draws do: there are few probabilities to compute.
    same = expit(start[first] - start[second])
    step = inverse @ (total @ (wins - met * same[:, None]))
    r = start[:, None] + step
    change = np.abs(step).max(axis=0)
    moving = np.flatnonzero(change < 5)
    for _ in range(11):
        if not moving.size:
            break
        of = slice(None) if moving.size == change.size else moving
        at = r[:, of]
        expected = at[second]
        expected -= at[first]
        with np.errstate(over="ignore"):
            np.exp(expected, out=expected)
        expected += 1
        np.divide(met[:, of], expected, out=expected)
        step = inverse @ (total @ (wins[:, of] - expected))
        r[:, of] += step
        change[of] = np.abs(step).max(axis=0)
        moving = moving[(change[moving] > 1e-6) & (change[moving] < 5)]
    found = np.full((change.size, core.size), np.nan)
    found[:, members] = r.T
    fallen = 0
    for i in np.flatnonzero(~whole | ~(change <= 1e-6)).tolist():
        drawn = replace(pairs, wins=counts[0, :, i], losses=counts[1, :, i], ties=counts[2, :, i])
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

"""The table people read: ratings, intervals, ranks, counts, and what has to be said about them.

Ratings are on the scale of 400 / ln 10 points a nat with the core's mean at 1000. What is printed where
there is no full estimate:

======================================  ======  ==========  =========  ===================================
entrant                                 rating  low, high   rank       remark
======================================  ======  ==========  =========  ===================================
connected, not `few_votes`              yes     Wald        yes        bounds from the fit's covariance
connected, few votes, wins or losses    yes     profile     yes        provisional
identified by no contrast of votes      null    null, null  null       provisional (fits with covariates)
undefeated, or in a group that is       null    low, null   win order  provisional
winless, or in a group that is          null    null, high  win order  provisional
met only separated entrants             null    null, null  win order  provisional; null if undecided
on another island, connected there      yes     as above    null       provisional; centred on its island
on another island, separated there      null    as above    null       provisional; relative to its island
met nobody                              null    null, null  null       provisional
======================================  ======  ==========  =========  ===================================

The main island is the one with most entrants, then most votes. Ratings of two islands cannot be compared,
though each is centred on 1000: `LeaderboardRow.island` tells them apart, and a warning says so.

A profile interval takes every vote as independent; where the fit is clustered it is widened to hold the Wald
interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from analysis.arrays import Floats
from analysis.board_bounds import row_bounds
from analysis.board_remarks import board_warnings, reason_of
from analysis.cluster_resampling import ClusterBootstrap
from analysis.comparisons import BOTH_BAD, LEFT, RIGHT, TIE, Comparisons
from analysis.connections import Standing
from analysis.errors import InvalidOption
from analysis.estimate import StrengthFit
from analysis.intervals import wilson_interval
from analysis.profile import few_votes
from analysis.ranks import RANK_DRAWS, point_ranks, rank_intervals
from analysis.resampling import Bootstrap
from analysis.scale import to_rating

if TYPE_CHECKING:
    import pandas as pd


_SHELF: Final = {
    Standing.ABOVE: 0,
    Standing.CORE: 1,
    Standing.BELOW: 2,
    Standing.APART: 3,
    Standing.UNMET: 4,
}


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """One entrant.

    Attributes
    ----------
    entrant : str
    rating, low, high : float or None
        Points; None at an open end and where nothing is known.
    rank, rank_low, rank_high : int or None
        By estimate; best and worst rank left open by the votes, for the whole board at once.
    votes : int
        All votes on battles of this entrant, ties and both-bad votes included.
    wins, losses, ties, both_bad : int
        They add up to `votes`.
    win_rate : float or None
        Wins and half of the ties and both-bad votes, divided by the votes.
    both_bad_rate, both_bad_low, both_bad_high : float or None
        Share of both-bad votes, with Wilson's interval.
    provisional : bool
    reason : str or None
        Why it is provisional.
    island : int
        0 the main one.
    interval : str or None
        Kind of interval: "wald", "profile", "bootstrap", "cluster bootstrap-t".
    """

    entrant: str
    rating: float | None
    low: float | None
    high: float | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    votes: int
    wins: int
    losses: int
    ties: int
    both_bad: int
    win_rate: float | None
    both_bad_rate: float | None
    both_bad_low: float | None
    both_bad_high: float | None
    provisional: bool
    reason: str | None
    island: int
    interval: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Leaderboard:
    """Rows, best first, and how they were got.

    Attributes
    ----------
    rows : tuple of LeaderboardRow
        The main island first: those above the core, the core by rating, those below; entrants who met
        nobody last.
    warnings : tuple of str
        Sentences for people.
    method, method_version, covariance_method : str
    target : str
        What the intervals are about.
    votes : int
    dropped : mapping of str to int
        Votes left out by an option, by outcome.
    options : mapping of str to str
    level : float
    seed : int
    """

    rows: tuple[LeaderboardRow, ...]
    warnings: tuple[str, ...]
    method: str
    method_version: str
    covariance_method: str
    target: str
    votes: int
    dropped: Mapping[str, int]
    options: Mapping[str, str]
    level: float
    seed: int

    def frame(self) -> pd.DataFrame:
        """One row an entrant, columns named as in `LeaderboardRow`; missing numbers are missing."""
        import pandas as pd

        names = [field.name for field in fields(LeaderboardRow)]
        table = pd.DataFrame([asdict(row) for row in self.rows], columns=names)
        whole = dict.fromkeys(("rank", "rank_low", "rank_high"), "Int64")
        real = ("rating", "low", "high", "win_rate", "both_bad_rate", "both_bad_low", "both_bad_high")
        return table.astype({**whole, **dict.fromkeys(real, "float64")})

    def as_dict(self) -> dict[str, Any]:
        """Plain lists, numbers, strings and None, ready for JSON."""
        return {
            "method": self.method,
            "method_version": self.method_version,
            "intervals": self.covariance_method,
            "target": self.target,
            "options": dict(self.options),
            "level": self.level,
            "seed": self.seed,
            "votes": self.votes,
            "dropped": dict(self.dropped),
            "rows": [asdict(row) for row in self.rows],
            "warnings": list(self.warnings),
        }


def leaderboard(
    fit: StrengthFit,
    *,
    level: float = 0.95,
    seed: int = 0,
    draws: int = RANK_DRAWS,
    ranks: bool = True,
    resampled: Bootstrap | ClusterBootstrap | None = None,
) -> Leaderboard:
    """Make the table of a fit; the module's docstring says what is printed for whom.

    Parameters
    ----------
    fit : StrengthFit
        Of `fit_bradley_terry`, `fit_davidson`, `fit_rao_kupper`, `fit_contextual` or `fit_judges`, clustered
        or not.
    level : float
        Of each interval, and of all rank intervals at once.
    seed, draws : int
        For the rank intervals.
    ranks : bool
        Whether to compute rank intervals; without, ranks by estimate are still given.
    resampled : Bootstrap or ClusterBootstrap, optional
        Of this fit: its bounds take the place of Wald's.
    """
    if resampled is not None and resampled.labels != fit.labels:
        raise InvalidOption("the bootstrap is of other entrants")
    standings = fit.connectivity.standings()
    outcomes = outcome_counts(fit.comparisons)
    few = few_votes(fit)
    low, high, kinds = row_bounds(fit, standings, few, level, resampled)
    blank = np.full(len(standings), np.nan)
    order = (point_ranks(fit), blank, blank)
    if ranks:
        found = rank_intervals(fit, level=level, seed=seed, draws=draws)
        order = (found.rank, found.low, found.high)
    core = np.array([standing is Standing.CORE for standing in standings], dtype=np.bool_)
    rating = to_rating(np.where(core, fit.strengths, np.nan))
    rows = []
    for i, standing in enumerate(standings):
        bounds = (float(low[i]), float(high[i]))
        places = (float(order[0][i]), float(order[1][i]), float(order[2][i]))
        rows.append(
            _row(
                fit, i, float(rating[i]), bounds, places, standing, bool(few[i]), outcomes[i], level, kinds[i]
            )
        )
    keys = [
        (
            standing is Standing.UNMET,
            0 if standing is Standing.UNMET else row.island,
            _SHELF[standing],
            -(row.rating or 0.0),
            component,
            -_or(row.low, row.high),
            row.entrant,
        )
        for row, standing, component in zip(rows, standings, fit.component.tolist(), strict=True)
    ]
    ordered = tuple(rows[i] for i in sorted(range(len(rows)), key=keys.__getitem__))
    totals = fit.comparisons.counts.sum(axis=0)
    dropped = {
        "tie": int(totals[TIE]) if fit.ties == "drop" else 0,
        "both_bad": int(totals[BOTH_BAD]) if "drop" in (fit.ties, fit.both_bad) else 0,
    }
    return Leaderboard(
        rows=ordered,
        warnings=board_warnings(fit, standings),
        method=fit.method,
        method_version=fit.method_version,
        covariance_method=fit.covariance_method,
        target=fit.target,
        votes=fit.n_votes,
        dropped=dropped,
        options={"ties": fit.ties, "both_bad": fit.both_bad, "solver": fit.solver},
        level=level,
        seed=seed,
    )


def outcome_counts(comparisons: Comparisons) -> Floats:
    """Wins, losses, ties and both-bad votes of each entrant; shape (n, 4)."""
    n = comparisons.n_entrants
    counts = comparisons.counts

    def total(left: int, right: int) -> Floats:
        return np.asarray(
            np.bincount(comparisons.left, counts[:, left], n)
            + np.bincount(comparisons.right, counts[:, right], n),
            dtype=np.float64,
        )

    return np.column_stack(
        [total(LEFT, RIGHT), total(RIGHT, LEFT), total(TIE, TIE), total(BOTH_BAD, BOTH_BAD)]
    )


def _row(
    fit: StrengthFit,
    i: int,
    rating: float,
    bounds: tuple[float, float],
    places: tuple[float, float, float],
    standing: Standing,
    few: bool,
    outcomes: Floats,
    level: float,
    kind: str | None,
) -> LeaderboardRow:
    """Dress one entrant."""
    wins, losses, ties, both_bad = (round(float(count)) for count in outcomes)
    votes = wins + losses + ties + both_bad
    reason = reason_of(fit, i, standing, few, votes)
    bad_low, bad_high = wilson_interval(both_bad, votes, level=level)
    return LeaderboardRow(
        entrant=fit.labels[i],
        rating=_known(rating),
        low=_known(bounds[0]),
        high=_known(bounds[1]),
        rank=_whole(places[0]),
        rank_low=_whole(places[1]),
        rank_high=_whole(places[2]),
        votes=votes,
        wins=wins,
        losses=losses,
        ties=ties,
        both_bad=both_bad,
        win_rate=(wins + (ties + both_bad) / 2) / votes if votes else None,
        both_bad_rate=both_bad / votes if votes else None,
        both_bad_low=_known(bad_low),
        both_bad_high=_known(bad_high),
        provisional=reason is not None,
        reason=reason,
        island=int(fit.island[i]),
        interval=kind,
    )


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _whole(value: float) -> int | None:
    return round(float(value)) if math.isfinite(value) else None


def _or(low: float | None, high: float | None) -> float:
    """One number to sort separated entrants by."""
    return low if low is not None else high if high is not None else -math.inf

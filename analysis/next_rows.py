"""What a row of a board says about the next: how far below it is, and what it takes to tell the two apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from analysis.boards import Leaderboard
from analysis.bradley_terry import BradleyTerryFit
from analysis.errors import ConvergenceError, DisconnectedError, InvalidOption
from analysis.estimate import StrengthFit
from analysis.intervals import Difference, difference
from analysis.planning import votes_still_needed
from analysis.ranks import rank_intervals
from analysis.scale import POINTS_PER_NAT
from analysis.vote_fragility import fragility

MOST_FRAGILE: Final = 8


@dataclass(frozen=True, slots=True)
class Gap:
    """A rating less another's, in points, with the interval of the difference; None where open."""

    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row of a board beside the next one, and beside an entrant of interest.

    Attributes
    ----------
    entrant : str
    gap : Gap
        To the next row.
    separated : bool or None
        Whether this row is surely above the next, with all rows judged at once; None for the last row and
        where there is no covariance.
    votes_needed : int or None
        Further votes on the pair with the next row that would separate the two, if today's gap is the true
        one; 0 where a vote on this pair alone would do already, None where unknown or beyond reason.
    votes_to_drop : int or None
        So few votes, left out, turn the order of the two; None where not looked for (`most_fragile`) or not
        found.
    house_gap : Gap
        To the entrant of interest; all None for that entrant itself.
    """

    entrant: str
    gap: Gap
    separated: bool | None
    votes_needed: int | None
    votes_to_drop: int | None
    house_gap: Gap


NO_GAP = Gap(None, None, None)


def neighbours(
    fit: StrengthFit, board: Leaderboard, *, house: str | None = None, most_fragile: int = MOST_FRAGILE
) -> tuple[Neighbour, ...]:
    """Set every row of a board against the next.

    Parameters
    ----------
    fit : StrengthFit
        What the board was made of.
    board : Leaderboard
    house : str, optional
        The entrant of interest.
    most_fragile : int
        For how many rows to look for `Neighbour.votes_to_drop`, which takes refits: those at the entrant of
        interest, then from the top. Only done for Bradley-Terry.
    """
    surely = rank_intervals(fit, level=board.level, seed=board.seed).surely_above
    names = [row.entrant for row in board.rows]
    looked_at = _most_telling(names, house)[:most_fragile]
    told = []
    for name, below in zip(names, [*names[1:], None], strict=True):
        separated, needed, drop = None, None, None
        if below is not None:
            if surely.size:
                separated = bool(surely[fit.comparisons.index(name), fit.comparisons.index(below)])
            needed = _needed(fit, name, below, board.level)
            drop = _drop(fit, name, below) if name in looked_at else None
        told.append(
            Neighbour(
                name,
                _gap(fit, name, below, board.level),
                separated,
                needed,
                drop,
                _gap(fit, name, house if house != name else None, board.level),
            )
        )
    return tuple(told)


def _most_telling(names: list[str], house: str | None) -> list[str]:
    """The rows around the entrant of interest, then the others from the top."""
    at = names.index(house) if house in names else 0
    first = names[max(0, at - 1) : at + 1]
    return [*first, *(name for name in names if name not in first)]


def _gap(fit: StrengthFit, name: str, other: str | None, level: float) -> Gap:
    found = _difference(fit, name, other, level)
    if found is None:
        return NO_GAP
    values = (found.estimate, found.low, found.high)
    return Gap(*(value * POINTS_PER_NAT if math.isfinite(value) else None for value in values))


def _difference(fit: StrengthFit, name: str, other: str | None, level: float) -> Difference | None:
    if other is None or fit.covariance is None:
        return None
    try:
        return difference(fit, name, other, level=level)
    except DisconnectedError:
        return None


def _needed(fit: StrengthFit, name: str, below: str, level: float) -> int | None:
    if fit.covariance is None:
        return None
    try:
        return votes_still_needed(fit, name, below, level=level).votes
    except DisconnectedError:
        return None


def _drop(fit: StrengthFit, name: str, below: str) -> int | None:
    if not isinstance(fit, BradleyTerryFit):
        return None
    try:
        return fragility(fit, name, below, changes=False).drop
    except (DisconnectedError, ConvergenceError, InvalidOption):
        return None

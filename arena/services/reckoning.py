"""What a campaign will take: the calculator beside its form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from analysis.planning import expected_half_width, total_votes
from analysis.stopping import Aim, planned_votes
from arena.errors import Invalid
from arena.queries.campaigns import pace, tie_share

USUAL_TIES: Final = 0.2
"""Share of votes that decide nothing, where there are no past votes to tell."""

MOST_ENTRANTS: Final = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """What is reckoned: a question about ``pairs`` named pairs on a board of ``entrants``.

    ``ties`` is a share of the votes; ``raters`` cast ``votes_each`` a day, where that is stated.
    """

    entrants: int
    pairs: int = 1
    gap: float = 30.0
    error: float = 0.05
    power: float = 0.8
    set_size: int = 30
    ties: float | None = None
    raters: int | None = None
    votes_each: int | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.entrants <= MOST_ENTRANTS:
            raise Invalid(f"choose from 2 to {MOST_ENTRANTS} entrants, not {self.entrants}")
        if not 1 <= self.gap <= 400:
            raise Invalid(f"the gap must be from 1 to 400 points, not {self.gap:g}")
        if not 0.001 <= self.error <= 0.2 or not 0.5 <= self.power <= 0.99:
            raise Invalid("the error must be from 0.001 to 0.2, and the power from 0.5 to 0.99")
        if not 1 <= self.set_size <= 200:
            raise Invalid(f"a set must be of 1 to 200 pairs, not {self.set_size}")
        if self.ties is not None and not 0 <= self.ties < 0.95:
            raise Invalid(f"the share of ties must be from 0 to 0.95, not {self.ties:g}")
        for told in (self.raters, self.votes_each):
            if told is not None and not 1 <= told <= 1_000_000:
                raise Invalid(f"raters and their votes a day must be from 1 to 1,000,000, not {told}")


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What it takes, for pairs that are shown alike.

    Attributes
    ----------
    votes : int
        Until the rule answers, with the wanted power, if the difference is the gap.
    fixed_votes : int
        With one look at the end instead, announced before.
    sets : int
        Sets of ``set_size`` pairs.
    ties : float
        Share of votes that decide nothing; ``ties_known`` says whether past votes told it.
    half_width : float
        Points to either side of a rating, at 95 %, when all are cast.
    votes_a_day : float or None
        As stated, else as people voted of late; null where nobody did.
    days : int or None
    """

    votes: int
    fixed_votes: int
    pairs: int
    votes_a_pair: int
    sets: int
    ties: float
    ties_known: bool
    half_width: float
    votes_a_day: float | None
    pace_stated: bool
    days: int | None


def reckon(session: Session, asked: Asked, *, now: datetime) -> Reckoned:
    """Reckon what a campaign will take."""
    past = tie_share(session)
    known = asked.ties is not None or past is not None
    ties = min(0.95, asked.ties if asked.ties is not None else past if past is not None else USUAL_TIES)
    aim = _aim(asked, asked.gap)
    votes = planned_votes(asked.entrants, aim, tie_share=ties)
    pairs = math.comb(asked.entrants, 2)
    stated = asked.raters is not None and asked.votes_each is not None
    a_day = float(asked.raters * asked.votes_each) if asked.raters and asked.votes_each else None
    if a_day is None:
        a_day = pace(session, now=now).votes_a_day or None
    return Reckoned(
        votes=votes,
        fixed_votes=total_votes(
            asked.entrants, asked.gap, power=asked.power, level=aim.level, tie_share=ties
        ),
        pairs=pairs,
        votes_a_pair=math.ceil(votes / pairs),
        sets=math.ceil(votes / asked.set_size),
        ties=ties,
        ties_known=known,
        half_width=expected_half_width(asked.entrants, votes / pairs, tie_share=ties),
        votes_a_day=a_day,
        pace_stated=stated,
        days=math.ceil(votes / a_day) if a_day else None,
    )


def curve(asked: Asked, gaps: list[float], ties: float) -> list[tuple[float, int]]:
    """Votes by the gap that is to be seen, all else as asked."""
    return [(gap, planned_votes(asked.entrants, _aim(asked, gap), tie_share=ties)) for gap in gaps]


def _aim(asked: Asked, gap: float) -> Aim:
    """The rule's question; its labels mean nothing here, only how many pairs share the error."""
    named = tuple(("a", f"b{number}") for number in range(asked.pairs))
    return Aim(named, gap=gap, error=asked.error, power=asked.power)

"""The looks at raters: from a campaign's votes to who was found, and by what figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from analysis import Comparisons, fit_bradley_terry
from analysis.arrays import Floats
from analysis.ballots import Ballots, ballots_of, with_tastes_of
from analysis.bursts import Burst, find_burst
from analysis.errors import AnalysisError
from analysis.rater_flags import LOOKS, RaterFlags, flag_raters, influence
from analysis.rings import Ring, find_rings
from analysis.scale import POINTS_PER_NAT
from arena.domain.integrity import Look, Rule
from arena.queries.finding import first_criterion
from arena.queries.integrity import evidence_rows
from arena.tables import Campaign

SEED: Final = 20_261_123
"""Of the simulated honest raters: the same votes give the same findings."""

FEWEST_RATERS: Final = 5
"""With fewer there is no everybody else to compare with."""

_COLUMNS: Final = ["rater", "prompt", "left", "right", "outcome", "seconds"]


@dataclass(frozen=True, slots=True)
class Found:
    """A finding about a rater, with what it rests on."""

    voter_id: int
    look: Look
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Findings:
    """What the looks found in a campaign; the counts are those of `arena.queries.integrity.Looked`."""

    found: tuple[Found, ...] = ()
    votes: int = 0
    raters: int = 0
    looked: int = 0
    taste: float = 0.0
    rings: int = 0
    by_look: Mapping[str, int] = field(default_factory=dict)


def look_at(session: Session, campaign: Campaign, rule: Rule) -> Findings:
    """Look at every rater of a campaign, on the votes that were not taken back.

    Votes that are excluded are among them, so that a finding does not go once it was acted upon.
    """
    rows = evidence_rows(session, campaign.id, first_criterion(session, campaign.id).id)
    return found_in(rows, rule)


def found_in(rows: Sequence[Any], rule: Rule) -> Findings:
    """Look at votes as `arena.queries.integrity.evidence_rows` reads them."""
    table = pd.DataFrame(rows, columns=_COLUMNS)
    raters = table["rater"].unique()
    if raters.size < FEWEST_RATERS:
        return Findings(votes=len(table), raters=int(raters.size))
    named = table.astype({"left": str, "right": str})
    comparisons = Comparisons.from_frame(named, rater="rater", prompt="prompt", keep_votes=True)
    try:
        ballots, fit = ballots_of(comparisons), fit_bradley_terry(comparisons)
    except AnalysisError:  # nothing but ties, or nobody connected: no vote stands out
        return Findings(votes=len(table), raters=int(raters.size))
    if np.count_nonzero(fit.core()) < 2:
        return Findings(votes=len(table), raters=int(raters.size))
    seconds = table["seconds"].to_numpy(dtype=np.float64)[ballots.place]
    burst = find_burst(ballots, seconds, least_votes=rule.together_votes, seed=SEED)
    if burst is not None and burst.p_value <= rule.level:  # tastes are those of the raters outside it
        outside = np.ones(ballots.n_raters, dtype=np.bool_)
        outside[burst.order[burst.first : burst.last + 1]] = False
        ballots = with_tastes_of(ballots, outside)
    flags = flag_raters(
        ballots, fit, least_votes=rule.least_votes, level=rule.level, share=rule.share, seed=SEED
    )
    rings = find_rings(
        ballots, least_votes=rule.together_votes, level=rule.level, share=rule.share, seed=SEED
    )
    tell = _Telling(
        voters=_voters(comparisons, ballots, table),
        labels=comparisons.labels,
        ballots=ballots,
        moved=influence(ballots, fit),
    )
    found = [*tell.alone(flags)]
    for ring in rings:
        found += tell.ring(ring)
    if burst is not None and burst.p_value <= rule.level:
        found += tell.burst(burst, seconds)
    return Findings(
        found=tuple(found),
        votes=len(table),
        raters=int(raters.size),
        looked=int(np.count_nonzero(ballots.sizes >= rule.least_votes)),
        taste=round(float(np.mean(ballots.taste)) * POINTS_PER_NAT, 1),
        rings=len(rings),
        by_look={look.value: sum(one.look is look for one in found) for look in Look},
    )


def _voters(comparisons: Comparisons, ballots: Ballots, table: pd.DataFrame) -> list[int]:
    """Voter of each place of the ballots' raters."""
    assert comparisons.votes is not None
    codes = comparisons.votes.clusters["rater"]
    of = dict(zip(codes.tolist(), table["rater"].tolist(), strict=True))
    return [int(of[code]) for code in ballots.codes.tolist()]


@dataclass(frozen=True, slots=True, eq=False)
class _Telling:
    """Findings in the figures that an operator reads; entrants by their labels."""

    voters: Sequence[int]
    labels: Sequence[str]
    ballots: Ballots
    moved: Floats

    def alone(self, flags: RaterFlags) -> list[Found]:
        """What the looks at single raters found."""
        told = []
        for rater, column in zip(*(at.tolist() for at in np.nonzero(flags.found)), strict=True):
            look = Look(LOOKS[column])
            evidence = {
                **self._usual(rater),
                "value": round(float(flags.statistic[rater, column]), 2),
                "p": float(flags.p_value[rater, column]),
                "adjusted": float(flags.adjusted[rater, column]),
            }
            about, up = int(flags.about[rater, column]), bool(flags.upward[rater, column])
            if look is Look.INFLUENCE:
                upper, lower = flags.order[about : about + 2].tolist()
                raised, sunk = (upper, lower) if up else (lower, upper)
                evidence |= {"raised": self.labels[raised], "over": self.labels[sunk]}
            elif look is Look.FOLLOWING:
                evidence |= {"entrant": self.labels[about], "upward": up, **self._met(rater, about)}
            told.append(Found(self.voters[rater], look, evidence))
        return told

    def ring(self, ring: Ring) -> list[Found]:
        """What every member of a ring is told by."""
        together = {
            "members": int(ring.members.size),
            "agreeing": ring.agreeing,
            "answers": ring.answers,
            "honest": round(ring.honest, 1),
            "log_e": round(ring.log_e, 1),
            "lifted": None if ring.lifted is None else self.labels[ring.lifted],
            "sunk": None if ring.sunk is None else self.labels[ring.sunk],
        }
        return [
            Found(self.voters[rater], Look.RING, {**self._usual(rater), **together})
            for rater in ring.members.tolist()
        ]

    def burst(self, burst: Burst, seconds: Floats) -> list[Found]:
        """What every member of a burst is told by."""
        run = burst.order[burst.first : burst.last + 1].tolist()
        moments = np.concatenate([seconds[self.ballots.of(rater)] for rater in run])
        together = {
            "entrant": self.labels[burst.entrant],
            "upward": burst.upward,
            "run": len(run),
            "members": int(burst.members.size),
            "value": round(burst.push, 2),
            "p": burst.p_value,
            "from": _moment(moments.min()),
            "to": _moment(moments.max()),
        }
        return [
            Found(
                self.voters[rater],
                Look.BURST,
                {**self._usual(rater), **together, **self._met(rater, burst.entrant)},
            )
            for rater in burst.members.tolist()
        ]

    def _usual(self, rater: int) -> dict[str, Any]:
        """How many votes there are, and which entrant they moved most, in points."""
        most = int(np.argmax(np.abs(self.moved[rater])))
        return {
            "votes": int(self.ballots.sizes[rater]),
            "moved": self.labels[most],
            "points": round(float(self.moved[rater, most]) * POINTS_PER_NAT, 2),
        }

    def _met(self, rater: int, entrant: int) -> dict[str, Any]:
        """How the rater answered where an entrant hung; a tie is half a win."""
        own = self.ballots.of(rater)
        left, right = self.ballots.left[own] == entrant, self.ballots.right[own] == entrant
        pushed = np.where(left, self.ballots.residual[own], -self.ballots.residual[own])
        answer = self.ballots.answer[own]
        score = np.where(answer == 2, 0.5, np.where((answer == 0) == left, 1.0, 0.0))
        met = left | right
        return {
            "met": int(met.sum()),
            "won": float(score[met].sum()),
            "expected": round(float((score - pushed)[met].sum()), 1),
        }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="seconds")

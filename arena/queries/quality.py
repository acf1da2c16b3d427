"""What votes tell of the raters who cast them: conditions for filters, and the figures that are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, select, true, tuple_
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.quality import KNOWN_QUESTIONS, TOO_FAST_MS
from arena.queries.studies import newest_study
from arena.tables import Battle, BattleKind, Campaign, Criterion, Removal, RemovalKind, Vote

QUALITY: Final = "quality"
"""Kind of the study that holds the figures; only the newest is kept."""


def evidence(vote: Any = Vote) -> ColumnElement[bool]:
    """Whether a vote says something of its rater: it was neither withdrawn nor undone.

    One that a rule excluded still does, so that excluding votes does not hide why they were.
    """
    return ~exists().where(Removal.vote_id == vote.id, Removal.kind != RemovalKind.EXCLUDED)


def too_fast() -> ColumnElement[bool]:
    """Whether a vote came too fast; without a stopwatch nobody can say so.

    Only of the first question of a battle: who answers another has looked at the pictures already.
    """
    first = select(Criterion.id).where(Criterion.position == 0)
    return and_(Vote.elapsed_ms.is_not(None), Vote.elapsed_ms < TOO_FAST_MS, Vote.criterion_id.in_(first))


def known_answers() -> Select[int, int, int, int]:
    """By voter and campaign: answers to known-answer pairs other than "both bad", and the right ones."""
    passed = func.sum(case((Vote.outcome == Battle.expected, 1), else_=0))
    return (
        select(Battle.voter_id, Battle.campaign_id, func.count().label("known"), passed.label("passed"))
        .join(Vote, Vote.battle_id == Battle.id)
        .join(Criterion, Vote.criterion_id == Criterion.id)
        .where(
            Battle.kind == BattleKind.KNOWN_ANSWER,
            Battle.expected.is_not(None),
            Criterion.slug.in_(KNOWN_QUESTIONS),
            Vote.outcome != Outcome.BOTH_BAD,
            evidence(),
        )
        .group_by(Battle.voter_id, Battle.campaign_id)
    )


def reliable_votes(
    *, least_pass_rate: float | None = None, leave_out_fast: bool = False
) -> ColumnElement[bool]:
    """Condition of a query over `Vote` and `Battle`: whether a vote passes a filter of reliability.

    Parameters
    ----------
    least_pass_rate : float, optional
        Leave out raters who gave a smaller share of the known answers of the campaign; who was asked none
        stays.
    leave_out_fast : bool
        Leave out votes sooner than `TOO_FAST_MS`; those without a stopwatch stay.
    """
    wanted: list[ColumnElement[bool]] = [true()]
    if least_pass_rate is not None:
        told = known_answers().subquery()
        failed = select(told.c.campaign_id, told.c.voter_id).where(
            told.c.passed < least_pass_rate * told.c.known
        )
        wanted.append(tuple_(Battle.campaign_id, Battle.voter_id).not_in(failed))
    if leave_out_fast:
        wanted.append(~too_fast())
    return and_(*wanted)


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of how many, with Wilson's interval; the share is null where there are none."""

    count: int
    among: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Raters:
    """The quality of the votes of all raters of a campaign, or of those of one cohort.

    Attributes
    ----------
    cohort : str or None
        Null for all.
    raters, votes : int
        Votes on ordinary battles, on the first question.
    repeated, mirrored : Rate
        How often a rater said the same when asked again, on the same sides and on changed ones.
    same_side : Rate
        Of the mirrored pairs that were decided twice, those that took the same side twice.
    known : Rate
        Known answers that were given.
    fast : Rate
        Too-fast answers, among those with a stopwatch.
    left : Rate
        Answers for the left, among those for either side.
    sided, tested : int
        Raters who keep to one side more than chance allows, and of how many that was tested.
    """

    cohort: str | None
    raters: int
    votes: int
    repeated: Rate
    mirrored: Rate
    same_side: Rate
    known: Rate
    fast: Rate
    left: Rate
    sided: int
    tested: int


@dataclass(frozen=True, slots=True)
class Ceilings:
    """How often the best predictor of single answers could be right.

    ``lower`` and ``upper`` bound it by what raters say when asked twice, see `analysis.rater_checks`;
    ``others`` is how often the majority of the other raters predicts a decided vote, ``best`` what no
    predictor exceeds, see `analysis.noise_ceiling`. Null where there is nothing to tell them by.
    """

    lower: float | None
    upper: float | None
    others: float | None
    best: float | None
    units: int


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rule finds: raters by what they fail by, those who fail at all, and their ordinary votes."""

    rule: str
    applied: bool
    failing: Mapping[str, int]
    raters: int
    votes: int


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of a campaign; ``made_at`` is when the worker told them."""

    checks: float
    everybody: Raters
    cohorts: tuple[Raters, ...]
    ceilings: Ceilings
    judged: Judged
    made_at: datetime


def quality(session: Session, campaign: Campaign) -> Quality | None:
    """The newest figures of a campaign; nothing before the worker has told any."""
    study = newest_study(session, campaign.id, QUALITY)
    if study is None:
        return None
    told = study.result
    return Quality(
        checks=told["checks"],
        everybody=_raters(told["everybody"]),
        cohorts=tuple(_raters(row) for row in told["cohorts"]),
        ceilings=Ceilings(**told["ceilings"]),
        judged=Judged(**told["judged"]),
        made_at=study.made_at,
    )


def _raters(told: Mapping[str, Any]) -> Raters:
    read: dict[str, Any] = {
        name: Rate(**value) if isinstance(value, dict) else value for name, value in told.items()
    }
    return Raters(**read)

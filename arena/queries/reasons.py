"""Why an entrant wins and why it loses: the reasons that raters tapped before they saw the names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis.intervals import wilson_interval
from analysis.outcomes import Outcome
from arena.queries.finding import first_criterion
from arena.queries.removed import stands
from arena.tables import Battle, BattleKind, Reason, Vote


@dataclass(frozen=True, slots=True)
class Share:
    """How often one reason was among those given: in ``count`` of the battles, a share with 95% interval."""

    tag: str
    count: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Reasons of one entrant's decided battles.

    ``lost`` battles have at least one reason against it, ``won`` ones at least one against its opponent;
    ``against`` and ``for_it`` are the shares of these that name each reason, the most frequent first.
    """

    lost: int
    won: int
    against: tuple[Share, ...]
    for_it: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Reasons:
    """Reasons of a campaign: in all its decided battles that have any, and by entrant's number."""

    battles: int
    average: Mapping[str, float]
    profiles: Mapping[int, Profile]


def reasons(session: Session, campaign_id: int) -> Reasons:
    """Count the reasons given blind, in ordinary battles in which the first question chose one side.

    Ties and both-bad votes are left out: their reasons are about both pictures. So are reasons given after
    the names were shown.
    """
    told = (
        select(Battle.left_entrant_id, Battle.right_entrant_id, Vote.outcome)
        .join(Vote, Vote.battle_id == Battle.id)
        .join(Reason, Reason.battle_id == Battle.id)
        .where(
            Battle.campaign_id == campaign_id,
            Battle.kind == BattleKind.ORDINARY,
            Vote.criterion_id == first_criterion(session, campaign_id).id,
            Vote.outcome.in_((Outcome.LEFT, Outcome.RIGHT)),
            Reason.unblinded.is_(False),
            stands(),
        )
        .group_by(Battle.left_entrant_id, Battle.right_entrant_id, Vote.outcome)
    )
    lost, won, every = Counter[int](), Counter[int](), 0
    for left, right, outcome, battles in session.execute(told.add_columns(func.count(Battle.id.distinct()))):
        winner, loser = (left, right) if outcome is Outcome.LEFT else (right, left)
        won[winner] += battles
        lost[loser] += battles
        every += battles
    against, for_it, average = Counter[tuple[int, str]](), Counter[tuple[int, str]](), Counter[str]()
    for left, right, outcome, tag, battles in session.execute(
        told.add_columns(Reason.tag, func.count(Battle.id.distinct())).group_by(Reason.tag)
    ):
        winner, loser = (left, right) if outcome is Outcome.LEFT else (right, left)
        for_it[winner, tag] += battles
        against[loser, tag] += battles
        average[tag] += battles
    tags = sorted(average)
    return Reasons(
        battles=every,
        average={tag: average[tag] / every for tag in tags},
        profiles={
            entrant_id: Profile(
                lost=lost[entrant_id],
                won=won[entrant_id],
                against=_shares(((tag, against[entrant_id, tag]) for tag in tags), lost[entrant_id]),
                for_it=_shares(((tag, for_it[entrant_id, tag]) for tag in tags), won[entrant_id]),
            )
            for entrant_id in sorted(lost.keys() | won.keys())
        },
    )


def _shares(counts: Iterable[tuple[str, int]], battles: int) -> tuple[Share, ...]:
    """Shares of so many battles; none where there is no battle."""
    if not battles:
        return ()
    shares = [Share(tag, count, count / battles, *wilson_interval(count, battles)) for tag, count in counts]
    return tuple(sorted(shares, key=lambda share: -share.count))

"""The quality of votes: how often a campaign checks its raters, and a published rule that leaves some out.

What a rule looks at are all votes that were neither withdrawn nor undone, those it has excluded included: a
rater who is excluded stays so while the votes say the same.

There are no weights by rater. A weight that depends on agreement would reward raters for voting as the others
do, and a board would follow its own majority; leaving out whoever fails checks that say nothing of taste
does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Integer, and_, case, cast, func, select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.quality import MOST_CHECKS, RULES, TOO_FAST_MS, Counted, Rule
from arena.errors import Invalid
from arena.queries.finding import first_criterion
from arena.queries.quality import evidence, known_answers
from arena.queries.removed import stands
from arena.services.curation import record
from arena.services.removing import exclude
from arena.tables import Battle, BattleKind, Campaign, Vote, Voter

DEFAULT_RULE: Final = "quality/1"
"""The rule that a campaign is looked at by where it has none of its own."""

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class RaterRow:
    """What is counted of one rater in one campaign."""

    voter_id: int
    cohort: str
    votes: int
    left: int
    decided: int
    counted: Counted


def set_checks(session: Session, campaign: Campaign, share: float, *, now: datetime, actor: str) -> None:
    """Deal this share of a campaign's battles as checks of raters; 0 for none.

    Raises
    ------
    Invalid
        If it is no share, or more than `MOST_CHECKS`.
    """
    if not 0 <= share <= MOST_CHECKS:
        raise Invalid(f"the share of checks must be from 0 to {MOST_CHECKS:g}, not {share:g}")
    if share != campaign.checks:
        campaign.checks = share
        told = {"checks": share}
        record(session, now=now, actor=actor, kind="quality.set", subject=campaign.slug, data=told)


def set_rule(session: Session, campaign: Campaign, rule: str | None, *, now: datetime, actor: str) -> None:
    """Have the worker apply a published rule to a campaign from now on; none for no rule.

    Raises
    ------
    Invalid
        If no rule has that name.
    """
    if rule is not None:
        rule_of(rule)
    if rule != campaign.quality_rule:
        campaign.quality_rule = rule
        told = {"rule": rule or ""}
        record(session, now=now, actor=actor, kind="quality.set", subject=campaign.slug, data=told)


def rule_of(name: str) -> Rule:
    """The rule of a name.

    Raises
    ------
    Invalid
        With the names there are.
    """
    if name not in RULES:
        raise Invalid(f"{name[:80]!r} is no rule of quality; one of {', '.join(RULES)} is")
    return RULES[name]


def apply_rule(session: Session, campaign: Campaign, name: str, *, by: str, now: datetime) -> tuple[int, int]:
    """Exclude the ordinary votes of every rater who fails a rule; returns (raters, votes newly excluded).

    Applied again, only votes that came since are excluded.

    Raises
    ------
    Invalid
        If no rule has that name.
    """
    failing = failing_raters(session, campaign, rule_of(name))
    return exclude_raters(session, campaign, failing, rule=name, by=by, now=now)


def failing_raters(session: Session, campaign: Campaign, rule: Rule) -> list[int]:
    """Who fails a rule and has ordinary votes that stand."""
    failing = [row.voter_id for row in rater_rows(session, campaign) if rule.failing(row.counted)]
    return sorted({voter for _, voter in standing_votes(session, campaign, failing)})


def exclude_raters(
    session: Session, campaign: Campaign, voter_ids: Sequence[int], *, rule: str, by: str, now: datetime
) -> tuple[int, int]:
    """Exclude the ordinary votes of raters that stand; returns (raters, votes newly excluded)."""
    found = standing_votes(session, campaign, voter_ids)
    if not found:
        return 0, 0
    votes = exclude(session, [vote for vote, _ in found], rule=rule, by=by, now=now)
    raters = len({voter for _, voter in found})
    told = {"rule": rule, "raters": raters, "votes": votes}
    record(session, now=now, actor=by, kind="quality.applied", subject=campaign.slug, data=told)
    return raters, votes


def standing_votes(session: Session, campaign: Campaign, voter_ids: Sequence[int]) -> list[tuple[int, int]]:
    """The ordinary votes of raters that count, each with its voter."""
    query = (
        select(Vote.id, Battle.voter_id)
        .join(Battle, Vote.battle_id == Battle.id)
        .where(Battle.campaign_id == campaign.id, Battle.kind == BattleKind.ORDINARY, stands())
    )
    found: list[tuple[int, int]] = []
    for start in range(0, len(voter_ids), _AT_ONCE):
        some = query.where(Battle.voter_id.in_(voter_ids[start : start + _AT_ONCE]))
        found += [(vote, voter) for vote, voter in session.execute(some.order_by(Vote.id))]
    return found


def rater_rows(session: Session, campaign: Campaign) -> list[RaterRow]:
    """Count what every rater of a campaign did, in the order of voters."""
    question = first_criterion(session, campaign.id).id
    ordinary = Battle.kind == BattleKind.ORDINARY

    def number(*conditions: Any) -> Any:
        return cast(func.sum(case((and_(*conditions), 1), else_=0)), Integer)

    known = {
        voter: (asked, passed)
        for voter, campaign_id, asked, passed in session.execute(
            known_answers().where(Battle.campaign_id == campaign.id)
        )
    }
    rows = session.execute(
        select(
            Battle.voter_id,
            Voter.cohort,
            number(ordinary),
            number(ordinary, Vote.outcome == Outcome.LEFT),
            number(ordinary, Vote.outcome.in_((Outcome.LEFT, Outcome.RIGHT))),
            number(Vote.elapsed_ms.is_not(None)),
            number(Vote.elapsed_ms.is_not(None), Vote.elapsed_ms < TOO_FAST_MS),
        )
        .join(Vote, Vote.battle_id == Battle.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(Battle.campaign_id == campaign.id, Vote.criterion_id == question, evidence())
        .group_by(Battle.voter_id, Voter.cohort)
        .order_by(Battle.voter_id)
    )
    return [
        RaterRow(voter, cohort, votes, left, decided, Counted(*known.get(voter, (0, 0)), timed, fast))
        for voter, cohort, votes, left, decided, timed, fast in rows
    ]

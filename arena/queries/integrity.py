"""Votes as the looks for dishonest ones read them, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import String, case, extract, func, select, type_coerce
from sqlalchemy.orm import Session

from arena.domain.integrity import Decision, Look
from arena.queries.quality import evidence
from arena.queries.removed import stands
from arena.queries.studies import newest_study
from arena.tables import Battle, BattleKind, Campaign, Entrant, IntegrityFlag, Vote, Voter

INTEGRITY: Final = "integrity"
"""Kind of the study that holds what was looked at; only the newest is kept."""

MOST_DECIDED: Final = 50


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at, and how many raters each look found.

    Attributes
    ----------
    votes, raters : int
        Ordinary votes on the first question that were not taken back, and who cast them.
    looked : int
        Raters with enough votes to be looked at by themselves.
    taste : float
        How far likings of an entrant differ among honest raters: a standard deviation, in points.
    found : mapping of str to int
        Raters by look.
    rings : int
    """

    rule: str
    votes: int
    raters: int
    looked: int
    taste: float
    found: Mapping[str, int]
    rings: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; ``number`` names it in the operators' room."""

    number: int
    look: Look
    evidence: Mapping[str, Any]
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Suspect:
    """A rater with findings in a campaign; ``votes`` are the ordinary ones, ``counting`` those that count."""

    campaign: str
    voter_key: str
    cohort: str
    rule: str
    decision: Decision
    decided_by: str | None
    decided_at: datetime | None
    votes: int
    counting: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """How many raters of a campaign have findings, by what was decided, and votes of excluded ones."""

    open: int
    dismissed: int
    excluded: int
    votes: int


def evidence_rows(session: Session, campaign_id: int, criterion_id: int) -> Sequence[Any]:
    """Ordinary votes that say something of their rater, in the order of voters.

    Each is (voter, prompt, left entrant, right entrant, outcome, seconds since 1970).
    """
    return session.execute(
        select(
            Battle.voter_id,
            Battle.prompt_id,
            Battle.left_entrant_id,
            Battle.right_entrant_id,
            type_coerce(Vote.outcome, String),
            extract("epoch", Vote.cast_at),
        )
        .join(Vote, Vote.battle_id == Battle.id)
        .where(*_ordinary(campaign_id), Vote.criterion_id == criterion_id)
        .order_by(Battle.voter_id, Vote.id)
    ).all()


def evidence_mark(session: Session, campaign_id: int, criterion_id: int) -> tuple[int, int]:
    """Number of such votes, and the newest: equal marks mean equal rows."""
    row = session.execute(
        select(func.count(), func.max(Vote.id))
        .select_from(Battle)
        .join(Vote, Vote.battle_id == Battle.id)
        .where(*_ordinary(campaign_id), Vote.criterion_id == criterion_id)
    ).one()
    return int(row[0]), int(row[1] or 0)


def looked(session: Session, campaign: Campaign) -> Looked | None:
    """What was looked at last; nothing before the worker has."""
    study = newest_study(session, campaign.id, INTEGRITY)
    if study is None:
        return None
    told = {name: value for name, value in study.result.items() if name != "mark"}
    return Looked(**told, made_at=study.made_at)


def suspects(
    session: Session, *, campaign_id: int | None = None, decided: bool = False, most: int | None = None
) -> list[Suspect]:
    """Raters with findings that nobody has decided on yet, or the ones ``decided`` last."""
    query = (
        select(IntegrityFlag, Voter, Campaign)
        .join(Voter, IntegrityFlag.voter_id == Voter.id)
        .join(Campaign, IntegrityFlag.campaign_id == Campaign.id)
    )
    if decided:
        query = query.where(IntegrityFlag.decision != Decision.OPEN)
        query = query.order_by(IntegrityFlag.decided_at.desc(), IntegrityFlag.id)
    else:
        query = query.where(IntegrityFlag.decision == Decision.OPEN).order_by(IntegrityFlag.id)
    if campaign_id is not None:
        query = query.where(IntegrityFlag.campaign_id == campaign_id)
    grouped: dict[tuple[int, int], list[Any]] = {}
    for row in session.execute(query):
        grouped.setdefault((row[0].campaign_id, row[0].voter_id), []).append(row)
    counts = _votes(session, grouped)
    return [
        _suspect(rows, *counts.get(key, (0, 0)))
        for key, rows in list(grouped.items())[: most or len(grouped)]
    ]


def decided_in(session: Session, campaign_id: int) -> Decided:
    """What was decided about the raters of a campaign."""
    rows = session.execute(
        select(IntegrityFlag.decision, func.count(IntegrityFlag.voter_id.distinct()))
        .where(IntegrityFlag.campaign_id == campaign_id)
        .group_by(IntegrityFlag.decision)
    )
    counts = {row[0]: row[1] for row in rows}
    out = select(IntegrityFlag.voter_id).where(
        IntegrityFlag.campaign_id == campaign_id, IntegrityFlag.decision == Decision.EXCLUDED
    )
    votes = session.scalar(
        select(func.count())
        .select_from(Battle)
        .join(Vote, Vote.battle_id == Battle.id)
        .where(*_ordinary(campaign_id), Battle.voter_id.in_(out), ~stands())
    )
    return Decided(
        open=counts.get(Decision.OPEN, 0),
        dismissed=counts.get(Decision.DISMISSED, 0),
        excluded=counts.get(Decision.EXCLUDED, 0),
        votes=votes or 0,
    )


def names_in(session: Session) -> dict[str, str]:
    """Name of every entrant by what evidence calls it, its number in text."""
    return {str(number): name for number, name in session.execute(select(Entrant.id, Entrant.name))}


def _ordinary(campaign_id: int) -> tuple[Any, ...]:
    return Battle.campaign_id == campaign_id, Battle.kind == BattleKind.ORDINARY, evidence()


def _votes(session: Session, keys: Mapping[tuple[int, int], Any]) -> dict[tuple[int, int], tuple[int, int]]:
    """Ordinary votes of raters, by campaign and voter, and how many of them count."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    voters: dict[int, list[int]] = {}
    for campaign_id, voter_id in keys:
        voters.setdefault(campaign_id, []).append(voter_id)
    for campaign_id, mine in voters.items():
        for begin in range(0, len(mine), 500):
            query = (
                select(Battle.voter_id, func.count(), func.sum(case((stands(), 1), else_=0)))
                .join(Vote, Vote.battle_id == Battle.id)
                .where(*_ordinary(campaign_id), Battle.voter_id.in_(mine[begin : begin + 500]))
                .group_by(Battle.voter_id)
            )
            for voter, votes, counting in session.execute(query):
                found[campaign_id, voter] = int(votes), int(counting)
    return found


def _suspect(rows: Sequence[Any], votes: int, counting: int) -> Suspect:
    flag, voter, campaign = rows[0]
    return Suspect(
        campaign=campaign.slug,
        voter_key=voter.key,
        cohort=voter.cohort,
        rule=flag.rule,
        decision=flag.decision,
        decided_by=flag.decided_by,
        decided_at=flag.decided_at,
        votes=votes,
        counting=counting,
        findings=tuple(Finding(one.id, one.look, one.evidence, one.found_at) for one, *_ in rows),
    )

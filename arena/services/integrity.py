"""Votes that are not honest: raters are looked at by a published rule, and operators decide what follows.

The worker looks again when votes have come, off the books' thread, and rests many times as long as it took.
What it finds waits for an operator: nothing is excluded by a machine alone. A rater who was excluded stays
so: ordinary votes that come later are excluded at the next look.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from threadpoolctl import threadpool_limits

from arena.db import Database, told_plainly
from arena.domain.imported import POLICY
from arena.domain.integrity import IN_FORCE, RULES, Decision, Rule
from arena.errors import Conflict, NotFound
from arena.queries.finding import first_criterion
from arena.queries.integrity import INTEGRITY, evidence_mark
from arena.queries.studies import newest_study
from arena.services.curation import record
from arena.services.integrity_looks import Findings, look_at
from arena.services.quality import standing_votes
from arena.services.removing import exclude
from arena.tables import Campaign, IntegrityFlag, Study

VERSION: Final = "1"
BY_WORKER: Final = "worker"

REST: Final = timedelta(minutes=1)
"""So long the looks rest, and `REST_TIMES` as long as they took: about a twentieth of one core at most."""

REST_TIMES: Final = 20


@dataclass(slots=True)
class IntegrityBook:
    """When a worker may look again."""

    next: datetime | None = None


def refresh(database: Database, book: IntegrityBook, *, now: datetime) -> int:
    """Look at the raters of every campaign whose votes have changed; returns how many campaigns had any."""
    if book.next is not None and now < book.next:
        return 0
    started = time.thread_time()
    with database.read() as session:
        ids = session.scalars(select(Campaign.id).where(Campaign.policy != POLICY).order_by(Campaign.id))
        campaigns = list(ids)
    looked = sum(_refresh_one(database, campaign_id, now=now) for campaign_id in campaigns)
    book.next = now + max(REST, REST_TIMES * timedelta(seconds=time.thread_time() - started))
    return looked


def look_now(database: Database, campaign_id: int, *, now: datetime) -> Findings:
    """Look at the raters of a campaign, and keep what is found."""
    rule = RULES[IN_FORCE]
    started = time.thread_time()
    with database.read() as session, threadpool_limits(1, user_api="blas"):
        campaign = session.get_one(Campaign, campaign_id)
        mark = evidence_mark(session, campaign_id, first_criterion(session, campaign_id).id)
        findings = look_at(session, campaign, rule)
    seconds = time.thread_time() - started
    with told_plainly(), database.write.begin() as session:
        campaign = session.get_one(Campaign, campaign_id)
        keep(session, campaign, findings, rule, now=now)
        _keep_study(session, campaign, findings, rule, mark, seconds, now=now)
    return findings


def keep(session: Session, campaign: Campaign, findings: Findings, rule: Rule, *, now: datetime) -> int:
    """Bring the findings of a campaign up to date; returns how many are new.

    Decided ones stay as they are, and a rater who was decided on gets no new open ones.
    """
    rows = session.scalars(select(IntegrityFlag).where(IntegrityFlag.campaign_id == campaign.id)).all()
    there = {(row.voter_id, row.look): row for row in rows}
    decided = {row.voter_id for row in rows if row.decision is not Decision.OPEN}
    wanted = {(one.voter_id, one.look): one.evidence for one in findings.found if one.voter_id not in decided}
    new = 0
    for key, evidence in wanted.items():
        if key in there:
            there[key].evidence = dict(evidence)
            continue
        new += 1
        session.add(
            IntegrityFlag(
                campaign_id=campaign.id,
                voter_id=key[0],
                look=key[1],
                rule=rule.name,
                evidence=dict(evidence),
                found_at=now,
            )
        )
    for key, row in there.items():
        if row.decision is Decision.OPEN and key not in wanted:
            session.delete(row)
    session.flush()
    if new:
        told = {"findings": new, "raters": len({voter for voter, _ in wanted})}
        record(session, now=now, actor=BY_WORKER, kind="integrity.found", subject=campaign.slug, data=told)
    return new


def dismiss(session: Session, number: int, *, actor: str, now: datetime) -> None:
    """Let the votes of a rater stand; the findings about them in the campaign are settled.

    Raises
    ------
    NotFound
        If there is no finding of that number.
    Conflict
        If the rater was excluded before: removals are for good.
    """
    flags = _flags_beside(session, number)
    if any(flag.decision is Decision.EXCLUDED for flag in flags):
        raise Conflict("the votes of this rater were excluded, which is for good")
    campaign = _decide(session, flags, Decision.DISMISSED, actor=actor, now=now)
    told = {"looks": sorted(flag.look.value for flag in flags)}
    record(session, now=now, actor=actor, kind="integrity.dismissed", subject=campaign.slug, data=told)


def exclude_rater(session: Session, number: int, *, actor: str, now: datetime) -> int:
    """Exclude the ordinary votes of a rater by the rule that found them; returns how many newly are.

    Raises
    ------
    NotFound
        If there is no finding of that number.
    """
    flags = _flags_beside(session, number)
    campaign = _decide(session, flags, Decision.EXCLUDED, actor=actor, now=now)
    return _exclude(session, campaign, [flags[0].voter_id], flags[0].rule, by=actor, now=now)


def exclude_found(session: Session, campaign: Campaign, *, actor: str, now: datetime) -> tuple[int, int]:
    """Exclude every rater of a campaign whose findings wait; returns (raters, votes newly excluded)."""
    numbers: dict[int, int] = {}
    for flag in session.scalars(
        select(IntegrityFlag).where(
            IntegrityFlag.campaign_id == campaign.id, IntegrityFlag.decision == Decision.OPEN
        )
    ):
        numbers.setdefault(flag.voter_id, flag.id)
    votes = sum(exclude_rater(session, number, actor=actor, now=now) for number in numbers.values())
    return len(numbers), votes


def _refresh_one(database: Database, campaign_id: int, *, now: datetime) -> int:
    with database.read() as session:
        mark = evidence_mark(session, campaign_id, first_criterion(session, campaign_id).id)
        before = newest_study(session, campaign_id, INTEGRITY)
        campaign = session.get_one(Campaign, campaign_id)
        late = standing_votes(session, campaign, _excluded(session, campaign_id))
    if late:
        with told_plainly(), database.write.begin() as session:
            campaign = session.get_one(Campaign, campaign_id)
            again = _excluded(session, campaign_id)
            _exclude(session, campaign, again, IN_FORCE, by=BY_WORKER, now=now)
    if mark[0] == 0 or (before is not None and before.result["mark"] == list(mark)):
        return 0
    look_now(database, campaign_id, now=now)
    return 1


def _excluded(session: Session, campaign_id: int) -> list[int]:
    """Raters whose votes were excluded."""
    return list(
        session.scalars(
            select(IntegrityFlag.voter_id)
            .distinct()
            .where(IntegrityFlag.campaign_id == campaign_id, IntegrityFlag.decision == Decision.EXCLUDED)
            .order_by(IntegrityFlag.voter_id)
        )
    )


def _exclude(
    session: Session, campaign: Campaign, voter_ids: Sequence[int], rule: str, *, by: str, now: datetime
) -> int:
    found = standing_votes(session, campaign, voter_ids)
    if not found:
        return 0
    votes = exclude(session, [vote for vote, _ in found], rule=rule, by=by, now=now)
    told = {"rule": rule, "raters": len({voter for _, voter in found}), "votes": votes}
    record(session, now=now, actor=by, kind="integrity.excluded", subject=campaign.slug, data=told)
    return votes


def _flags_beside(session: Session, number: int) -> Sequence[IntegrityFlag]:
    """All findings about the same rater in the same campaign."""
    flag = session.get(IntegrityFlag, number)
    if flag is None:
        raise NotFound(f"there is no finding {number}; it may have gone with newer votes")
    return session.scalars(
        select(IntegrityFlag).where(
            IntegrityFlag.campaign_id == flag.campaign_id, IntegrityFlag.voter_id == flag.voter_id
        )
    ).all()


def _decide(
    session: Session, flags: Sequence[IntegrityFlag], decision: Decision, *, actor: str, now: datetime
) -> Campaign:
    for flag in flags:
        flag.decision, flag.decided_by, flag.decided_at = decision, actor, now
    session.flush()
    return session.get_one(Campaign, flags[0].campaign_id)


def _keep_study(
    session: Session,
    campaign: Campaign,
    findings: Findings,
    rule: Rule,
    mark: tuple[int, int],
    seconds: float,
    *,
    now: datetime,
) -> None:
    result: dict[str, Any] = {
        "rule": rule.name,
        "votes": findings.votes,
        "raters": findings.raters,
        "looked": findings.looked,
        "taste": findings.taste,
        "found": dict(findings.by_look),
        "rings": findings.rings,
        "mark": list(mark),
    }
    session.execute(delete(Study).where(Study.campaign_id == campaign.id, Study.kind == INTEGRITY))
    session.add(
        Study(
            campaign_id=campaign.id,
            kind=INTEGRITY,
            version=VERSION,
            pictures=0,
            result=result,
            cpu_seconds=seconds,
            made_at=now,
        )
    )

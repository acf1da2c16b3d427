"""Figures of the quality of votes, told by the worker so that no page adds up votes.

They are of all votes that were neither withdrawn nor undone, those that a rule excludes included: a rule does
not polish its own figures.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from analysis import Comparisons, noise_ceiling, repeat_ceiling, self_agreement, side_tests, wilson_interval
from analysis.agreement import SelfAgreement, Share
from analysis.errors import InvalidComparisons
from arena.db import Database, told_plainly
from arena.domain.imported import POLICY
from arena.queries.boards import labels_of
from arena.queries.finding import first_criterion
from arena.queries.quality import QUALITY, Ceilings, Judged, Quality, Rate, Raters, evidence
from arena.queries.studies import newest_study
from arena.services.fitting import LEVEL
from arena.services.quality import (
    DEFAULT_RULE,
    RaterRow,
    exclude_raters,
    failing_raters,
    rater_rows,
    rule_of,
)
from arena.services.snapshots import SnapshotCache
from arena.tables import Battle, Campaign, CampaignEntrant, Entrant, Study, Vote

VERSION: Final = "1"
BY_WORKER: Final = "worker"

REST: Final = timedelta(seconds=30)
"""So long the figures rest, and `REST_TIMES` as long as they took, before they are made anew."""

REST_TIMES: Final = 20

LEAST_RATERS: Final = 5
"""A cohort of fewer raters has no figures of its own: they would be those of persons."""

LEAST_DECIDED: Final = 20
"""Raters with fewer answers for either side are not tested for keeping to one."""


def measure(
    session: Session, campaign: Campaign, *, now: datetime, snapshots: SnapshotCache | None = None
) -> Quality:
    """Tell the quality of a campaign's votes as it is at this moment."""
    rows = rater_rows(session, campaign)
    twice = _asked_twice(session, campaign)
    sizes = Counter(row.cohort for row in rows)
    large = [cohort for cohort, raters in sorted(sizes.items()) if raters >= LEAST_RATERS]
    everybody = _raters(None, rows, twice)
    return Quality(
        checks=campaign.checks,
        everybody=everybody,
        cohorts=tuple(
            _raters(cohort, [row for row in rows if row.cohort == cohort], twice)
            for cohort in large
            if len(sizes) > 1
        ),
        ceilings=_ceilings(session, campaign, _again(twice), snapshots or SnapshotCache()),
        judged=_judged(campaign, rows),
        made_at=now,
    )


def _asked_twice(session: Session, campaign: Campaign) -> pd.DataFrame:
    """First and second answers to the pairs that were shown again, two rows each, the first one first."""
    first, second = aliased(Vote), aliased(Vote)
    before = aliased(Battle)
    found = session.execute(
        select(
            Battle.voter_id,
            before.id,
            first.criterion_id,
            before.left_entrant_id,
            before.right_entrant_id,
            first.outcome,
            Battle.left_entrant_id,
            Battle.right_entrant_id,
            second.outcome,
        )
        .select_from(Battle)
        .join(before, Battle.repeats_id == before.id)
        .join(second, second.battle_id == Battle.id)
        .join(first, (first.battle_id == before.id) & (first.criterion_id == second.criterion_id))
        .where(Battle.campaign_id == campaign.id, evidence(first), evidence(second))
        .order_by(Battle.id, second.criterion_id)
    )
    rows = []
    for voter, battle, criterion, left, right, said, left_again, right_again, said_again in found:
        unit = f"{battle}/{criterion}"
        rows.append((voter, unit, str(left), str(right), said.value))
        rows.append((voter, unit, str(left_again), str(right_again), said_again.value))
    return pd.DataFrame(rows, columns=["rater", "prompt", "left", "right", "outcome"])


def _again(twice: pd.DataFrame, voters: Iterable[int] | None = None) -> SelfAgreement:
    """How far raters agree with themselves."""
    if voters is not None:
        twice = twice[twice["rater"].isin(list(voters))]
    if twice.empty:
        none = _share(0, 0)
        return SelfAgreement(none, none, none, 0)
    votes = Comparisons.from_frame(twice, rater="rater", prompt="prompt", keep_votes=True)
    return self_agreement(votes, level=LEVEL)


def _share(count: int, among: int) -> Share:
    low, high = wilson_interval(count, among, level=LEVEL)
    return Share(count, among, count / among if among else math.nan, low, high)


def _rate(share: Share) -> Rate:
    told = [_known(value) for value in (share.rate, share.low, share.high)]
    return Rate(share.agreeing, share.pairs, *told)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _raters(cohort: str | None, rows: Sequence[RaterRow], twice: pd.DataFrame) -> Raters:
    again = _again(twice, None if cohort is None else [row.voter_id for row in rows])
    often = [row for row in rows if row.decided >= LEAST_DECIDED]
    p_values = side_tests([row.left for row in often], [row.decided for row in often])
    return Raters(
        cohort=cohort,
        raters=len(rows),
        votes=sum(row.votes for row in rows),
        repeated=_rate(again.repeated),
        mirrored=_rate(again.mirrored),
        same_side=_rate(again.same_side),
        known=_rate(_share(sum(r.counted.passed for r in rows), sum(r.counted.known for r in rows))),
        fast=_rate(_share(sum(r.counted.fast for r in rows), sum(r.counted.timed for r in rows))),
        left=_rate(_share(sum(row.left for row in rows), sum(row.decided for row in rows))),
        sided=int(np.count_nonzero(p_values < 1 - LEVEL)),
        tested=len(often),
    )


def _ceilings(
    session: Session, campaign: Campaign, again: SelfAgreement, snapshots: SnapshotCache
) -> Ceilings:
    both = _share(
        again.repeated.agreeing + again.mirrored.agreeing, again.repeated.pairs + again.mirrored.pairs
    )
    by_repeats = repeat_ceiling(both)
    lower, upper = _known(by_repeats.lower), _known(by_repeats.upper)
    entrants = session.scalars(
        select(Entrant)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == campaign.id)
        .order_by(Entrant.id)
    ).all()
    names = labels_of(entrants)
    snapshot = snapshots.read(session, campaign.id, first_criterion(session, campaign.id).id)
    try:
        votes = snapshot.comparisons(names, list(names.values()))
        others = noise_ceiling(votes, level=LEVEL, draws=0)
    except InvalidComparisons:  # nobody voted on the same pair and prompt as somebody else
        return Ceilings(lower, upper, None, None, 0)
    return Ceilings(lower, upper, others.lower, others.upper, others.units)


def _judged(campaign: Campaign, rows: Sequence[RaterRow]) -> Judged:
    """What the campaign's rule finds; where it has none, what the default one would."""
    rule = rule_of(campaign.quality_rule or DEFAULT_RULE)
    failing = {row.voter_id: rule.failing(row.counted) for row in rows}
    counts = Counter(why.value for found in failing.values() for why in found)
    return Judged(
        rule=rule.name,
        applied=campaign.quality_rule is not None,
        failing=dict(sorted(counts.items())),
        raters=sum(bool(found) for found in failing.values()),
        votes=sum(row.votes for row in rows if failing[row.voter_id]),
    )


@dataclass(slots=True)
class QualityBook:
    """When a worker may tell the figures again."""

    next: datetime | None = None


def refresh(database: Database, book: QualityBook, snapshots: SnapshotCache, *, now: datetime) -> int:
    """Apply the rules of campaigns, and tell their figures anew where they changed; returns how many."""
    if book.next is not None and now < book.next:
        return 0
    started = time.process_time()
    with database.read() as session:
        ids = session.scalars(select(Campaign.id).where(Campaign.policy != POLICY).order_by(Campaign.id))
        campaigns = list(ids)
    told = 0
    for campaign_id in campaigns:
        told += _refresh_one(database, snapshots, campaign_id, now=now)
    book.next = now + max(REST, REST_TIMES * timedelta(seconds=time.process_time() - started))
    return told


def _refresh_one(database: Database, snapshots: SnapshotCache, campaign_id: int, *, now: datetime) -> int:
    started = time.process_time()
    with database.read() as session:
        campaign = session.get_one(Campaign, campaign_id)
        result = as_json(measure(session, campaign, now=now, snapshots=snapshots))
        before = newest_study(session, campaign_id, QUALITY)
        rule = campaign.quality_rule
        failing = failing_raters(session, campaign, rule_of(rule)) if rule else []
    if rule and failing:
        with told_plainly(), database.write.begin() as session:
            campaign = session.get_one(Campaign, campaign_id)
            exclude_raters(session, campaign, failing, rule=rule, by=BY_WORKER, now=now)
    if before is not None and result == before.result:
        return 0
    seconds = time.process_time() - started
    with told_plainly(), database.write.begin() as session:
        session.execute(delete(Study).where(Study.campaign_id == campaign_id, Study.kind == QUALITY))
        session.add(
            Study(
                campaign_id=campaign_id,
                kind=QUALITY,
                version=VERSION,
                pictures=0,
                result=result,
                cpu_seconds=seconds,
                made_at=now,
            )
        )
    return 1


def as_json(figures: Quality) -> dict[str, Any]:
    """The figures as a study keeps them and a script reads them."""
    told = asdict(figures)
    del told["made_at"]
    return {**told, "cohorts": list(told["cohorts"])}

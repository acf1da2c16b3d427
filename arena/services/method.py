"""What the method page tells: the parameters in force, the versions of the method, and how often it holds.

Parameters are the code's own constants, and what was measured stands here as it was measured: nothing on the
page is typed by hand but its words.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis import bradley_terry, contextual, elo, ties
from analysis.clustering import FEW_CLUSTERS, LEAST_CLUSTERS
from analysis.design import PRIOR_PRECISION, UNIFORM_SHARE
from analysis.likelihood import DENSE_LIMIT
from analysis.profile import FEW_DECISIVE, FEW_ONE_WAY, FEW_VOTES
from analysis.ranks import RANK_DRAWS
from analysis.scale import CENTRE, POINTS_PER_NAT
from arena.domain.blinding import CONSENT_VERSION, PICTURES_LAST
from arena.domain.imported import POLICY
from arena.domain.quality import BATTLES_BETWEEN, CHECKS_SHARE, TOO_FAST_MS
from arena.domain.seals import TYPE
from arena.services.dealing import POLICIES
from arena.services.fitting import LEVEL
from arena.services.standings import REST
from arena.services.working import REST_SECONDS
from arena.tables import Campaign, RatingRun


@dataclass(frozen=True, slots=True)
class Setting:
    """A constant of the code: where it is, and what it is."""

    source: str
    value: float | timedelta | str


SETTINGS: Final[Mapping[str, Setting]] = {
    "pictures_last": Setting("arena.domain.blinding.PICTURES_LAST", PICTURES_LAST),
    "uniform_share": Setting("analysis.design.UNIFORM_SHARE", UNIFORM_SHARE),
    "prior_precision": Setting("analysis.design.PRIOR_PRECISION", PRIOR_PRECISION),
    "checks_share": Setting("arena.domain.quality.CHECKS_SHARE", CHECKS_SHARE),
    "battles_between": Setting("arena.domain.quality.BATTLES_BETWEEN", BATTLES_BETWEEN),
    "too_fast_ms": Setting("arena.domain.quality.TOO_FAST_MS", TOO_FAST_MS),
    "points_per_nat": Setting("analysis.scale.POINTS_PER_NAT", POINTS_PER_NAT),
    "centre": Setting("analysis.scale.CENTRE", CENTRE),
    "level": Setting("arena.services.fitting.LEVEL", LEVEL),
    "least_clusters": Setting("analysis.clustering.LEAST_CLUSTERS", LEAST_CLUSTERS),
    "few_clusters": Setting("analysis.clustering.FEW_CLUSTERS", FEW_CLUSTERS),
    "few_votes": Setting("analysis.profile.FEW_VOTES", FEW_VOTES),
    "few_one_way": Setting("analysis.profile.FEW_ONE_WAY", FEW_ONE_WAY),
    "few_decisive": Setting("analysis.profile.FEW_DECISIVE", FEW_DECISIVE),
    "rank_draws": Setting("analysis.ranks.RANK_DRAWS", RANK_DRAWS),
    "dense_limit": Setting("analysis.likelihood.DENSE_LIMIT", DENSE_LIMIT),
    "board_rest": Setting("arena.services.standings.REST", REST),
    "seal_seconds": Setting("arena.services.working.REST_SECONDS", REST_SECONDS),
    "seal_type": Setting("arena.domain.seals.TYPE", TYPE),
    "consent": Setting("arena.domain.blinding.CONSENT_VERSION", CONSENT_VERSION),
}
"""What the page prints of the code, in the order of its sections."""

TEN_TO_ONE: Final = POINTS_PER_NAT * math.log(10)
"""Points that are odds of ten to one."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a way to rate, and the day since which boards are fitted by it."""

    method: str
    version: str
    since: date


VERSIONS: Final = (
    Version("bradley-terry", "bt-1.0.0", date(2026, 11, 22)),
    Version("bradley-terry", "bt-1.1.0", date(2026, 11, 23)),
    Version("davidson", "davidson-1.0.0", date(2026, 11, 22)),
    Version("contextual", "contextual-1.0.0", date(2026, 11, 23)),
    Version("elo", "elo-1.0.0", date(2026, 11, 22)),
)
"""Every version there has been, the oldest of each method first."""

IN_FORCE: Final = {
    "bradley-terry": bradley_terry.METHOD_VERSION,
    "davidson": ties.DAVIDSON_VERSION,
    "contextual": contextual.METHOD_VERSION,
    "elo": elo.METHOD_VERSION,
}
"""Method -> the version that boards are fitted by now."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often intervals held the truth in one kind of simulated arena, in per cent.

    ``board`` is what boards print there, under the name ``by``; ``others`` are intervals they do not print.
    """

    arena: str
    by: str
    board: float
    others: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class WrongRanks:
    """Of simulated boards, those with at least one wrong claim about ranks, in per cent."""

    arena: str
    board: float
    other: float


MEASURED_WITH: Final = "bt-1.1.0"
"""Version of the method that the two tables below were measured with."""

MEASURED_BY: Final = "python benchmarks/coverage.py"
ARENAS: Final = 2_000
COVERAGE: Final = (
    Coverage("tastes", "two-way", 95.0, {"plain": 74.2, "by-rater": 89.0, "by-prompt": 89.1}),
    Coverage("12-raters", "two-way", 95.6, {"bootstrap-t": 95.0, "plain": 68.5}),
    Coverage("12-unequal-raters", "two-way", 94.6, {"fixed-df": 91.2, "bootstrap-t": 91.9}),
    Coverage("4-raters", "two-way", 96.3, {"bootstrap-t": 93.4, "plain": 49.6}),
    Coverage("independent", "two-way", 94.4, {"plain": 94.9, "hessian": 98.2, "bootstrap": 94.5}),
    Coverage("newcomer", "profile", 96.8, {"plain": 95.1}),
)
WRONG_RANKS: Final = (
    WrongRanks("1000-votes", 0.7, 41),
    WrongRanks("3000-votes", 0.5, 37),
    WrongRanks("30000-votes", 0.5, 30),
    WrongRanks("60-raters", 1.1, 32),
    WrongRanks("12-raters", 2.2, 29),
)


@dataclass(frozen=True, slots=True)
class CampaignRules:
    """What an operator chose for a campaign."""

    name: str
    canvas: int
    seeds: int
    set_size: int
    policy: str
    minutes_to_vote: int


def campaign_rules(session: Session) -> list[CampaignRules]:
    """The rules of every campaign whose votes are cast here, the newest first."""
    return [
        CampaignRules(
            c.name, c.canvas, c.seeds, c.set_size, POLICIES.get(c.policy, c.policy), c.minutes_to_vote
        )
        for c in session.scalars(
            select(Campaign).where(Campaign.policy != POLICY).order_by(Campaign.id.desc())
        )
    ]


@dataclass(frozen=True, slots=True)
class Runs:
    """How many rating runs a version has, and the numbers of its first and its newest."""

    count: int
    first: int
    newest: int

    def __add__(self, other: Runs) -> Runs:
        return Runs(self.count + other.count, min(self.first, other.first), max(self.newest, other.newest))


OVERLAP: Final = 100
"""The newest runs are counted again each time: another worker may keep one late, behind newer ones."""


@dataclass(slots=True)
class RunCounts:
    """Rating runs by version; a process counts those that are kept for good once, for they are many."""

    _kept: dict[str, Runs] = field(default_factory=dict)
    _until: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, session: Session) -> dict[str, Runs]:
        """The runs of every version that has any."""
        with self._lock:
            newest = session.scalar(select(func.max(RatingRun.id))) or 0
            until = max(self._until, newest - OVERLAP)
            self._kept = _together(self._kept, _count(session, self._until, until))
            self._until = until
            return _together(self._kept, _count(session, until, newest))


def _count(session: Session, after: int, until: int) -> dict[str, Runs]:
    rows = session.execute(
        select(RatingRun.method_version, func.count(), func.min(RatingRun.id), func.max(RatingRun.id))
        .where(RatingRun.id > after, RatingRun.id <= until)
        .group_by(RatingRun.method_version)
    )
    return {version: Runs(*numbers) for version, *numbers in rows}


def _together(kept: Mapping[str, Runs], more: Mapping[str, Runs]) -> dict[str, Runs]:
    together = dict(kept)
    for version, runs in more.items():
        together[version] = together[version] + runs if version in together else runs
    return together

"""The parameters in force, read from the code and the database, for the method page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis.clustering import LEAST_CLUSTERS
from analysis.design import UNIFORM_SHARE
from analysis.profile import FEW_ONE_WAY, FEW_VOTES
from analysis.ranks import RANK_DRAWS
from arena.domain.blinding import CONSENT_VERSION, PICTURES_LAST
from arena.services.dealing import POLICIES
from arena.services.fitting import LEVEL
from arena.tables import Campaign, RatingRun


@dataclass(frozen=True, slots=True)
class CampaignRules:
    """What an operator chose for a campaign."""

    name: str
    canvas: int
    seeds: int
    set_size: int
    policy: str
    minutes_to_vote: int


@dataclass(frozen=True, slots=True)
class Parameters:
    """Everything that the method page prints as a number."""

    uniform_share: float
    few_votes: int
    few_one_way: int
    least_clusters: int
    rank_draws: int
    level: float
    pictures_last: timedelta
    consent: str
    policies: tuple[str, ...]
    method: str
    method_version: str
    campaigns: tuple[CampaignRules, ...]


def parameters(session: Session) -> Parameters:
    """Read the parameters in force."""
    run = session.scalar(select(RatingRun).order_by(RatingRun.id.desc()).limit(1))
    return Parameters(
        uniform_share=UNIFORM_SHARE,
        few_votes=FEW_VOTES,
        few_one_way=FEW_ONE_WAY,
        least_clusters=LEAST_CLUSTERS,
        rank_draws=RANK_DRAWS,
        level=LEVEL,
        pictures_last=PICTURES_LAST,
        consent=CONSENT_VERSION,
        policies=tuple(POLICIES.values()),
        method=run.method if run else "bradley-terry",
        method_version=run.method_version if run else "",
        campaigns=tuple(
            CampaignRules(
                c.name, c.canvas, c.seeds, c.set_size, POLICIES.get(c.policy, c.policy), c.minutes_to_vote
            )
            for c in session.scalars(select(Campaign).order_by(Campaign.id.desc()))
        ),
    )

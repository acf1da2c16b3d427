"""Campaigns as their operators plan and watch them: who takes part, what is asked, how far it is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, case, cast, exists, func, select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.campaigns import BEST_BASELINE, Target
from arena.errors import Invalid
from arena.queries.finding import first_criterion
from arena.tables import (
    Battle,
    Campaign,
    CampaignEntrant,
    CampaignLook,
    CampaignPrompt,
    Criterion,
    Entrant,
    Prompt,
    PromptSource,
    Tally,
    Vote,
)

PACE_DAYS = 7
BASELINE = "baseline"
MOST_LOOKS = 400


@dataclass(frozen=True, slots=True)
class PairVotes:
    """Votes of two entrants on the first question; ``wins`` are the first's."""

    first: str
    second: str
    wins: int
    losses: int
    undecided: int

    @property
    def votes(self) -> int:
        """All of them."""
        return self.wins + self.losses + self.undecided


@dataclass(frozen=True, slots=True)
class Pace:
    """Votes of the last `PACE_DAYS`: a day, and how many people cast them."""

    votes_a_day: float
    raters: int


def members(session: Session, campaign_id: int) -> Sequence[tuple[Entrant, datetime]]:
    """The entrants of a campaign, and when each came to it; in the order of their ids."""
    rows = session.execute(
        select(Entrant, CampaignEntrant.entered_at)
        .join(CampaignEntrant, CampaignEntrant.entrant_id == Entrant.id)
        .where(CampaignEntrant.campaign_id == campaign_id)
        .order_by(Entrant.id)
    )
    return [(entrant, at) for entrant, at in rows]


def name_of(entrant: Entrant) -> str:
    """An entrant at its revision, as plans name it."""
    return f"{entrant.slug}@{entrant.revision}"


def aimed_pairs(session: Session, campaign: Campaign) -> list[tuple[str, str]]:
    """The pairs that a campaign's target is about, as `name_of` names them; those registered, if they are.

    Raises
    ------
    Invalid
        If the target names nobody of the campaign, or the best of no baselines.
    """
    if campaign.target is None:
        return []
    if campaign.registration is not None:
        return [(a, b) for a, b in campaign.registration["rule"]["pairs"]]
    return pairs_of_target(
        Target.of_dict(campaign.target), [entrant for entrant, _ in members(session, campaign.id)]
    )


def pairs_of_target(target: Target, entrants: Sequence[Entrant]) -> list[tuple[str, str]]:
    """The pairs that a target is about, among some entrants.

    Raises
    ------
    Invalid
        If it names nobody of them, or the best of no baselines.
    """
    if target.kind == "ranking":
        names = [name_of(entrant) for entrant in entrants]
        return [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    first = _named(target.a, entrants)
    if target.b != BEST_BASELINE:
        return [(name_of(first), name_of(_named(target.b, entrants)))]
    others = [one for one in entrants if one.kind == BASELINE and one.id != first.id]
    if not others:
        raise Invalid("no baseline takes part; name the entrant to tell apart from")
    return [(name_of(first), name_of(other)) for other in others]


def _named(name: str, entrants: Sequence[Entrant]) -> Entrant:
    found = [entrant for entrant in entrants if name in {entrant.slug, name_of(entrant)}]
    if not found:
        known = ", ".join(sorted({entrant.slug for entrant in entrants})) or "nobody"
        raise Invalid(f"the target names {name[:80]!r}, who does not take part; there is: {known}")
    return found[-1]


def has_votes(session: Session, campaign_id: int) -> bool:
    """Whether anybody has voted in a campaign."""
    mine = exists().where(Vote.battle_id == Battle.id, Battle.campaign_id == campaign_id)
    return bool(session.scalar(select(mine)))


def raters(session: Session, campaign_id: int) -> int:
    """How many people have voted in a campaign."""
    query = select(func.count(Battle.voter_id.distinct()))
    return session.scalar(query.where(Battle.campaign_id == campaign_id, Battle.voted_at.is_not(None))) or 0


def prompts_in(session: Session, campaign_id: int) -> int:
    """How many prompts a campaign asks for."""
    return session.scalar(select(func.count()).where(CampaignPrompt.campaign_id == campaign_id)) or 0


def questions(session: Session, campaign_id: int) -> dict[str, str]:
    """What a campaign asks, in its order."""
    rows = session.execute(
        select(Criterion.slug, Criterion.question)
        .where(Criterion.campaign_id == campaign_id)
        .order_by(Criterion.position)
    )
    return dict(rows.all())


def pace(session: Session, *, now: datetime, campaign_id: int | None = None) -> Pace:
    """How fast votes came in the last week, in one campaign or in all.

    The week begins with its first vote, and less than a day counts as one.
    """
    query = select(func.count(), func.count(Battle.voter_id.distinct()), func.min(Battle.voted_at)).where(
        Battle.voted_at > now - timedelta(days=PACE_DAYS)
    )
    if campaign_id is not None:
        query = query.where(Battle.campaign_id == campaign_id)
    votes, people, first = session.execute(query).one()
    days = max(1.0, (now - first) / timedelta(days=1)) if first else 1.0
    return Pace(votes / days, people)


def tie_share(session: Session, campaign_id: int | None = None) -> float | None:
    """Share of the votes that decided nothing, of one campaign or of all; null before any."""
    undecided = case((Tally.outcome.in_([Outcome.TIE, Outcome.BOTH_BAD]), Tally.votes), else_=0)
    query = select(func.sum(undecided), func.sum(Tally.votes)).where(Tally.category == "all")
    if campaign_id is not None:
        query = query.where(Tally.campaign_id == campaign_id)
    tied, votes = session.execute(query).one()
    return float(tied) / float(votes) if votes else None


def pair_votes(session: Session, campaign: Campaign) -> list[PairVotes]:
    """Votes of every pair of a campaign's entrants on its first question, those without any included."""
    taking_part = [entrant for entrant, _ in members(session, campaign.id)]
    counts: dict[tuple[int, int], list[int]] = {}
    for left, right, outcome, votes in session.execute(
        select(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome, func.sum(Tally.votes))
        .where(
            Tally.criterion_id == first_criterion(session, campaign.id).id,
            Tally.campaign_id == campaign.id,
            Tally.category == "all",
        )
        .group_by(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome)
    ):
        a, b = sorted((left, right))
        mine = counts.setdefault((a, b), [0, 0, 0])
        if outcome in {Outcome.TIE, Outcome.BOTH_BAD}:
            mine[2] += int(votes)
        else:
            mine[int((outcome is Outcome.LEFT) != (left == a))] += int(votes)
    return [
        PairVotes(name_of(first), name_of(second), *counts.get((first.id, second.id), (0, 0, 0)))
        for place, first in enumerate(taking_part)
        for second in taking_part[place + 1 :]
    ]


def newest_look(session: Session, campaign_id: int) -> CampaignLook | None:
    """The last look of a campaign's rule at its votes."""
    query = select(CampaignLook).where(CampaignLook.campaign_id == campaign_id)
    return session.scalar(query.order_by(CampaignLook.id.desc()).limit(1))


def looks(session: Session, campaign_id: int, *, most: int = MOST_LOOKS) -> list[CampaignLook]:
    """The looks of a campaign's rule, the first first; of many some are left out, never the last."""
    mine = CampaignLook.campaign_id == campaign_id
    count = session.scalar(select(func.count()).select_from(CampaignLook).where(mine)) or 0
    found = session.scalars(select(CampaignLook).where(mine).order_by(CampaignLook.id)).all()
    step = -(-count // most) if count > most else 1
    return [one for place, one in enumerate(found) if (count - 1 - place) % step == 0]


def prompt_sets(session: Session) -> list[tuple[str, int]]:
    """Every set that an operator's prompts came from, and how many are of it; the largest first."""
    rows = session.execute(
        select(Prompt.origin, func.count())
        .where(Prompt.source == PromptSource.CURATED)
        .group_by(Prompt.origin)
        .order_by(func.count().desc(), Prompt.origin)
    )
    return [(origin, int(count)) for origin, count in rows]


def prompt_categories(session: Session) -> list[tuple[str, int]]:
    """Every category that an operator's prompts have, and how many have it; the most frequent first."""
    counts: Counter[str] = Counter()
    for categories, prompts in session.execute(
        select(cast(Prompt.categories, Text), func.count())
        .where(Prompt.source == PromptSource.CURATED)
        .group_by(cast(Prompt.categories, Text))
    ):
        for slug in json.loads(categories):
            counts[slug] += prompts
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def states_of(look: CampaignLook) -> list[dict[str, Any]]:
    """The pairs of a look, those without an answer first, and among them the best known first."""
    return sorted(look.states, key=lambda state: (state["answer"] is not None, -state["clock"]))

"""The record of one entrant: where it stands, whom it met, what it declined, what its pictures took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.cards import public_runtime
from arena.queries.board_readers import kept_back
from arena.queries.showing import Count, Name, first_criteria, name_of
from arena.tables import (
    Campaign,
    CampaignEntrant,
    Criterion,
    Entrant,
    Image,
    Job,
    JobState,
    Rating,
    RatingRun,
    Tally,
)

MOST_TOLD = 8
"""So many reasons and words of refusals are told, the most frequent first."""


@dataclass(frozen=True, slots=True)
class Card:
    """What an entrant is; its runtime without what says where things lie on the operator's machine."""

    entrant_id: int
    name: Name
    slug: str
    revision: str
    family: str
    backend: str
    identity: Mapping[str, Any]
    runtime: Mapping[str, Any]
    licence: str
    description: str
    source: str
    entered_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kin:
    """One revision of a family, in the order of entering."""

    name: Name
    entered_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an entrant stands on the newest board of one question; nulls where the votes do not say.

    ``entrants`` have a rank on that board; ``board_votes`` are all that it counted.
    """

    campaign_id: int
    campaign: str
    campaign_name: str
    criterion_id: int
    question: str
    rating: float | None
    low: float | None
    high: float | None
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    entrants: int
    votes: int
    provisional: bool
    reason: str | None
    board_votes: int


@dataclass(frozen=True, slots=True)
class CategoryStanding:
    """The rating on the board of one category of prompts."""

    category: str
    rating: float | None
    low: float | None
    high: float | None
    votes: int
    provisional: bool


@dataclass(frozen=True, slots=True)
class Encounter:
    """Votes between an entrant and one opponent; ``on_left`` and ``on_right`` by the entrant's own side."""

    opponent: Name
    on_left: Count
    on_right: Count

    @property
    def count(self) -> Count:
        """Of both sides."""
        return self.on_left + self.on_right


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of the pictures that were asked for; reasons and words of refusals with how often."""

    made: int
    refused: int
    failed: int
    reasons: tuple[tuple[str, int], ...]
    words: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Took:
    """What pictures took, one number each: seconds, processor seconds, bytes, joules by how they were got."""

    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    peak_bytes: tuple[float, ...]
    joules: Mapping[str, tuple[float, ...]]


def card_of(entrant: Entrant) -> Card:
    """The card of an entrant as pages may show it."""
    return Card(
        entrant_id=entrant.id,
        name=name_of(entrant),
        slug=entrant.slug,
        revision=entrant.revision,
        family=entrant.family,
        backend=entrant.backend,
        identity=entrant.identity,
        runtime=public_runtime(entrant.runtime),
        licence=entrant.licence,
        description=entrant.description,
        source=entrant.source,
        entered_at=entrant.entered_at,
        retired_at=entrant.retired_at,
    )


def family(session: Session, slug: str) -> list[Kin]:
    """Every revision of a family, the first to enter first."""
    return [
        Kin(name_of(entrant), entrant.entered_at, entrant.retired_at)
        for entrant in session.scalars(select(Entrant).where(Entrant.family == slug).order_by(Entrant.id))
    ]


def standings(session: Session, entrant_id: int, *, now: datetime) -> list[Standing]:
    """Where an entrant stands, by question, on the boards that are everybody's now; the newest first."""
    newest = (
        select(func.max(RatingRun.id))
        .join(CampaignEntrant, CampaignEntrant.campaign_id == RatingRun.campaign_id)
        .where(
            CampaignEntrant.entrant_id == entrant_id,
            RatingRun.view == "",
            RatingRun.campaign_id.not_in(kept_back(now)),
        )
        .group_by(RatingRun.criterion_id)
    )
    rows = session.execute(
        select(Rating, RatingRun, Campaign, Criterion)
        .join(RatingRun, Rating.run_id == RatingRun.id)
        .join(Campaign, RatingRun.campaign_id == Campaign.id)
        .join(Criterion, RatingRun.criterion_id == Criterion.id)
        .where(Rating.entrant_id == entrant_id, Rating.run_id.in_(newest))
        .order_by(Campaign.id.desc(), Criterion.position)
    ).all()
    ranked: dict[int, int] = dict(
        session.execute(
            select(Rating.run_id, func.count())
            .where(Rating.run_id.in_([run.id for _, run, _, _ in rows]), Rating.rank.is_not(None))
            .group_by(Rating.run_id)
        ).all()
    )
    return [
        Standing(
            campaign_id=campaign.id,
            campaign=campaign.slug,
            campaign_name=campaign.name,
            criterion_id=criterion.id,
            question=criterion.question,
            rating=rating.rating,
            low=rating.low,
            high=rating.high,
            rank=rating.rank,
            rank_low=rating.rank_low,
            rank_high=rating.rank_high,
            entrants=ranked.get(run.id, 0),
            votes=rating.votes,
            provisional=rating.provisional,
            reason=rating.reason,
            board_votes=run.votes,
        )
        for rating, run, campaign, criterion in rows
    ]


def by_category(session: Session, entrant_id: int, criterion_id: int) -> list[CategoryStanding]:
    """The ratings on the boards of single categories, the best first; boards of other views are left out."""
    newest = (
        select(func.max(RatingRun.id))
        .where(
            RatingRun.campaign_id
            == select(Criterion.campaign_id).where(Criterion.id == criterion_id).scalar_subquery(),
            RatingRun.criterion_id == criterion_id,
            RatingRun.view.startswith("category="),
            RatingRun.view.not_like("%&%"),
        )
        .group_by(RatingRun.view)
    )
    rows = session.execute(
        select(RatingRun.view, Rating)
        .join(RatingRun, Rating.run_id == RatingRun.id)
        .where(Rating.entrant_id == entrant_id, Rating.run_id.in_(newest), Rating.votes > 0)
    )
    found = [
        CategoryStanding(
            category=dict(parse_qsl(view))["category"],
            rating=rating.rating,
            low=rating.low,
            high=rating.high,
            votes=rating.votes,
            provisional=rating.provisional,
        )
        for view, rating in rows
    ]
    return sorted(found, key=lambda row: (row.rating is None, -(row.rating or 0.0), row.category))


def encounters(session: Session, entrant_id: int, *, now: datetime) -> list[Encounter]:
    """Whom an entrant met and how it went, by votes, most first.

    On the first question of every campaign whose board is everybody's now.
    """
    sides: dict[int, tuple[Count, Count]] = {}
    for left, right, outcome, votes in session.execute(
        select(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome, func.sum(Tally.votes))
        .where(
            Tally.category == "all",
            Tally.criterion_id.in_(first_criteria(session)),
            Tally.campaign_id.not_in(kept_back(now)),
            (Tally.left_entrant_id == entrant_id) | (Tally.right_entrant_id == entrant_id),
        )
        .group_by(Tally.left_entrant_id, Tally.right_entrant_id, Tally.outcome)
    ):
        on_left = left == entrant_id
        opponent = right if on_left else left
        mine, theirs = sides.get(opponent, (Count(), Count()))
        if on_left:
            mine = mine.plus(Outcome(outcome), int(votes), on_left=True)
        else:
            theirs = theirs.plus(Outcome(outcome), int(votes), on_left=False)
        sides[opponent] = (mine, theirs)
    met = session.scalars(select(Entrant).where(Entrant.id.in_(sides)))
    found = [Encounter(name_of(entrant), *sides[entrant.id]) for entrant in met]
    return sorted(found, key=lambda met: (-met.count.votes, met.opponent.label))


def asked(session: Session, entrant_id: int) -> Asked:
    """What became of the pictures that an entrant was asked for."""
    states: dict[JobState, int] = dict(
        session.execute(
            select(Job.state, func.count()).where(Job.entrant_id == entrant_id).group_by(Job.state)
        ).all()
    )
    reasons: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for reason, unknown in session.execute(
        select(Job.reason, Job.words).where(Job.entrant_id == entrant_id, Job.state == JobState.REFUSED)
    ):
        reasons.update([reason] if reason else [])
        words.update(unknown or ())
    return Asked(
        made=states.get(JobState.DONE, 0),
        refused=states.get(JobState.REFUSED, 0),
        failed=states.get(JobState.FAILED, 0),
        reasons=tuple(reasons.most_common(MOST_TOLD)),
        words=tuple(words.most_common(MOST_TOLD)),
    )


def took(session: Session, entrant_id: int) -> Took:
    """What the pictures of an entrant took, in no order."""
    rows = session.execute(
        select(Image.seconds, Image.cpu_seconds, Image.peak_bytes, Image.joules, Image.energy_method)
        .join(Job, Image.job_id == Job.id)
        .where(Job.entrant_id == entrant_id)
    ).all()
    joules: dict[str, list[float]] = {}
    for row in rows:
        if row.joules is not None:
            joules.setdefault(row.energy_method or "", []).append(row.joules)
    return Took(
        seconds=tuple(row.seconds for row in rows if row.seconds is not None),
        cpu_seconds=tuple(row.cpu_seconds for row in rows if row.cpu_seconds is not None),
        peak_bytes=tuple(float(row.peak_bytes) for row in rows if row.peak_bytes is not None),
        joules={method: tuple(values) for method, values in sorted(joules.items())},
    )

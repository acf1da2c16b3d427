"""What may be shown with names: votes of campaigns that have closed, on prompts that nobody deals now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.queries.board_readers import kept_back
from arena.queries.embargo import dealt_prompts
from arena.tables import Battle, BattleKind, Campaign, Criterion, Entrant, Image


@dataclass(frozen=True, slots=True)
class Show:
    """A campaign that has closed; ``criterion_id`` is its first question, the one that is counted."""

    campaign_id: int
    slug: str
    name: str
    criterion_id: int


@dataclass(frozen=True, slots=True)
class Name:
    """An entrant as pages name it; ``label`` is ``slug@revision``, which no other shares."""

    label: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Count:
    """Votes for and against; with ties and both bad they are all there are."""

    wins: int = 0
    losses: int = 0
    ties: int = 0
    both_bad: int = 0

    @property
    def votes(self) -> int:
        """All of them."""
        return self.wins + self.losses + self.ties + self.both_bad

    @property
    def decided(self) -> int:
        """Those that chose one of the two."""
        return self.wins + self.losses

    def __add__(self, other: Count) -> Count:
        return Count(
            wins=self.wins + other.wins,
            losses=self.losses + other.losses,
            ties=self.ties + other.ties,
            both_bad=self.both_bad + other.both_bad,
        )

    def plus(self, outcome: Outcome, votes: int, *, on_left: bool) -> Count:
        """The counts with more votes of one outcome, for the entrant on one side."""
        if outcome is Outcome.TIE:
            return Count(self.wins, self.losses, self.ties + votes, self.both_bad)
        if outcome is Outcome.BOTH_BAD:
            return Count(self.wins, self.losses, self.ties, self.both_bad + votes)
        if (outcome is Outcome.LEFT) == on_left:
            return Count(self.wins + votes, self.losses, self.ties, self.both_bad)
        return Count(self.wins, self.losses + votes, self.ties, self.both_bad)


def shows(session: Session, *, now: datetime) -> list[Show]:
    """Every campaign that has closed and whose board is everybody's, the newest first."""
    first: dict[int, Show] = {}
    for campaign_id, slug, name, criterion_id in session.execute(
        select(Campaign.id, Campaign.slug, Campaign.name, Criterion.id)
        .join(Criterion, Criterion.campaign_id == Campaign.id)
        .where(Campaign.closed_at <= now, Campaign.id.not_in(kept_back(now)))
        .order_by(Campaign.id.desc(), Criterion.position)
    ):
        first.setdefault(campaign_id, Show(campaign_id, slug, name, criterion_id))
    return list(first.values())


def first_criteria(session: Session) -> list[int]:
    """The first question of every campaign, open or closed."""
    first: dict[int, int] = {}
    for campaign_id, criterion_id in session.execute(
        select(Criterion.campaign_id, Criterion.id).order_by(Criterion.campaign_id, Criterion.position)
    ):
        first.setdefault(campaign_id, criterion_id)
    return list(first.values())


def on_show(now: datetime) -> ColumnElement[bool]:
    """Whether a battle of a closed campaign may be shown: an ordinary one, answered, and told or past.

    One that waits for its voter's reasons is not: its voter has not seen the names yet.
    """
    return and_(
        Battle.kind == BattleKind.ORDINARY,
        Battle.voted_at.is_not(None),
        or_(Battle.revealed_at.is_not(None), Battle.expires_at <= now),
        Battle.prompt_id.not_in(dealt_prompts(now)),
    )


def seed_of(image: Image) -> int | None:
    """The seed that a picture was painted from; nobody told that of one from another arena."""
    return image.seed if image.batch else None


def name_of(entrant: Entrant) -> Name:
    """The name of an entrant."""
    return Name(f"{entrant.slug}@{entrant.revision}", entrant.name, entrant.kind)

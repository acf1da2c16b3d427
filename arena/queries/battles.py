"""What the battle and reveal pages show; before the vote nothing here knows an entrant's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.blinding import pictures_end
from arena.errors import NotVotedYet, UnknownBattle, UnknownPicture
from arena.queries.boards import first_criterion, newest_run
from arena.tables import (
    Battle,
    BlindCopy,
    Campaign,
    Criterion,
    Entrant,
    Image,
    Prompt,
    Rating,
    RatingRun,
    Reason,
    Vote,
    Voter,
)


class BattleState(StrEnum):
    """Where a battle stands: from dealt to revealed, or ended without a vote."""

    OPEN = "open"
    VOTED = "voted"
    REVEALED = "revealed"
    SKIPPED = "skipped"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Question:
    """One criterion of a battle, and what was answered to it."""

    slug: str
    text: str
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class BattlePage:
    """All that may be known of a battle before the reveal."""

    key: str
    campaign: str
    campaign_name: str
    state: BattleState
    prompt: str
    language: str
    category: str | None
    canvas: int
    left_token: str
    right_token: str
    questions: tuple[Question, ...]
    reasons: tuple[str, ...]
    done: int
    set_size: int

    @property
    def open_question(self) -> Question | None:
        """The first question without an answer."""
        return next((question for question in self.questions if question.outcome is None), None)


@dataclass(frozen=True, slots=True)
class RevealedSide:
    """One picture of a battle after the reveal; the rating is null where the votes say too little."""

    slug: str
    revision: str
    name: str
    kind: str
    licence: str
    rating: float | None
    low: float | None
    high: float | None
    provisional: bool
    seed: int
    seconds: float | None
    cpu_seconds: float | None
    width: int
    height: int
    length: int
    digest: str
    identity: Mapping[str, Any]
    notes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reveal:
    """Both sides of a battle, and the run that their ratings come from (null before the first run)."""

    left: RevealedSide
    right: RevealedSide
    as_of_vote: int | None


def battle_page(session: Session, *, key: str, voter_key: str | None, now: datetime) -> BattlePage:
    """Read a battle as its voter may see it before the reveal.

    Raises
    ------
    UnknownBattle
        If there is none of that key, or it was dealt to somebody else.
    """
    row = session.execute(
        select(Battle, Campaign, Prompt)
        .join(Voter, Battle.voter_id == Voter.id)
        .join(Campaign, Battle.campaign_id == Campaign.id)
        .join(Prompt, Battle.prompt_id == Prompt.id)
        .where(Battle.key == key, Voter.key == (voter_key or ""))
    ).one_or_none()
    if row is None:
        raise UnknownBattle(key)
    battle, campaign, prompt = row
    answers = {
        vote.criterion_id: vote.outcome
        for vote in session.scalars(select(Vote).where(Vote.battle_id == battle.id).order_by(Vote.ballot_no))
    }
    criteria = session.scalars(
        select(Criterion).where(Criterion.campaign_id == campaign.id).order_by(Criterion.position)
    )
    reasons = session.scalars(select(Reason.tag).where(Reason.battle_id == battle.id).order_by(Reason.id))
    done = session.scalar(
        select(func.count())
        .select_from(Battle)
        .where(
            Battle.voter_id == battle.voter_id,
            Battle.campaign_id == campaign.id,
            Battle.voted_at.is_not(None),
        )
    )
    return BattlePage(
        key=battle.key,
        campaign=campaign.slug,
        campaign_name=campaign.name,
        state=state_of(battle, now),
        prompt=prompt.text,
        language=prompt.language,
        category=prompt.categories[0] if prompt.categories else None,
        canvas=campaign.canvas,
        left_token=battle.left_token,
        right_token=battle.right_token,
        questions=tuple(Question(c.slug, c.question, answers.get(c.id)) for c in criteria),
        reasons=tuple(reasons),
        done=done or 0,
        set_size=campaign.set_size,
    )


def state_of(battle: Battle, now: datetime) -> BattleState:
    """Where a battle stands at ``now``."""
    if battle.revealed_at is not None:
        return BattleState.REVEALED
    if battle.voted_at is not None:
        return BattleState.VOTED
    if battle.skipped_at is not None:
        return BattleState.SKIPPED
    return BattleState.EXPIRED if battle.expires_at <= now else BattleState.OPEN


def reveal(session: Session, *, key: str, voter_key: str | None) -> Reveal:
    """Read who painted what, once the voter may know.

    Raises
    ------
    UnknownBattle
        If there is none of that key, or it was dealt to somebody else.
    NotVotedYet
        If the reveal has not been asked for after the vote.
    """
    battle = session.scalar(
        select(Battle)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(Battle.key == key, Voter.key == (voter_key or ""))
    )
    if battle is None:
        raise UnknownBattle(key)
    if battle.revealed_at is None:
        raise NotVotedYet(key)
    assert battle.left_image_id is not None, "a battle that was dealt here has its pictures"
    assert battle.right_image_id is not None, "a battle that was dealt here has its pictures"
    run = newest_run(session, battle.campaign_id, first_criterion(session, battle.campaign_id).id)
    return Reveal(
        left=_side(session, battle.left_image_id, run),
        right=_side(session, battle.right_image_id, run),
        as_of_vote=run.votes if run else None,
    )


def _side(session: Session, image_id: int, run: RatingRun | None) -> RevealedSide:
    image, entrant = session.execute(
        select(Image, Entrant).join(Entrant, Image.entrant_id == Entrant.id).where(Image.id == image_id)
    ).one()
    rating = session.get(Rating, (run.id, entrant.id)) if run else None
    return RevealedSide(
        slug=entrant.slug,
        revision=entrant.revision,
        name=entrant.name,
        kind=entrant.kind,
        licence=entrant.licence,
        rating=rating.rating if rating else None,
        low=rating.low if rating else None,
        high=rating.high if rating else None,
        provisional=rating.provisional if rating else True,
        seed=image.seed,
        seconds=image.seconds,
        cpu_seconds=image.cpu_seconds,
        width=image.width,
        height=image.height,
        length=image.length,
        digest=image.digest,
        identity=entrant.identity,
        notes=image.notes,
    )


def blind_picture(session: Session, *, token: str, voter_key: str | None, now: datetime) -> str:
    """Digest of the blind copy that a token names, for the voter it was dealt to, while it lasts.

    Raises
    ------
    UnknownPicture
        Whatever the reason, in the same words: a guess learns nothing.
    """
    found = _token(session, Battle.left_token == token, Battle.left_image_id, voter_key) or _token(
        session, Battle.right_token == token, Battle.right_image_id, voter_key
    )
    if found is None or pictures_end(found[1], found[2]) <= now:
        raise UnknownPicture("there is no such picture for you, or its time is over")
    return found[0]


def _token(
    session: Session, matches: ColumnElement[bool], image_id: Any, voter_key: str | None
) -> tuple[str, datetime, datetime | None] | None:
    row = session.execute(
        select(BlindCopy.digest, Battle.expires_at, Battle.voted_at)
        .select_from(Battle)
        .join(Voter, Battle.voter_id == Voter.id)
        .join(Campaign, Battle.campaign_id == Campaign.id)
        .join(BlindCopy, (BlindCopy.image_id == image_id) & (BlindCopy.canvas == Campaign.canvas))
        .where(matches, Voter.key == (voter_key or ""))
    ).one_or_none()
    return tuple(row) if row else None  # type: ignore[return-value]

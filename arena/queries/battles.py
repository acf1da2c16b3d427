"""What a battle's pages show before the reveal: nothing here knows an entrant's name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from analysis.outcomes import Outcome
from arena.domain.blinding import CONSENT_VERSION, pictures_end
from arena.errors import UnknownBattle, UnknownPicture
from arena.queries.removed import retracted
from arena.tables import (
    Battle,
    BlindCopy,
    Campaign,
    Criterion,
    Point,
    Prompt,
    Reason,
    RevealPolicy,
    Vote,
    Voter,
)

_OTHER = aliased(Battle)

# The statements of every page of the wall are built once: building them would take longer than running them.
_PAGE = (
    select(
        Battle.id,
        Battle.campaign_id,
        Battle.left_token,
        Battle.right_token,
        Battle.expires_at,
        Battle.voted_at,
        Battle.skipped_at,
        Battle.settled_at,
        Battle.revealed_at,
        Campaign.slug,
        Campaign.name,
        Campaign.canvas,
        Campaign.reveal,
        Campaign.set_size,
        Prompt.text,
        Prompt.language,
        Prompt.categories,
        select(func.count(_OTHER.id))
        .where(
            _OTHER.voter_id == Battle.voter_id,
            _OTHER.campaign_id == Battle.campaign_id,
            _OTHER.voted_at.is_not(None),
        )
        .scalar_subquery()
        .label("done"),
        exists()
        .where(
            _OTHER.voter_id == Battle.voter_id,
            Vote.battle_id == _OTHER.id,
            Vote.consent == CONSENT_VERSION,
        )
        .label("agreed"),
    )
    .select_from(Battle)
    .join(Voter, Battle.voter_id == Voter.id)
    .join(Campaign, Battle.campaign_id == Campaign.id)
    .join(Prompt, Battle.prompt_id == Prompt.id)
    .where(Battle.key == bindparam("key"), Voter.key == bindparam("voter"))
)
_QUESTIONS = (
    select(Criterion.slug, Criterion.question, Vote.outcome)
    .outerjoin(
        Vote, (Vote.criterion_id == Criterion.id) & (Vote.battle_id == bindparam("battle")) & ~retracted()
    )
    .where(Criterion.campaign_id == bindparam("campaign"))
    .order_by(Criterion.position)
)
_REASONS = select(Reason.tag).where(Reason.battle_id == bindparam("battle")).order_by(Reason.id)
_MARKS = (
    select(Point.side, Point.x, Point.y, Point.tag)
    .where(Point.battle_id == bindparam("battle"), Point.unblinded.is_(False))
    .order_by(Point.id)
)
_PICTURE = (
    select(BlindCopy.digest, Battle.expires_at, Battle.voted_at)
    .select_from(Battle)
    .join(Voter, Battle.voter_id == Voter.id)
    .join(Campaign, Battle.campaign_id == Campaign.id)
    .join(
        BlindCopy,
        (
            BlindCopy.image_id
            == case(
                (Battle.left_token == bindparam("token"), Battle.left_image_id), else_=Battle.right_image_id
            )
        )
        & (BlindCopy.canvas == Campaign.canvas),
    )
    .where(
        or_(Battle.left_token == bindparam("token"), Battle.right_token == bindparam("token")),
        Voter.key == bindparam("voter"),
    )
)


class BattleState(StrEnum):
    """Where a battle stands: from dealt to revealed, or ended without a vote.

    One is settled where its voter is done with it and the campaign holds the names back.
    """

    OPEN = "open"
    VOTED = "voted"
    SETTLED = "settled"
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
class Mark:
    """A spot that a rater marked on a picture, in shares of the canvas; the tag may be null."""

    side: str
    x: float
    y: float
    tag: str | None


@dataclass(frozen=True, slots=True)
class BattlePage:
    """All that may be known of a battle before the reveal.

    ``agreed`` says that its voter has cast a vote under the text of consent as it is now, ``hangs`` that its
    pictures can still be fetched.
    """

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
    marks: tuple[Mark, ...]
    policy: RevealPolicy
    done: int
    set_size: int
    agreed: bool
    hangs: bool

    @property
    def answered(self) -> tuple[Question, ...]:
        """The questions that have an answer."""
        return tuple(question for question in self.questions if question.outcome is not None)

    @property
    def open_question(self) -> Question | None:
        """The first question without an answer."""
        return next((question for question in self.questions if question.outcome is None), None)


def battle_page(session: Session, *, key: str, voter_key: str | None, now: datetime) -> BattlePage:
    """Read a battle as its voter may see it before the reveal.

    Raises
    ------
    UnknownBattle
        If there is none of that key, or it was dealt to somebody else.
    """
    connection = session.connection()
    row = connection.execute(_PAGE, {"key": key, "voter": voter_key or ""}).one_or_none()
    if row is None:
        raise UnknownBattle(key)
    questions = connection.execute(_QUESTIONS, {"battle": row.id, "campaign": row.campaign_id})
    reasons = connection.scalars(_REASONS, {"battle": row.id}) if row.voted_at else ()
    return BattlePage(
        key=key,
        campaign=row.slug,
        campaign_name=row.name,
        state=state_of(row, now),
        prompt=row.text,
        language=row.language,
        category=row.categories[0] if row.categories else None,
        canvas=row.canvas,
        left_token=row.left_token,
        right_token=row.right_token,
        questions=tuple(Question(*told) for told in questions),
        reasons=tuple(reasons),
        marks=marks_of(session, row.id) if row.voted_at else (),
        policy=row.reveal,
        done=row.done,
        set_size=row.set_size,
        agreed=row.agreed,
        hangs=pictures_end(row.expires_at, row.voted_at) > now,
    )


def marks_of(session: Session, battle_id: int) -> tuple[Mark, ...]:
    """The spots that were marked on the pictures of a battle before the names, in their order."""
    points = session.connection().execute(_MARKS, {"battle": battle_id})
    return tuple(Mark(side.value, x, y, tag) for side, x, y, tag in points)


def state_of(battle: Any, now: datetime) -> BattleState:
    """Where a battle stands at ``now``; ``battle`` has the moments of `arena.tables.Battle`."""
    if battle.revealed_at is not None:
        return BattleState.REVEALED
    if battle.settled_at is not None:
        return BattleState.SETTLED
    if battle.voted_at is not None:
        return BattleState.VOTED
    if battle.skipped_at is not None:
        return BattleState.SKIPPED
    return BattleState.EXPIRED if battle.expires_at <= now else BattleState.OPEN


def blind_picture(session: Session, *, token: str, voter_key: str | None, now: datetime) -> str:
    """Digest of the blind copy that a token names, for the voter it was dealt to, while it lasts.

    Raises
    ------
    UnknownPicture
        Whatever the reason, in the same words: a guess learns nothing.
    """
    asked = {"token": token, "voter": voter_key or ""}
    found = session.connection().execute(_PICTURE, asked).one_or_none()
    if found is None or pictures_end(found.expires_at, found.voted_at) <= now:
        raise UnknownPicture("there is no such picture for you, or its time is over")
    return str(found.digest)

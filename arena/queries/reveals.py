"""Who painted what in a battle, once its voter may know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.errors import NotVotedYet, UnknownBattle
from arena.queries.board_readers import everybodys, is_delayed
from arena.queries.boards import newest_run
from arena.queries.finding import first_criterion
from arena.tables import Battle, BattleKind, BoardReaders, Campaign, Entrant, Image, Rating, Voter

_REVEALED = (
    select(Battle, Campaign)
    .join(Voter, Battle.voter_id == Voter.id)
    .join(Campaign, Battle.campaign_id == Campaign.id)
    .where(Battle.key == bindparam("key"), Voter.key == bindparam("voter"))
)
_SIDES = (
    select(Image, Entrant, Rating)
    .join(Entrant, Image.entrant_id == Entrant.id)
    .outerjoin(Rating, (Rating.entrant_id == Entrant.id) & (Rating.run_id == bindparam("run")))
    .where(Image.id.in_([bindparam("left"), bindparam("right")]))
)


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
    """Both sides of a battle, and the run that their ratings come from (null before the first run).

    ``kind`` says whether it only checked its rater, ``expected`` the answer that was known.
    """

    left: RevealedSide
    right: RevealedSide
    as_of_vote: int | None
    kind: BattleKind
    expected: Outcome | None


def reveal(session: Session, *, key: str, voter_key: str | None) -> Reveal:
    """Read who painted what, once the voter may know.

    Raises
    ------
    UnknownBattle
        If there is none of that key, or it was dealt to somebody else.
    NotVotedYet
        If the reveal has not been asked for after the vote.
    """
    row = session.execute(_REVEALED, {"key": key, "voter": voter_key or ""}).one_or_none()
    if row is None:
        raise UnknownBattle(key)
    battle, campaign = row
    if battle.revealed_at is None:
        raise NotVotedYet(key)
    assert battle.left_image_id is not None, "a battle that was dealt here has its pictures"
    assert battle.right_image_id is not None, "a battle that was dealt here has its pictures"
    run = newest_run(session, battle.campaign_id, first_criterion(session, battle.campaign_id).id)
    for_raters = campaign.board is BoardReaders.RATERS and not is_delayed(campaign, battle.revealed_at)
    if not for_raters and not everybodys(campaign, battle.revealed_at):
        run = None  # its raters may not see where its entrants stand, either
    asked = {"left": battle.left_image_id, "right": battle.right_image_id, "run": run.id if run else None}
    rows = session.execute(_SIDES, asked)
    sides = {image.id: _side(image, entrant, rating) for image, entrant, rating in rows}
    return Reveal(
        left=sides[battle.left_image_id],
        right=sides[battle.right_image_id],
        as_of_vote=run.votes if run else None,
        kind=battle.kind,
        expected=battle.expected,
    )


def _side(image: Image, entrant: Entrant, rating: Rating | None) -> RevealedSide:
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

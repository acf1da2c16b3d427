"""The end of a set: whether a voter has come to one, and what they did in it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, aliased

from analysis.outcomes import Outcome
from arena.queries.boards import newest_run
from arena.queries.finding import find_campaign, first_criterion
from arena.queries.removed import stands
from arena.tables import Battle, BattleKind, Campaign, Entrant, Prompt, Rating, RevealPolicy, Vote, Voter

ENOUGH_TO_AGREE = 30
"""Decided votes from which on it is told how often a rater agrees with the board."""

_MINE = (
    select(Battle.id, Battle.voted_at)
    .join(Voter, Battle.voter_id == Voter.id)
    .where(Voter.key == bindparam("voter"), Battle.campaign_id == bindparam("campaign"))
    .subquery()
)
_COME_TO = select(
    select(_MINE.c.voted_at).order_by(_MINE.c.id.desc()).limit(1).scalar_subquery(),
    select(func.count(_MINE.c.voted_at)).scalar_subquery(),
)
"""When a voter answered the pair that they were dealt last, and how many they have answered."""


@dataclass(frozen=True, slots=True)
class NamedPair:
    """A battle of a set whose names were held back until its end."""

    key: str
    prompt: str
    language: str
    outcome: Outcome
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many of a rater's decided votes went to the entrant that the board rates higher."""

    agreed: int
    decided: int
    as_of_vote: int


@dataclass(frozen=True, slots=True)
class SetDone:
    """What a voter did in a set that is complete, by the first question.

    ``seconds`` is the median time from both pictures shown to the answer, null where no page told it;
    ``asks_about`` that the campaign asks voters about themselves now, after their first set.
    """

    campaign: str
    campaign_name: str
    policy: RevealPolicy
    number: int
    size: int
    votes: int
    ties: int
    both_bad: int
    seconds: float | None
    agreement: Agreement | None
    pairs: tuple[NamedPair, ...]
    asks_about: bool


def paused(session: Session, *, campaign: Campaign, voter_key: str) -> int:
    """Number of the set that a voter has just completed; 0 while they are in the middle of one.

    Whoever was dealt a pair after the last one of a set has gone on.
    """
    asked = {"voter": voter_key, "campaign": campaign.id}
    newest, done = session.connection().execute(_COME_TO, asked).one()
    return 0 if newest is None or done % campaign.set_size else done // campaign.set_size


def set_done(session: Session, *, campaign: str | None, voter_key: str, number: int) -> SetDone:
    """What a voter did in a set.

    Raises
    ------
    UnknownCampaign
    """
    found = find_campaign(session, campaign)
    question = first_criterion(session, found.id).id
    left, right = aliased(Entrant), aliased(Entrant)
    rows = session.execute(
        select(
            Battle.key,
            Battle.revealed_at,
            Prompt.text,
            Prompt.language,
            Vote.outcome,
            Vote.elapsed_ms,
            left.name.label("left"),
            right.name.label("right"),
        )
        .join(Vote, Vote.battle_id == Battle.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .join(Prompt, Battle.prompt_id == Prompt.id)
        .join(left, Battle.left_entrant_id == left.id)
        .join(right, Battle.right_entrant_id == right.id)
        .where(
            Voter.key == voter_key,
            Battle.campaign_id == found.id,
            Battle.voted_at.is_not(None),
            Vote.criterion_id == question,
            stands(),
        )
        .order_by(Battle.voted_at.desc(), Battle.id.desc())
        .limit(found.set_size)
    ).all()
    times = [row.elapsed_ms for row in rows if row.elapsed_ms is not None]
    held_back = found.reveal is RevealPolicy.END_OF_SET
    return SetDone(
        campaign=found.slug,
        campaign_name=found.name,
        policy=found.reveal,
        number=number,
        size=found.set_size,
        votes=len(rows),
        ties=sum(row.outcome is Outcome.TIE for row in rows),
        both_bad=sum(row.outcome is Outcome.BOTH_BAD for row in rows),
        seconds=median(times) / 1000 if times else None,
        agreement=None if found.reveal is RevealPolicy.OFF else _agreement(session, found, voter_key),
        pairs=tuple(
            NamedPair(row.key, row.text, row.language, row.outcome, row.left, row.right)
            for row in reversed(rows)
            if held_back and row.revealed_at is not None
        ),
        asks_about=found.asks_about and number == 1,
    )


def _agreement(session: Session, campaign: Campaign, voter_key: str) -> Agreement | None:
    """How a voter's decided votes compare with the newest board; null while they are few."""
    question = first_criterion(session, campaign.id).id
    run = newest_run(session, campaign.id, question)
    if run is None or campaign.delay_hours:
        return None
    rated = session.execute(select(Rating.entrant_id, Rating.rating).where(Rating.run_id == run.id))
    ratings = {entrant: rating for entrant, rating in rated if rating is not None}
    rows = session.execute(
        select(Battle.left_entrant_id, Battle.right_entrant_id, Vote.outcome)
        .join(Vote, Vote.battle_id == Battle.id)
        .join(Voter, Battle.voter_id == Voter.id)
        .where(
            Voter.key == voter_key,
            Battle.campaign_id == campaign.id,
            Battle.kind == BattleKind.ORDINARY,
            Battle.revealed_at.is_not(None),
            Vote.criterion_id == question,
            Vote.outcome.in_((Outcome.LEFT, Outcome.RIGHT)),
            stands(),
        )
    )
    told = [
        (ratings[left] - ratings[right]) * (1 if outcome is Outcome.LEFT else -1)
        for left, right, outcome in rows
        if left in ratings and right in ratings
    ]
    if len(told) < ENOUGH_TO_AGREE:
        return None
    return Agreement(sum(difference > 0 for difference in told), len(told), run.votes)

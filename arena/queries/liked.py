"""The votes that each picture of an entrant got, of pictures that may be shown with its name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.queries.embargo import dealt_prompts
from arena.queries.removed import stands
from arena.queries.showing import Count, on_show, seed_of, shows
from arena.tables import Battle, Campaign, Image, Prompt, Tally, Vote

Stamp = tuple[tuple[int, ...], tuple[tuple[int, bool, int], ...]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that may be shown, and the words it was made from."""

    image_id: int
    digest: str
    seed: int | None
    width: int
    height: int
    prompt: int
    text: str
    language: str


def picture_counts(session: Session, entrant_id: int, *, now: datetime) -> dict[int, Count]:
    """Count the votes of each picture, on the first question of the campaigns that have closed.

    It reads every battle of the entrant: seconds, where there are a million votes.
    """
    asked = shows(session, now=now)
    is_left = Battle.left_entrant_id == entrant_id
    image = case((is_left, Battle.left_image_id), else_=Battle.right_image_id)
    rows = session.execute(
        select(image, is_left, Vote.outcome, func.count())
        .join(Vote, Vote.battle_id == Battle.id)
        .where(
            is_left | (Battle.right_entrant_id == entrant_id),
            image.is_not(None),
            Battle.campaign_id.in_([show.campaign_id for show in asked]),
            Vote.criterion_id.in_([show.criterion_id for show in asked]),
            on_show(now),
            stands(),
        )
        .group_by(image, is_left, Vote.outcome)
    )
    found: dict[int, Count] = {}
    for image_id, on_left, outcome, votes in rows:
        found[image_id] = found.get(image_id, Count()).plus(Outcome(outcome), votes, on_left=bool(on_left))
    return found


def stamp(session: Session, entrant_id: int, *, now: datetime) -> Stamp:
    """What `picture_counts` depends on, quickly read: as long as it is the same, so are the counts.

    It tells the open campaigns, which say what is under embargo; and of each that has closed whether its last
    battles have expired, and the entrant's votes.
    """
    open_ones: list[int] = []
    closed: dict[int, bool] = {}
    for campaign in session.scalars(select(Campaign).order_by(Campaign.id)):
        if campaign.closed_at is None or campaign.closed_at > now:
            open_ones.append(campaign.id)
        else:
            closed[campaign.id] = campaign.closed_at + timedelta(minutes=campaign.minutes_to_vote) <= now
    votes: dict[int, int] = dict(
        session.execute(
            select(Tally.campaign_id, func.sum(Tally.votes))
            .where(
                Tally.category == "all",
                (Tally.left_entrant_id == entrant_id) | (Tally.right_entrant_id == entrant_id),
            )
            .group_by(Tally.campaign_id)
        ).all()
    )
    return tuple(open_ones), tuple((key, settled, votes.get(key, 0)) for key, settled in closed.items())


def pictures(session: Session, image_ids: Collection[int], *, now: datetime) -> dict[int, Shown]:
    """Those of the pictures whose prompt no open campaign deals, by their ids."""
    rows = session.execute(
        select(Image, Prompt)
        .join(Prompt, Image.prompt_id == Prompt.id)
        .where(Image.id.in_(image_ids), Image.prompt_id.not_in(dealt_prompts(now)))
    )
    return {
        image.id: Shown(
            image_id=image.id,
            digest=image.digest,
            seed=seed_of(image),
            width=image.width,
            height=image.height,
            prompt=prompt.id,
            text=prompt.text,
            language=prompt.language,
        )
        for image, prompt in rows
    }

"""Prompts of campaigns: a list to look through, and what every entrant made of one of them.

The words of a prompt are told once somebody has judged it, or no campaign deals it: whoever knew them before
could make an entrant ready for them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, or_, select, true
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.categories import UNCATEGORISED
from arena.errors import NotFound
from arena.queries.embargo import dealt_prompts
from arena.queries.removed import stands
from arena.queries.showing import Count, Name, name_of, on_show, seed_of, shows
from arena.tables import (
    Battle,
    Campaign,
    CampaignPrompt,
    Entrant,
    Image,
    Job,
    JobState,
    Prompt,
    PromptSource,
    Vote,
)

PAGE = 30


@dataclass(frozen=True, slots=True)
class PromptLine:
    """A prompt in a list; ``dealt`` says that an open campaign deals it."""

    number: int
    text: str
    language: str
    categories: tuple[str, ...]
    dealt: bool


@dataclass(frozen=True, slots=True)
class PromptList:
    """A page of prompts, the newest first; ``older`` and ``newer`` are the numbers to go on from.

    ``untold`` is how many prompts nobody has judged yet, whatever is looked for.
    """

    prompts: tuple[PromptLine, ...]
    count: int
    untold: int
    older: int | None
    newer: int | None


@dataclass(frozen=True, slots=True)
class Painted:
    """One picture of a prompt, with the votes it got; nobody knows the seed of one from another arena."""

    digest: str
    seed: int | None
    width: int
    height: int
    count: Count


@dataclass(frozen=True, slots=True)
class Painter:
    """What an entrant made of a prompt; ``refused`` of its pictures it declined."""

    entrant: Name
    pictures: tuple[Painted, ...]
    refused: int

    @property
    def count(self) -> Count:
        """The votes of all its pictures."""
        return sum((picture.count for picture in self.pictures), Count())


@dataclass(frozen=True, slots=True)
class PromptPage:
    """A prompt, and who painted it how; while it is ``dealt`` nobody is told of.

    ``campaigns`` are the names of those that ask for it.
    """

    line: PromptLine
    source: PromptSource
    licence: str
    origin: str
    campaigns: tuple[str, ...]
    painters: tuple[Painter, ...]


def in_category(slug: str) -> ColumnElement[bool]:
    """Whether a prompt has a category, or none where `UNCATEGORISED` is asked for."""
    if slug == UNCATEGORISED:
        return cast(Prompt.categories, Text) == "[]"
    return cast(Prompt.categories, Text).contains(f'"{slug}"', autoescape=True)


def holds(words: str) -> ColumnElement[bool]:
    """Whether a prompt holds each of the words, in any case and order."""
    return and_(true(), *(Prompt.text.icontains(word, autoescape=True) for word in words.split()))


def categories(session: Session) -> list[str]:
    """Every category that a prompt has; `UNCATEGORISED` is last, where some have none."""
    told = [json.loads(line) for line in session.scalars(select(cast(Prompt.categories, Text)).distinct())]
    return sorted({slug for slugs in told for slug in slugs}) + [UNCATEGORISED] * ([] in told)


def prompt_list(
    session: Session,
    *,
    now: datetime,
    words: str = "",
    category: str | None = None,
    before: int | None = None,
    after: int | None = None,
) -> PromptList:
    """Read the page of campaigns' prompts with numbers below ``before``, or the page next above ``after``."""
    asked, told = Prompt.id.in_(select(CampaignPrompt.prompt_id)), _told(now)
    wanted = [holds(words), asked, told]
    if category:
        wanted.append(in_category(category))
    forward = after is not None and before is None
    query = select(Prompt, Prompt.id.in_(dealt_prompts(now))).where(*wanted)
    if before is not None:
        query = query.where(Prompt.id < before)
    elif after is not None:
        query = query.where(Prompt.id > after)
    rows = session.execute(query.order_by(Prompt.id if forward else Prompt.id.desc()).limit(PAGE + 1)).all()
    more = len(rows) > PAGE
    lines = sorted((_line(*row) for row in rows[:PAGE]), key=lambda line: line.number, reverse=True)
    return PromptList(
        prompts=tuple(lines),
        count=session.scalar(select(func.count()).select_from(Prompt).where(*wanted)) or 0,
        untold=session.scalar(select(func.count()).select_from(Prompt).where(asked, ~told)) or 0,
        older=lines[-1].number if lines and (more or forward) else None,
        newer=lines[0].number if lines and (more if forward else before is not None) else None,
    )


def prompt_line(session: Session, number: int, *, now: datetime) -> PromptLine:
    """Read the words of a campaign's prompt.

    Raises
    ------
    NotFound
        If no campaign asks for a prompt of that number, or its words are not told yet.
    """
    return _line(*_find(session, number, now))


def prompt_page(session: Session, number: int, *, now: datetime) -> PromptPage:
    """Read a campaign's prompt and its pictures.

    Raises
    ------
    NotFound
        If no campaign asks for a prompt of that number, or its words are not told yet.
    """
    prompt, dealt = _find(session, number, now)
    campaigns = session.scalars(
        select(Campaign.name)
        .join(CampaignPrompt, CampaignPrompt.campaign_id == Campaign.id)
        .where(CampaignPrompt.prompt_id == number)
        .order_by(Campaign.id)
    )
    return PromptPage(
        line=_line(prompt, dealt),
        source=prompt.source,
        licence=prompt.licence,
        origin=prompt.origin,
        campaigns=tuple(campaigns),
        painters=() if dealt else tuple(_painters(session, number, now)),
    )


def _told(now: datetime) -> ColumnElement[bool]:
    """Whether the words of a prompt are told."""
    judged = exists().where(Battle.prompt_id == Prompt.id, Battle.voted_at.is_not(None))
    return or_(judged, Prompt.id.not_in(dealt_prompts(now)))


def _find(session: Session, number: int, now: datetime) -> tuple[Prompt, bool]:
    row = session.execute(
        select(Prompt, Prompt.id.in_(dealt_prompts(now))).where(
            Prompt.id == number, Prompt.id.in_(select(CampaignPrompt.prompt_id)), _told(now)
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"no prompt of the number {number} was judged yet")
    return row[0], bool(row[1])


def _line(prompt: Prompt, dealt: bool) -> PromptLine:
    return PromptLine(prompt.id, prompt.text, prompt.language, tuple(prompt.categories), dealt)


def _painters(session: Session, number: int, now: datetime) -> list[Painter]:
    counts = _counts(session, number, now)
    pictures: dict[int, list[Painted]] = {}
    for image in session.scalars(select(Image).where(Image.prompt_id == number).order_by(Image.seed)):
        pictures.setdefault(image.entrant_id, []).append(
            Painted(image.digest, seed_of(image), image.width, image.height, counts.get(image.id, Count()))
        )
    refused: dict[int, int] = dict(
        session.execute(
            select(Job.entrant_id, func.count())
            .where(Job.prompt_id == number, Job.state == JobState.REFUSED)
            .group_by(Job.entrant_id)
        ).all()
    )
    entrants = session.scalars(
        select(Entrant).where(Entrant.id.in_({*pictures, *refused})).order_by(Entrant.id)
    )
    return [
        Painter(name_of(entrant), tuple(pictures.get(entrant.id, ())), refused.get(entrant.id, 0))
        for entrant in entrants
    ]


def _counts(session: Session, number: int, now: datetime) -> dict[int, Count]:
    """Votes of each picture of a prompt, on the first question of the campaigns that have closed."""
    found: dict[int, Count] = {}
    asked = shows(session, now=now)
    rows = session.execute(
        select(Battle.left_image_id, Battle.right_image_id, Vote.outcome, func.count())
        .join(Vote, Vote.battle_id == Battle.id)
        .where(
            Battle.prompt_id == number,
            Battle.campaign_id.in_([show.campaign_id for show in asked]),
            Vote.criterion_id.in_([show.criterion_id for show in asked]),
            on_show(now),
            stands(),
        )
        .group_by(Battle.left_image_id, Battle.right_image_id, Vote.outcome)
    )
    for left, right, outcome, votes in rows:
        for image, on_left in ((left, True), (right, False)):
            if image is not None:
                found[image] = found.get(image, Count()).plus(Outcome(outcome), votes, on_left=on_left)
    return found

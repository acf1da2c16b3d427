"""Battles that may be looked at with names, a page at a time by their numbers."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select
from sqlalchemy.orm import Session, aliased

from analysis.outcomes import Outcome
from arena.errors import NotOnShow
from arena.queries.battles import Mark, marks_of
from arena.queries.prompts import holds, in_category
from arena.queries.removed import stands
from arena.queries.showing import Name, Show, name_of, on_show, seed_of, shows
from arena.tables import Battle, Campaign, Criterion, Entrant, Image, Prompt, Reason, Vote

PAGE = 12
MOST_COUNTED = 10_000
"""Battles are counted up to so many."""

COUNTED_BACK = 100_000
"""How many numbers below a campaign's newest battle are looked through for a count."""

FEW_PROMPTS = 200
"""So many prompts are looked up one by one; with more of them battles are tried from the newest on."""

WON, LOST = "won", "lost"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which battles; what is not asked for is null or empty.

    Attributes
    ----------
    entrants : tuple of int
        Ids of none, one or two entrants that met in the battle.
    outcome : str or None
        An `Outcome`, or `WON` or `LOST` by the first of the entrants (by anybody if there is none).
    words : str
        All of them are in the prompt, in any order.
    reason : str or None
        A tag that was given blind.
    prompt : int or None
        Number of the prompt.
    """

    campaign: str | None = None
    entrants: tuple[int, ...] = ()
    words: str = ""
    category: str | None = None
    outcome: str | None = None
    reason: str | None = None
    prompt: int | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One picture of a battle, and who painted it; ``words`` are those that the entrant did not know.

    A vote of another arena may have come without its picture, and nobody knows how that one was painted.
    """

    entrant: Name
    digest: str | None
    seed: int | None
    seconds: float | None
    width: int | None
    height: int | None
    identity: Mapping[str, Any]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to one question."""

    question: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ShownBattle:
    """A battle with all that is told of it: the day of its vote, and no finer time; nothing of its voter."""

    number: int
    campaign: str
    campaign_name: str
    prompt: int
    text: str
    language: str
    categories: tuple[str, ...]
    left: Side
    right: Side
    answers: tuple[Answer, ...]
    reasons: tuple[str, ...]
    voted_on: date
    marks: tuple[Mark, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The answer to the first question."""
        return self.answers[0].outcome


@dataclass(frozen=True, slots=True)
class BattleList:
    """A page of battles, the newest first; ``older`` and ``newer`` are the numbers to go on from.

    ``count`` is of all that match; where it is not ``exact`` there may be more.
    """

    battles: tuple[ShownBattle, ...]
    count: int
    exact: bool
    older: int | None
    newer: int | None


def battle_list(
    session: Session,
    filters: Filters,
    *,
    now: datetime,
    before: int | None = None,
    after: int | None = None,
) -> BattleList:
    """Read the page of battles with numbers below ``before``, or the page next above ``after``.

    A campaign that is open, or that there is not, has no battles here.
    """
    prompts = _prompts(session, filters)
    asked = [show for show in shows(session, now=now) if filters.campaign in (None, show.slug)]
    wanted = [] if prompts == [] else [(show, _conditions(filters, prompts, show, now)) for show in asked]
    forward = after is not None and before is None
    found: list[list[int]] = []
    for _, conditions in wanted:
        query = select(Battle.id).where(*conditions)
        if before is not None:
            query = query.where(Battle.id < before)
        elif after is not None:
            query = query.where(Battle.id > after)
        order = Battle.id.asc() if forward else Battle.id.desc()
        found.append(list(session.scalars(query.order_by(order).limit(PAGE + 1))))
    merged = list(heapq.merge(*found, reverse=not forward))
    more, numbers = len(merged) > PAGE, sorted(merged[:PAGE], reverse=True)
    count, exact = _count(session, wanted)
    return BattleList(
        battles=tuple(_read(session, numbers)),
        count=count,
        exact=exact,
        older=numbers[-1] if numbers and (more or forward) else None,
        newer=numbers[0] if numbers and (more if forward else before is not None) else None,
    )


def shown_battle(session: Session, number: int, *, now: datetime) -> ShownBattle:
    """Read one battle.

    Raises
    ------
    NotOnShow
        If there is none of that number, or it may not be shown yet; in the same words.
    """
    query = select(Battle.id).where(
        Battle.id == number,
        or_(false(), *(_answered(show) for show in shows(session, now=now))),
        on_show(now),
    )
    found = _read(session, list(session.scalars(query)))
    if not found:
        raise NotOnShow(f"no battle of the number {number} is on show")
    return replace(found[0], marks=marks_of(session, number))


def _prompts(session: Session, filters: Filters) -> list[int] | None:
    """Ids of the prompts that match, if they are few; none at all are an empty list, many are null."""
    if filters.prompt is not None:
        return [filters.prompt]
    if not filters.words.split():
        return None
    query = select(Prompt.id).where(holds(filters.words)).limit(FEW_PROMPTS + 1)
    found = list(session.scalars(query))
    return found if len(found) <= FEW_PROMPTS else None


def _answered(show: Show, *outcomes: Outcome) -> ColumnElement[bool]:
    """Whether a campaign's battle has an answer to the first question that stands, or one of these."""
    said = [Vote.outcome.in_(outcomes)] if outcomes else []
    return and_(
        Battle.campaign_id == show.campaign_id,
        exists().where(Vote.battle_id == Battle.id, Vote.criterion_id == show.criterion_id, *said, stands()),
    )


def _conditions(
    filters: Filters, prompts: Sequence[int] | None, show: Show, now: datetime
) -> list[ColumnElement[bool]]:
    wanted = [_answered(show), on_show(now)]
    wanted += [
        or_(Battle.left_entrant_id == entrant, Battle.right_entrant_id == entrant)
        for entrant in filters.entrants
    ]
    if prompts is not None:
        wanted.append(Battle.prompt_id.in_(prompts))
    elif filters.words.split():
        wanted.append(Battle.prompt_id.in_(select(Prompt.id).where(holds(filters.words))))
    if filters.category:
        wanted.append(Battle.prompt_id.in_(select(Prompt.id).where(in_category(filters.category))))
    if filters.outcome:
        wanted.append(_outcome(filters.outcome, filters.entrants, show))
    if filters.reason:
        wanted.append(
            exists().where(
                Reason.battle_id == Battle.id, Reason.tag == filters.reason, Reason.unblinded.is_(False)
            )
        )
    return wanted


def _outcome(outcome: str, entrants: Sequence[int], show: Show) -> ColumnElement[bool]:
    if outcome not in (WON, LOST):
        return _answered(show, Outcome(outcome))
    if not entrants:
        return _answered(show, Outcome.LEFT, Outcome.RIGHT)
    sides = (Outcome.LEFT, Outcome.RIGHT) if outcome == WON else (Outcome.RIGHT, Outcome.LEFT)
    return or_(
        and_(Battle.left_entrant_id == entrants[0], _answered(show, sides[0])),
        and_(Battle.right_entrant_id == entrants[0], _answered(show, sides[1])),
    )


def _count(
    session: Session, wanted: Sequence[tuple[Show, Sequence[ColumnElement[bool]]]]
) -> tuple[int, bool]:
    """How many battles match, and whether these are all: old ones of a large campaign are not counted."""
    counted, exact = 0, True
    for show, conditions in wanted:
        first, last = (  # one by one each is the end of an index
            session.scalar(select(end(Battle.id)).where(Battle.campaign_id == show.campaign_id))
            for end in (func.min, func.max)
        )
        if first is None or last is None:
            continue
        exact = exact and first > last - COUNTED_BACK
        found = (
            select(Battle.id)
            .where(*conditions, Battle.id > last - COUNTED_BACK)
            .limit(MOST_COUNTED + 1 - counted)
        )
        counted += session.scalar(select(func.count()).select_from(found.subquery())) or 0
        if counted > MOST_COUNTED:
            return MOST_COUNTED, False
    return counted, exact


def _read(session: Session, numbers: Sequence[int]) -> list[ShownBattle]:
    """Battles with all that belongs to them, in the order of the numbers."""
    left, right = aliased(Entrant), aliased(Entrant)
    left_image, right_image = aliased(Image), aliased(Image)
    rows = {
        battle.id: (battle, *rest)
        for battle, *rest in session.execute(
            select(Battle, Campaign, Prompt, left, left_image, right, right_image)
            .join(Campaign, Battle.campaign_id == Campaign.id)
            .join(Prompt, Battle.prompt_id == Prompt.id)
            .join(left, Battle.left_entrant_id == left.id)
            .join(right, Battle.right_entrant_id == right.id)
            .outerjoin(left_image, Battle.left_image_id == left_image.id)
            .outerjoin(right_image, Battle.right_image_id == right_image.id)
            .where(Battle.id.in_(numbers))
        )
    }
    answers: dict[int, dict[int, Answer]] = {}
    for battle_id, criterion_id, question, outcome in session.execute(
        select(Vote.battle_id, Criterion.id, Criterion.question, Vote.outcome)
        .join(Criterion, Vote.criterion_id == Criterion.id)
        .where(Vote.battle_id.in_(numbers), stands())
        .order_by(Criterion.position, Vote.ballot_no)
    ):
        answers.setdefault(battle_id, {})[criterion_id] = Answer(question, outcome)
    reasons: dict[int, list[str]] = {}
    for battle_id, tag in session.execute(
        select(Reason.battle_id, Reason.tag)
        .where(Reason.battle_id.in_(numbers), Reason.unblinded.is_(False))
        .order_by(Reason.id)
    ):
        reasons.setdefault(battle_id, []).append(tag)
    return [
        _shown(rows[number], tuple(answers[number].values()), tuple(reasons.get(number, ())))
        for number in numbers
    ]


def _shown(row: Sequence[Any], answers: tuple[Answer, ...], reasons: tuple[str, ...]) -> ShownBattle:
    battle, campaign, prompt, left, left_image, right, right_image = row
    return ShownBattle(
        number=battle.id,
        campaign=campaign.slug,
        campaign_name=campaign.name,
        prompt=prompt.id,
        text=prompt.text,
        language=prompt.language,
        categories=tuple(prompt.categories),
        left=_side(left, left_image),
        right=_side(right, right_image),
        answers=answers,
        reasons=reasons,
        voted_on=battle.voted_at.date(),
    )


def _side(entrant: Entrant, image: Image | None) -> Side:
    if image is None:
        return Side(name_of(entrant), None, None, None, None, None, entrant.identity, ())
    return Side(
        entrant=name_of(entrant),
        digest=image.digest,
        seed=seed_of(image),
        seconds=image.seconds,
        width=image.width,
        height=image.height,
        identity=entrant.identity,
        words=tuple(map(str, image.notes.get("unknown_words", ()))),
    )

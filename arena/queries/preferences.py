"""Votes as columns of numbers, and the small tables that say what the numbers stand for."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import nan
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, func, select, type_coerce
from sqlalchemy.orm import Session

from analysis.outcomes import Outcome
from arena.domain.imported import BACKEND, NAME
from arena.queries.votes import label
from arena.tables import (
    Battle,
    BattleKind,
    Campaign,
    Criterion,
    Entrant,
    Image,
    Prompt,
    Removal,
    RemovalKind,
    Vote,
)

OUTCOMES = tuple(Outcome)
REMOVED = (None, *RemovalKind)
CHUNK = 20_000
_AT_ONCE = 500
_WHOLE = (
    "vote",
    "battle",
    "ordinary",
    "ballot_no",
    "criterion",
    "prompt",
    "voter",
    "left",
    "right",
    "left_image",
    "right_image",
    "outcome",
    "removed",
)


@dataclass(frozen=True, slots=True)
class Words:
    """A prompt."""

    text: str
    digest: str
    categories: tuple[str, ...]
    language: str
    source: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as its entrant made it; ``digest`` names its PNG bytes in the store.

    ``original`` names the file that came with votes of another arena, where that was no PNG.
    """

    digest: str
    width: int
    height: int
    original: str | None = None


NO_PICTURE = Picture("", 0, 0)
"""Stands for the picture of an imported vote that came without it, which has the number 0 in columns."""


@dataclass(frozen=True, slots=True)
class Question:
    """A criterion of a campaign; ``first`` marks the one that its board is shown by."""

    campaign: str
    criterion: str
    first: bool


def ballots(session: Session, campaign_id: int | None) -> dict[str, array[Any]]:
    """Every vote in the order of ids, by column.

    ``outcome`` is a position in `OUTCOMES`, ``removed`` one in `REMOVED`, ``day`` a day's ordinal,
    ``ordinary`` 0 or 1, ``propensity`` a float, NaN if nobody knows it; the rest are ids, 0 for a picture
    that is not here. 64 bytes a vote are held, whatever the pictures weigh.
    """
    query = (
        select(
            Vote.id,
            Vote.battle_id,
            case((Battle.kind == BattleKind.ORDINARY, 1), else_=0),
            Vote.ballot_no,
            Vote.criterion_id,
            Battle.prompt_id,
            Battle.voter_id,
            Battle.left_entrant_id,
            Battle.right_entrant_id,
            func.coalesce(Battle.left_image_id, 0),
            func.coalesce(Battle.right_image_id, 0),
            case(*((Vote.outcome == outcome, place) for place, outcome in enumerate(OUTCOMES))),
            case(*((Removal.kind == kind, place) for place, kind in enumerate(REMOVED) if kind), else_=0),
            Battle.propensity,
            _day(session.get_bind().dialect.name),
        )
        .join(Battle, Vote.battle_id == Battle.id)
        .outerjoin(Removal, Removal.vote_id == Vote.id)
        .order_by(Vote.id)
        .execution_options(yield_per=CHUNK)
    )
    if campaign_id is not None:
        query = query.where(Battle.campaign_id == campaign_id)
    columns: dict[str, array[Any]] = {name: array("i") for name in _WHOLE}
    columns["propensity"] = array("d")
    columns["day"] = array("i")
    days: dict[str, int] = {}
    for rows in session.execute(query).partitions():
        *numbers, propensities, told = zip(*rows, strict=True)
        for name, values in zip(_WHOLE, numbers, strict=True):
            columns[name].extend(values)
        columns["propensity"].extend(nan if value is None else value for value in propensities)
        for day in set(told) - days.keys():
            days[day] = date.fromisoformat(day).toordinal()
        columns["day"].extend(days[day] for day in told)
    return columns


def _day(dialect: str) -> ColumnElement[str]:
    """UTC date of a vote as text."""
    if dialect == "postgresql":
        return func.to_char(func.timezone("UTC", Vote.cast_at), "YYYY-MM-DD")
    return func.substr(type_coerce(Vote.cast_at, String), 1, 10)


def questions_of(session: Session) -> dict[int, Question]:
    """Every criterion by id."""
    found: dict[int, Question] = {}
    seen: set[str] = set()
    for number, campaign, criterion in session.execute(
        select(Criterion.id, Campaign.slug, Criterion.slug)
        .join(Campaign, Criterion.campaign_id == Campaign.id)
        .order_by(Campaign.id, Criterion.position)
    ):
        found[number] = Question(campaign, criterion, first=campaign not in seen)
        seen.add(campaign)
    return found


def names_elsewhere(session: Session) -> dict[int, str]:
    """Names that entrants had in the files of another arena, by id."""
    query = select(Entrant.id, Entrant.identity).where(Entrant.backend == BACKEND)
    return {number: identity[NAME] for number, identity in session.execute(query)}


def entrant_names(session: Session) -> dict[int, tuple[str, str]]:
    """Slug and unshared name of every entrant, by id."""
    return {
        number: (slug, label(slug, revision))
        for number, slug, revision in session.execute(select(Entrant.id, Entrant.slug, Entrant.revision))
    }


def words_of(session: Session, ids: Sequence[int]) -> dict[int, Words]:
    """Prompts by id."""
    query = select(Prompt.id, Prompt.text, Prompt.digest, Prompt.categories, Prompt.language, Prompt.source)
    return {
        number: Words(text, digest, tuple(categories), language, source.value)
        for number, text, digest, categories, language, source in _of(session, query, Prompt.id, ids)
    }


def pictures_of(session: Session, ids: Sequence[int]) -> dict[int, Picture]:
    """Pictures by id."""
    query = select(Image.id, Image.digest, Image.width, Image.height, Image.notes)
    return {
        number: Picture(digest, width, height, notes.get("original"))
        for number, digest, width, height, notes in _of(session, query, Image.id, ids)
    }


def told_elsewhere(session: Session, battle_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What the file of another arena said of battles, under its own names; nothing of battles dealt here."""
    query = select(Battle.id, Battle.imported).where(Battle.imported.is_not(None))
    return dict(_of(session, query, Battle.id, battle_ids))


def _of(session: Session, query: Select[*tuple[Any, ...]], column: Any, ids: Sequence[int]) -> Iterator[Any]:
    for start in range(0, len(ids), _AT_ONCE):
        yield from session.execute(query.where(column.in_(ids[start : start + _AT_ONCE])))

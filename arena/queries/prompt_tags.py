"""Prompts of a campaign with their categories, as operators list, filter and count them."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast, func, select
from sqlalchemy.orm import Session

from arena.domain.categories import CATEGORIES, SLUGS, UNCATEGORISED
from arena.errors import NotFound
from arena.queries.prompts import holds, in_category
from arena.tables import CampaignPrompt, Prompt, TaggedBy


@dataclass(frozen=True, slots=True)
class TaggedPrompt:
    """A prompt, its categories, and who said so."""

    number: int
    digest: str
    text: str
    language: str
    categories: tuple[str, ...]
    tagged_by: TaggedBy
    licence: str
    origin: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TaggedPage:
    """A page of a campaign's prompts, from 1, of so many that match."""

    prompts: tuple[TaggedPrompt, ...]
    count: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A category, and how many prompts of a campaign have it; an operator's own has no meaning of ours."""

    slug: str
    name: str
    meaning: str
    prompts: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def tagged_prompts(session: Session, campaign_id: int, *, category: str = "") -> list[TaggedPrompt]:
    """Every prompt of a campaign in its order; or those of a category, or without any."""
    query = _of(select(Prompt), campaign_id, category, "")
    return [_line(prompt) for prompt in session.scalars(query.order_by(CampaignPrompt.position))]


def tagged_page(
    session: Session, campaign_id: int, *, category: str = "", words: str = "", page: int = 1, size: int = 30
) -> TaggedPage:
    """A page of those; the last one if there are not so many.

    Parameters
    ----------
    category : str
        A slug, or `UNCATEGORISED`; empty for all.
    words : str
        Words that the prompt holds, in any case and order.
    page : int
        From 1.
    size : int
        Prompts a page.
    """
    count = session.scalar(_of(select(func.count(Prompt.id)), campaign_id, category, words)) or 0
    pages = max(1, -(-count // size))
    page = min(max(1, page), pages)
    query = _of(select(Prompt), campaign_id, category, words).order_by(CampaignPrompt.position)
    rows = session.scalars(query.limit(size).offset((page - 1) * size))
    return TaggedPage(tuple(_line(prompt) for prompt in rows), count, page, pages)


def prompt_of(session: Session, campaign_id: int, number: int) -> Prompt:
    """A prompt of a campaign.

    Raises
    ------
    NotFound
        If the campaign does not ask for it.
    """
    found = session.scalar(_of(select(Prompt).where(Prompt.id == number), campaign_id, "", ""))
    if not isinstance(found, Prompt):
        raise NotFound(f"the campaign has no prompt of the number {number}")
    return found


def category_counts(session: Session, campaign_id: int) -> list[CategoryCount]:
    """Our categories and the operator's own, and how many prompts of a campaign have each, and have none."""
    counts: Counter[str] = Counter()
    for categories in session.scalars(_of(select(Prompt.categories), campaign_id, "", "")):
        counts.update(categories or [UNCATEGORISED])
    rows = [CategoryCount(one.slug, one.name, one.meaning, counts[one.slug]) for one in CATEGORIES]
    own = sorted(set(counts) - {*SLUGS, UNCATEGORISED})
    rows += [CategoryCount(slug, slug, "a category of your own", counts[slug]) for slug in own]
    without = CategoryCount(UNCATEGORISED, "Uncategorised", "none of them", counts[UNCATEGORISED])
    return [*rows, without]


def _of(query: Select[Any], campaign_id: int, category: str, words: str) -> Select[Any]:
    query = query.join(CampaignPrompt, CampaignPrompt.prompt_id == Prompt.id).where(
        CampaignPrompt.campaign_id == campaign_id
    )
    if category:
        query = query.where(_without_any() if category == UNCATEGORISED else in_category(category))
    return query.where(holds(words)) if words.split() else query


def _without_any() -> ColumnElement[bool]:
    return cast(Prompt.categories, Text) == "[]"


def _line(prompt: Prompt) -> TaggedPrompt:
    return TaggedPrompt(
        number=prompt.id,
        digest=prompt.digest,
        text=prompt.text,
        language=prompt.language,
        categories=tuple(prompt.categories),
        tagged_by=prompt.tagged_by,
        licence=prompt.licence,
        origin=prompt.origin,
    )

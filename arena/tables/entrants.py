"""Who takes part, in what, on which prompts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Digest, Id, LongText, Slug, words


class PromptSource(StrEnum):
    """Where a prompt came from: the operator's set, or a rater's own words."""

    CURATED = "curated"
    OWN = "own"


class Entrant(Base):
    """A picture-maker at a pinned revision; a row is never changed but for its runtime and its end."""

    __tablename__ = "entrant"
    __table_args__ = (UniqueConstraint("slug", "revision"),)
    id: Mapped[Id] = mapped_column(init=False)
    slug: Mapped[Slug]
    revision: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(16))
    family: Mapped[Slug]
    backend: Mapped[Slug]
    identity: Mapped[dict[str, Any]]
    runtime: Mapped[dict[str, Any]]
    licence: Mapped[LongText]
    description: Mapped[LongText]
    source: Mapped[LongText]
    entered_at: Mapped[datetime]
    retired_at: Mapped[datetime | None] = mapped_column(default=None)


class Campaign(Base):
    """Questions, prompts and entrants that are judged together on one canvas.

    ``seeds`` is how many pictures each entrant makes of each prompt, ``canvas`` the side of the square
    they are judged on, in pixels.
    """

    __tablename__ = "campaign"
    id: Mapped[Id] = mapped_column(init=False)
    slug: Mapped[Slug] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(120))
    canvas: Mapped[int]
    seeds: Mapped[int]
    set_size: Mapped[int]
    policy: Mapped[Slug]
    minutes_to_vote: Mapped[int]
    seed: Mapped[int]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(default=None)


class Criterion(Base):
    """One question of a campaign; ``question`` is English, the pages translate the ones they know."""

    __tablename__ = "criterion"
    __table_args__ = (UniqueConstraint("campaign_id", "slug"),)
    id: Mapped[Id] = mapped_column(init=False)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    slug: Mapped[Slug]
    question: Mapped[LongText]
    position: Mapped[int]


class TaggedBy(StrEnum):
    """Who said which categories a prompt has; what people said is never overwritten by a rule."""

    NOBODY = "nobody"
    IMPORT = "import"
    OPERATOR = "operator"
    RULE = "rule"


class Prompt(Base):
    """Words to paint, once each: ``digest`` is the SHA-256 of the normalised text.

    ``categories`` are slugs of `arena.domain.categories`, the most telling first; ``origin`` names the set
    that the prompt came from, empty where there is none.
    """

    __tablename__ = "prompt"
    id: Mapped[Id] = mapped_column(init=False)
    text: Mapped[LongText]
    digest: Mapped[Digest] = mapped_column(unique=True)
    categories: Mapped[list[str]]
    tagged_by: Mapped[TaggedBy] = mapped_column(words(TaggedBy, "tagged_by"))
    language: Mapped[str] = mapped_column(String(16))
    source: Mapped[PromptSource] = mapped_column(words(PromptSource, "prompt_source"))
    licence: Mapped[LongText]
    origin: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime]


class CampaignPrompt(Base):
    """A prompt that a campaign asks for, in its order."""

    __tablename__ = "campaign_prompt"
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompt.id"), primary_key=True)
    position: Mapped[int]


class CampaignEntrant(Base):
    """An entrant that takes part in a campaign."""

    __tablename__ = "campaign_entrant"
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"), primary_key=True)
    entered_at: Mapped[datetime]

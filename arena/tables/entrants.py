"""Who takes part, in what, on which prompts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from arena.domain.quality import CHECKS_SHARE
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


class RevealPolicy(StrEnum):
    """When raters learn who painted what: after each vote, at the end of a set, or never while it is open."""

    EACH = "each"
    END_OF_SET = "end_of_set"
    OFF = "off"


class Audience(StrEnum):
    """Who may vote in a campaign: anybody, or those who came by an invitation."""

    PUBLIC = "public"
    INVITED = "invited"


class BoardReaders(StrEnum):
    """Who may see a campaign's board while it is open; closed it is everybody's, but for staff's own."""

    PUBLIC = "public"
    RATERS = "raters"
    STAFF = "staff"
    HIDDEN = "hidden"


class Campaign(Base):
    """Questions, prompts and entrants that are judged together on one canvas.

    ``seeds`` is how many pictures each entrant makes of each prompt, ``canvas`` the side of the square
    they are judged on, in pixels. ``checks`` is the share of battles that only check raters,
    ``quality_rule`` the rule of `arena.domain.quality` that the worker applies, ``asks_about`` whether voters
    are asked about themselves.
    ``most_votes`` is what the campaign takes of one rater. ``target`` is what is to be told apart, as
    `arena.domain.campaigns.Target` writes it; ``registration`` what was frozen of the plan, whose canonical
    form has the ``registration_digest``. With ``own_prompts`` raters may have words of their own painted.
    Boards and votes are published ``delay_hours`` after the votes were cast. ``proof_bits`` is the work that
    is asked of a new voter's browser, null for what the arena asks.
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
    reveal: Mapped[RevealPolicy] = mapped_column(words(RevealPolicy, "reveal"), default=RevealPolicy.EACH)
    checks: Mapped[float] = mapped_column(default=CHECKS_SHARE)
    quality_rule: Mapped[Slug | None] = mapped_column(default=None)
    asks_about: Mapped[bool] = mapped_column(Boolean, default=False)
    audience: Mapped[Audience] = mapped_column(words(Audience, "audience"), default=Audience.PUBLIC)
    board: Mapped[BoardReaders] = mapped_column(words(BoardReaders, "board"), default=BoardReaders.PUBLIC)
    most_votes: Mapped[int | None] = mapped_column(default=None)
    target: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)
    registered_at: Mapped[datetime | None] = mapped_column(default=None)
    registration: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)
    registration_digest: Mapped[Digest | None] = mapped_column(default=None)
    closed_because: Mapped[Slug | None] = mapped_column(default=None)
    own_prompts: Mapped[bool] = mapped_column(Boolean, default=False)
    delay_hours: Mapped[int] = mapped_column(default=0)
    proof_bits: Mapped[int | None] = mapped_column(default=None)


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

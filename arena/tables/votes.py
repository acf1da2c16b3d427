"""Battles, the votes on them, their counts, and the seals that make them tamper-evident."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from analysis.outcomes import Outcome
from arena.tables.base import Base, Digest, Id, Key, Slug, words
from arena.tables.entrants import PromptSource


class BattleKind(StrEnum):
    """Why a battle was dealt; only ordinary ones count on a board."""

    ORDINARY = "ordinary"
    MIRRORED = "mirrored"
    REPEATED = "repeated"
    KNOWN_ANSWER = "known_answer"


class Voter(Base):
    """A rater without an account: a random key in a signed cookie.

    ``cohort`` never changes once a vote is cast under it; ``about`` is what a voter chose to tell.
    """

    __tablename__ = "voter"
    id: Mapped[Id] = mapped_column(init=False)
    key: Mapped[Key] = mapped_column(unique=True)
    cohort: Mapped[Slug]
    created_at: Mapped[datetime]
    about: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)


class Battle(Base):
    """Two pictures of one prompt, dealt to one voter.

    ``propensity`` is the joint probability of (prompt, pair, pictures, side) over the eligible set that
    ``eligible`` digests, under the policy's version. The tokens name the blind copies to this voter alone.

    ``settled_at`` is when its voter had told the reasons, or passed them by: from then on a vote can only be
    withdrawn. The names come with it, later or never, as the campaign has it.

    A battle that checks its rater has no probability: it is drawn apart, and counts nowhere. ``repeats_id``
    is the battle whose pictures it shows again, ``expected`` the answer that is known.

    A battle of another arena has no probability, no picture where its file held none, and in ``imported``
    what else its file said, under the names it had there.
    """

    __tablename__ = "battle"
    __table_args__ = (
        Index("ix_battle_voter_id_campaign_id", "voter_id", "campaign_id"),
        Index("ix_battle_campaign_id", "campaign_id"),
        Index("ix_battle_prompt_id", "prompt_id"),
    )
    id: Mapped[Id] = mapped_column(init=False)
    key: Mapped[Key] = mapped_column(unique=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompt.id"))
    voter_id: Mapped[int] = mapped_column(ForeignKey("voter.id"))
    kind: Mapped[BattleKind] = mapped_column(words(BattleKind, "battle_kind"))
    left_entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"))
    right_entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"))
    left_image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id"))
    right_image_id: Mapped[int | None] = mapped_column(ForeignKey("image.id"))
    left_token: Mapped[Key] = mapped_column(unique=True)
    right_token: Mapped[Key] = mapped_column(unique=True)
    propensity: Mapped[float | None]
    eligible: Mapped[Digest]
    policy: Mapped[str] = mapped_column(String(64))
    dealt_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    voted_at: Mapped[datetime | None] = mapped_column(default=None)
    revealed_at: Mapped[datetime | None] = mapped_column(default=None)
    skipped_at: Mapped[datetime | None] = mapped_column(default=None)
    settled_at: Mapped[datetime | None] = mapped_column(default=None)
    repeats_id: Mapped[int | None] = mapped_column(ForeignKey("battle.id"), default=None)
    expected: Mapped[Outcome | None] = mapped_column(default=None)
    imported: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), default=None)


class Vote(Base):
    """An answer to one question of one battle; rows are only ever added.

    ``elapsed_ms`` is the page's own stopwatch from both pictures shown to the answer, null without script.
    ``salt`` hides the private part of its leaf.
    """

    __tablename__ = "vote"
    __table_args__ = (UniqueConstraint("battle_id", "criterion_id", "ballot_no"),)
    id: Mapped[Id] = mapped_column(init=False)
    battle_id: Mapped[int] = mapped_column(ForeignKey("battle.id"))
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"))
    ballot_no: Mapped[int]
    outcome: Mapped[Outcome]
    elapsed_ms: Mapped[int | None]
    consent: Mapped[str] = mapped_column(String(16))
    salt: Mapped[bytes] = mapped_column(LargeBinary(16))
    cast_at: Mapped[datetime]


class RemovalKind(StrEnum):
    """Why a vote counts no more: withdrawn by its rater, by a published rule, or undone before the reveal."""

    WITHDRAWN = "withdrawn"
    EXCLUDED = "excluded"
    RETRACTED = "retracted"


class Removal(Base):
    """A vote that counts no more; the vote's own row stays, and so does this one.

    ``rule`` names why it was excluded, and is null where its rater took it back; ``by`` says who removed it.
    """

    __tablename__ = "removal"
    __table_args__ = (
        UniqueConstraint("vote_id"),
        CheckConstraint("(kind = 'excluded') = (rule IS NOT NULL)", name="rule"),
        Index("ix_removal_criterion_id", "criterion_id"),
    )
    id: Mapped[Id] = mapped_column(init=False)
    vote_id: Mapped[int] = mapped_column(ForeignKey("vote.id"))
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"))
    kind: Mapped[RemovalKind] = mapped_column(words(RemovalKind, "removal_kind"))
    rule: Mapped[Slug | None]
    by: Mapped[Slug]
    at: Mapped[datetime]


class Reason(Base):
    """What let a picture down, tapped after the vote; ``unblinded`` if the names were already shown."""

    __tablename__ = "reason"
    __table_args__ = (UniqueConstraint("battle_id", "tag"),)
    id: Mapped[Id] = mapped_column(init=False)
    battle_id: Mapped[int] = mapped_column(ForeignKey("battle.id"))
    tag: Mapped[Slug]
    unblinded: Mapped[bool] = mapped_column(Boolean(create_constraint=True, name="unblinded"))
    given_at: Mapped[datetime]


class Tally(Base):
    """How many standing votes of ordinary battles said what; kept in the transaction of vote and removal."""

    __tablename__ = "tally"
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    criterion_id: Mapped[int] = mapped_column(ForeignKey("criterion.id"), primary_key=True)
    category: Mapped[Slug] = mapped_column(primary_key=True)
    source: Mapped[PromptSource] = mapped_column(words(PromptSource, "prompt_source"), primary_key=True)
    cohort: Mapped[Slug] = mapped_column(primary_key=True)
    left_entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"), primary_key=True)
    right_entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"), primary_key=True)
    outcome: Mapped[Outcome] = mapped_column(primary_key=True)
    votes: Mapped[int]


class Seal(Base):
    """A batch of votes and removals made tamper-evident; ``previous`` is unique: the chain cannot fork."""

    __tablename__ = "seal"
    id: Mapped[Id] = mapped_column(init=False)
    previous: Mapped[Digest] = mapped_column(unique=True)
    digest: Mapped[Digest] = mapped_column(unique=True)
    entries: Mapped[int]
    sealed_at: Mapped[datetime]


class SealEntry(Base):
    """One leaf of a seal, at its place: of a vote, or of a removal."""

    __tablename__ = "seal_entry"
    __table_args__ = (
        UniqueConstraint("vote_id"),
        Index(
            "uq_seal_entry_removal_id",
            "removal_id",
            unique=True,
            sqlite_where=text("removal_id IS NOT NULL"),
            postgresql_where=text("removal_id IS NOT NULL"),
        ),
        CheckConstraint("(vote_id IS NULL) <> (removal_id IS NULL)", name="one_thing"),
    )
    seal_id: Mapped[int] = mapped_column(ForeignKey("seal.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    leaf: Mapped[Digest]
    vote_id: Mapped[int | None] = mapped_column(ForeignKey("vote.id"))
    removal_id: Mapped[int | None] = mapped_column(ForeignKey("removal.id"), default=None)


class Event(Base):
    """What an operator or the arena itself did, for the record."""

    __tablename__ = "event"
    id: Mapped[Id] = mapped_column(init=False)
    at: Mapped[datetime]
    actor: Mapped[Slug]
    kind: Mapped[Slug]
    subject: Mapped[str] = mapped_column(String(120))
    data: Mapped[dict[str, Any]]

"""Raters' own prompts, and what was said of prompts and pictures before they were shown."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from arena.domain.moderation import Decision
from arena.tables.base import Base, Digest, Id, Key, LongText, Slug, words


class SubmissionState(StrEnum):
    """How far a rater's own prompt has come.

    It may wait for an operator; then it is painted; at last it hangs as a battle, or there is none, since its
    rater took it back, an operator or an entrant declined it, it could not be painted, or it took too long.
    """

    REVIEW = "review"
    PAINTING = "painting"
    HUNG = "hung"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    REFUSED = "refused"
    FAILED = "failed"
    LATE = "late"


class Submission(Base):
    """A rater's own prompt: who will paint it, on which side, was drawn before anything is painted.

    ``propensity`` is the probability of the pair and its sides over the eligible set that ``eligible``
    digests, under the policy's version. Words that are not painted in the end are not kept: ``prompt`` is
    empty then, and ``digest`` their SHA-256.
    """

    __tablename__ = "submission"
    __table_args__ = (
        Index("ix_submission_voter_id", "voter_id", "created_at"),
        Index("ix_submission_state", "state", "id"),
        CheckConstraint("(state = 'hung') = (battle_id IS NOT NULL)", name="hung"),
    )
    id: Mapped[Id] = mapped_column(init=False)
    key: Mapped[Key] = mapped_column(unique=True)
    voter_id: Mapped[int] = mapped_column(ForeignKey("voter.id"))
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    prompt: Mapped[LongText]
    digest: Mapped[Digest]
    language: Mapped[str] = mapped_column(String(16))
    state: Mapped[SubmissionState] = mapped_column(words(SubmissionState, "submission_state"))
    left_entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"))
    right_entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"))
    seed: Mapped[int] = mapped_column(BigInteger)
    propensity: Mapped[float]
    eligible: Mapped[Digest]
    policy: Mapped[str] = mapped_column(String(64))
    consent: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    prompt_id: Mapped[int | None] = mapped_column(ForeignKey("prompt.id"), default=None, index=True)
    queued_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    cancelled_at: Mapped[datetime | None] = mapped_column(default=None)
    battle_id: Mapped[int | None] = mapped_column(ForeignKey("battle.id"), unique=True, default=None)
    reason: Mapped[LongText | None] = mapped_column(default=None)


class SubjectKind(StrEnum):
    """What a checker looked at."""

    PROMPT = "prompt"
    PICTURE = "picture"


class SafetyVerdict(Base):
    """What one checker, or an operator, said of a prompt or a picture; rows are only ever added.

    ``digest`` is the SHA-256 of the prompt or of the picture's file, ``job_id`` the job that painted it.
    """

    __tablename__ = "safety_verdict"
    __table_args__ = (
        Index("ix_safety_verdict_digest", "digest"),
        Index("ix_safety_verdict_job_id", "job_id"),
    )
    id: Mapped[Id] = mapped_column(init=False)
    kind: Mapped[SubjectKind] = mapped_column(words(SubjectKind, "subject_kind"))
    digest: Mapped[Digest]
    checker: Mapped[Slug]
    version: Mapped[Slug]
    decision: Mapped[Decision] = mapped_column(words(Decision, "decision"))
    categories: Mapped[list[str]]
    reason: Mapped[LongText]
    at: Mapped[datetime]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"), default=None)

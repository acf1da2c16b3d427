"""Jobs, the pictures they made, and the copies that are judged."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Digest, Id, LongText, words


class JobState(StrEnum):
    """What became of a picture that was asked for; a refusal is an outcome, not an error."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class Job(Base):
    """One picture to make; with the entrant's card, prompt and seed decide every pixel of it.

    ``leased_until`` and ``worker`` say who paints it now; a lease that ran out is anybody's again.
    ``started_at`` is when it was last taken up.
    """

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("entrant_id", "prompt_id", "seed"),
        Index("ix_job_state_priority", "state", "priority", "id"),
    )
    id: Mapped[Id] = mapped_column(init=False)
    entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"))
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompt.id"))
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[JobState] = mapped_column(words(JobState, "job_state"))
    priority: Mapped[int]
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    leased_until: Mapped[datetime | None] = mapped_column(default=None)
    worker: Mapped[str | None] = mapped_column(String(64), default=None)
    reason: Mapped[LongText | None] = mapped_column(default=None)
    words: Mapped[list[str] | None] = mapped_column(default=None)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class Image(Base):
    """A picture as its entrant made it; ``digest`` names its PNG bytes in the store.

    ``peak_bytes``, ``joules`` (with how they were got) and ``hardware`` are empty where nobody looked. Of a
    picture that came with votes of another arena the seconds are not known either, and ``batch`` is 0;
    ``notes`` then names its file as it came (``original``), if that was no PNG. A picture that an operator
    took down is not dealt from ``withdrawn_at`` on.
    """

    __tablename__ = "image"
    __table_args__ = (Index("ix_image_prompt_id", "prompt_id"), Index("ix_image_digest", "digest"))
    id: Mapped[Id] = mapped_column(init=False)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), unique=True)
    entrant_id: Mapped[int] = mapped_column(ForeignKey("entrant.id"))
    prompt_id: Mapped[int] = mapped_column(ForeignKey("prompt.id"))
    seed: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[Digest]
    width: Mapped[int]
    height: Mapped[int]
    length: Mapped[int]
    seconds: Mapped[float | None]
    cpu_seconds: Mapped[float | None]
    batch: Mapped[int]
    settings: Mapped[dict[str, Any]]
    environment: Mapped[dict[str, Any]]
    notes: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
    peak_bytes: Mapped[int | None] = mapped_column(BigInteger, default=None)
    joules: Mapped[float | None] = mapped_column(default=None)
    energy_method: Mapped[str | None] = mapped_column(String(16), default=None)
    hardware: Mapped[LongText | None] = mapped_column(default=None)
    withdrawn_at: Mapped[datetime | None] = mapped_column(default=None)


class BlindCopy(Base):
    """A picture on a canvas, encoded like every other, with nothing in it but pixels.

    ``method`` says how it got there: ``native``, or ``lanczos`` (one resample, padded where needed).
    """

    __tablename__ = "blind_copy"
    __table_args__ = (UniqueConstraint("image_id", "canvas"),)
    id: Mapped[Id] = mapped_column(init=False)
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    canvas: Mapped[int]
    digest: Mapped[Digest]
    method: Mapped[str] = mapped_column(String(16))


class ImageMeasure(Base):
    """What `models.features` measured of a picture: its style, and a vector that says what it looks like.

    ``version`` is that of the measures, so that old ones are made anew; ``vector`` holds float16 values.
    """

    __tablename__ = "image_measure"
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"), primary_key=True)
    version: Mapped[str] = mapped_column(String(16))
    brightness: Mapped[float]
    saturation: Mapped[float]
    colourfulness: Mapped[float]
    contrast: Mapped[float]
    sharpness: Mapped[float]
    edge_density: Mapped[float]
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    measured_at: Mapped[datetime]

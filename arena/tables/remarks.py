"""What raters say of single pictures: spots that they marked, and reports to the operators."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Id, Slug, words


class PictureSide(StrEnum):
    """Which picture of a battle."""

    LEFT = "left"
    RIGHT = "right"


class Point(Base):
    """A spot that a rater marked on a picture, in shares of the canvas from its upper left corner.

    ``tag`` is one of the reasons offered, null where the rater only marked the spot; ``unblinded`` if the
    names were already shown.
    """

    __tablename__ = "point"
    __table_args__ = (
        CheckConstraint("x >= 0 AND x <= 1 AND y >= 0 AND y <= 1", name="on_the_canvas"),
        Index("ix_point_battle_id", "battle_id"),
    )
    id: Mapped[Id] = mapped_column(init=False)
    battle_id: Mapped[int] = mapped_column(ForeignKey("battle.id"))
    side: Mapped[PictureSide] = mapped_column(words(PictureSide, "side"))
    x: Mapped[float]
    y: Mapped[float]
    tag: Mapped[Slug | None]
    unblinded: Mapped[bool] = mapped_column(Boolean(create_constraint=True, name="unblinded"))
    given_at: Mapped[datetime]


class ReportKind(StrEnum):
    """What is wrong with a picture, so that it should perhaps not hang."""

    OFFENSIVE = "offensive"
    BROKEN = "broken"
    TELLING = "telling"
    OTHER = "other"


class Verdict(StrEnum):
    """What an operator did about a report."""

    KEPT = "kept"
    TAKEN_DOWN = "taken_down"


class Report(Base):
    """A rater's word to the operators about one picture of a battle; one of each picture.

    ``verdict`` is null until an operator has looked.
    """

    __tablename__ = "report"
    __table_args__ = (
        UniqueConstraint("battle_id", "side"),
        Index("ix_report_image_id", "image_id"),
        CheckConstraint("(verdict IS NULL) = (settled_at IS NULL)", name="settled"),
    )
    id: Mapped[Id] = mapped_column(init=False)
    battle_id: Mapped[int] = mapped_column(ForeignKey("battle.id"))
    side: Mapped[PictureSide] = mapped_column(words(PictureSide, "side"))
    image_id: Mapped[int] = mapped_column(ForeignKey("image.id"))
    kind: Mapped[ReportKind] = mapped_column(words(ReportKind, "kind"))
    note: Mapped[str] = mapped_column(String(300))
    reported_at: Mapped[datetime]
    verdict: Mapped[Verdict | None] = mapped_column(words(Verdict, "verdict"), default=None)
    settled_at: Mapped[datetime | None] = mapped_column(default=None)

"""Operators, the links that let them in, and their sessions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Digest, Id, Slug, words


class OperatorRole(StrEnum):
    """What an operator may do: everything, or look."""

    OPERATOR = "operator"
    ANALYST = "analyst"


class Operator(Base):
    """Somebody who runs the arena; a name stands for one person for ever, so that events stay readable."""

    __tablename__ = "operator"
    id: Mapped[Id] = mapped_column(init=False)
    name: Mapped[Slug] = mapped_column(unique=True)
    role: Mapped[OperatorRole] = mapped_column(words(OperatorRole, "operator_role"))
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None] = mapped_column(default=None)


class OperatorLink(Base):
    """A link that lets an operator in once; ``digest`` is the SHA-256 of its token, which is nowhere."""

    __tablename__ = "operator_link"
    id: Mapped[Id] = mapped_column(init=False)
    digest: Mapped[Digest] = mapped_column(unique=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class OperatorSession(Base):
    """An operator who came in; ``digest`` is the SHA-256 of the token in the cookie."""

    __tablename__ = "operator_session"
    id: Mapped[Id] = mapped_column(init=False)
    digest: Mapped[Digest] = mapped_column(unique=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)

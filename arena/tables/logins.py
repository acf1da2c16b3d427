"""How operators come in besides by links: passwords with a second factor, and accounts elsewhere."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Digest, Id, Key


class OperatorLogin(Base):
    """A password and a second factor, which let in together once they were confirmed.

    ``password`` is hashed; of the second factor only ``salt`` is kept, from which it is derived with the
    arena's own secret. ``last_step`` is the newest time step whose code was used, so that none is used twice;
    ``wrong_codes`` counts wrong codes behind a right password since the last right one.
    """

    __tablename__ = "operator_login"
    id: Mapped[Id] = mapped_column(init=False)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.id"), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    salt: Mapped[Key]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None)
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    wrong_codes: Mapped[int] = mapped_column(default=0)


class OperatorRecovery(Base):
    """A code that stands in for the second factor once; ``digest`` is its SHA-256."""

    __tablename__ = "operator_recovery"
    id: Mapped[Id] = mapped_column(init=False)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.id"), index=True)
    digest: Mapped[Digest] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class OperatorIdentity(Base):
    """Who an operator is at an OpenID provider: by e-mail until they first come in, then by subject."""

    __tablename__ = "operator_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("issuer", "email"))
    id: Mapped[Id] = mapped_column(init=False)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.id"), unique=True)
    issuer: Mapped[str] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime]

"""Links that invite voters into a campaign, and codes that carry a voter to another browser."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from arena.tables.base import Base, Digest, Id, Slug


class Invite(Base):
    """A link that lets voters into a campaign, as one cohort; ``digest`` is the SHA-256 of its token.

    ``uses`` is how many voters may take it, ``by`` who made it.
    """

    __tablename__ = "invite"
    id: Mapped[Id] = mapped_column(init=False)
    digest: Mapped[Digest] = mapped_column(unique=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    cohort: Mapped[Slug]
    uses: Mapped[int]
    by: Mapped[Slug]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class InviteUse(Base):
    """A voter who took an invitation; once is enough."""

    __tablename__ = "invite_use"
    __table_args__ = (Index("ix_invite_use_voter_id", "voter_id"),)
    invite_id: Mapped[int] = mapped_column(ForeignKey("invite.id"), primary_key=True)
    voter_id: Mapped[int] = mapped_column(ForeignKey("voter.id"), primary_key=True)
    used_at: Mapped[datetime]


class Recovery(Base):
    """The newest recovery code of a voter, as its SHA-256; a new one replaces it."""

    __tablename__ = "recovery"
    voter_id: Mapped[int] = mapped_column(ForeignKey("voter.id"), primary_key=True)
    digest: Mapped[Digest] = mapped_column(unique=True)
    made_at: Mapped[datetime]

"""Operators: let in by links, held by sessions, sent away at once.

Links and sessions are random tokens of 256 bits, kept as their digests. A link is one way to show who one is;
the others, a password with a second factor (`arena.services.signing_in`) and an account elsewhere
(`arena.services.identities`), end in `open_session` as well.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from arena.errors import Invalid, NameTaken, SpentLink, UnknownLink, UnknownOperator
from arena.services.curation import record
from arena.services.keys import NAME, digest_of
from arena.tables import (
    Operator,
    OperatorIdentity,
    OperatorLink,
    OperatorLogin,
    OperatorRecovery,
    OperatorRole,
    OperatorSession,
)

LINK_HOURS = 24
SESSION_HOURS = 12
FIRST = "owner"
ACTORS = frozenset({"operator", "init", "demo", "arena", "worker", "stranger"})
"""Who acts in the events of commands and of the arena itself: nobody else may be called so."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that was just made; ``token`` is nowhere else and cannot be had again."""

    name: str
    role: OperatorRole
    token: str
    expires_at: datetime
    new: bool


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just opened; ``token`` is nowhere else."""

    id: int
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Guest:
    """An operator who is in: the session, and what it allows."""

    session_id: int
    name: str
    role: OperatorRole
    until: datetime

    @property
    def may_change(self) -> bool:
        """Whether they may do more than look."""
        return self.role is OperatorRole.OPERATOR


def first_link(session: Session, *, now: datetime) -> NewLink | None:
    """Make the first operator and a link for them; nothing if there is, or ever was, an operator."""
    if session.scalar(select(Operator.id).limit(1)) is not None:
        return None
    return make_link(session, FIRST, now=now, actor="init")


def make_link(
    session: Session, name: str, *, now: datetime, role: OperatorRole | None = None, actor: str = "operator"
) -> NewLink:
    """Make a link that lets an operator in once; unused ones of before open nothing from then on.

    Parameters
    ----------
    name : str
        Whose link; somebody new is entered.
    role : OperatorRole, optional
        What they may do from now on; an operator if new, else as it was.

    Raises
    ------
    Invalid
        If the name is none, or one of `ACTORS`.
    NameTaken
        If they were retired: a name stands for one person for ever.
    """
    found = session.scalar(select(Operator).where(Operator.name == name))
    new = found is None
    if found is None:
        found = _enter(session, name, role or OperatorRole.OPERATOR, now=now, actor=actor)
    elif found.retired_at is not None:
        raise NameTaken(f"{name} was retired, and a name is not given twice; choose another name")
    elif role not in (None, found.role):
        found.role = role
        record(session, now=now, actor=actor, kind="operator.role", subject=name, data={"role": role.value})
    _spend_links(session, found.id, now=now)
    token, expires_at = secrets.token_urlsafe(32), now + timedelta(hours=LINK_HOURS)
    session.add(
        OperatorLink(digest=digest_of(token), operator_id=found.id, created_at=now, expires_at=expires_at)
    )
    record(session, now=now, actor=actor, kind="operator.linked", subject=name)
    return NewLink(name, found.role, token, expires_at, new)


def _enter(session: Session, name: str, role: OperatorRole, *, now: datetime, actor: str) -> Operator:
    if len(name) > 64 or not NAME.fullmatch(name):
        raise Invalid(f"an operator's name is small letters, digits and single hyphens, not {name[:80]!r}")
    if name in ACTORS:
        raise Invalid(f"{name!r} is what the arena calls itself in its events; choose another name")
    entered = Operator(name=name, role=role, created_at=now)
    try:
        with session.begin_nested():
            session.add(entered)
    except IntegrityError as error:
        if session.scalar(select(Operator.id).where(Operator.name == name)) is None:
            raise
        raise NameTaken(f"{name} was entered at this very moment; ask for the link again") from error
    record(session, now=now, actor=actor, kind="operator.made", subject=name, data={"role": role.value})
    return entered


def retire(session: Session, name: str, *, now: datetime, actor: str = "operator") -> bool:
    """Send an operator away for ever: sessions end and links open nothing, at once; false if it was before.

    Raises
    ------
    UnknownOperator
        With the names there are.
    """
    found = known_operator(session, name)
    if found.retired_at is not None:
        return False
    found.retired_at = now
    _spend_links(session, found.id, now=now)
    _end_sessions(session, found.id, now=now)
    forget_ways_in(session, found.id)
    session.execute(delete(OperatorIdentity).where(OperatorIdentity.operator_id == found.id))
    record(session, now=now, actor=actor, kind="operator.retired", subject=name)
    return True


def known_operator(session: Session, name: str) -> Operator:
    """The operator of a name, retired or not.

    Raises
    ------
    UnknownOperator
        With the names there are.
    """
    found = session.scalar(select(Operator).where(Operator.name == name))
    if found is None:
        raise UnknownOperator(name, tuple(session.scalars(select(Operator.name).order_by(Operator.name))))
    return found


def revoke(
    session: Session, name: str, *, now: datetime, actor: str = "operator", but: int | None = None
) -> int:
    """End the sessions of an operator, and let links they have not used open nothing.

    Parameters
    ----------
    but : int, optional
        The one session that goes on.

    Returns
    -------
    int
        How many sessions ended.

    Raises
    ------
    UnknownOperator
    """
    found = known_operator(session, name)
    _spend_links(session, found.id, now=now)
    ended = _end_sessions(session, found.id, now=now, but=but)
    record(session, now=now, actor=actor, kind="operator.revoked", subject=name, data={"sessions": ended})
    return ended


def _end_sessions(session: Session, operator_id: int, *, now: datetime, but: int | None = None) -> int:
    ended = session.scalars(
        update(OperatorSession)
        .where(
            OperatorSession.operator_id == operator_id,
            OperatorSession.ended_at.is_(None),
            OperatorSession.expires_at > now,
            OperatorSession.id != (but or 0),
        )
        .values(ended_at=now)
        .returning(OperatorSession.id)
    )
    return len(ended.all())


def forget_ways_in(session: Session, operator_id: int) -> None:
    """Forget the password, the second factor and the recovery codes of an operator."""
    for table in (OperatorLogin, OperatorRecovery):
        session.execute(delete(table).where(table.operator_id == operator_id))


def all_operators(session: Session) -> list[Operator]:
    """Every operator there ever was, the first first."""
    return list(session.scalars(select(Operator).order_by(Operator.id)))


def check_link(session: Session, token: str, *, now: datetime) -> str:
    """See whom a link lets in, without using it; returns their name.

    Raises
    ------
    UnknownLink
    SpentLink
        If it was used, has expired, or was replaced; or its operator was retired.
    """
    row = session.execute(
        select(Operator.name, Operator.retired_at, OperatorLink.used_at, OperatorLink.expires_at)
        .join(Operator, Operator.id == OperatorLink.operator_id)
        .where(OperatorLink.digest == digest_of(token))
    ).one_or_none()
    if row is None:
        raise UnknownLink
    if row.retired_at is not None or row.used_at is not None or row.expires_at <= now:
        raise SpentLink
    return str(row.name)


def use_link(session: Session, token: str, *, now: datetime, before: str | None = None) -> NewSession:
    """Let an operator in by a link, which opens nothing again.

    Of two who use it at once the database lets in one.

    Parameters
    ----------
    before : str, optional
        The session token that the browser showed; it ends, so that nobody goes on under an old one.

    Raises
    ------
    UnknownLink, SpentLink
        As `check_link` does.
    """
    check_link(session, token, now=now)
    operator_id = session.scalar(
        update(OperatorLink)
        .where(
            OperatorLink.digest == digest_of(token),
            OperatorLink.used_at.is_(None),
            OperatorLink.expires_at > now,
        )
        .values(used_at=now)
        .returning(OperatorLink.operator_id)
    )
    if operator_id is None:
        raise SpentLink
    if before:
        sign_out(session, before, now=now)
    return open_session(session, session.get_one(Operator, operator_id), now=now, by="link")


def open_session(session: Session, operator: Operator, *, now: datetime, by: str) -> NewSession:
    """Open a session for an operator who has shown who they are; ``by`` says how."""
    session.execute(
        update(OperatorLogin).where(OperatorLogin.operator_id == operator.id).values(wrong_codes=0)
    )
    token = secrets.token_urlsafe(32)
    opened = OperatorSession(
        digest=digest_of(token),
        operator_id=operator.id,
        created_at=now,
        expires_at=now + timedelta(hours=SESSION_HOURS),
    )
    session.add(opened)
    session.flush()
    record(
        session, now=now, actor=operator.name, kind="operator.came_in", subject=operator.name, data={"by": by}
    )
    return NewSession(opened.id, operator.name, token)


def find_guest(session: Session, token: str, *, now: datetime) -> Guest | None:
    """Who holds a session; nobody if it ended, has expired, or is none of ours."""
    return _guest(session, OperatorSession.digest == digest_of(token), now)


def is_in(session: Session, session_id: int, *, now: datetime) -> bool:
    """Whether a session lasts still."""
    return _guest(session, OperatorSession.id == session_id, now) is not None


def _guest(session: Session, which: ColumnElement[bool], now: datetime) -> Guest | None:
    row = session.execute(
        select(OperatorSession.id, Operator.name, Operator.role, OperatorSession.expires_at)
        .join(Operator, Operator.id == OperatorSession.operator_id)
        .where(
            which,
            OperatorSession.ended_at.is_(None),
            OperatorSession.expires_at > now,
            Operator.retired_at.is_(None),
        )
    ).one_or_none()
    return Guest(*row) if row else None


def count_sessions(session: Session, name: str, *, now: datetime, but: int) -> int:
    """How many sessions of an operator last still, but for one."""
    found = select(func.count()).where(
        OperatorSession.operator_id == known_operator(session, name).id,
        OperatorSession.ended_at.is_(None),
        OperatorSession.expires_at > now,
        OperatorSession.id != but,
    )
    return session.scalar(found) or 0


def sign_out(session: Session, token: str, *, now: datetime) -> None:
    """End a session; one that has ended is left as it is."""
    guest = find_guest(session, token, now=now)
    if guest is None:
        return
    session.execute(
        update(OperatorSession).where(OperatorSession.id == guest.session_id).values(ended_at=now)
    )
    record(session, now=now, actor=guest.name, kind="operator.left", subject=guest.name)


def _spend_links(session: Session, operator_id: int, *, now: datetime) -> None:
    """Let unused links open nothing any more."""
    session.execute(
        update(OperatorLink)
        .where(
            OperatorLink.operator_id == operator_id,
            OperatorLink.used_at.is_(None),
            OperatorLink.expires_at > now,
        )
        .values(expires_at=now)
    )

"""Operators who come in by an account at an OpenID provider: bound by name, never made by coming in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from arena.errors import ArenaError, Invalid, NameTaken
from arena.services.curation import record
from arena.services.operators import NewSession, known_operator, open_session, sign_out
from arena.tables import Operator, OperatorIdentity

LONGEST = 255


class NotBound(ArenaError):
    """Somebody whom the provider knows and the arena does not let in."""

    status = 403
    code = "not_bound"

    def __init__(self) -> None:
        super().__init__(
            "this account lets nobody in; `arena operators bind NAME --email ADDRESS` binds one to somebody"
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Who somebody is at a provider; ``email`` is empty unless the provider has verified it."""

    issuer: str
    subject: str
    email: str = ""


def bind(
    session: Session,
    name: str,
    *,
    issuer: str,
    email: str | None = None,
    subject: str | None = None,
    now: datetime,
    actor: str = "operator",
) -> None:
    """Let an account of a provider in as an operator; one that was bound before lets nobody in any more.

    An address is good for the first time: whoever comes in by it is known by their subject from then on, so
    that an address which changes hands lets nobody else in.

    Raises
    ------
    Invalid
        If neither or both are given, or one is not what it should be.
    NameTaken
        If that account is another operator's, or the operator was retired.
    UnknownOperator
    """
    told = email if subject is None else subject
    if (email is None) == (subject is None) or not told or len(told) > LONGEST:
        raise Invalid(
            f"an account is bound by an e-mail address or by a subject, of at most {LONGEST} letters"
        )
    if email is not None and ("@" not in email or any(letter.isspace() for letter in email)):
        raise Invalid(f"an e-mail address has an @ and no spaces, not {email[:80]!r}")
    operator = known_operator(session, name)
    if operator.retired_at is not None:
        raise NameTaken(f"{name} was retired; bind the account to another operator")
    session.execute(delete(OperatorIdentity).where(OperatorIdentity.operator_id == operator.id))
    try:
        with session.begin_nested():
            session.add(
                OperatorIdentity(
                    operator_id=operator.id,
                    issuer=issuer,
                    email=email.lower() if email else None,
                    subject=subject,
                    created_at=now,
                )
            )
    except IntegrityError as error:
        raise NameTaken("that account is bound to another operator; unbind it there first") from error
    record(session, now=now, actor=actor, kind="operator.bound", subject=name, data={"issuer": issuer})


def unbind(session: Session, name: str, *, now: datetime, actor: str = "operator") -> bool:
    """Let an operator's account in no more; false if none was bound.

    Raises
    ------
    UnknownOperator
    """
    operator = known_operator(session, name)
    gone = session.scalar(
        delete(OperatorIdentity)
        .where(OperatorIdentity.operator_id == operator.id)
        .returning(OperatorIdentity.id)
    )
    if gone is None:
        return False
    record(session, now=now, actor=actor, kind="operator.unbound", subject=name)
    return True


def bound_to(session: Session, name: str) -> OperatorIdentity | None:
    """The account that an operator is bound to."""
    return session.scalar(
        select(OperatorIdentity)
        .join(Operator, Operator.id == OperatorIdentity.operator_id)
        .where(Operator.name == name)
    )


def come_in(
    session: Session, account: Account, *, now: datetime, before: str | None = None
) -> NewSession | None:
    """Open a session for whom an account is bound to; else note the refusal.

    Parameters
    ----------
    before : str, optional
        The session token that the browser showed; it ends if another one is opened.
    """
    found = _found(session, account)
    if found is None:
        record(session, now=now, actor="stranger", kind="operator.refused", subject="nobody")
        return None
    found.subject = account.subject
    if before:
        sign_out(session, before, now=now)
    return open_session(session, session.get_one(Operator, found.operator_id), now=now, by="openid")


def _found(session: Session, account: Account) -> OperatorIdentity | None:
    """The identity of an account: by its subject, or by its address where no subject is known yet."""
    open_to = (
        select(OperatorIdentity)
        .join(Operator, Operator.id == OperatorIdentity.operator_id)
        .where(OperatorIdentity.issuer == account.issuer, Operator.retired_at.is_(None))
    )
    by_subject = session.scalar(open_to.where(OperatorIdentity.subject == account.subject))
    if by_subject is not None or not account.email:
        return by_subject
    return session.scalar(
        open_to.where(
            OperatorIdentity.email == account.email.lower(), OperatorIdentity.subject.is_(None)
        ).with_for_update()
    )

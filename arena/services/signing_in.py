"""A password and a second factor: set up by an operator in their room, asked for at the door.

The second factor's key is derived from the arena's own secret and a salt, so that whoever reads the database
alone, or a backup of it, has none. What takes long, the password, is checked between two transactions, and
what is done for a name that nobody has is the same as for one that somebody has.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from arena.domain import totp
from arena.domain.passwords import NOBODYS, is_it
from arena.domain.voters import UnreadableCode, new_code, read_code
from arena.errors import ArenaError, Conflict
from arena.services.curation import record
from arena.services.keys import digest_of
from arena.services.operators import NewSession, forget_ways_in, known_operator, open_session, sign_out
from arena.tables import Operator, OperatorLogin, OperatorRecovery

RECOVERY_CODES: Final = 8
MOST_WRONG_CODES: Final = 10
"""Wrong codes behind a right password, after which only a link or a recovery code lets in."""


class WrongSignIn(ArenaError):
    """Name, password and code do not belong together; which of them is wrong is told to nobody."""

    status = 403
    code = "wrong_sign_in"

    def __init__(self) -> None:
        super().__init__("name, password or code is wrong, or the code was used; wait for the next code")


class AlreadySetUp(Conflict):
    """The password and the second factor were confirmed; they are changed, not made anew."""

    code = "already_set_up"

    def __init__(self) -> None:
        super().__init__("a password and a second factor are set up; change them with the current ones")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an operator's password and second factor are; ``salt`` is empty if there are none."""

    salt: str = ""
    created_at: datetime | None = None
    confirmed_at: datetime | None = None
    codes_left: int = 0
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows of a name before its password is checked; of a name nobody has, the same."""

    operator_id: int = 0
    password: str = NOBODYS
    salt: str = ""
    last_step: int = 0
    wrong_codes: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody has shown: a right password or not, the time step of a code, a recovery code's digest."""

    right_password: bool
    step: int | None
    recovery: str


def second_factor(secret: str, salt: str) -> bytes:
    """The key of a second factor, 20 bytes."""
    return hmac.digest(secret.encode(), f"second factor {salt}".encode(), "sha256")[:20]


def standing(session: Session, name: str) -> Standing:
    """How far an operator's password and second factor are."""
    operator = known_operator(session, name)
    login = session.scalar(select(OperatorLogin).where(OperatorLogin.operator_id == operator.id))
    if login is None:
        return Standing()
    left = select(func.count()).where(
        OperatorRecovery.operator_id == operator.id, OperatorRecovery.used_at.is_(None)
    )
    return Standing(
        login.salt,
        login.created_at,
        login.confirmed_at,
        session.scalar(left) or 0,
        login.wrong_codes >= MOST_WRONG_CODES,
    )


def begin(session: Session, name: str, *, password: str, now: datetime) -> None:
    """Keep a password and make a second factor; neither opens anything before `confirm`.

    Parameters
    ----------
    password : str
        As `arena.domain.passwords.hashed` gives it.

    Raises
    ------
    AlreadySetUp
        If they were confirmed before.
    """
    operator = known_operator(session, name)
    if standing(session, name).confirmed_at is not None:
        raise AlreadySetUp
    forget_ways_in(session, operator.id)
    session.add(
        OperatorLogin(operator_id=operator.id, password=password, salt=secrets.token_hex(16), created_at=now)
    )


def give_up(session: Session, name: str) -> None:
    """Forget what was begun and not confirmed; what was confirmed stays."""
    if standing(session, name).confirmed_at is None:
        forget_ways_in(session, known_operator(session, name).id)


def confirm(session: Session, name: str, typed: str, *, secret: str, now: datetime) -> list[str]:
    """Let the password and the second factor open the room, by a code that proves the app has the key.

    Returns
    -------
    list of str
        Recovery codes; they are nowhere else and cannot be had again.

    Raises
    ------
    AlreadySetUp
    WrongSignIn
        If the code is none of about now, or nothing was begun.
    """
    operator, so_far = known_operator(session, name), standing(session, name)
    if so_far.confirmed_at is not None:
        raise AlreadySetUp
    step = totp.matching_step(second_factor(secret, so_far.salt), typed, now=now, after=0)
    if step is None or not so_far.salt:
        raise WrongSignIn
    session.execute(
        update(OperatorLogin)
        .where(OperatorLogin.operator_id == operator.id)
        .values(confirmed_at=now, last_step=step)
    )
    record(session, now=now, actor=name, kind="operator.password", subject=name)
    return _new_codes(session, operator.id, now=now)


def read_known(session: Session, name: str) -> Known:
    """What is known of a name; somebody without a confirmed second factor is nobody here."""
    row = session.execute(
        select(
            Operator.id,
            OperatorLogin.password,
            OperatorLogin.salt,
            OperatorLogin.last_step,
            OperatorLogin.wrong_codes,
        )
        .join(OperatorLogin, OperatorLogin.operator_id == Operator.id)
        .where(Operator.name == name, Operator.retired_at.is_(None), OperatorLogin.confirmed_at.is_not(None))
    ).one_or_none()
    return Known(*row) if row else Known()


def look_at(known: Known, *, password: str, typed: str, secret: str, now: datetime) -> Shown:
    """Check a password and a code; asks no database, and does as much work whoever it is.

    Parameters
    ----------
    typed : str
        Six digits of an app, or a recovery code.
    """
    step = totp.matching_step(second_factor(secret, known.salt), typed, now=now, after=known.last_step)
    try:
        recovery = read_code(typed)
    except UnreadableCode:
        recovery = ""
    return Shown(is_it(password, known.password) and known.operator_id != 0, step, digest_of(recovery))


def come_in(
    session: Session, known: Known, shown: Shown, *, now: datetime, before: str | None = None
) -> NewSession | None:
    """Open a session for who has shown a right password and a code that nobody used; else note the refusal.

    Parameters
    ----------
    before : str, optional
        The session token that the browser showed; it ends if another one is opened.
    """
    if not spend(session, known, shown, now=now):
        return None
    if before:
        sign_out(session, before, now=now)
    return open_session(session, session.get_one(Operator, known.operator_id), now=now, by="password")


def spend(session: Session, known: Known, shown: Shown, *, now: datetime) -> bool:
    """Use a code up, if it goes with a right password; of two who show it at once one is right.

    A refusal is an event. Wrong codes behind a right password are counted: after `MOST_WRONG_CODES` the app's
    codes open nothing before somebody came in by a link or a recovery code.
    """
    name = session.scalar(select(Operator.name).where(Operator.id == known.operator_id)) or "nobody"
    taken = _take_step(session, known, shown) or _take_recovery(session, known, shown, name=name, now=now)
    if taken:
        return True
    wrong = session.scalar(
        update(OperatorLogin)
        .where(OperatorLogin.operator_id == (known.operator_id if shown.right_password else 0))
        .values(wrong_codes=OperatorLogin.wrong_codes + 1)
        .returning(OperatorLogin.wrong_codes)
    )
    kind = "operator.locked" if wrong == MOST_WRONG_CODES else "operator.refused"
    record(session, now=now, actor="stranger", kind=kind, subject=name)
    return False


def change_password(session: Session, name: str, *, password: str, now: datetime) -> None:
    """Keep another password, as `arena.domain.passwords.hashed` gives it."""
    operator = known_operator(session, name)
    session.execute(
        update(OperatorLogin).where(OperatorLogin.operator_id == operator.id).values(password=password)
    )
    record(session, now=now, actor=name, kind="operator.password_changed", subject=name)


def renew_codes(session: Session, name: str, *, now: datetime) -> list[str]:
    """Make new recovery codes; those of before open nothing from then on."""
    codes = _new_codes(session, known_operator(session, name).id, now=now)
    record(session, now=now, actor=name, kind="operator.codes_renewed", subject=name)
    return codes


def reset(session: Session, name: str, *, now: datetime, actor: str = "operator") -> bool:
    """Forget password, second factor and recovery codes; false if there were none.

    Raises
    ------
    UnknownOperator
    """
    operator = known_operator(session, name)
    if not standing(session, name).salt:
        return False
    forget_ways_in(session, operator.id)
    record(session, now=now, actor=actor, kind="operator.reset", subject=name)
    return True


def _take_step(session: Session, known: Known, shown: Shown) -> bool:
    """Move the newest used step up to the one shown, unless somebody was faster or the way is locked."""
    taken = session.scalar(
        update(OperatorLogin)
        .where(
            OperatorLogin.operator_id == (known.operator_id if shown.right_password else 0),
            OperatorLogin.password == known.password,
            OperatorLogin.last_step < (shown.step or 0),
            OperatorLogin.wrong_codes < MOST_WRONG_CODES,
        )
        .values(last_step=shown.step or 0, wrong_codes=0)
        .returning(OperatorLogin.id)
    )
    return taken is not None


def _take_recovery(session: Session, known: Known, shown: Shown, *, name: str, now: datetime) -> bool:
    taken = session.scalar(
        update(OperatorRecovery)
        .where(
            OperatorRecovery.operator_id == (known.operator_id if shown.right_password else 0),
            OperatorRecovery.digest == shown.recovery,
            OperatorRecovery.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(OperatorRecovery.id)
    )
    if taken is None:
        return False
    record(session, now=now, actor=name, kind="operator.code_used", subject=name)
    return True


def _new_codes(session: Session, operator_id: int, *, now: datetime) -> list[str]:
    codes = [new_code() for _ in range(RECOVERY_CODES)]
    session.execute(delete(OperatorRecovery).where(OperatorRecovery.operator_id == operator_id))
    session.add_all(
        OperatorRecovery(operator_id=operator_id, digest=digest_of(code), created_at=now) for code in codes
    )
    return codes

"""An operator's own ways in: the password, the second factor, recovery codes, and sessions elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, make_response, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from arena.domain import totp
from arena.domain.passwords import FEWEST_LETTERS, LONGEST, SHORTEST, hashed, see_that_it_is_strong
from arena.domain.voters import grouped
from arena.errors import ArenaError, Invalid
from arena.services import identities, operators, signing_in
from arena.services.signing_in import RECOVERY_CODES, WrongSignIn
from arena.web.admin import bp, who_is_in
from arena.web.admin_sign_in import look, room_for_a_password
from arena.web.context import arena, fields, now, reading, writing
from arena.web.qr import qr_code

__all__ = ["bp"]

ISSUER = "Vernissage"


class NotTheSame(Invalid):
    """The new password was typed twice, and not the same."""

    code = "not_the_same"


@bp.get("/account")
def account() -> Response:
    """How one comes in, and the forms that change it."""
    return _page()


@bp.post("/account/begin")
def begin_login() -> BaseResponse:
    """Keep a password and make a second factor, which a code has to confirm."""
    name, sent, moment = who_is_in().name, fields(), now()
    try:
        kept = _new_password(name, sent.get("new"), sent.get("again"))
        writing(lambda session: signing_in.begin(session, name, password=kept, now=moment))
    except ArenaError as error:
        return _page(fault=error)
    return redirect(url_for("admin.account"), code=303)


@bp.post("/account/confirm")
def confirm_login() -> BaseResponse:
    """Turn password and second factor on by a code of the app; this answer alone has the recovery codes."""
    name, sent, moment, secret = who_is_in().name, fields(), now(), arena().settings.secret
    if sent.get("act") == "drop":
        writing(lambda session: signing_in.give_up(session, name))
        return redirect(url_for("admin.account"), code=303)
    typed = str(sent.get("code") or "")
    try:
        codes = writing(lambda session: signing_in.confirm(session, name, typed, secret=secret, now=moment))
    except WrongSignIn as error:
        return _page(fault=error)
    return _page(codes=codes)


@bp.post("/account/change")
def change_login() -> BaseResponse:
    """Change the password, make new recovery codes or turn both off, with the current password and a code."""
    guest, sent, moment = who_is_in(), fields(), now()
    name, act = guest.name, str(sent.get("act") or "")
    try:
        kept = _new_password(name, sent.get("new"), sent.get("again")) if act == "password" else ""
        known, shown = look(name, str(sent.get("password") or ""), str(sent.get("code") or ""))
    except ArenaError as error:
        return _page(fault=error)

    def change(session: Session) -> list[str] | None:
        if not signing_in.spend(session, known, shown, now=moment):
            return None
        if act == "codes":
            return signing_in.renew_codes(session, name, now=moment)
        if act == "password":
            signing_in.change_password(session, name, password=kept, now=moment)
            operators.revoke(session, name, now=moment, actor=name, but=guest.session_id)
        elif act == "off":
            signing_in.reset(session, name, now=moment, actor=name)
        return []

    codes = writing(change)
    if codes is None:
        return _page(fault=WrongSignIn())
    return _page(codes=codes) if codes else redirect(url_for("admin.account"), code=303)


@bp.post("/account/elsewhere")
def leave_elsewhere() -> BaseResponse:
    """End every session of one's own but this one."""
    guest, moment = who_is_in(), now()
    writing(
        lambda session: operators.revoke(
            session, guest.name, now=moment, actor=guest.name, but=guest.session_id
        )
    )
    return redirect(url_for("admin.account"), code=303)


def _new_password(name: str, told: object, again: object) -> str:
    """The hash of a new password.

    Raises
    ------
    NotTheSame, WeakPassword, TooManyTries
    """
    password = str(told or "")
    if password != str(again or ""):
        raise NotTheSame("the two passwords differ; type the same one twice")
    see_that_it_is_strong(password, name=name)
    with room_for_a_password():
        return hashed(password)


def _page(*, fault: ArenaError | None = None, codes: Sequence[str] = ()) -> Response:
    guest = who_is_in()
    with reading() as session:
        so_far = signing_in.standing(session, guest.name)
        others = operators.count_sessions(session, guest.name, now=now(), but=guest.session_id)
        bound = identities.bound_to(session, guest.name)
    pending = so_far.salt and so_far.confirmed_at is None
    key = signing_in.second_factor(arena().settings.secret, so_far.salt) if pending else b""
    page = render_template(
        "admin_account.html",
        guest=guest,
        login=so_far,
        key=totp.spelt(key),
        qr=qr_code(totp.address(key, name=guest.name, issuer=ISSUER)) if pending else None,
        codes=[grouped(code) for code in codes],
        others=others,
        bound=bound,
        shortest=SHORTEST,
        longest=LONGEST,
        fewest=FEWEST_LETTERS,
        most_codes=RECOVERY_CODES,
        fault=(getattr(fault, "reason", "") or fault.code) if fault else "",
    )
    return make_response(page, fault.status if fault else 200)

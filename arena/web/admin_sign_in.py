"""The operators' door: name, password and code, or an account at an OpenID provider."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import cast

from flask import Response, current_app, make_response, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response as BaseResponse

from arena.domain.voters import TooManyTries
from arena.errors import ArenaError, Forbidden
from arena.services import identities, signing_in
from arena.services.identities import NotBound
from arena.services.openid import Asked, Provider, ProviderFailed, provider_of
from arena.services.operators import SESSION_HOURS
from arena.services.signing_in import Known, Shown, WrongSignIn
from arena.web.admin import bp
from arena.web.context import arena, fields, now, reading, writing
from arena.web.operator_cookies import let_in, session_token
from arena.web.read.views import kept

__all__ = ["bp"]

TRIES, TRIES_OF_A_NAME = 10, 30
"""How often one may sign in within a minute from one address, and under one name."""
AT_ONCE = 2
"""Passwords that a process looks at together: each takes 32 MiB and a core."""
PATIENCE_SECONDS = 5.0

EXTENSION = "arena.passwords"
ASKED_COOKIE, ASKED_PATH, ASKED_SECONDS = "operator_asks", "/admin/openid", 600


@bp.record_once
def _keep(state: BlueprintSetupState) -> None:
    state.app.extensions[EXTENSION] = threading.BoundedSemaphore(AT_ONCE)


@bp.get("/sign-in")
def sign_in() -> Response:
    """Where name, password and code are typed in."""
    return _page()


@bp.post("/sign-in")
def enter() -> BaseResponse:
    """Let an operator in by a password and a code; why not is told to nobody."""
    sent = fields()
    name, before, moment = str(sent.get("name") or "")[:64], session_token(), now()
    try:
        known, shown = look(name, str(sent.get("password") or ""), str(sent.get("code") or ""))
    except TooManyTries as error:
        return _page(name, error)
    opened = writing(lambda session: signing_in.come_in(session, known, shown, now=moment, before=before))
    if opened is None:
        return _page(name, WrongSignIn())
    return let_in(redirect(url_for("admin.home"), code=303), opened)


@bp.get("/openid")
def ask_provider() -> BaseResponse:
    """Send the browser to the provider, with a cookie that its answer must fit."""
    asked = Asked.anew()
    try:
        see_that_it_is_not_too_often("")
        there = _provider().way_there(asked)
    except (ProviderFailed, TooManyTries) as error:
        return _page("", error)
    response = redirect(there, code=303)
    response.set_cookie(
        ASKED_COOKIE,
        _signer().dumps(asdict(asked)),
        max_age=ASKED_SECONDS,
        path=ASKED_PATH,
        secure=arena().settings.secure,
        httponly=True,
        samesite="Lax",
    )
    return response


@bp.get("/openid/back")
def from_provider() -> BaseResponse:
    """Let in whom the provider sends back, if their account is bound to an operator.

    The answer is a page that leads on, not a redirect: a browser sends a strict cookie only on a way that
    began on the arena's own pages.
    """
    asked, moment, before = _asked(), now(), session_token()
    try:
        see_that_it_is_not_too_often("")
        account = _provider().account(request.args.get("code", ""), asked)
    except (ProviderFailed, TooManyTries) as error:
        return _page("", error)
    opened = writing(lambda session: identities.come_in(session, account, now=moment, before=before))
    if opened is None:
        return _page("", NotBound())
    response = make_response(render_template("admin_signed_in.html", name=opened.name))
    response.headers["Refresh"] = f"0; url={url_for('admin.home')}"
    response.delete_cookie(ASKED_COOKIE, path=ASKED_PATH)
    return let_in(response, opened)


def look(name: str, password: str, typed: str) -> tuple[Known, Shown]:
    """Look at a password and a code, as often as it is allowed and no more at once than this process bears.

    Raises
    ------
    TooManyTries
    """
    see_that_it_is_not_too_often(name)
    with reading() as session:
        known = signing_in.read_known(session, name)
    with room_for_a_password():
        shown = signing_in.look_at(
            known, password=password, typed=typed[:80], secret=arena().settings.secret, now=now()
        )
    return known, shown


@contextmanager
def room_for_a_password() -> Iterator[None]:
    """Hash no more passwords at once than a process bears.

    Raises
    ------
    TooManyTries
        If there is no room for a while.
    """
    places = cast(threading.BoundedSemaphore, current_app.extensions[EXTENSION])
    if not places.acquire(timeout=PATIENCE_SECONDS):
        raise TooManyTries
    try:
        yield
    finally:
        places.release()


def see_that_it_is_not_too_often(name: str) -> None:
    """Count a try of an address, and of a name if one is told.

    Raises
    ------
    TooManyTries
    """
    door = kept().door
    counted = [(f"sign-in of {door.name_of(request)}", TRIES)]
    if name:
        counted.append((f"sign-in as {hashlib.sha256(name.encode()).hexdigest()}", TRIES_OF_A_NAME))
    if not all(door.minutes.take(what, most).allowed for what, most in counted):
        raise TooManyTries


def _asked() -> Asked:
    """What this browser was sent to the provider with.

    Raises
    ------
    Forbidden
        If it was not sent there, or the answer is not to that.
    """
    try:
        asked = Asked(**_signer().loads(request.cookies.get(ASKED_COOKIE, ""), max_age=ASKED_SECONDS))
    except (BadData, TypeError) as error:
        raise Forbidden("nobody here asked for that; sign in anew") from error
    if not hmac.compare_digest(request.args.get("state", "").encode(), asked.state.encode()):
        raise Forbidden("the answer is not to what this browser asked; sign in anew")
    return asked


def _provider() -> Provider:
    return provider_of(arena().settings, back=url_for("admin.from_provider"))


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(arena().settings.secret, salt=f"cookie {ASKED_COOKIE}")


def _page(name: str = "", fault: ArenaError | None = None) -> Response:
    page = render_template(
        "admin_sign_in.html",
        name=name,
        fault=fault.code if fault else "",
        openid=arena().settings.openid_issuer is not None,
        hours=SESSION_HOURS,
    )
    return make_response(page, fault.status if fault else 200)

"""The two cookies of an operator who is in: one opens the room, the other only tells the footer of it."""

from __future__ import annotations

from datetime import timedelta

from flask import request
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.wrappers import Response

from arena.services import operators
from arena.services.operators import SESSION_HOURS, NewSession
from arena.web.context import arena, now, reading

COOKIE, ITS_PATH = "operator", "/admin"
HINT = "operator_in"
"""A cookie of the other pages: the number of a session, which opens nothing. It is for the footer's link."""


def let_in(response: Response, opened: NewSession) -> Response:
    """Give a session that was just opened to the browser."""
    for cookie, value, path in ((COOKIE, opened.token, ITS_PATH), (HINT, opened.id, "/")):
        response.set_cookie(
            cookie,
            _signer(cookie).dumps(value),
            max_age=timedelta(hours=SESSION_HOURS),
            path=path,
            secure=arena().settings.secure,
            httponly=True,
            samesite="Strict",
        )
    return response


def let_out(response: Response) -> Response:
    """Take the session from the browser."""
    for cookie, path in ((COOKIE, ITS_PATH), (HINT, "/")):
        response.delete_cookie(
            cookie, path=path, secure=arena().settings.secure, httponly=True, samesite="Strict"
        )
    return response


def session_token() -> str:
    """The session token of the browser that asks; empty if it has none."""
    told = _signed(COOKIE)
    return told if isinstance(told, str) else ""


def operator_is_in() -> bool:
    """Whether an operator who is in reads the page; the database is asked only about those who say so."""
    told = _signed(HINT)
    if not isinstance(told, int):
        return False
    with reading() as session:
        return operators.is_in(session, told, now=now())


def _signer(cookie: str) -> URLSafeSerializer:
    return URLSafeSerializer(arena().settings.secret, salt=f"cookie {cookie}")


def _signed(cookie: str) -> object:
    """What we wrote into a cookie; nothing if it is not there, or was not written by us."""
    try:
        return _signer(cookie).loads(request.cookies.get(cookie, ""))
    except BadData:
        return None

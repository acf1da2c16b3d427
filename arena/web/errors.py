"""One handler for every error: its status, and a page that says what happened and one way on."""

from __future__ import annotations

import logging
import secrets
from dataclasses import replace

from flask import Flask, Response, jsonify, make_response, render_template, request, url_for
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from werkzeug.exceptions import HTTPException

from arena.db import check, told_plainly
from arena.errors import ArenaError, NewerDatabase, Unavailable
from arena.web.context import arena, wants_json
from arena.web.i18n import gettext
from arena.web.security import in_the_room
from arena.web.states import BROKEN, STATES, State

log = logging.getLogger(__name__)


RETRY_AFTER = {429: "60", 503: "5"}
"""Seconds after which it may be sent again, by status."""

_HTTP = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def install(app: Flask) -> None:
    """Tell every error as a page, or as JSON where the request speaks it."""
    app.register_error_handler(ArenaError, explain)
    app.register_error_handler(HTTPException, explain_http)
    app.register_error_handler(OperationalError, explain_database)
    app.register_error_handler(Exception, explain_fault)


def explain(error: ArenaError) -> Response:
    """Tell an error that the arena raised on purpose."""
    if error.status >= 500:
        log.error("%s: %s", error.code, error)
    response = tell(error.code, error.status, str(error))
    if error.status in RETRY_AFTER:
        response.headers["Retry-After"] = RETRY_AFTER[error.status]
    return response


def explain_http(error: HTTPException) -> Response:
    """Tell an error that Flask or Werkzeug raised: no such page, no such method, too large, unreadable."""
    status = error.code or 500
    code = _HTTP.get(status, "invalid" if 400 <= status < 500 else "error")
    response = tell(code, status, error.description or error.name)
    for name, value in error.get_headers(request.environ):
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def explain_database(error: OperationalError) -> Response:
    """Tell an error of the database by its cause."""
    try:
        with told_plainly():
            raise error
    except Unavailable as plain:
        return explain(plain)
    except OperationalError:
        return explain_fault(error)


def explain_fault(error: Exception) -> Response:
    """Tell an error that nobody foresaw, with a number that also stands in the log.

    What a newer version did to the database may be more than this one can read; that is told as such.
    """
    number = secrets.token_hex(4)
    number = f"{number[:4]}-{number[4:]}".upper()
    log.error("fault %s at %s %s", number, request.method, request.path, exc_info=error)
    if newer := _newer():
        return explain(newer)
    return tell("error", 500, f"something broke; the log has it under {number}", number=number)


def _newer() -> NewerDatabase | None:
    """The database's being another version's, if it is."""
    try:
        check(arena().database)
    except NewerDatabase as newer:
        return newer
    except (ArenaError, SQLAlchemyError):
        return None
    return None


def tell(code: str, status: int, message: str, *, number: str | None = None) -> Response:
    """Answer with an error as a page, or as ``{"error": {"code", "message"}}``."""
    if wants_json():
        response = jsonify({"error": {"code": code, "message": message}})
    else:
        state = STATES.get(code, BROKEN if status >= 500 else STATES["invalid"])
        page = render_template("state.html", state=spoken(state), href=_href(state.way), number=number)
        response = make_response(page)
    response.status_code = status
    return in_the_room(response)


def spoken(state: State) -> State:
    """A state in the reader's language."""
    return replace(state, title=gettext(state.title), text=gettext(state.text), label=gettext(state.label))


def _href(way: str) -> str:
    key = (request.view_args or {}).get("key")
    if way == "battle":
        return url_for("battles.show", key=key) if key else url_for("battles.deal")
    if way == "again":
        if request.method == "GET":
            return request.full_path.rstrip("?")
        return url_for("battles.show", key=key) if key else url_for("home")
    return url_for(way)

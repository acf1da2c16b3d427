"""What the images API says when it cannot answer: OpenAI's shape, so that its clients understand it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from arena.db import told_plainly
from arena.errors import ArenaError, Unavailable

log = logging.getLogger(__name__)

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}


class Fault(ArenaError):
    """An answer that is no picture.

    Attributes
    ----------
    param : str or None
        The parameter that is to blame.
    retry_after : float or None
        In how many seconds the same request may be answered.
    more : mapping
        What else the error says, beyond OpenAI's four words.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        kind: str | None = None,
        retry_after: float | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.kind = kind
        self.retry_after = retry_after
        self.more = dict(more or {})


def install(app: Flask) -> None:
    """Tell every error in OpenAI's shape."""
    app.register_error_handler(Fault, tell)
    app.register_error_handler(ArenaError, tell_arena)
    app.register_error_handler(HTTPException, tell_http)
    app.register_error_handler(OperationalError, tell_database)
    app.register_error_handler(Exception, tell_unforeseen)


def tell(fault: Fault) -> Response:
    """Answer with ``{"error": {"message", "type", "param", "code"}}``."""
    kind = fault.kind or _TYPES.get(fault.status)
    kind = kind or ("server_error" if fault.status >= 500 else "invalid_request_error")
    told = {"message": str(fault), "type": kind, "param": fault.param, "code": fault.code, **fault.more}
    response = jsonify({"error": told})
    response.status_code = fault.status
    if fault.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(fault.retry_after + 0.5)))
    elif fault.status in {500, 504}:
        # OpenAI's clients read this: what failed by itself or took too long is not helped by more of it.
        response.headers["X-Should-Retry"] = "false"
    return response


def tell_arena(error: ArenaError) -> Response:
    """Tell an error that the arena raised on purpose."""
    if error.status >= 500:
        log.error("%s: %s", error.code, error)
    again = getattr(error, "retry_after", 5.0 if error.status == 503 else None)
    return tell(Fault(error.status, error.code, str(error), retry_after=again))


def tell_http(error: HTTPException) -> Response:
    """Tell an error that Flask or Werkzeug raised: no such address, no such method, too large."""
    status = error.code or 500
    code = _CODES.get(status, "invalid_request" if status < 500 else "server_error")
    response = tell(Fault(status, code, error.description or error.name))
    for name, value in error.get_headers(request.environ):
        if name == "Allow":
            response.headers[name] = value
    return response


def tell_database(error: OperationalError) -> Response:
    """Tell an error of the database by its cause."""
    try:
        with told_plainly():
            raise error
    except Unavailable as plain:
        return tell_arena(plain)
    except OperationalError:
        return tell_unforeseen(error)


def tell_unforeseen(error: Exception) -> Response:
    """Tell an error that nobody foresaw, with a number that also stands in the log."""
    number = secrets.token_hex(4)
    log.error("fault %s at %s %s", number, request.method, request.path, exc_info=error)
    return tell(Fault(500, "server_error", f"something broke; the server's log has it under {number}"))

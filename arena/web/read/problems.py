"""What the read API says when it cannot answer: a problem document (RFC 9457)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, Response, json, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.exceptions import NotFound as NoSuchAddress

from arena.db import told_plainly
from arena.errors import ArenaError, Unavailable

log = logging.getLogger(__name__)

MIMETYPE = "application/problem+json"
SCHEMA = {
    "type": "object",
    "description": "Why there is no answer, and what to do (RFC 9457).",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "the phrase of the HTTP status"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "a word for programs, which stays as it is"},
        "detail": {"type": "string", "description": "what is wrong, and what to do"},
        "parameter": {"type": "string", "description": "the parameter that is to blame, where one is"},
    },
    "required": ["type", "title", "status", "code", "detail"],
    "additionalProperties": False,
}


class Problem(ArenaError):
    """An answer that tells nothing but why; ``parameter`` is to blame, ``headers`` go with it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        parameter: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.parameter = parameter
        self.headers = dict(headers or {})


def install(blueprint: Blueprint) -> None:
    """Tell every error of a blueprint as a problem document."""
    blueprint.register_error_handler(Problem, tell)
    blueprint.register_error_handler(ArenaError, tell_arena)
    blueprint.register_error_handler(HTTPException, tell_http)
    blueprint.register_error_handler(OperationalError, tell_database)
    blueprint.register_error_handler(Exception, tell_unforeseen)


def tell(problem: Problem) -> Response:
    """Answer with a problem document."""
    told = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": str(problem),
    }
    if problem.parameter is not None:
        told["parameter"] = problem.parameter
    response = Response(json.dumps(told) + "\n", status=problem.status, mimetype=MIMETYPE)
    response.headers.update(problem.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def tell_arena(error: ArenaError) -> Response:
    """Tell an error that the arena raised on purpose."""
    if error.status >= 500:
        log.error("%s: %s", error.code, error)
    headers = {"Retry-After": "5"} if error.status == 503 else {}
    return tell(Problem(error.status, error.code, str(error), headers=headers))


def tell_http(error: HTTPException) -> Response:
    """Tell an error that Flask or Werkzeug raised: no such address, no such method, too large."""
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        told = f"this address can only be read; send {allowed}, not {request.method[:20]}"
        return tell(Problem(405, "method_not_allowed", told, headers={"Allow": allowed}))
    if isinstance(error, NoSuchAddress):
        told = "there is no such address; /api/v1 lists those there are"
        return tell(Problem(404, "not_found", told))
    status = error.code or 500
    code = "invalid" if status < 500 else "error"
    return tell(Problem(status, code, error.description or error.name))


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
    return tell(Problem(500, "error", f"something broke; tell the operator {number}, the log has it there"))

"""The read API's addresses, and what every answer of theirs carries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.exceptions import NotFound as NoSuchAddress

from arena import __version__
from arena.queries.released import ToldPrompts
from arena.services.keys import Holder
from arena.web.context import now, reading
from arena.web.read import problems
from arena.web.read.access import Door, holder_of, limit_headers
from arena.web.read.answers import Reading
from arena.web.read.asking import read
from arena.web.read.document import document
from arena.web.read.operations import JSON, OPERATIONS, Operation
from arena.web.read.problems import Problem
from arena.web.read.shapes import of_object, tell

PREFIX = "/api/v1"
EXTENSION = "read-api"
HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "ETag, Link, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After"
    ),
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, If-None-Match",
    "Access-Control-Max-Age": "86400",
}

bp = Blueprint("read", __name__, url_prefix=PREFIX)
problems.install(bp)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a process keeps between requests."""

    door: Door = field(default_factory=Door)
    prompts: ToldPrompts = field(default_factory=ToldPrompts)


@bp.record_once
def _keep(state: BlueprintSetupState) -> None:
    state.app.extensions[EXTENSION] = Kept()


def kept() -> Kept:
    """What the process that answers this request keeps."""
    return cast(Kept, current_app.extensions[EXTENSION])


def _entrance(_: Reading) -> dict[str, Any]:
    whole = [each for each in EVERYTHING if "<" not in each.path]
    return {"links": {each.name: PREFIX + each.path for each in whole}}


def _document(_: Reading) -> dict[str, Any]:
    return document(EVERYTHING, prefix=PREFIX)


_LINKS = of_object({"links": {"type": "object", "additionalProperties": {"type": "string"}}})
EVERYTHING = (
    Operation("entrance", "", "Where to begin.", _entrance, _LINKS),
    Operation("openapi", "/openapi.json", "This document.", _document, {"type": "object"}),
    *OPERATIONS,
)
"""`OPERATIONS`, and the two that tell of them."""


@bp.before_app_request
def refuse_what_is_not_there() -> Response | None:
    """Tell an address below ours that does not exist, or not for this method, as a problem too."""
    fault = request.routing_exception
    ours = request.path == PREFIX or request.path.startswith(f"{PREFIX}/")
    if ours and isinstance(fault, NoSuchAddress | MethodNotAllowed):
        return finish(problems.tell_http(fault))
    return None


@bp.after_request
def finish(response: Response) -> Response:
    """Let pages of other sites read the answer, and say how it may be kept and how many are left."""
    response.headers.update(HEADERS)
    if request.method == "OPTIONS":
        response.headers.update(PREFLIGHT)
    if "taken" in g and g.taken is not None:
        for name, value in limit_headers(g.taken).items():
            response.headers.setdefault(name, value)
    response.vary.update(("Accept", "Authorization"))
    whose = "private" if "Authorization" in request.headers else "public"
    response.headers.setdefault("Cache-Control", f"{whose}, no-cache")
    return response


def answer(operation: Operation, path: dict[str, str]) -> Response:
    """Answer a request: who asks, what they accept, what they ask for, whether they have it already."""
    with reading() as session:
        holder = _enter(session)
        _accept(operation.media)
        asked = read(operation.takes, path, request.args)
        told = Reading(session, asked, now(), request.path, holder, kept().prompts)
        tag = None
        if operation.mark:
            tag = _tag(operation, told, holder)
            if request.if_none_match.contains_weak(tag):
                return _tagged(Response(status=304), tag)
        made = operation.answer(told)
    response = made if isinstance(made, Response) else _told(tell(made))
    if tag is not None:
        return _tagged(response, tag)
    response.add_etag()
    return cast(Response, response.make_conditional(request))


def _enter(session: Any) -> Holder | None:
    """Count the request against a key or an address; who holds the key, if one was shown."""
    told = request.headers.get("Authorization")
    if told is None:
        g.taken = kept().door.by_address(request)
        return None
    try:
        holder = holder_of(session, told)
    except Problem:
        g.taken = kept().door.by_address(request)
        raise
    g.taken = kept().door.by_key(holder)
    return holder


def _accept(media: str) -> None:
    if request.accept_mimetypes and request.accept_mimetypes.best_match([media]) is None:
        told = f"this address answers as {media} alone; accept that, or */*"
        raise Problem(406, "not_acceptable", told)


def _tag(operation: Operation, told: Reading, holder: Holder | None) -> str:
    assert operation.mark
    sees_all = bool(holder and holder.may_unblind)
    state = (__version__, operation.name, sees_all, sorted(told.asked.given.items()), operation.mark(told))
    return hashlib.sha256(repr(state).encode()).hexdigest()[:32]


def _tagged(response: Response, tag: str) -> Response:
    response.set_etag(tag, weak=True)
    return response


def _told(body: Any) -> Response:
    response = Response(json.dumps(body, allow_nan=False) + "\n", mimetype=JSON)
    link = body.get("next")
    if link is not None:
        response.headers["Link"] = f'<{link}>; rel="next"'
    return response


def _route(operation: Operation) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        return answer(operation, path)

    return view


for _each in EVERYTHING:
    bp.add_url_rule(_each.path, _each.name, _route(_each))

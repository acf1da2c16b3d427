"""The images API's addresses: ask for pictures, list who paints them, fetch a short-lived one."""

from __future__ import annotations

import base64
import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request, url_for

from arena.errors import UnknownEntrant
from arena.media.formats import TYPES, encode_as
from arena.services.keys import Holder
from arena.services.serving import Declined, Desk, Model, Order, Overloaded, Picture
from arena.web.api.access import Allowances, Gate, bearer
from arena.web.api.asking import LARGEST_SEED, Asked, read
from arena.web.api.faults import Fault
from arena.web.api.passing import MINUTES, ShortLived

log = logging.getLogger(__name__)

bp = Blueprint("images", __name__)
EXTENSION = "images-api"
BUSY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Office:
    """Everything a view needs that the factory was given.

    ``at_once`` is how many requests may wait for pictures: fewer than there are threads, so that one more is
    told to come again, and the list of models and the health checks still answer.
    """

    desk: Desk
    gate: Gate
    seconds: float
    at_once: threading.Semaphore
    began: int = field(default_factory=lambda: int(time.time()))
    allowances: Allowances = field(default_factory=Allowances)
    passing: ShortLived = field(default_factory=ShortLived)


def office() -> Office:
    """The collaborators of the application that answers this request."""
    return cast(Office, current_app.extensions[EXTENSION])


@bp.post("/v1/images/generations")
def generate() -> Response:
    """Paint pictures of a prompt."""
    holder = _holder()
    office().allowances.take(holder)
    asked = read(request)
    model = _model(asked.model)
    if not holder.may_unblind and office().gate.embargoed(asked.prompt):
        raise Fault(
            403,
            "prompt_embargoed",
            "people are judging pictures of this prompt without knowing who painted them, so it is painted "
            "by name only when its campaign has closed; ask for another prompt, or the operator for a key "
            "made with --may-unblind",
            param="prompt",
        )
    started = time.monotonic()
    with _room():
        answer = office().desk.paint(_order(model, asked), seconds=office().seconds, gone=_gone())
    seconds = time.monotonic() - started
    if isinstance(answer, Declined):
        log.info("%s: declined by %s in %.2f s", holder.name, model.slug, seconds)
        raise _declined(model, answer)
    log.info("%s: %d of %s in %.2f s", holder.name, asked.n, model.slug, seconds)
    return jsonify(_answer(model, asked, answer))


@bp.get("/v1/models")
def models() -> Response:
    """List who may be asked."""
    _holder()
    return jsonify({"object": "list", "data": [_told(model) for model in office().desk.models]})


@bp.get("/v1/models/<name>")
def model(name: str) -> Response:
    """Tell one of them."""
    _holder()
    return jsonify(_told(_model(name)))


@bp.get("/v1/pictures/<name>")
def picture(name: str) -> Response:
    """A picture that was asked for by URL; its name is the key to it."""
    kept = office().passing.get(name)
    if kept is None:
        raise Fault(404, "not_found", f"no picture is here; one is kept for {MINUTES} minutes")
    response = Response(kept.data, mimetype=kept.mimetype)
    response.headers["Cache-Control"] = f"private, max-age={60 * MINUTES}"
    return response


@bp.get("/healthz")
def alive() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@bp.get("/readyz")
def ready() -> Response:
    """The process answers, and so does what knows the keys."""
    office().gate.check()
    return Response("ok\n", mimetype="text/plain")


def _holder() -> Holder:
    holder = office().gate.holder(bearer(request.headers.get("Authorization")))
    if holder is None:
        raise Fault(401, "invalid_api_key", "this key is not known here, or was revoked")
    return holder


def _model(name: str) -> Model:
    try:
        return office().desk.find(name)
    except UnknownEntrant as error:
        told = f"there is no model {error.slug[:100]!r} here; there is {', '.join(error.known)}"
        raise Fault(404, "model_not_found", told, param="model") from error


@contextmanager
def _room() -> Iterator[None]:
    if not office().at_once.acquire(blocking=False):
        raise Overloaded("as many requests wait as may wait; try again in a moment", BUSY_SECONDS)
    try:
        yield
    finally:
        office().at_once.release()


def _gone() -> Any:
    """Whether the client has hung up, as far as the server can tell."""
    return request.environ.get("waitress.client_disconnected", lambda: False)


def _order(model: Model, asked: Asked) -> Order:
    first = secrets.randbelow(LARGEST_SEED - asked.n) if asked.seed is None else asked.seed
    return Order(
        slug=model.slug,
        prompt=asked.prompt,
        seeds=tuple(range(first, first + asked.n)),
        steps=asked.steps,
        guidance=asked.guidance,
        size=asked.size,
    )


def _declined(model: Model, answer: Declined) -> Fault:
    return Fault(
        400,
        "content_policy_violation",
        f"{model.slug} will not paint this: {answer.reason}",
        param="prompt",
        kind="image_generation_user_error",
        more={"reason": answer.reason, "words": list(answer.words)},
    )


def _answer(model: Model, asked: Asked, pictures: list[Picture]) -> dict[str, Any]:
    width, height = pictures[0].pixels.size
    changed = {
        name: value
        for name, value in (("steps", asked.steps), ("guidance", asked.guidance), ("size", asked.size))
        if value is not None and not (name == "size" and value == model.size)
    }
    return {
        "created": int(time.time()),
        "model": model.slug,
        "size": f"{width}x{height}",
        "output_format": asked.output_format,
        "background": "opaque",
        "data": [
            {
                **_carried(asked, picture),
                "seed": picture.seed,
                "revision": model.revision,
                "settings": changed,
                "took": dict(picture.took),
                "notes": dict(picture.notes),
            }
            for picture in pictures
        ],
    }


def _carried(asked: Asked, picture: Picture) -> dict[str, str]:
    data = encode_as(picture.pixels, asked.output_format, quality=asked.output_compression)
    if asked.response_format == "b64_json":
        return {"b64_json": base64.b64encode(data).decode()}
    name = office().passing.put(data, TYPES[asked.output_format])
    return {"url": url_for("images.picture", name=name, _external=True)}


def _told(model: Model) -> dict[str, Any]:
    width, height = model.size
    return {
        "id": model.slug,
        "object": "model",
        "created": office().began,
        "owned_by": "vernissage",
        "name": model.name,
        "kind": model.kind,
        "revision": model.revision,
        "size": f"{width}x{height}",
    }

"""What a request for pictures may say: every parameter is taken, or refused with what to write instead.

A parameter that would be ignored in silence would let a caller believe that it did something; those whose
only sense here is the default are taken at that value alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from arena.domain.prompts import clean_prompt
from arena.errors import InvalidPrompt
from arena.web.api.faults import Fault

MOST_PICTURES = 10
MOST_STEPS = 200
SIDES = (16, 2048)
SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for pictures, every value of it checked.

    ``model`` is a ``slug`` or ``slug@revision``; without a ``seed`` chance gives one.
    """

    model: str
    prompt: str
    n: int = 1
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    size: tuple[int, int] | None = None
    output_format: str = "png"
    output_compression: int | None = None
    response_format: str = "b64_json"


def read(request: Request) -> Asked:
    """Read the body of a request.

    Raises
    ------
    Fault
        Naming the parameter, and what to write instead.
    """
    try:
        told = request.get_json(force=request.mimetype in {"", "application/x-www-form-urlencoded"})
    except UnsupportedMediaType as error:
        raise Fault(400, "invalid_request", "send JSON, with Content-Type: application/json") from error
    except (BadRequest, RecursionError) as error:
        raise Fault(400, "invalid_json", "the body is no JSON that can be read") from error
    if not isinstance(told, dict):
        raise Fault(400, "invalid_json", "the body must be a JSON object")
    return check(told)


def check(told: dict[str, Any]) -> Asked:
    """Check a request parameter by parameter; null is the same as not given.

    Raises
    ------
    Fault
        Naming the parameter, and what to write instead.
    """
    given = {name: value for name, value in told.items() if value is not None}
    for name in given:
        if name not in _RULES:
            raise Fault(
                400,
                "unknown_parameter",
                f"unknown parameter {name[:60]!r}; there is {', '.join(sorted(_RULES))}",
                param=name[:60],
            )
    for name in ("model", "prompt"):
        if name not in given:
            raise Fault(
                400,
                "missing_required_parameter",
                f"{name!r} is missing; GET /v1/models lists the models"
                if name == "model"
                else f"{name!r} is missing",
                param=name,
            )
    kept = {}
    for name, value in given.items():
        try:
            kept[name] = _RULES[name](value)
        except ValueError as error:
            raise Fault(400, "invalid_value", f"{name!r} {error}", param=name) from error
    if kept.get("output_compression") is not None and kept.get("output_format", "png") == "png":
        raise Fault(
            400,
            "invalid_value",
            "'output_compression' is for jpeg and webp; a png loses nothing",
            param="output_compression",
        )
    if kept.get("seed", 0) + kept.get("n", 1) - 1 > LARGEST_SEED:
        raise Fault(
            400,
            "invalid_value",
            f"'seed' must leave room for one of each picture, up to {LARGEST_SEED}",
            param="seed",
        )
    return Asked(**{name: value for name, value in kept.items() if name in Asked.__slots__})


Rule = Callable[[Any], Any]


def _model(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 100:
        raise ValueError("must be the name of a model; GET /v1/models lists them")
    return value


def _prompt(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    try:
        return clean_prompt(value)
    except InvalidPrompt as error:
        raise ValueError(f"cannot be painted: {error}") from error


def _whole(low: int, high: int) -> Rule:
    def rule(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return rule


def _guidance(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number from 0 to 100")
    if not math.isfinite(value) or not 0 <= value <= 100:
        raise ValueError("must be a number from 0 to 100")
    return float(value)


def _size(value: Any) -> tuple[int, int] | None:
    low, high = SIDES
    form = SIZE.fullmatch(value) if isinstance(value, str) else None
    if value == "auto":
        return None
    if form is None:
        raise ValueError('must be "auto", the size the model paints at, or "WIDTHxHEIGHT" in pixels')
    width, height = int(form[1]), int(form[2])
    if not all(low <= side <= high for side in (width, height)):
        raise ValueError(f"must have sides from {low} to {high} pixels")
    if width % 8 or height % 8:
        raise ValueError("must have sides that are multiples of 8 pixels")
    return width, height


def _one_of(*choices: str) -> Rule:
    def rule(value: Any) -> Any:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return rule


def _only(*choices: str, why: str) -> Rule:
    def rule(value: Any) -> None:
        if value not in choices:
            raise ValueError(f"cannot be chosen here: {why}; leave it out")

    return rule


def _off(why: str) -> Rule:
    def rule(value: Any) -> None:
        if value not in (False, 0):
            raise ValueError(f"cannot be chosen here: {why}; leave it out")

    return rule


def _note(value: Any) -> None:
    """A word about the caller's own user, which is not kept."""
    if not isinstance(value, str) or len(value) > 256:
        raise ValueError("must be text of at most 256 characters")


_AS_ENTERED = "a model paints as its card says, which is what people vote on"
_RULES: dict[str, Rule] = {
    "model": _model,
    "prompt": _prompt,
    "n": _whole(1, MOST_PICTURES),
    "size": _size,
    "seed": _whole(0, LARGEST_SEED),
    "steps": _whole(1, MOST_STEPS),
    "guidance": _guidance,
    "response_format": _one_of("b64_json", "url"),
    "output_format": _one_of("png", "jpeg", "webp"),
    "output_compression": _whole(0, 100),
    "quality": _only("auto", "standard", why=_AS_ENTERED),
    "style": _only("auto", why=_AS_ENTERED),
    "background": _only("auto", "opaque", why="the models here paint opaque pictures"),
    "moderation": _only("auto", why="there is one set of rules for all"),
    "stream": _off("pictures are sent when they are whole"),
    "partial_images": _off("pictures are sent when they are whole"),
    "user": _note,
    "safety_identifier": _note,
}

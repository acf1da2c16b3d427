"""The OpenAPI document of the read API, made of its table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from arena import __version__
from arena.web.read import problems
from arena.web.read.asking import Parameter
from arena.web.read.operations import JSON, Operation
from arena.web.read.shapes import Schema

_HEADERS = {
    "ETag": ("send it back as If-None-Match", {"type": "string"}),
    "Cache-Control": ("answers may be kept, and are asked for again with their ETag", {"type": "string"}),
    "RateLimit-Limit": ("requests a minute", {"type": "integer"}),
    "RateLimit-Remaining": ("requests left of this minute", {"type": "integer"}),
    "RateLimit-Reset": ("seconds until one more may be made", {"type": "integer"}),
}
_LINK = ("the next page, as RFC 8288 writes it", {"type": "string"})
_PROBLEMS = {
    "400": "a parameter is unknown or not what it must be",
    "401": "the key is none, or was revoked",
    "403": "the board of that campaign is kept back: until it closes, or from everybody but its own people",
    "404": "there is no such thing",
    "406": "the answer has another media type than the request accepts",
    "429": "the minute is used up; Retry-After says when to come again",
    "503": "the database cannot answer now; Retry-After says when to come again",
}


def document(operations: Iterable[Operation], *, prefix: str) -> dict[str, Any]:
    """Build the document.

    Parameters
    ----------
    operations : iterable of Operation
    prefix : str
        What stands before every path.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vernissage read API",
            "version": __version__,
            "description": (
                "What is public of this arena, for reading alone. Votes come as in the published files, and "
                "nothing is told of when they were cast but the day. Pages are walked by their `next` links; "
                "a vote that is released late comes where its number is, so walk again to have it."
            ),
        },
        "servers": [{"url": "/"}],
        "paths": {prefix + template(each.path): {"get": _operation(each)} for each in operations},
        "components": {
            "schemas": {"Problem": problems.SCHEMA},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "a key made by `arena keys make`; it has a limit of its own",
                }
            },
        },
        "security": [{}, {"key": []}],
    }


def template(path: str) -> str:
    """A path as OpenAPI writes it."""
    return re.sub(r"<(\w+)>", r"{\1}", path)


def _operation(operation: Operation) -> dict[str, Any]:
    headers = _HEADERS | ({"Link": _LINK} if _is_paged(operation) else {})
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [_parameter(parameter) for parameter in operation.takes],
        "responses": {
            "200": {
                "description": "the answer",
                "headers": {
                    name: {"description": told, "schema": schema} for name, (told, schema) in headers.items()
                },
                "content": {operation.media: {"schema": operation.gives}},
            },
            "304": {"description": "nothing has changed since the answer of that ETag"},
            **{status: _problem(told) for status, told in _PROBLEMS.items()},
        },
    }


def _parameter(parameter: Parameter) -> Schema:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.meaning,
        "required": parameter.where == "path",
        "schema": dict(parameter.schema),
    }


def _problem(told: str) -> Schema:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": told, "content": {problems.MIMETYPE: {"schema": schema}}}


def _is_paged(operation: Operation) -> bool:
    return operation.media == JSON and "next" in operation.gives.get("properties", {})

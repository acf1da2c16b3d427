"""How often a browser and an address may change something: far above what people do, far below a flood.

Who comes from this machine itself, without a proxy, is not counted: that is the operator, or a benchmark.
"""

from __future__ import annotations

from flask import Flask, request

from arena.errors import ArenaError
from arena.web.context import voter_key
from arena.web.read.views import kept

PER_RATER = 240
"""Forms a minute from one browser: two votes a second, each with its reasons."""

PER_ADDRESS = 1200
"""Forms a minute from one address, behind which a whole laboratory may sit."""


class TooOften(ArenaError):
    """More was sent within a minute than anybody clicks."""

    status = 429
    code = "too_often"

    def __init__(self) -> None:
        super().__init__("too much was sent within a minute; nothing was counted, wait a minute")


def install(app: Flask) -> None:
    """Count every request that changes something."""
    app.before_request(count)


def count() -> None:
    """Count a request that changes something, by its rater and by its address.

    Raises
    ------
    TooOften
    """
    door = kept().door
    if request.method in {"GET", "HEAD", "OPTIONS"} or door.is_this_machine(request):
        return
    counted = [(f"forms of {door.name_of(request)}", PER_ADDRESS)]
    if rater := voter_key():
        counted.append((f"forms of rater {rater}", PER_RATER))
    for name, most in counted:
        if not door.minutes.take(name, most).allowed:
            raise TooOften

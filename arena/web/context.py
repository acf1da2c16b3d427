"""What a view may reach: the collaborators it was handed, the time, chance, and who is asking."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast

from flask import Flask, current_app, request, session
from sqlalchemy.orm import Session

from arena.config import Settings
from arena.db import Database, told_plainly
from arena.errors import Invalid
from arena.services.dealing import Stocks
from arena.services.keeping import Favourites, ReasonCounts
from arena.services.method import RunCounts
from arena.services.moderation import Moderator
from arena.services.shelf import Shelf
from arena.storage import ImageStore
from arena.web.kept import KeptPages

T = TypeVar("T")
EXTENSION = "arena"
_VOTER = "voter"


class Write(Protocol):
    """Run a function in a transaction; its result comes back after the commit."""

    def __call__(self, work: Callable[[Session], T], /) -> T: ...


@dataclass(frozen=True, slots=True)
class Collaborators:
    """Everything a view needs that the factory was given."""

    settings: Settings
    database: Database
    images: ImageStore
    write: Write
    shelf: Shelf
    moderator: Moderator
    stocks: Stocks = field(default_factory=Stocks)
    favourites: Favourites = field(default_factory=Favourites)
    reasons: ReasonCounts = field(default_factory=ReasonCounts)
    runs: RunCounts = field(default_factory=RunCounts)
    pages: KeptPages = field(default_factory=KeptPages)


def install(app: Flask, collaborators: Collaborators) -> None:
    """Keep the collaborators where `arena` finds them."""
    app.extensions[EXTENSION] = collaborators


def arena() -> Collaborators:
    """The collaborators of the application that answers this request."""
    return cast(Collaborators, current_app.extensions[EXTENSION])


@contextmanager
def reading() -> Iterator[Session]:
    """A session that only reads.

    Raises
    ------
    Unavailable
        If the database cannot answer now.
    """
    with told_plainly(), arena().database.read() as opened:
        yield opened


def writing(work: Callable[[Session], T]) -> T:
    """Run ``work(session)`` in a transaction and return its result after the commit.

    Raises
    ------
    Unavailable
        If it cannot be kept now; nothing was lost.
    """
    with told_plainly():
        return arena().write(work)


def now() -> datetime:
    """The moment of this request."""
    return datetime.now(UTC)


def chance() -> random.Random:
    """Chance that nobody can foresee, for the dealing of a pair."""
    return random.SystemRandom()


def voter_key() -> str:
    """The key of the voter who asks; empty if the cookie carries none."""
    return str(session.get(_VOTER, ""))


def known_voter() -> str:
    """The key of the voter who asks; a new one goes into the signed cookie if there is none yet."""
    if _VOTER not in session:
        become(secrets.token_hex(16))
    return voter_key()


def become(key: str) -> None:
    """Let this browser be a voter from its next request on: the signed cookie carries their key."""
    session.permanent = True
    session[_VOTER] = key


def wants_json() -> bool:
    """Whether the answer should be JSON: asked for, sent as JSON, or a `.json` address."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" or request.is_json or request.path.endswith(".json")


def fields() -> dict[str, Any]:
    """The fields of a form or of a JSON object, the last of a name.

    Raises
    ------
    werkzeug.exceptions.BadRequest
        If a JSON body cannot be read.
    """
    if not request.is_json:
        told = request.form.to_dict(flat=True)
    else:
        try:
            told = request.get_json()
        except RecursionError as error:
            raise Invalid("the JSON is nested too deeply; send a plain object") from error
    if not isinstance(told, dict):
        return {}
    for text in (*told, *told.values()):
        if isinstance(text, str) and ("\0" in text or not _can_be_kept(text)):
            raise Invalid("a field holds characters that are no text; send it in UTF-8")
    return told


def _can_be_kept(text: str) -> bool:
    """Whether it is text: a lone half of a surrogate pair is not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

"""An arena with votes of several days, and a hand that reads it through the read API."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from analysis.outcomes import Outcome
from arena.app import create_app
from arena.config import Settings
from arena.db import Database
from arena.services.keys import make_key
from arena.services.ledger import Ledger
from arena.services.sealing import seal_pending
from arena.services.standings import refresh
from arena.storage import ImageStore
from arena.tables import Battle
from arena.web.limits import Minutes
from arena.web.read.access import Door
from arena.web.read.views import EXTENSION, PREFIX, Kept
from tests.contracts.conftest import SECRET
from tests.factory import Arena, open_arena


@dataclass
class Reader:
    """Two campaigns, one closed and one open, and the application that tells of them."""

    app: Flask
    arena: Arena
    closed: Arena
    clock: list[float]
    fitted_at: datetime

    def get(self, path: str, **headers: str) -> TestResponse:
        """Read an address below the API's."""
        return self.app.test_client().get(f"{PREFIX}{path}", headers=headers, buffered=True)

    def rows(self, path: str) -> list[dict[str, Any]]:
        """The rows of an address, page after page."""
        return [row for page in self.pages(path) for row in page]

    def pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        """The pages of an address, by their links."""
        link: str | None = f"{PREFIX}{path}"
        while link:
            response = self.app.test_client().get(link)
            assert response.status_code == 200, response.get_data(as_text=True)
            told = response.get_json()
            yield told["data"]
            link = told["next"]
            assert response.headers.get("Link") == (f'<{link}>; rel="next"' if link else None)

    def young(self) -> None:
        """From here on votes are too young to be told before their voters have seen the names."""
        self.arena.now = datetime.now(UTC) - timedelta(minutes=3)

    def seal(self) -> None:
        """Seal what was cast, and fit what lags; boards have rested an hour since the last time."""
        with self.arena.database.write.begin() as session:
            seal_pending(session, now=datetime.now(UTC))
        self.fitted_at += timedelta(hours=1)
        refresh(self.arena.database, now=self.fitted_at)

    def reveal(self, battle_id: int) -> None:
        """Show a voter the names."""
        with self.arena.database.write.begin() as session:
            session.scalars(select(Battle).where(Battle.id == battle_id)).one().revealed_at = self.arena.now

    def key(self, name: str, **more: Any) -> dict[str, str]:
        """Headers with a new key."""
        with self.arena.database.write.begin() as session:
            made = make_key(session, name, now=datetime.now(UTC), **more)
        return {"Authorization": f"Bearer {made.secret}"}

    def wait(self, seconds: float) -> None:
        """Let the limits' clock go on."""
        self.clock[0] += seconds


@contextmanager
def reader(database: Database, images: ImageStore, home: Path, *, slug: str = "spring") -> Iterator[Reader]:
    """Open the two campaigns, with sealed votes of days ago and fitted boards."""
    past = datetime.now(UTC) - timedelta(days=3)
    arena = open_arena(database, images, slug=slug, criteria=("preference", "likeness"))
    closed = open_arena(
        database, images, slug="autumn", prompts=("a pear", "a plum"), closed_at=past + timedelta(days=1)
    )
    arena.now = closed.now = past
    arena.fill(40, rng=random.Random(5))
    reasoned = arena.deal("lily", "rose", prompt=1)
    arena.vote(reasoned, Outcome.RIGHT, reasons=("texture", "text"), unblinded=("generic",), elapsed_ms=None)
    arena.vote(reasoned, Outcome.TIE, criterion=1)
    closed.fill(15, rng=random.Random(6))
    settings = Settings.from_environment({"ARENA_HOME": str(home), "ARENA_SECRET_KEY": SECRET})
    ledger, clock = Ledger(database), [0.0]
    app = create_app(settings, database=database, images=images, write=ledger.write)
    app.extensions[EXTENSION] = Kept(door=Door(Minutes(lambda: clock[0])))
    found = Reader(app, arena, closed, clock, past)
    found.seal()
    yield found
    ledger.close()

"""What is deleted when; the worker sweeps once an hour, and `arena doctor` says what is due.

Votes, seals, removals, dealt battles and events are never deleted: they prove the boards. A battle that
expired without an answer stays too, since skips and expiries are counted by pair.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from arena.db import Database, told_plainly
from arena.services.sketching import KEPT as SKETCH_KEPT
from arena.storage import UNFINISHED, ImageStore
from arena.tables import Base, OperatorLink, OperatorSession, Sketch

log = logging.getLogger(__name__)

REST_SECONDS: Final = 3600.0
ENTRANCES_KEPT: Final = timedelta(days=30)
UNFINISHED_KEPT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of a table that go ``kept`` after the moment that ``over`` compares."""

    name: str
    meaning: str
    kept: timedelta
    table: type[Base]
    over: Callable[[datetime], ColumnElement[bool]]

    def due(self, session: Session, *, now: datetime) -> int:
        """How many rows would go now."""
        return session.scalar(select(func.count()).select_from(self.table).where(self._due(now))) or 0

    def drop(self, session: Session, *, now: datetime) -> int:
        """Delete what is due; returns how many rows went."""
        key = self.table.__mapper__.primary_key[0]
        return len(session.scalars(delete(self.table).where(self._due(now)).returning(key)).all())

    def _due(self, now: datetime) -> ColumnElement[bool]:
        return self.over(now - self.kept)


RULES: Final = (
    Rule(
        "sketches",
        "pictures of the playground, with the words they were asked with",
        SKETCH_KEPT,
        Sketch,
        lambda before: Sketch.created_at < before,
    ),
    Rule(
        "links",
        "links that let an operator in, used or expired",
        ENTRANCES_KEPT,
        OperatorLink,
        lambda before: or_(OperatorLink.used_at < before, OperatorLink.expires_at < before),
    ),
    Rule(
        "sessions",
        "sessions of operators that have ended",
        ENTRANCES_KEPT,
        OperatorSession,
        lambda before: or_(OperatorSession.ended_at < before, OperatorSession.expires_at < before),
    ),
)


def sweep(database: Database, images: ImageStore, *, now: datetime) -> dict[str, int]:
    """Delete what is due, a rule in a transaction; returns how much went, by rule."""
    gone = {}
    for rule in RULES:
        with database.read() as session:
            due = rule.due(session, now=now)
        if due:
            with told_plainly(), database.write.begin() as session:
                gone[rule.name] = rule.drop(session, now=now)
    if unfinished := _drop_unfinished(images):
        gone["unfinished"] = unfinished
    if gone:
        log.info("retention: %s deleted", ", ".join(f"{number} {name}" for name, number in gone.items()))
    return gone


def _drop_unfinished(images: ImageStore) -> int:
    """Remove files of pictures that a process which died was writing."""
    before = time.time() - UNFINISHED_KEPT.total_seconds()
    old = [file for file in images.folder.glob(f"**/{UNFINISHED}*") if file.stat().st_mtime < before]
    for file in old:
        file.unlink(missing_ok=True)
    return len(old)

"""The ledger of entrants: everybody ever entered, with what was made and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from arena.tables import Entrant, Image, Job, JobState, Tally


@dataclass(frozen=True, slots=True)
class EntrantLine:
    """One entrant at one revision; votes count each ballot of one of its battles."""

    slug: str
    revision: str
    name: str
    kind: str
    backend: str
    licence: str
    description: str
    source: str
    identity: Mapping[str, Any]
    entered_at: datetime
    retired_at: datetime | None
    votes: int
    pictures: int
    refused: int


def ledger(session: Session) -> list[EntrantLine]:
    """Every entrant, the first to enter first."""
    votes = (
        _counts(session, select(Tally.left_entrant_id, func.sum(Tally.votes)), Tally.category == "all"),
        _counts(session, select(Tally.right_entrant_id, func.sum(Tally.votes)), Tally.category == "all"),
    )
    pictures = _counts(session, select(Image.entrant_id, func.count()))
    refused = _counts(session, select(Job.entrant_id, func.count()), Job.state == JobState.REFUSED)
    return [
        EntrantLine(
            slug=entrant.slug,
            revision=entrant.revision,
            name=entrant.name,
            kind=entrant.kind,
            backend=entrant.backend,
            licence=entrant.licence,
            description=entrant.description,
            source=entrant.source,
            identity=entrant.identity,
            entered_at=entrant.entered_at,
            retired_at=entrant.retired_at,
            votes=sum(side.get(entrant.id, 0) for side in votes),
            pictures=pictures.get(entrant.id, 0),
            refused=refused.get(entrant.id, 0),
        )
        for entrant in session.scalars(select(Entrant).order_by(Entrant.id))
    ]


def _counts(session: Session, counting: Any, *conditions: ColumnElement[bool]) -> dict[int, int]:
    by = next(iter(counting.selected_columns))
    rows = session.execute(counting.where(*conditions).group_by(by))
    return {entrant_id: int(count) for entrant_id, count in rows}

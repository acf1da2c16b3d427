"""Moving votes between tallies: always in key order, so that parallel writers cannot deadlock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from arena.tables import Tally

ALL = "all"
KEY = tuple(column.name for column in inspect(Tally).primary_key)
_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}


def key_of(told: Mapping[str, Any], category: str) -> tuple[Any, ...]:
    """Key of a tally, from all that it tells but the category."""
    return tuple({**told, "category": category}[name] for name in KEY)


def move(session: Session, moves: Mapping[tuple[Any, ...], int]) -> None:
    """Add to tallies, by their keys; what is empty then goes."""
    rows = [{**dict(zip(KEY, key, strict=True)), "votes": moves[key]} for key in sorted(moves) if moves[key]]
    if not rows:
        return
    connection = session.connection()
    insert = _DIALECTS[connection.dialect.name].insert(Tally)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=list(KEY), set_={"votes": Tally.votes + insert.excluded.votes}
        ),
        rows,
    )
    connection.execute(delete(Tally).where(Tally.votes == 0))

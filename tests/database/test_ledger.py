"""The one writer of SQLite: nothing is written that its asker was told was not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from arena.errors import Unavailable
from arena.services import curation
from arena.services.ledger import Ledger
from arena.tables import Event
from tests.database.conftest import NOW
from tests.databases import new_sqlite


def test_what_waited_too_long_is_answered_plainly_and_never_written_later(tmp_path: Path) -> None:
    database = new_sqlite(tmp_path / "arena.sqlite")
    ledger = Ledger(database, patience=0.2)
    begun, go_on = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        begun.set()
        go_on.wait(20)

    def late(session: Session) -> None:
        curation.record(session, now=NOW, actor="late", kind="late", subject="late")

    told: list[str] = []

    def ask(work: Callable[[Session], None]) -> None:
        with pytest.raises(Unavailable) as error:
            ledger.write(work)
        told.append(str(error.value))

    first = threading.Thread(target=ask, args=(slow,))
    first.start()
    assert begun.wait(20)
    ask(late)
    first.join()
    go_on.set()
    ledger.close()
    assert sorted(told) == [
        "the database is slow to answer; reload to see whether it was kept",
        "the database is too busy; nothing was written, send it again",
    ]
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Event).where(Event.kind == "late")) == 0
    database.dispose()

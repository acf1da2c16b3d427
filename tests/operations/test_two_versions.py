"""A newer version migrates the database under a running older one: that reads on, and writes nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from arena.db import revision
from arena.errors import NewerDatabase
from arena.services.sealing import broken_seal
from arena.services.working import keep_books
from arena.tables import Seal, Vote, Voter
from tests.operations.test_backup import KINDS, new_database
from tests.web.pages import cast, deal, read
from tests.web.small import SmallArena, empty_arena, open_campaign

NEWER = "9999"


@pytest.fixture(params=KINDS)
def arena(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallArena]:
    (tmp_path / "home").mkdir()
    with new_database(request.param, tmp_path / "home") as url:
        made = empty_arena(tmp_path / "home", ARENA_DATABASE=url)
        open_campaign(made)
        yield made
        made.close()


def migrate(connection: Connection, to: str, *steps: str) -> None:
    """Do as the next version's `arena upgrade` does: all in one transaction, under its lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE alembic_version"))
    for step in steps:
        connection.execute(text(step))
    connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": to})


def test_the_old_version_shows_pages_and_takes_no_vote_that_the_new_one_would_miss(arena: SmallArena) -> None:
    client = arena.app.test_client()
    cast(client, deal(client))
    keep_books(arena.database)
    client.post(read(client.get("/battles/next", follow_redirects=True)).forms[0].action)
    battle = deal(client)
    known = revision(arena.database)
    assert known
    with arena.database.write_engine.begin() as connection:
        migrate(connection, NEWER, "ALTER TABLE vote ADD COLUMN novelty INTEGER NOT NULL DEFAULT 0")

    answer = cast(client, battle)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "being brought up to date" in answer.text
    told = client.post(f"{battle}/skip", headers={"Accept": "application/json"})
    assert (told.status_code, told.get_json()["error"]["code"]) == (503, "newer_database")
    assert client.get("/readyz").text == "not ready: migrations, ledger\n"
    assert {client.get(page).status_code for page in ("/", "/leaderboard", "/healthz", battle)} == {200}
    with pytest.raises(NewerDatabase, match=NEWER):
        keep_books(arena.database)

    with arena.database.write_engine.begin() as connection:
        migrate(connection, known)
    assert cast(client, battle).status_code == 303, "the very ballot is good where the version fits"
    keep_books(arena.database)
    with arena.database.read() as session:
        counts = [session.scalar(select(func.count()).select_from(table)) for table in (Vote, Seal)]
        assert (counts, broken_seal(session)) == ([2, 2], None)


def test_what_the_old_version_cannot_read_any_more_is_no_fault_of_its_own(arena: SmallArena) -> None:
    client = arena.app.test_client()
    client.get("/battles/next")
    with arena.database.write_engine.begin() as connection:
        migrate(connection, NEWER, "ALTER TABLE entrant RENAME COLUMN name TO title")
    answer = client.get("/entrants")
    assert (answer.status_code, "being brought up to date" in answer.text) == (503, True)


def test_who_waits_for_the_migration_writes_nothing_after_it(arena: SmallArena) -> None:
    begun = threading.Event()
    tried: list[str] = []

    def write() -> None:
        begun.wait()
        for _ in range(2):
            try:
                with arena.database.write.begin() as session:
                    session.add(
                        Voter(key=f"late {len(tried)}", cohort="public", created_at=datetime.now(UTC))
                    )
            except NewerDatabase as error:
                tried.append(error.revision)

    writer = threading.Thread(target=write)
    writer.start()
    with arena.database.write_engine.begin() as connection:
        migrate(connection, NEWER)
        begun.set()
        time.sleep(0.3)
        assert tried == []
    writer.join()
    assert tried == [NEWER, NEWER]


def test_a_migration_waits_for_who_is_writing(arena: SmallArena) -> None:
    migrated = threading.Event()

    def upgrade() -> None:
        with arena.database.write_engine.begin() as connection:
            migrate(connection, NEWER)
        migrated.set()

    newer = threading.Thread(target=upgrade)
    with arena.database.write.begin() as session:
        session.execute(text("SELECT 1"))
        newer.start()
        assert not migrated.wait(0.3)
    newer.join()
    assert migrated.is_set()

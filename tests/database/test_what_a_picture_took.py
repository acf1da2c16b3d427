"""Pictures of before are kept by the migration that gives them memory, energy and hardware."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from arena.db import Database, _alembic, upgrade

NEW = ("peak_bytes", "joules", "energy_method", "hardware")
BEFORE = """
INSERT INTO entrant (id, slug, revision, name, kind, family, backend, identity, runtime, licence, description,
    source, entered_at) VALUES (1, 'a', 'r', 'A', 'baseline', 'a', 'b', '{}', '{}', '', '', '', '2026-11-22');
INSERT INTO prompt (id, text, digest, category, language, source, licence, created_at)
    VALUES (1, 'a pear', 'd', 'c', 'en', 'curated', '', '2026-11-22');
INSERT INTO job (id, entrant_id, prompt_id, seed, state, priority, attempts, created_at, not_before)
    VALUES (1, 1, 1, 7, 'done', 0, 1, '2026-11-22', '2026-11-22');
INSERT INTO image (id, job_id, entrant_id, prompt_id, seed, digest, width, height, length, seconds,
    cpu_seconds, batch, settings, environment, notes, made_at)
    VALUES (1, 1, 1, 1, 7, 'd', 8, 8, 99, 0.5, 0.4, 2, '{}', '{}', '{}', '2026-11-22');
INSERT INTO seal (id, previous, digest, entries, sealed_at) VALUES (1, 'p', 'd', 0, '2026-11-22');
"""


@pytest.fixture
def of_before(database: Database) -> Iterator[Database]:
    """A database taken back to the second migration, with a picture in it."""
    with database.write_engine.begin() as connection:
        for table in reversed(list_tables(connection)):
            connection.execute(text(f"DROP TABLE {table} {cascade(connection)}"))
        for table in ("vote", "seal", "seal_entry", "removal"):
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"DROP FUNCTION IF EXISTS keep_{table}()"))
    with database.write_engine.begin() as connection:
        command.upgrade(_alembic(connection), "0002")
    with database.write_engine.begin() as connection:
        for statement in BEFORE.split(";\n"):
            if statement.strip():
                connection.execute(text(statement))
    return database


def list_tables(connection) -> list[str]:
    from sqlalchemy import inspect

    from arena.tables import Base

    there = set(inspect(connection).get_table_names())
    known = [table.name for table in Base.metadata.sorted_tables if table.name in there]
    return [*known, *sorted(there - set(known))]


def cascade(connection) -> str:
    return "CASCADE" if connection.dialect.name == "postgresql" else ""


def test_a_picture_of_before_stays_and_says_that_nobody_looked(of_before: Database) -> None:
    upgrade(of_before)
    with of_before.read() as session:
        row = session.execute(text(f"SELECT seed, batch, {', '.join(NEW)} FROM image")).one()
    assert tuple(row) == (7, 2, None, None, None, None)


def test_what_is_never_changed_is_still_never_changed(of_before: Database) -> None:
    upgrade(of_before)
    for act in ("UPDATE seal SET entries = 5", "DELETE FROM seal"):
        with pytest.raises(DatabaseError, match="never changed"), of_before.write.begin() as session:
            session.execute(text(act))

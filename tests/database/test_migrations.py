"""The schema comes from the migrations, on every database, and says so when it does not fit the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from arena.db import Database, check, open_database, told_plainly, upgrade
from arena.errors import NewerDatabase, OutdatedDatabase, Unavailable
from arena.tables import Base


def test_the_migrations_make_the_tables_of_the_code(database: Database) -> None:
    with database.read_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_again_changes_nothing(database: Database) -> None:
    upgrade(database)
    check(database)


def test_an_empty_database_says_what_to_do(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    with pytest.raises(OutdatedDatabase, match="arena init"):
        check(database)
    database.dispose()


def test_a_newer_database_is_left_alone(database: Database) -> None:
    with database.write.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for act in (check, upgrade):
        with pytest.raises(NewerDatabase, match="9999"):
            act(database)


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'small.sqlite'}")
    upgrade(database)
    with database.write_engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        rows = [(f"{number:032}",) for number in range(2000)]
        insert = "INSERT INTO voter (key, cohort, created_at) VALUES (?, 'public', '2026-11-22')"
        with pytest.raises(Unavailable, match="disk is full"), told_plainly():
            connection.exec_driver_sql(insert, rows)
        connection.rollback()
        assert connection.exec_driver_sql("SELECT count(*) FROM voter").scalar_one() == 0
    database.dispose()


def test_a_database_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "notes.sqlite"
    file.write_text("these are notes, not a database\n" * 100)
    database = open_database(f"sqlite:///{file}")
    with pytest.raises(Unavailable, match="is no database"), told_plainly():
        check(database)
    database.dispose()


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    with database.write.begin() as writing:
        insert = "INSERT INTO voter (key, cohort, created_at) VALUES ('k', 'public', '2026-11-22')"
        writing.execute(text(insert))
        with database.read() as reading:
            assert reading.execute(text("SELECT count(*) FROM voter")).scalar_one() == 0

"""The schema comes from the migrations, on every database, and says so when it does not fit the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from arena.db import Database, _alembic, check, open_database, told_plainly, upgrade
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


def test_votes_survive_tables_that_are_made_anew(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'old.sqlite'}")
    with database.write_engine.begin() as connection:
        command.upgrade(_alembic(connection), "0007")
        for table, values in OLD.items():
            columns = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({marks})"), values)
    upgrade(database)
    with database.write_engine.connect() as connection:
        told = "SELECT b.propensity, b.kind, i.seconds, v.outcome FROM vote v "
        told += "JOIN battle b ON v.battle_id = b.id JOIN image i ON b.left_image_id = i.id"
        assert connection.execute(text(told)).one() == (0.25, "ordinary", 1.5, "left")
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        for change, why in (
            ("DELETE FROM vote", "never changed"),
            ("UPDATE battle SET kind = 'odd'", "CHECK"),
            ("UPDATE battle SET left_image_id = 99", "FOREIGN KEY"),
            ("DELETE FROM image", "FOREIGN KEY"),
            ("UPDATE battle SET left_image_id = NULL, propensity = NULL", None),
        ):
            if why is None:
                connection.execute(text(change))
                continue
            with pytest.raises(IntegrityError, match=why):
                connection.execute(text(change))
    database.dispose()


DAY = "2026-11-02 12:00:00"
OLD = {
    "campaign": {
        "id": 1, "slug": "c", "name": "C", "canvas": 64, "seeds": 1, "set_size": 30, "policy": "uniform",
        "minutes_to_vote": 60, "seed": 0, "opened_at": DAY,
    },
    "entrant": {
        "id": 1, "slug": "e", "revision": "0", "name": "E", "kind": "baseline", "family": "e", "backend": "t",
        "identity": "{}", "runtime": "{}", "licence": "", "description": "", "source": "", "entered_at": DAY,
    },
    "prompt": {
        "id": 1, "text": "p", "digest": "d", "categories": "[]", "tagged_by": "nobody", "language": "en",
        "source": "own", "licence": "", "origin": "", "created_at": DAY,
    },
    "criterion": {"id": 1, "campaign_id": 1, "slug": "q", "question": "?", "position": 0},
    "voter": {"id": 1, "key": "k", "cohort": "public", "created_at": DAY},
    "job": {
        "id": 1, "entrant_id": 1, "prompt_id": 1, "seed": 1, "state": "done", "priority": 0, "attempts": 1,
        "created_at": DAY, "not_before": DAY,
    },
    "image": {
        "id": 1, "job_id": 1, "entrant_id": 1, "prompt_id": 1, "seed": 1, "digest": "d", "width": 1,
        "height": 1, "length": 1, "seconds": 1.5, "cpu_seconds": 2.5, "batch": 1, "settings": "{}",
        "environment": "{}", "notes": "{}", "made_at": DAY,
    },
    "battle": {
        "id": 1, "key": "k", "campaign_id": 1, "prompt_id": 1, "voter_id": 1, "kind": "ordinary",
        "left_entrant_id": 1, "right_entrant_id": 1, "left_image_id": 1, "right_image_id": 1,
        "left_token": "l", "right_token": "r", "propensity": 0.25, "eligible": "", "policy": "uniform/1",
        "dealt_at": DAY, "expires_at": DAY,
    },
    "vote": {
        "id": 1, "battle_id": 1, "criterion_id": 1, "ballot_no": 1, "outcome": "left", "consent": "1",
        "salt": b"0123456789abcdef", "cast_at": DAY,
    },
}  # fmt: skip
"""A row of each table that a vote hangs on, as they were before battles could have no pictures."""

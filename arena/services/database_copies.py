"""Copies of a live database: what one transaction sees, while others go on writing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from arena.db import Database, told_plainly
from arena.errors import SettingsError, Unavailable
from arena.services.backup_folder import Step

PAGES = 2_000
"""Pages that are copied in one step, 8 MB."""

SUFFIXES = {"sqlite": "sqlite", "postgresql": "dump"}


@contextmanager
def snapshot(database: Database) -> Iterator[Session]:
    """A session that sees one state of the database to its end, whatever is written meanwhile."""
    with told_plainly(), database.read() as session:
        if not database.single_writer:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        session.execute(text("SELECT count(*) FROM alembic_version"))
        yield session


def copy_out(session: Session, url: str, target: Path, step: Step) -> None:
    """Write what a snapshot sees into a file, durably.

    SQLite's backup begins anew whenever another connection writes between two of its steps; inside a
    transaction that reads, it copies what that transaction sees, and ends.

    Raises
    ------
    SettingsError
        If PostgreSQL's pg_dump is not installed.
    Unavailable
        If it fails.
    """
    if make_url(url).get_backend_name() == "sqlite":
        source = session.connection().connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        with closing(sqlite3.connect(target)) as copy:
            source.backup(
                copy, pages=PAGES, progress=lambda _, left, all_: step("database", all_ - left, all_)
            )
            copy.execute("PRAGMA journal_mode=DELETE")
            (told,) = copy.execute("PRAGMA quick_check").fetchone()
        if told != "ok":
            raise Unavailable(f"the database is damaged: {told}; restore a backup of it")
    else:
        number = session.scalar(text("SELECT pg_export_snapshot()"))
        step("database", 0, 1)
        _run("pg_dump", url, "--format=custom", f"--snapshot={number}", f"--file={target}")
        step("database", 1, 1)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def copy_in(source: Path, url: str) -> None:
    """Write a copy into an empty database.

    Raises
    ------
    SettingsError
        If the copy is of another kind of database, or PostgreSQL's pg_restore is not installed.
    Unavailable
        If it fails; the database is empty then.
    """
    kind = make_url(url).get_backend_name()
    if source.suffix != f".{SUFFIXES[kind]}":
        raise SettingsError(f"the backup is not of {kind}; ARENA_DATABASE must be of the kind that was saved")
    if kind == "postgresql":
        _run("pg_restore", url, "--no-owner", "--exit-on-error", "--single-transaction", str(source))
        return
    target = file_of(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def is_empty(database: Database, url: str) -> bool:
    """Whether there is no table at all; a file that is not there is not made."""
    if database.single_writer:
        return not file_of(url).exists()
    with told_plainly():
        return not inspect(database.read_engine).get_table_names()


def file_of(url: str) -> Path:
    """The file of an SQLite database.

    Raises
    ------
    SettingsError
        If it lies in memory.
    """
    name = make_url(url).database
    if not name or name == ":memory:":
        raise SettingsError("ARENA_DATABASE lies in memory, which nothing can be saved from")
    return Path(name)


def _run(tool: str, url: str, *options: str) -> None:
    found = shutil.which(tool)
    if found is None:
        raise SettingsError(f"{tool} is not installed; `apt install postgresql-client` has it")
    address, password = _address(make_url(url))
    environ = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    command = [found, f"--dbname={address}", "--no-password", *options]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise Unavailable(f"{tool} failed: {told}")


def _address(url: URL) -> tuple[str, str | None]:
    """The address for PostgreSQL's own tools, and the password apart: no list of processes may show it."""
    plain = url.set(drivername="postgresql", password=None)
    return plain.render_as_string(hide_password=False), str(url.password) if url.password else None

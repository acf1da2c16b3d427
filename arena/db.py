"""Engines, sessions and migrations.

On SQLite a session that may write begins with ``BEGIN IMMEDIATE``: a deferred transaction that reads first
and writes later answers "database is locked" at once, whatever the timeout. Reads use an engine of their own.

A session that may write first sees that the schema is still the code's own: once a newer version has migrated
the database, a process of the old one reads on and writes nothing.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from arena import paths
from arena.errors import NewerDatabase, OutdatedDatabase, Unavailable

Sessions = sessionmaker[Session]
BUSY_SECONDS = 30
JOURNAL_BYTES = 16 * 1024 * 1024
_MUST_FIT = "arena_must_fit"


@dataclass(frozen=True, slots=True)
class Database:
    """One database: sessions that write, sessions that only read, and whether it has a single writer."""

    write_engine: Engine
    read_engine: Engine
    write: Sessions
    read: Sessions
    single_writer: bool

    def dispose(self) -> None:
        """Close every connection."""
        self.write_engine.dispose()
        self.read_engine.dispose()


def open_database(url: str) -> Database:
    """Open the database of an ``ARENA_DATABASE`` URL; it is not migrated here (see `upgrade`, `check`)."""
    single_writer = make_url(url).get_backend_name() == "sqlite"
    if single_writer:
        write_engine = _sqlite(url)
        read_engine = _sqlite(url)
        _begin_by(write_engine, "BEGIN IMMEDIATE")
        _begin_by(read_engine, "BEGIN")
    else:
        write_engine = create_engine(
            url, pool_size=16, max_overflow=16, pool_pre_ping=True, hide_parameters=True
        )
        read_engine = write_engine
        _begin_by(write_engine, None)
    return Database(
        write_engine=write_engine,
        read_engine=read_engine,
        write=sessionmaker(write_engine.execution_options(**{_MUST_FIT: True}), expire_on_commit=False),
        read=sessionmaker(read_engine, expire_on_commit=False),
        single_writer=single_writer,
    )


def _sqlite(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=32,
        max_overflow=32,
        hide_parameters=True,  # an error that is logged names no voter
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # the events below speak for the transactions
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"journal_size_limit={JOURNAL_BYTES}",
            "cache_size=-32768",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _begin_by(engine: Engine, statement: str | None) -> None:
    """Begin transactions by a statement; those that must fit look at the schema's revision first thing.

    On PostgreSQL that look also holds a migration back until the transaction has ended, and waits for one
    that is under way: `upgrade` locks the same table.
    """

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        if statement is not None:
            connection.exec_driver_sql(statement)
        if connection.get_execution_options().get(_MUST_FIT):
            _see_that_it_fits(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn what the database says when it cannot write into a sentence for people.

    Raises
    ------
    Unavailable
        If the disk is full, the file read-only, damaged or no database at all, or the lock held longer
        than `BUSY_SECONDS`.
    """
    try:
        yield
    except DatabaseError as error:
        for cause in _causes(error):
            if plain := _plainly(str(getattr(cause, "orig", cause))):
                raise Unavailable(plain) from error
        raise


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from: a full disk ends the transaction, and a lost savepoint hides why."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__context__


def _plainly(told: str) -> str | None:
    known = {
        "full": "the disk is full; nothing was lost, make room and send it again",
        "no space": "the disk is full; nothing was lost, make room and send it again",
        "locked": "the database is busy; nothing was lost, send it again",
        "busy": "the database is busy; nothing was lost, send it again",
        "readonly": "the database is read-only; nothing was lost, send it again later",
        "read-only": "the database is read-only; nothing was lost, send it again later",
        "not a database": "the file is no database, or a damaged one; restore a backup of it",
        "malformed": "the file is no database, or a damaged one; restore a backup of it",
        "unable to open": f"the database cannot be reached: {told.splitlines()[0] if told else ''}",
        "connection": f"the database cannot be reached: {told.splitlines()[0] if told else ''}",
    }
    lower = told.lower()
    return next((plain for word, plain in known.items() if word in lower), None)


def _alembic(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(paths.migrations()))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> None:
    """Bring the schema up to date; on an up-to-date database nothing happens.

    Raises
    ------
    NewerDatabase
        If a newer version of the arena wrote it.
    """
    found = revision(database)
    if found is not None:
        try:
            check(database)
        except OutdatedDatabase:
            pass
        else:
            return
    with database.write_engine.connect() as connection, _references_at_rest(connection), connection.begin():
        if found is not None and connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE alembic_version")
        command.upgrade(_alembic(connection), "head")
        if connection.dialect.name == "sqlite":
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            assert lost is None, f"the migration lost what a row of {lost} refers to"


@contextmanager
def _references_at_rest(connection: Connection) -> Iterator[None]:
    """Let tables be made anew on SQLite, which changes a column in no other way.

    While references are looked at, a table that others refer to cannot go. To be entered before the
    transaction begins: within one SQLite does not hear it.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def check(database: Database) -> None:
    """See that the schema is the code's own.

    Raises
    ------
    NewerDatabase, OutdatedDatabase
        With the revision found, and what to do.
    """
    _see_that_it_fits(revision(database))


def _see_that_it_fits(found: str | None) -> None:
    scripts = _scripts()
    if found == scripts.get_current_head():
        return
    if found is not None:
        try:
            scripts.get_revision(found)
        except CommandError as error:
            raise NewerDatabase(found) from error
    raise OutdatedDatabase(found)


def steps_ahead(database: Database) -> list[str]:
    """What `upgrade` would do, a line for each migration; nothing on an up-to-date database.

    Raises
    ------
    NewerDatabase
        If a newer version of the arena wrote it.
    """
    found = revision(database)
    try:
        ahead = list(_scripts().iterate_revisions("head", found or "base"))
    except CommandError as error:
        raise NewerDatabase(str(found)) from error
    return [f"{each.revision} {each.doc}" for each in reversed(ahead)]


@functools.cache
def _scripts() -> ScriptDirectory:
    """The migrations of the code, read once."""
    return ScriptDirectory.from_config(_alembic())


def revision(database: Database) -> str | None:
    """The revision of a database's schema; none if it has none."""
    with database.read_engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()

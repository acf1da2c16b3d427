"""Empty databases, quickly: the migrations run once in a process, and each test gets a copy of the result."""

from __future__ import annotations

import atexit
import functools
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from arena.db import Database, open_database, upgrade


def new_sqlite(file: Path) -> Database:
    """An empty arena's database in a file that is not there yet."""
    shutil.copyfile(_sqlite_template(), file)
    return open_database(f"sqlite:///{file}")


@contextmanager
def new_postgres(server: str) -> Iterator[Database]:
    """An empty arena's database of its own on a server, as long as it is needed."""
    name = f"test_{secrets.token_hex(6)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {_postgres_template(server)}")
    database = open_database(_called(server, name))
    try:
        yield database
    finally:
        database.dispose()
        _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@functools.cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="vernissage-tests-"))
    atexit.register(shutil.rmtree, folder)
    file = folder / "arena.sqlite"
    _migrate(f"sqlite:///{file}")
    return file


@functools.cache
def _postgres_template(server: str) -> str:
    name = f"template_{secrets.token_hex(6)}"
    _administer(server, f"CREATE DATABASE {name}")
    atexit.register(_administer, server, f"DROP DATABASE {name} WITH (FORCE)")
    _migrate(_called(server, name))
    return name


def _migrate(url: str) -> None:
    database = open_database(url)
    upgrade(database)
    database.dispose()


def _administer(server: str, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _called(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)

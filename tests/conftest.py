"""Real databases, made by the migrations: SQLite always, PostgreSQL where ARENA_TEST_POSTGRES names one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from arena.db import Database, open_database, upgrade
from arena.storage import ImageStore

POSTGRES = os.environ.get("ARENA_TEST_POSTGRES")


@pytest.fixture(scope="session", autouse=True)
def converted_networks_lie_aside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that a test converts stays on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(params=["sqlite", *(["postgresql"] if POSTGRES else [])])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty arena's database, on each kind that there is."""
    if request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path / 'arena.sqlite'}")
        upgrade(opened)
        yield opened
        opened.dispose()
        return
    assert POSTGRES
    schema = f"test_{secrets.token_hex(6)}"
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    opened = open_database(f"{POSTGRES}?options=-csearch_path%3D{schema}")
    upgrade(opened)
    yield opened
    opened.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    admin.dispose()


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    """An empty store."""
    return ImageStore(tmp_path / "images")

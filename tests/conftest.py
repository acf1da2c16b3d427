"""Real databases, made by the migrations: SQLite always, PostgreSQL where ARENA_TEST_POSTGRES names one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.db import Database
from arena.storage import ImageStore
from tests.databases import new_postgres, new_sqlite

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
        opened = new_sqlite(tmp_path / "arena.sqlite")
        yield opened
        opened.dispose()
        return
    assert POSTGRES
    with new_postgres(POSTGRES) as opened:
        yield opened


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    """An empty store."""
    return ImageStore(tmp_path / "images")

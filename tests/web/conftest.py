"""Arenas to ask pages of, each on a database file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.web import small


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[small.SmallArena]:
    """An arena that has no campaign yet."""
    arena = small.empty_arena(tmp_path / "home")
    yield arena
    arena.close()


@pytest.fixture
def arena(bare: small.SmallArena) -> small.SmallArena:
    """An arena with three entrants and four prompts, all painted."""
    small.open_campaign(bare)
    return bare


@pytest.fixture
def client(arena: small.SmallArena) -> FlaskClient:
    """A browser without script that keeps its cookies."""
    return arena.app.test_client()


@pytest.fixture
def stranger(arena: small.SmallArena) -> FlaskClient:
    """Another browser."""
    return arena.app.test_client()

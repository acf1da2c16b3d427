"""Exports to look at, and a hand to make them."""

from __future__ import annotations

import csv
import gc
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from analysis.outcomes import Outcome
from arena.db import Database
from arena.services.publishing import ExportReport, export
from arena.services.removing import exclude, withdraw
from arena.services.sealing import seal_pending
from arena.services.standings import refresh
from arena.storage import ImageStore
from arena.tables import Voter
from tests.contracts.exported import Voted, furnished
from tests.contracts.forging import Forger
from tests.contracts.importing import VOTES, Here
from tests.databases import new_sqlite
from tests.factory import Arena, open_arena

SECRET = "a secret of these tests, long enough"
Publish = Callable[..., ExportReport]


def publisher(arena: Arena, images: ImageStore, *, batch: int = 25) -> Publish:
    """Export as the command does: seal in batches, fit what lags, write."""

    def publish(folder: Path, **options: object) -> ExportReport:
        now = arena.now + timedelta(minutes=5)

        def seal() -> int:
            with arena.database.write.begin() as session:
                sealed = seal_pending(session, now=now, limit=batch)
            if not sealed:
                refresh(arena.database, now=now)
            return sealed

        told = {"images": images, "secret_key": SECRET, "now": now, "seal": seal, **options}
        with arena.database.read() as session:
            return export(session, folder=folder, **told)

    return publish


@pytest.fixture
def arena(database: Database, images: ImageStore) -> Arena:
    """A campaign with pictures and no votes."""
    return open_arena(database, images)


@pytest.fixture
def publish(arena: Arena, images: ImageStore) -> Publish:
    """Export the arena into a folder."""
    return publisher(arena, images)


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Rows of an export's votes as CSV has them."""
    with (folder / "votes.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def some_votes(arena: Arena) -> None:
    """Votes of each outcome, reasons, a skip, an expiry and an open battle."""
    for outcome in Outcome:
        arena.vote(arena.deal("rose", "lily", voter=f"voter {outcome}"), outcome)
    reasoned = arena.deal("lily", "rose", prompt=1)
    arena.vote(reasoned, Outcome.RIGHT, reasons=("texture", "text"), unblinded=("generic",), elapsed_ms=None)
    arena.deal("rose", "iris", skipped=True)
    arena.deal("rose", "iris", voter="bob", minutes=1)
    arena.fill(60, rng=random.Random(5))
    arena.deal("rose", "iris", voter="eve", minutes=600)


def some_removals(arena: Arena) -> None:
    """The last votes of a campaign, cast to be removed: two withdrawn, two excluded by rules."""
    voters = ("ann", "bob", "eve", "eve")
    votes = [arena.vote(arena.deal("iris", "lily", voter=voter, prompt=n)) for n, voter in enumerate(voters)]
    with arena.database.write.begin() as session:
        keys = {name: session.get_one(Voter, arena.voter(name)).key for name in voters}
        for name, vote in (("ann", votes[0]), ("eve", votes[2])):
            assert withdraw(session, voter_key=keys[name], vote_id=vote, now=arena.now)
        for rule, vote in (("too-fast", votes[1]), ("one-sided", votes[3])):
            assert exclude(session, [vote], rule=rule, by="sam", now=arena.now)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of two campaigns with removals in it, never to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    database = new_sqlite(folder / "arena.sqlite")
    images = ImageStore(folder / "images")
    arena = open_arena(database, images)
    some_votes(arena)
    other = open_arena(database, images, slug="autumn", criteria=("beauty", "likeness"))
    battle = other.deal("iris", "rose", prompt=2)
    other.vote(battle)
    other.vote(battle, Outcome.TIE, criterion=1)
    other.fill(20, rng=random.Random(6))
    some_removals(arena)
    publisher(arena, images)(folder / "export")
    publisher(arena, images)(folder / "spring", campaign="spring")
    database.dispose()
    return folder / "export"


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of the export, to be changed."""
    return Path(shutil.copytree(whole, tmp_path / "export"))


@pytest.fixture
def forger(copy: Path) -> Forger:
    """A forger with a copy of the export."""
    return Forger(copy)


@pytest.fixture(scope="session")
def voted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Voted]:
    """An arena to export in every format; who changes it puts it back."""
    yield from furnished(tmp_path_factory.mktemp("voted"))


@pytest.fixture
def hugging_face(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """`datasets` fetches nothing, and caches nothing beyond the test."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    yield
    gc.collect()


@pytest.fixture
def here(database: Database, images: ImageStore) -> Here:
    """An arena without votes."""
    return Here(database, images)


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """Six rows of a plain table."""
    file = tmp_path / "Their votes.csv"
    file.write_text(VOTES, encoding="utf-8")
    return file

"""A backup made during voting brings back the same board and chain, or says what is wrong with it."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, func, select, text

from arena.cli import arena as command
from arena.cli.context import Context
from arena.config import make_home
from arena.db import Database, open_database, upgrade
from arena.services.sealing import seal_pending
from arena.services.standings import refresh
from arena.storage import ImageStore
from arena.tables import Rating, RatingRun, Seal, Vote
from tests.conftest import POSTGRES
from tests.factory import Arena, open_arena

KINDS = ["sqlite", *(["postgresql"] if POSTGRES else [])]


class Place:
    """A data folder with an arena that has votes, and its command line."""

    def __init__(self, home: Path, database: str) -> None:
        self.home = home
        make_home(home)
        self.environ = {"ARENA_HOME": str(home), "ARENA_DATABASE": database}
        self.database = open_database(database)
        upgrade(self.database)
        self.arena: Arena = open_arena(self.database, ImageStore(home / "images"))
        self.arena.fill(40, rng=random.Random(1))
        self.seal()

    def seal(self) -> None:
        with self.database.write.begin() as session:
            seal_pending(session, now=self.arena.now)
        refresh(self.database, now=self.arena.now)

    def run(self, *words: str | Path, **environ: str) -> Result:
        return run(*(str(word) for word in words), **{**self.environ, **environ})


def run(*words: str, **environ: str) -> Result:
    """What a command of these settings does."""
    context = Context(environ)
    done = CliRunner().invoke(command, list(words), obj=context)
    context.database_as_it_is.dispose()
    return done


@contextmanager
def new_database(kind: str, folder: Path) -> Iterator[str]:
    """Where an empty database may be made."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'arena.sqlite'}"
        return
    assert POSTGRES
    name = f"backup_{os.urandom(6).hex()}"
    admin = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield POSTGRES.rsplit("/", 1)[0] + f"/{name}"
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(kind: str, tmp_path: Path) -> Iterator[Place]:
    with new_database(kind, tmp_path / "home") as url:
        made = Place(tmp_path / "home", url)
        yield made
        made.database.dispose()


def board(database: Database) -> list[tuple[object, ...]]:
    """The newest standing board."""
    with database.read() as session:
        run = session.scalar(select(func.max(RatingRun.id)).where(RatingRun.view == ""))
        rows = select(Rating.entrant_id, Rating.rating, Rating.low, Rating.high).where(Rating.run_id == run)
        return [tuple(row) for row in session.execute(rows.order_by(Rating.position))]


def head(database: Database) -> str | None:
    with database.read() as session:
        return session.scalar(select(Seal.digest).order_by(Seal.id.desc()).limit(1))


def test_a_backup_during_voting_brings_back_board_and_chain(place: Place, kind: str, tmp_path: Path) -> None:
    (place.home / "catalog.toml").write_text("# our own\n")
    before, chain, stop = board(place.database), head(place.database), threading.Event()
    voting = threading.Thread(target=keep_voting, args=(place.arena, stop))
    voting.start()
    made = place.run("backup", tmp_path / "backup", "--json")
    stop.set()
    voting.join()
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert told["head"] == chain
    assert told["left_out"] == ["secret.key"]

    with new_database(kind, tmp_path / "again") as url:
        back = place.run(
            "restore", tmp_path / "backup", ARENA_HOME=str(tmp_path / "again"), ARENA_DATABASE=url
        )
        assert back.exit_code == 0, back.output
        assert "a new one was made" in back.output
        restored = open_database(url)
        assert head(restored) == chain
        assert board(restored) == before
        with restored.read() as session, place.database.read() as now:
            kept = session.scalar(select(func.count(Vote.id)))
            assert told["votes"] == kept < now.scalar(select(func.count(Vote.id)))
        restored.dispose()
    pictures = list(ImageStore(tmp_path / "again" / "images").digests())
    assert pictures == list(ImageStore(place.home / "images").digests())
    assert (tmp_path / "again" / "catalog.toml").read_text() == "# our own\n"


def keep_voting(arena: Arena, stop: threading.Event) -> None:
    voter = 0
    while not stop.is_set() or voter < 3:
        voter += 1
        arena.vote(arena.deal("rose", "lily", voter=f"late {voter}", prompt=voter % 4))


def test_a_second_backup_writes_only_what_is_new(place: Place, tmp_path: Path) -> None:
    place.run("backup", tmp_path / "backup")
    store = ImageStore(tmp_path / "backup" / "pictures")
    first = {digest: store.path(digest).stat().st_mtime_ns for digest in store.digests()}
    damaged = next(iter(first))
    store.path(damaged).write_bytes(b"rotten")
    new = ImageStore(place.home / "images").put(b"a picture made since")
    assert place.run("backup", tmp_path / "backup").exit_code == 0
    again = {digest: store.path(digest).stat().st_mtime_ns for digest in store.digests()}
    assert {digest for digest in again if again[digest] != first.get(digest)} == {damaged, new}
    assert len(list((tmp_path / "backup").glob("database-*"))) == 1


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An arena with a backup beside it, secrets and all; neither is to be changed."""
    folder = tmp_path_factory.mktemp("saved")
    made = Place(folder / "home", f"sqlite:///{folder / 'home' / 'arena.sqlite'}")
    assert made.run("backup", folder / "backup", "--with-secrets").exit_code == 0
    yield made
    made.database.dispose()


def elsewhere(folder: Path) -> dict[str, str]:
    """Settings of a data folder that is not there yet."""
    return {"ARENA_HOME": str(folder / "again"), "ARENA_DATABASE": ""}


@pytest.mark.parametrize("victim", ["database-*", "pictures/*/*.png", "files/*", "manifest.json"])
def test_a_flipped_byte_is_found_and_named(saved: Place, tmp_path: Path, victim: str) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(saved.home.parent / "backup", backup)
    file = next(backup.glob(victim))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    back = saved.run("restore", backup, **elsewhere(tmp_path))
    assert back.exit_code != 0
    assert f"{file.relative_to(backup)} does not match its checksum" in str(back.exception)
    assert not (tmp_path / "again").exists()


def test_a_tar_file_brings_the_secret_back_if_it_was_asked_for(saved: Place, tmp_path: Path) -> None:
    made = saved.run("backup", tmp_path / "arena.tar", "--with-secrets")
    assert made.exit_code == 0, made.output
    assert saved.run("restore", tmp_path / "arena.tar", **elsewhere(tmp_path)).exit_code == 0
    secret = tmp_path / "again" / "secret.key"
    assert secret.read_text() == (saved.home / "secret.key").read_text()
    assert secret.stat().st_mode & 0o077 == 0
    refused = saved.run("restore", tmp_path / "arena.tar", **elsewhere(tmp_path))
    assert "is not empty" in str(refused.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "arena.tar"]


def test_a_picture_that_the_arena_lost_is_told(saved: Place, tmp_path: Path) -> None:
    store = ImageStore(saved.home / "images")
    lost = next(store.digests())
    data = store.get(lost)
    store.path(lost).unlink()
    made = saved.run("backup", tmp_path / "backup")
    assert made.exit_code == 1
    assert lost in made.stderr
    back = saved.run("restore", tmp_path / "backup", **elsewhere(tmp_path))
    assert back.exit_code == 0, back.output
    store.put(data)


def test_a_folder_of_something_else_is_left_alone(saved: Place, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(b"cat")
    assert "no backup" in str(saved.run("backup", photos).exception)
    assert "no backup" in str(saved.run("restore", photos, **elsewhere(tmp_path)).exception)
    assert [path.name for path in photos.iterdir()] == ["cat.jpg"]


def test_an_old_database_is_upgraded_behind_a_backup(tmp_path: Path) -> None:
    from alembic import command as alembic

    from arena.db import _alembic, revision
    from tests.database.test_migrations import OLD

    url = f"sqlite:///{tmp_path / 'home' / 'arena.sqlite'}"
    make_home(tmp_path / "home")
    old = open_database(url)
    with old.write_engine.begin() as connection:
        alembic.upgrade(_alembic(connection), "0009")
        for table, values in OLD.items():
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)
    here = {"ARENA_HOME": str(tmp_path / "home")}
    assert "`arena upgrade`" in str(run("doctor", **here).exception)
    assert "Migration 0010" in run("upgrade", "--dry-run", **here).output
    assert revision(old) == "0009"
    done = run("upgrade", **here)
    assert done.exit_code == 0, done.output
    assert "nothing is to be done" in run("upgrade", **here).output
    with old.read() as session:
        assert session.scalar(select(func.count(Vote.id))) == 1
    (saved,) = (tmp_path / "home" / "backups").iterdir()
    shutil.copytree(saved, tmp_path / "saved")
    copied = json.loads((saved / "manifest.json").read_text())["backup"]
    assert copied["revision"] == "0009"
    assert run("restore", str(tmp_path / "saved"), ARENA_HOME=str(tmp_path / "again")).exit_code == 0
    old.dispose()


def test_a_sweep_deletes_what_is_over_and_nothing_else(place: Place) -> None:
    from arena.services.operators import make_link
    from arena.services.retention import sweep
    from arena.services.sketching import ask
    from arena.tables import OperatorLink, Sketch

    now = datetime(2026, 11, 23, tzinfo=UTC)
    for age in (timedelta(hours=1), timedelta(days=2), timedelta(days=40)):
        with place.database.write.begin() as session:
            ask(
                session,
                voter_key="k",
                entrant="rose",
                prompt=f"a vase of {age}",
                seed=1,
                steps=None,
                now=now - age,
            )
            make_link(session, f"sam-{age.days}", now=now - age)
    store = ImageStore(place.home / "images")
    half = store.folder / "ab" / ".new-half"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"half a picture")
    os.utime(half, (0, 0))
    assert sweep(place.database, store, now=now) == {"sketches": 2, "links": 1, "unfinished": 1}
    assert sweep(place.database, store, now=now) == {}
    with place.database.read() as session:
        assert session.scalar(select(func.count(Sketch.id))) == 1
        assert session.scalar(select(func.count(OperatorLink.id))) == 2
        assert session.scalar(select(func.count(Vote.id))) == 40

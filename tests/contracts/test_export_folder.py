"""The folder of an export: claimed, replaced, never half there; and what stays in memory."""

from __future__ import annotations

import json
import random
import resource
import secrets
import signal
import subprocess
import sys
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from arena.domain.columns import FILES
from arena.errors import Conflict, Invalid, Unavailable, UnknownCampaign
from arena.queries import releases
from arena.queries import votes as votes_module
from arena.services.publishing import LOST
from arena.services.verifying import verify
from arena.storage import ImageStore
from arena.tables import Image
from tests.contracts.conftest import SECRET, Publish, publisher, rows_of, some_votes
from tests.databases import new_sqlite
from tests.factory import Arena, open_arena


def test_everything_the_card_lists_is_there_and_nothing_else(whole: Path) -> None:
    assert {path.name + ("/" if path.is_dir() else "") for path in whole.iterdir()} == set(FILES)
    told = json.loads((whole / "manifest.json").read_text())
    there = {p.relative_to(whole).as_posix() for p in whole.rglob("*") if p.is_file()} - {"manifest.json"}
    assert set(told["files"]) == there


def test_an_unknown_campaign_is_refused_before_anything_is_written(publish: Publish, tmp_path: Path) -> None:
    with pytest.raises(UnknownCampaign, match="spring"):
        publish(tmp_path / "out", campaign="winter")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_things_in_it_is_left_as_it_is(publish: Publish, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("do not lose this")
    with pytest.raises(Conflict, match="not empty"):
        publish(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_an_earlier_export_is_replaced(
    arena: Arena, publish: Publish, images: ImageStore, tmp_path: Path
) -> None:
    open_arena(arena.database, images, slug="autumn", entrants=("rose", "iris"), prompts=("a stone",))
    assert publish(tmp_path / "out").pictures == 14
    arena.vote(arena.deal("rose", "lily"))
    assert publish(tmp_path / "out", campaign="spring").pictures == 12
    assert len(list((tmp_path / "out" / "images").iterdir())) == 12
    assert verify(tmp_path / "out").problems == ()


@pytest.mark.parametrize("at", [0, 1, 65, 70, 77])
def test_a_killed_export_is_none_and_can_be_run_again(
    arena: Arena, publish: Publish, tmp_path: Path, at: int
) -> None:
    some_votes(arena)
    publish(tmp_path / "out")

    def die(done: int, total: int) -> None:
        if done >= at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path / "out", progress=die)
    assert not (tmp_path / "out" / "manifest.json").exists()
    with pytest.raises(Invalid, match="not finished"):
        verify(tmp_path / "out")
    publish(tmp_path / "out")
    assert verify(tmp_path / "out").problems == ()


KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from arena.db import open_database
from arena.services.publishing import export
from arena.storage import ImageStore

url, images, folder, secret, now, at = sys.argv[1:]

def stop(done, total):
    if done >= int(at):
        os.kill(os.getpid(), signal.SIGKILL)

with open_database(url).read() as session:
    export(session, folder=Path(folder), images=ImageStore(Path(images)), secret_key=secret,
           now=datetime.fromisoformat(now), progress=stop)
"""


@pytest.mark.parametrize("at", [1, 70])
def test_a_killed_export_goes_on_and_ends_as_if_it_had_never_stopped(
    arena: Arena,
    publish: Publish,
    images: ImageStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    some_votes(arena)
    publish(tmp_path / "sealed")  # so that nothing changes between the exports that are compared
    url = arena.database.write_engine.url.render_as_string(hide_password=False)
    now = (arena.now + timedelta(minutes=5)).isoformat()
    told = (url, images.folder, tmp_path / "stopped", SECRET, now, str(at))
    done = subprocess.run([sys.executable, "-c", KILLED, *told], check=False)
    assert done.returncode == -signal.SIGKILL
    begun = json.loads((tmp_path / "stopped" / "manifest.json.part").read_text())
    there = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "stopped" / "images").iterdir()}
    assert bool(there) == (at > 65)
    assert publish(tmp_path / "stopped").export_id == begun["export"]
    monkeypatch.setattr(secrets, "token_hex", lambda _n: begun["export"])
    publish(tmp_path / "undisturbed")
    whole, gone_on = (
        {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in folder.rglob("*")
            if file.is_file()
        }
        for folder in (tmp_path / "undisturbed", tmp_path / "stopped")
    )
    assert gone_on == whole
    pictures = tmp_path / "stopped" / "images"
    assert {name: (pictures / name).stat().st_mtime_ns for name in there} == there


def test_a_full_disk_is_told_in_a_sentence_and_claims_nothing(
    arena: Arena, publish: Publish, tmp_path: Path
) -> None:
    some_votes(arena)
    publish(tmp_path / "first")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(Unavailable, match=r"cannot be written to .*no manifest"):
            publish(tmp_path / "out", seal=lambda: 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert not (tmp_path / "out" / "manifest.json").exists()
    publish(tmp_path / "out")
    assert verify(tmp_path / "out").problems == ()


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(publish: Publish, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="Not a directory"):
        publish(tmp_path / "file" / "out")


def test_lost_pictures_are_counted_and_the_votes_are_kept(
    arena: Arena, publish: Publish, images: ImageStore, tmp_path: Path
) -> None:
    some_votes(arena)
    with arena.database.read() as session:
        gone, damaged = session.scalars(select(Image.digest).limit(2))
    images.path(gone).unlink()
    images.path(damaged).write_bytes(b"not a picture")
    report = publish(tmp_path / "out")
    assert (report.pictures, report.pictures_left_out) == (10, {LOST: 2})
    assert f"dropped: 2 {LOST}" in (tmp_path / "out" / "README.md").read_text()
    assert report.votes == len(rows_of(tmp_path / "out"))
    assert verify(tmp_path / "out").problems == ()


def test_progress_goes_from_nothing_to_everything(arena: Arena, publish: Publish, tmp_path: Path) -> None:
    some_votes(arena)
    told: list[tuple[int, int]] = []
    report = publish(tmp_path / "out", progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, report.votes + report.pictures)
    assert told[-1] == (report.votes + report.pictures,) * 2
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_memory_does_not_grow_with_the_votes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(votes_module, "CHUNK", 250)
    monkeypatch.setattr(releases, "CHUNK", 250)
    peaks = []
    for votes in (1000, 4000):
        database = new_sqlite(tmp_path / f"{votes}.sqlite")
        images = ImageStore(tmp_path / "images")
        arena = open_arena(database, images)
        arena.fill(votes, rng=random.Random(1))
        publish = publisher(arena, images, batch=250)
        publish(tmp_path / "warm")
        tracemalloc.start()
        publish(tmp_path / f"out {votes}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        database.dispose()
    assert peaks[1] < 1.3 * peaks[0]


def test_words_that_stand_for_several_ids_are_once_in_their_dictionary(whole: Path) -> None:
    with pq.ParquetFile(whole / "votes.parquet") as file:
        group = file.metadata.row_group(0)
        columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    for name in ("source", "categories", "cohort"):
        assert "RLE_DICTIONARY" in columns[name].encodings, name

"""An export that is killed half way: the same command goes on, and nothing tells that it was stopped."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.outcomes import Outcome
from arena.db import Database
from arena.errors import Invalid
from arena.services.formats.exporting import FormatReport, export_as
from arena.services.formats.filters import Filters
from arena.services.formats.finished import ANEW, PROGRESS
from arena.storage import ImageStore
from tests.factory import NOON, Arena

SHARDS = {"webdataset": 1 << 14, "dpo": 1 << 10}
"""Bytes in a file: so few that there are several."""
KILLED = """
import os, signal, sys
from pathlib import Path
from arena.db import open_database
from arena.storage import ImageStore
from tests.contracts.test_formats_resuming import write

url, images, folder, name, votes = sys.argv[1:]

def stop(done, total):
    if done == total - int(votes):
        os.kill(os.getpid(), signal.SIGKILL)

write(open_database(url), ImageStore(Path(images)), Path(folder), name, progress=stop)
"""


def write(
    database: Database, images: ImageStore, folder: Path, name: str, seed: int = 1, **options: object
) -> FormatReport:
    """Export into a folder, in small files."""
    told = {"asked": Filters(), "shard_bytes": SHARDS.get(name, 1 << 14), **options}
    with database.read() as session:
        return export_as(
            session, name, folder=folder, images=images, now=NOON, rng=random.Random(seed), **told
        )


@pytest.fixture
def voted(arena: Arena) -> Arena:
    """Votes enough for several files."""
    arena.fill(60, rng=random.Random(2))
    return arena


def kill(arena: Arena, images: ImageStore, folder: Path, name: str) -> dict[str, tuple[int, bytes]]:
    """Export, killed when a third of the votes is left; the finished files, with when they were written."""
    url = arena.database.write_engine.url.render_as_string(hide_password=False)
    done = subprocess.run([sys.executable, "-c", KILLED, url, images.folder, folder, name, "20"], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not folder.exists()
    part = folder.with_name(f"{folder.name}.part")
    first, *lines = map(json.loads, (part / PROGRESS).read_text().splitlines())
    assert set(first) == {"plan", "key"}
    files = [part / line["file"] for line in lines] or sorted(part.rglob("*.png"))
    return {file.relative_to(part).as_posix(): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
    }


@pytest.mark.parametrize("name", ["webdataset", "dpo", "imagefolder"])
def test_a_killed_export_goes_on_and_ends_as_if_it_had_never_stopped(
    name: str, voted: Arena, images: ImageStore, tmp_path: Path
) -> None:
    whole = write(voted.database, images, tmp_path / "whole", name)
    stopped = tmp_path / "stopped"
    before = kill(voted, images, stopped, name)
    assert len(before) > 2
    report = write(voted.database, images, stopped, name, seed=2)
    assert report.note is not None
    assert report.note.startswith("went on with an export that was stopped")
    assert contents(stopped) == contents(tmp_path / "whole")
    assert {file: (stopped / file).stat().st_mtime_ns for file in before} == {
        file: at for file, (at, _) in before.items()
    }
    assert (report.rows_out, report.parts) == (whole.rows_out, whole.parts)


def test_a_damaged_file_and_all_that_follow_it_are_written_again(
    voted: Arena, images: ImageStore, tmp_path: Path
) -> None:
    write(voted.database, images, tmp_path / "whole", "webdataset")
    stopped = tmp_path / "stopped"
    before = kill(voted, images, stopped, "webdataset")
    second = sorted(before)[1]
    (stopped.with_name("stopped.part") / second).write_bytes(b"damaged")
    write(voted.database, images, stopped, "webdataset")
    assert contents(stopped) == contents(tmp_path / "whole")


@pytest.mark.parametrize("changed", ["votes", "options"])
def test_other_votes_or_options_begin_anew(
    changed: str, voted: Arena, images: ImageStore, tmp_path: Path
) -> None:
    stopped = tmp_path / "stopped"
    kill(voted, images, stopped, "webdataset")
    asked = Filters()
    if changed == "votes":
        voted.vote(voted.deal("rose", "lily"), Outcome.LEFT)
    else:
        asked = Filters(verdicts=(Outcome.LEFT,))
    report = write(voted.database, images, stopped, "webdataset", asked=asked)
    assert report.note == ANEW
    write(voted.database, images, tmp_path / "whole", "webdataset", asked=asked)
    assert contents(stopped) == contents(tmp_path / "whole")


def test_a_refused_export_leaves_a_stopped_one_to_go_on_with(
    voted: Arena, images: ImageStore, tmp_path: Path
) -> None:
    stopped = tmp_path / "stopped"
    kill(voted, images, stopped, "webdataset")
    with pytest.raises(Invalid, match="no prompt of these votes is of category 'war'"):
        write(voted.database, images, stopped, "webdataset", asked=Filters(category="war"))
    report = write(voted.database, images, stopped, "webdataset")
    assert report.note is not None
    assert "went on" in report.note

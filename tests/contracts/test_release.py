"""Releases are frozen once, tell what changed, verify from their own files, and describe themselves."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.db import Database
from arena.domain.prompts import prompt_digest
from arena.errors import Conflict, Invalid, NotFound
from arena.services.releasing import ReleaseReport, release
from arena.services.removing import exclude, withdraw_all
from arena.services.sealing import seal_pending
from arena.services.shelf import Shelf
from arena.services.standings import refresh
from arena.services.verifying import verify
from arena.storage import ImageStore
from arena.tables import Vote, Voter
from tests.contracts.conftest import SECRET, rows_of, some_votes
from tests.contracts.forging import Forger
from tests.factory import PROMPTS, Arena, open_arena

Freeze = Callable[..., ReleaseReport]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "releases")


@pytest.fixture
def freeze(arena: Arena, images: ImageStore, shelf: Shelf) -> Freeze:
    """Release as the command does."""

    def work(name: str, **options: object) -> ReleaseReport:
        now = arena.now + timedelta(minutes=5)

        def seal() -> int:
            with arena.database.write.begin() as session:
                sealed = seal_pending(session, now=now, limit=25)
            if not sealed:
                refresh(arena.database, now=now)
            return sealed

        told = {
            "images": images,
            "secret_key": SECRET,
            "url": "https://arena.example",
            "now": now,
            "seal": seal,
        }
        with arena.database.read() as session:
            return release(session, name, shelf=shelf, **told, **options)

    return work


def test_a_release_is_an_export_with_what_makes_it_one(arena: Arena, freeze: Freeze, shelf: Shelf) -> None:
    some_votes(arena)
    report = freeze("spring-1.0", campaign="spring", licence="CC-BY-4.0")
    folder = shelf.folder / "spring-1.0"
    assert report.export.folder == str(folder)
    told = verify(folder)
    assert told.problems == ()
    assert any("boards recomputed" in line for line in told.checked)
    (found,) = shelf.releases()
    assert (found.name, found.number, found.votes, found.digest) == ("spring-1.0", 1, 65, report.digest)
    assert (found.campaigns, found.previous, found.licence) == (("spring",), None, "CC-BY-4.0")
    assert found.length == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    card = (folder / "README.md").read_text()
    assert "- the first of its kind: 65 votes" in card
    assert "- licence of the votes: CC-BY-4.0" in card
    sides = [row["outcome"] for row in rows_of(folder) if row["outcome"] in ("left", "right")]
    share = f"{sides.count('left') / len(sides):.1%} of {len(sides)} decided votes"
    assert f"**Side, measured.** The left picture won {share}" in card
    assert "Votes by cohort of their raters: `public` 65." in card
    assert "**Dealing, measured.** Of 68 ordinary battles: 95.6% voted, 0.0% removed, 1.5% skipped" in card
    assert json.loads((folder / "personal.json").read_text()) == []
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, capture_output=True)
    assert (done.returncode, done.stdout) == (0, b"")
    assert [file.name for file in shelf.folder.iterdir()] == ["spring-1.0"]


def test_a_release_is_never_written_again(arena: Arena, freeze: Freeze, shelf: Shelf) -> None:
    some_votes(arena)
    freeze("one")
    before = (shelf.folder / "one" / "manifest.json").read_bytes()
    with pytest.raises(Conflict, match="there is a release one already"):
        freeze("one")
    assert (shelf.folder / "one" / "manifest.json").read_bytes() == before
    for name in ("", ".one", "../one", "One", "a/b", "x" * 65):
        with pytest.raises(Invalid, match="cannot name a release"):
            freeze(name)


def test_a_release_that_was_cut_off_is_not_one_and_makes_room(
    arena: Arena, freeze: Freeze, shelf: Shelf
) -> None:
    some_votes(arena)

    def stop(done: int, _every: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        freeze("one", progress=stop)
    assert shelf.releases() == []
    freeze("one")
    assert [one.name for one in shelf.releases()] == ["one"]
    assert verify(shelf.folder / "one").problems == ()


def test_the_next_release_tells_what_changed(
    arena: Arena, freeze: Freeze, shelf: Shelf, database: Database, images: ImageStore
) -> None:
    some_votes(arena)
    freeze("spring-1", campaign="spring")
    freeze("all-1")
    with database.write.begin() as session:
        key = session.get_one(Voter, arena.voter("rater 3")).key
        gone = withdraw_all(session, voter_key=key, now=arena.now)
        kept = session.scalars(select(Vote.id).where(Vote.id.in_((1, 2))))
        assert exclude(session, list(kept), rule="late", by="sam", now=arena.now) == 2
    other = open_arena(database, images, slug="autumn", entrants=("rose", "fern"))
    other.now = arena.now
    other.vote(other.deal("rose", "fern"), Outcome.TIE)
    changes = freeze("all-2").changes
    assert (changes.previous, changes.votes_added) == ("all-1", 1)
    assert (changes.withdrawn, changes.excluded) == (gone, 2)
    assert [name.partition("@")[0] for name in changes.entrants] == ["fern"]
    again = freeze("spring-2", campaign="spring").changes
    assert (again.previous, again.votes_added, again.withdrawn) == ("spring-1", 0, gone)
    assert [(one.name, one.number) for one in shelf.releases()] == [
        ("spring-2", 4), ("all-2", 3), ("all-1", 2), ("spring-1", 1)
    ]  # fmt: skip
    for one in shelf.releases():
        assert verify(shelf.folder / one.name).problems == ()
    raters = [{row["rater"] for row in rows_of(shelf.folder / name)} for name in ("all-1", "all-2")]
    assert not raters[0] & raters[1]


def test_prompts_that_look_personal_stop_a_release_unless_allowed(
    database: Database, images: ImageStore, shelf: Shelf
) -> None:
    words = "a letter to ann.lee@example.org, call +44 20 7946 0958"
    show = open_arena(database, images, prompts=(words, PROMPTS[0]))
    show.vote(show.deal("rose", "lily"))
    told = {"shelf": shelf, "images": images, "secret_key": SECRET, "url": "http://x", "now": show.now}
    with database.write.begin() as session:
        seal_pending(session, now=show.now)
    digest = prompt_digest(words)
    with database.read() as session:
        with pytest.raises(Invalid) as stopped:
            release(session, "one", **told)
        assert f"{digest[:12]} (e-mail address, phone number)" in str(stopped.value)
        assert "ann.lee" not in str(stopped.value)
        assert not shelf.folder.exists()
        report = release(session, "one", allow_personal=True, **told)
    assert report.personal == {digest: ["e-mail address", "phone number"]}
    kept = json.loads((shelf.folder / "one" / "personal.json").read_text())
    assert kept == [{"prompt_digest": digest, "kinds": ["e-mail address", "phone number"]}]
    assert verify(shelf.folder / "one").problems == ()


def test_what_a_release_adds_cannot_be_changed_unseen(arena: Arena, freeze: Freeze, shelf: Shelf) -> None:
    some_votes(arena)
    freeze("one")
    folder = shelf.folder / "one"
    for name in ("SHA256SUMS", "croissant.json", "personal.json"):
        data = (folder / name).read_bytes()
        for place in (0, len(data) // 2, len(data) - 1):
            (folder / name).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            assert any(problem.startswith(name) for problem in verify(folder).problems)
        (folder / name).unlink()
        assert any(problem.startswith(name) for problem in verify(folder).problems)
        (folder / name).write_bytes(data)
    assert verify(folder).problems == ()
    forger = Forger(folder)
    forger.json("croissant.json", lambda told: told.update(license="CC0-1.0"))
    found = forger.sign().problems
    assert "croissant.json: is not what the manifest says" in found
    assert "SHA256SUMS: is not the list of the manifest" in found


def test_only_files_of_a_release_are_found_on_the_shelf(arena: Arena, freeze: Freeze, shelf: Shelf) -> None:
    some_votes(arena)
    freeze("one")
    (shelf.folder / "one" / "notes.txt").write_text("mine")
    shutil.copytree(shelf.folder / "one", shelf.folder / ".two.part")
    (shelf.folder / "stray").mkdir()
    (shelf.folder / "stray" / "manifest.json").write_text('{"release": 3}')
    assert [one.name for one in shelf.releases()] == ["one"]
    for name in ("votes.csv", "manifest.json", "SHA256SUMS", "croissant.json"):
        assert shelf.file("one", name).is_file()
    for name, file in (
        ("one", "notes.txt"), ("one", "../one/votes.csv"), ("one", "/etc/passwd"), ("one", "images"),
        (".two.part", "votes.csv"), ("stray", "manifest.json"), ("..", "votes.csv"),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            shelf.file(name, file)


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The inplace keyword:pandas.errors.Pandas4Warning")
def test_the_metadata_is_valid_croissant_and_loads_the_records(
    arena: Arena, freeze: Freeze, shelf: Shelf
) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    some_votes(arena)
    with arena.database.write.begin() as session:
        exclude(session, [3], rule="late", by="sam", now=arena.now)
    freeze("one", licence="https://creativecommons.org/licenses/by/4.0/")
    folder = shelf.folder / "one"
    dataset = mlcroissant.Dataset(jsonld=folder / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    votes = list(dataset.records("votes"))
    assert len(votes) == 64
    first = {name.partition("/")[2]: value for name, value in votes[0].items()}
    assert (first["vote"], first["outcome"]) == (1, b"left")
    assert [row["excluded/rule"] for row in dataset.records("excluded")] == [b"late"]
    assert len(list(dataset.records("images"))) == 12

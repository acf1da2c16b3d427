"""`arena export` and `arena verify` as people and scripts call them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from arena.db import open_database
from arena.storage import ImageStore
from tests.contracts.test_command_line import arena
from tests.factory import open_arena


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with votes that nobody has sealed yet."""
    folder = tmp_path_factory.mktemp("voted")
    arena(folder, "init")
    database = open_database(f"sqlite:///{folder / 'arena.sqlite'}")
    opened = open_arena(database, ImageStore(folder / "images"))
    opened.fill(30, rng=random.Random(4))
    database.dispose()
    return folder


def test_an_export_is_sealed_fitted_written_and_verified(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = arena(home, "export", str(out))
    assert told.stdout.startswith("30 votes, 12 pictures, 1 boards, 1 seals: 25 files")
    assert "Note: " in told.stdout
    assert f"arena verify {out}" in told.stdout
    assert "42/42 votes and pictures" in told.stderr
    elsewhere = tmp_path / "no data folder"
    checked = arena(elsewhere, "verify", str(out)).stdout.splitlines()
    assert len(checked) == 7
    assert all(line.startswith("ok ") for line in checked)
    assert not elsewhere.exists()
    board = json.loads(arena(home, "leaderboard", "--campaign", "spring", "--json").stdout)
    exported = json.loads((out / "ratings.json").read_text())[0]
    assert {row["entrant"]: row["rating"] for row in board["rows"]} == {
        row["entrant"].partition("@")[0]: row["rating"] for row in exported["rows"]
    }


def test_both_speak_json_for_scripts(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = json.loads(arena(home, "export", str(out), "--campaign", "spring", "--json").stdout)
    assert (report["votes"], report["campaign"], report["dropped"]) == (30, "spring", {})
    told = json.loads(arena(home, "verify", str(out), "--json", "--head", report["head"]).stdout)
    assert (told["matches"], told["votes"], told["head"], told["problems"]) == (True, 30, report["head"], [])


def test_what_does_not_match_is_a_line_and_exit_code_1(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arena(home, "export", str(out), "--json")
    file = out / "votes.csv"
    file.write_text(file.read_text().replace(",left,,", ",right,,", 1))
    done = arena(home, "verify", str(out), check=False)
    bad = [line for line in done.stdout.splitlines() if line.startswith("BAD")]
    assert done.returncode == 1
    assert any("votes.csv row" in line and "outcome is 'right', and 'left' there" in line for line in bad)
    done = arena(home, "verify", str(out), "--json", check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["matches"] is False


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("verify", "{tmp}"), "holds no manifest.json"),
        (("export", "{tmp}"), "is not empty and holds no export"),
        (("export", "{tmp}/out", "--campaign", "winter"), "no campaign is called 'winter'"),
        (("export", "{tmp}/mine.txt/out"), "Not a directory"),
    ],
)
def test_what_cannot_be_used_is_a_sentence_and_exit_code_2(
    home: Path, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = arena(home, *(word.format(tmp=tmp_path) for word in words), check=False)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_release_is_frozen_once_and_verified(home: Path, tmp_path: Path) -> None:
    told = json.loads(arena(home, "release", "2026-11", "--licence", "CC-BY-4.0", "--json").stdout)
    folder = home / "releases" / "2026-11"
    assert told["export"]["folder"] == str(folder)
    assert (told["name"], told["export"]["votes"], told["changes"]["votes_added"]) == ("2026-11", 30, 30)
    assert json.loads((folder / "croissant.json").read_text())["license"] == "CC-BY-4.0"
    assert arena(tmp_path, "verify", str(folder)).returncode == 0
    again = arena(home, "release", "2026-11", check=False)
    assert again.returncode == 2
    assert "arena: there is a release 2026-11 already" in again.stderr
    plain = arena(home, "release", "2026-12").stdout
    assert "Since 2026-11: 0 votes added, 0 withdrawn, 0 excluded." in plain
    assert f"arena verify {home / 'releases' / '2026-12'}" in plain

"""The command line as scripts and people meet it: real processes, real exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from arena.cli import COMMANDS

PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("ARENA_")}


def arena(home: Path, *words: str, check: bool = True, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `arena` as its console script does."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "from arena.cli import main; main()", *words],
        env={**PLAIN, "ARENA_HOME": str(home), **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as `arena init` makes it."""
    folder = tmp_path_factory.mktemp("home")
    arena(folder, "init")
    return folder


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself_with_examples(home: Path, command: str) -> None:
    told = arena(home, command, "--help").stdout
    assert "Examples:" in told
    assert f"arena {command}" in told


def test_the_list_of_commands_is_complete(home: Path) -> None:
    told = arena(home, "--help").stdout
    assert all(command in told for command in COMMANDS)


def test_entrants_are_listed_for_scripts(home: Path) -> None:
    rows = json.loads(arena(home, "entrants", "list", "--json").stdout)
    assert {"atelier", "atelier-plain", "atelier-draft"} <= {row["slug"] for row in rows}
    assert all(row["name"] and row["kind"] and len(row["revision"]) == 12 for row in rows)


def test_a_board_without_votes_is_a_board_without_numbers(home: Path) -> None:
    board = json.loads(arena(home, "leaderboard", "--json").stdout)
    assert {"campaign", "votes", "method", "method_version", "rows", "warnings"} <= set(board)
    assert board["votes"] == 0
    assert board["warnings"]
    for row in board["rows"]:
        assert row["votes"] == 0
        assert [row[name] for name in ("rating", "low", "high", "rank", "rank_low", "rank_high")] == [
            None
        ] * 6


def test_init_again_changes_nothing(home: Path) -> None:
    before = arena(home, "entrants", "list", "--json").stdout
    arena(home, "init")
    assert arena(home, "entrants", "list", "--json").stdout == before


def test_the_doctor_finds_a_new_arena_well(home: Path) -> None:
    findings = json.loads(arena(home, "doctor", "--json").stdout)
    assert {finding["check"] for finding in findings} >= {"disk", "pictures", "jobs", "votes", "seals"}
    assert all(finding["well"] for finding in findings)


@pytest.mark.parametrize(
    ("words", "settings", "told"),
    [
        (["leaderboard", "--campaign", "spring"], {}, "no campaign is called 'spring'"),
        (["entrants", "enter", "nobody"], {}, "no entrant is called 'nobody'"),
        (["prompts", "add", "a\x07b"], {}, "control character"),
        (["prompts", "add", "x" * 10_000], {}, "10,000 characters"),
        (["serve"], {"ARENA_PORT": "http"}, "ARENA_PORT"),
        (["leaderboard"], {"ARENA_DATABASE": "sqlite:////nowhere/at/all.sqlite"}, "cannot be reached"),
    ],
)
def test_what_goes_wrong_is_told_in_one_line(
    home: Path, words: list[str], settings: dict[str, str], told: str
) -> None:
    done = arena(home, *words, check=False, **settings)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


def test_without_init_the_database_says_what_to_do(tmp_path: Path) -> None:
    done = arena(tmp_path, "leaderboard", check=False)
    assert done.returncode == 2
    assert "arena init" in done.stderr


def test_a_corrupt_picture_is_found_by_the_doctor(tmp_path: Path) -> None:
    """Kept apart from the other home: this one is damaged."""
    from arena.cli.context import Context
    from tests.database.conftest import furnish

    arena(tmp_path, "init")
    context = Context({"ARENA_HOME": str(tmp_path)})
    furnish(context.database, context.images)
    context.database.dispose()
    victim = next(context.settings.images.rglob("*.png"))
    victim.write_bytes(b"\x89PNG\r\n\x1a\nnot any more")
    done = arena(tmp_path, "doctor", check=False)
    assert done.returncode == 1
    assert "is damaged on disk" in done.stdout


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        ("arena.app", "torch"),
        ("arena.app", "mitsuba"),
        ("arena.services.working, arena.cli.work", "flask"),
        ("models", "torch"),
        ("models, models.contracts, models.catalog, models.loading", "torch"),
        ("arena.domain.pairing, arena.domain.blinding", "sqlalchemy"),
    ],
)
def test_heavy_parts_stay_where_they_belong(modules: str, unwanted: str) -> None:
    code = f"import sys, {modules}; sys.exit({unwanted!r} in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=PLAIN, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"importing {modules} brings in {unwanted}"


def test_json_output_is_only_json(home: Path) -> None:
    for words in (["entrants", "list"], ["leaderboard"], ["doctor"], ["prompts", "list"]):
        json.loads(arena(home, *words, "--json").stdout)


def test_painting_names_the_words_that_a_model_does_not_know(home: Path, tmp_path: Path) -> None:
    words = ("paint", "lumen-1-turbo", "a red vase on an oak table", "a zebra on an oak table")
    told = arena(home, *words, "--out", str(tmp_path)).stdout.splitlines()
    first, second = (tmp_path / f"lumen-1-turbo-0-00{number}.png" for number in (1, 2))
    assert told == [str(first), f"{second} (it did not know: zebra)"]
    for file in (first, second):
        with Image.open(file) as picture:
            assert picture.size == (256, 256)

"""`arena campaigns` as scripts and people meet it, run in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from arena.cli import arena
from arena.cli.context import Context
from arena.errors import ArenaError

ENTRANTS = ("--entrant", "atelier", "--entrant", "atelier-plain", "--entrant", "atelier-draft")


def run(home: Path, *words: str, group: str = "campaigns") -> Result:
    """Run `arena campaigns`."""
    context = Context({"ARENA_HOME": str(home)})
    result = CliRunner().invoke(arena, [group, *words], obj=context)
    if (home / "arena.sqlite").exists():
        context.database.dispose()
    return result


def told(home: Path, *words: str) -> Any:
    """What it prints for a script."""
    result = run(home, *words, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as `arena init` makes it, and a file of prompts."""
    folder = tmp_path_factory.mktemp("home")
    assert CliRunner().invoke(arena, ["init"], obj=Context({"ARENA_HOME": str(folder)})).exit_code == 0
    (folder / "prompts.txt").write_text("a red vase\n\na green cup\n", encoding="utf-8")
    return folder


def test_every_campaigns_command_explains_itself(home: Path) -> None:
    for command in ("list", "show", "new", "edit", "register", "close", "watch"):
        assert f"arena campaigns {command}" in run(home, command, "--help").stdout


def test_a_campaign_from_its_plan_to_its_end(home: Path) -> None:
    made = told(
        home, "new", "spring", *ENTRANTS, "--prompts", str(home / "prompts.txt"), "--question",
        "craft=Which is better made?", "--target", "atelier:best_baseline", "--gap", "40", "--policy",
        "targeted", "--board", "hidden", "--audience", "invited", "--most-votes", "40", "--reveal",
        "end_of_set",
    )  # fmt: skip
    assert (made["prompts"], made["board"], made["audience"], made["reveal"]) == (
        2,
        "hidden",
        "invited",
        "end_of_set",
    )
    assert made["questions"] == {"craft": "Which is better made?"}
    assert made["target"]["gap"] == 40
    changed = told(home, "edit", "spring", "--power", "0.9", "--most-votes", "0", "--until", "2099-01-01")
    assert (changed["target"]["power"], changed["target"]["gap"], changed["most_votes"]) == (0.9, 40, None)
    assert changed["closed_at"].startswith("2099-01-01T23:59:59")
    assert run(home, "watch", "spring").stdout == "No votes to look at yet.\n"
    digest = told(home, "register", "spring")["digest"]
    refused = run(home, "edit", "spring", "--gap", "20")
    assert isinstance(refused.exception, ArenaError)
    assert digest[:12] in str(refused.exception)
    assert told(home, "show", "spring")["plan"] == digest
    shown = run(home, "show", "spring").stdout
    assert "atelier from the best baseline: 40 points" in shown
    assert digest in shown
    assert run(home, "close", "spring").stdout == "spring is closed.\n"
    assert run(home, "close", "spring").stdout == "spring was closed before.\n"
    lines = {line["campaign"]: line for line in told(home, "list")}
    assert lines["spring"]["closed_because"] == "by_hand"
    assert "closed (by_hand)" in run(home, "list").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("new", "x", "--entrant", "nobody"), "no entrant is called 'nobody'"),
        (("new", "x", *ENTRANTS, "--target", "atelier"), "A:B, A:best_baseline, ranking or none"),
        (("new", "x", *ENTRANTS, "--gap", "30"), "--target"),
        (("new", "x", *ENTRANTS, "--question", "Which?"), "SLUG=TEXT"),
        (("new", "x", *ENTRANTS, "--until", "soon"), "2026-12-31"),
        (("new", "open", *ENTRANTS), "is called 'open' already"),
        (("show", "nothing"), "no campaign is called 'nothing'"),
        (("register", "open"), "has no target"),
        (("watch", "open"), "has no target"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(home: Path, words: tuple[str, ...], sentence: str) -> None:
    result = run(home, *words)
    assert isinstance(result.exception, ArenaError), result.output
    assert sentence in str(result.exception)
    assert "\n" not in str(result.exception)


def test_an_entrant_retires_and_returns(home: Path) -> None:
    assert run(home, "retire", "atelier-draft", group="entrants").stdout == "atelier-draft is retired.\n"
    assert "retired before" in run(home, "retire", "atelier-draft", group="entrants").stdout
    assert "takes part again" in run(home, "return", "atelier-draft", group="entrants").stdout
    assert "was not retired" in run(home, "return", "atelier-draft", group="entrants").stdout

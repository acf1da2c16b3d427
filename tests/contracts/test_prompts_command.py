"""`arena prompts` as scripts and people meet it; in this process, since a start costs more than a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from arena.cli import arena
from arena.cli.context import Context
from arena.errors import ArenaError

ROWS = """prompt,categories,licence
a red fox in the snow,,CC0-1.0
"a poster, with words",text commercial,CC0-1.0
what is the capital of France?,,
"""


def run(home: Path, *words: str) -> Result:
    """Run `arena prompts`; its output and its warnings, apart."""
    context = Context({"ARENA_HOME": str(home)})
    result = CliRunner().invoke(arena, ["prompts", *words], obj=context)
    context.database.dispose()
    return result


def told(home: Path, *words: str) -> Any:
    """What it prints for a script."""
    result = run(home, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose open campaign has a small prompt set."""
    folder = tmp_path_factory.mktemp("home")
    assert CliRunner().invoke(arena, ["init"], obj=Context({"ARENA_HOME": str(folder)})).exit_code == 0
    (folder / "set.csv").write_text(ROWS, encoding="utf-8")
    before = told(folder, "import", str(folder / "set.csv"), "--dry-run")
    assert (before["added"], before["new"], before["unfit"]) == (0, 3, [{"line": 4, "reason": "question"}])
    assert told(folder, "list") == []
    done = told(folder, "import", str(folder / "set.csv"), "--skip-unfit", "--origin", "Ours")
    assert (done["added"], done["origins"], done["categories"]) == (
        2,
        ["Ours"],
        {"animals": 1, "commercial": 1, "text": 1},
    )
    return folder


def test_every_prompts_command_explains_itself(home: Path) -> None:
    for command in ("list", "categories", "add", "import", "tag", "accuracy"):
        assert f"arena prompts {command}" in run(home, command, "--help").stdout


def test_importing_again_changes_nothing(home: Path) -> None:
    before = told(home, "list")
    again = run(home, "import", str(home / "set.csv"), "--skip-unfit", "--origin", "Ours")
    assert "0 new prompts in open; 0 pictures are asked for." in again.stdout
    assert "warning: line 4 is a question" in again.stderr
    assert told(home, "list") == before
    assert {(row["licence"], row["origin"], row["language"]) for row in before} == {("CC0-1.0", "Ours", "en")}


def test_a_prompt_is_tagged_listed_and_counted(home: Path) -> None:
    fox = told(home, "list", "--category", "animals")[0]
    assert (fox["categories"], fox["tagged_by"]) == (["animals"], "rule")
    assert told(home, "tag", str(fox["number"]), "painting", "posters", "--new") == {
        "prompt": fox["number"],
        "before": ["animals"],
        "categories": ["painting", "posters"],
        "changed": True,
    }
    counts = {row["slug"]: row["prompts"] for row in told(home, "categories")}
    assert (counts["posters"], counts["painting"], counts["animals"]) == (1, 1, 0)
    assert told(home, "tag", "--rules", "--dry-run") == {"dry_run": True, "changed": 0, "changes": []}
    printed = run(home, "tag", fox["digest"][:8], "animals").stdout
    assert printed == f"Prompt {fox['number']}: painting posters -> animals\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["tag", "1", "lanscape"], "'lanscape' is no category; there is: photographic, portrait"),
        (["tag", "1"], "Name at least one category, or say --none."),
        (["tag"], "Name a prompt and its categories, or say --rules."),
        (["tag", "99", "text"], "no prompt has the number '99'"),
        (["add", "a vase", "--category", "vessels"], "'vessels' is no category"),
        (["import", "personal.txt"], "personal data seems to stand on 1 of the lines of personal.txt"),
        (["accuracy", "personal.txt"], "needs rows, and the columns"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_changed(
    home: Path, words: list[str], reason: str
) -> None:
    file = home / "personal.txt"
    file.write_text("a letter to ann@example.org\n", encoding="utf-8")
    given = [str(file) if word == file.name else word for word in words]
    before = told(home, "list")
    done = run(home, *given)
    assert done.exit_code
    message = str(done.exception) if isinstance(done.exception, ArenaError) else done.stderr
    assert reason in message
    assert "ann@" not in message + done.output
    assert told(home, "list") == before

"""`arena rate` and `arena plan`: what is printed for files as they come, without any arena."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

from arena.cli import main

PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("ARENA_")}
HEAD = "model_a,model_b,winner"


class Done(NamedTuple):
    """What a command said, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


def run(folder: Path, *words: str) -> Done:
    """Run `arena` in a folder with no data folder anywhere."""
    said, complained, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ARENA_HOME", str(folder / "nowhere"))
        patch.setattr(sys, "argv", ["arena", *words])
        with redirect_stdout(said), redirect_stderr(complained):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
    return Done(code, said.getvalue(), complained.getvalue())


def process(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `arena` as its console script does."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", "from arena.cli import main; main()", *words],
        cwd=folder, env={**PLAIN, "ARENA_HOME": str(folder / "nowhere")}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


def rated(folder: Path, *lines: str, head: str = HEAD, options: tuple[str, ...] = ()) -> dict[str, object]:
    """The JSON of some votes."""
    (folder / "votes.csv").write_text("\n".join([head, *lines]) + "\n")
    done = run(folder, "rate", "votes.csv", "--format", "json", *options)
    assert done.returncode == 0, done.stderr
    assert not (folder / "nowhere").exists()
    board = json.loads(done.stdout)
    assert set(board) == {"method", "method_version", "votes", "dropped", "rows", "warnings"}
    for row in board["rows"]:
        assert list(row) == [
            "entrant", "rating", "low", "high", "rank", "rank_low", "rank_high", "votes", "wins", "ties",
            "both_bad", "provisional",
        ]  # fmt: skip
    return board


def by_name(board: dict[str, object]) -> dict[str, dict[str, object]]:
    return {row["entrant"]: row for row in board["rows"]}  # type: ignore[attr-defined]


CORE = [f"{a},{b},{word}" for a, b in ("xy", "yz", "zx") for word in ["model_a"] * 12 + ["model_b"] * 9]


def test_a_file_of_votes_is_all_it_takes(tmp_path: Path) -> None:
    board = rated(tmp_path, *CORE, "x,y,tie", "x,y,tie (bothbad)", "y,x,both_bad")
    assert (board["method"], board["votes"]) == ("bradley-terry", 66)
    assert sum(row["rating"] for row in by_name(board).values()) == pytest.approx(3000)  # type: ignore[misc]
    assert by_name(board)["x"]["both_bad"] == 2
    assert "plain sandwich" in board["warnings"][-1]  # type: ignore[index]
    done = process(tmp_path, "rate", "votes.csv")
    assert done.stdout.startswith("66 votes, bradley-terry bt-")
    assert "plain sandwich" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_an_undefeated_model_has_an_open_end(tmp_path: Path) -> None:
    x = by_name(rated(tmp_path, *CORE, *["w,x,model_a"] * 8))["w"]
    assert (x["rating"], x["high"], x["rank"], x["provisional"]) == (None, None, 1, True)
    assert x["low"] > 1000  # type: ignore[operator]
    table = run(tmp_path, "rate", "votes.csv").stdout
    assert "-above" in table
    assert "open at one end" in table


def test_two_islands_are_not_ranked_against_each_other(tmp_path: Path) -> None:
    board = rated(tmp_path, *CORE, "p,q,model_a", "p,q,model_b", "p,q,model_a")
    assert "2 groups that never met" in board["warnings"][0]  # type: ignore[index]
    rows = by_name(board)
    assert rows["p"]["rank"] is rows["q"]["rank"] is None
    assert {rows[name]["rank_high"] for name in "xyz"} == {3}


def test_one_vote_orders_and_rates_nobody(tmp_path: Path) -> None:
    board = rated(tmp_path, "x,y,model_a")
    assert [(row["entrant"], row["rating"], row["rank"]) for row in by_name(board).values()] == [
        ("x", None, 1), ("y", None, 2),
    ]  # fmt: skip
    table = run(tmp_path, "rate", "votes.csv").stdout
    assert "1 votes" in table
    assert "no rating can be estimated yet" in table


@pytest.mark.parametrize(("lines", "options", "told"), [
    (["x,y,model_a", "x,y,skip"], (), "arena: 'skip' is not an outcome (row 1)"),
    (["x,x,model_a"], (), "arena: an entrant cannot be compared with itself (row 0)"),
    (["x,y,"], (), "arena: winner is null (row 0)"),
    (["x,y,tie"], ("--by", "language"), "arena: no column 'language'; there are model_a, model_b, winner"),
    (["x,y,tie"], ("--style", "glow"), "arena: no column 'glow', nor glow_a and glow_b; there are model_a"),
    (["x,y,tie"], ("--cluster", "rater=who"), "arena: no column 'who'"),
    (["x,y,tie"], ("--cluster", "rater"), "arena: no column for rater is known in this file; say which"),
    (["x,y,tie"], ("--anchor", "nobody=1200"), "arena: no entrant is called 'nobody'"),
    (["x,y,tie"], ("--method", "davidson"), "arena: there are nothing but ties between connected"),
])  # fmt: skip
def test_what_cannot_be_rated_is_told_in_one_line(
    tmp_path: Path, lines: list[str], options: tuple[str, ...], told: str
) -> None:
    (tmp_path / "votes.csv").write_text("\n".join([HEAD, *lines]) + "\n")
    done = run(tmp_path, "rate", "votes.csv", *options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("name", "content", "told"), [
    ("votes.csv", "a,b,c\nx,y,z\n", "arena: no known columns of votes, such as model_a, model_b and winner"),
    ("votes.txt", "x", "arena: cannot read votes.txt: the name must end in .parquet"),
    ("votes.json", "{", "arena: votes.json is not JSON"),
    ("other.csv", HEAD, "arena: cannot read votes.csv: No such file"),
])  # fmt: skip
def test_files_that_hold_no_votes_are_told_in_one_line(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    (tmp_path / name).write_text(content)
    done = run(tmp_path, "rate", "votes.csv" if name == "other.csv" else name)
    assert done.returncode == 2
    assert done.stderr.startswith(told)
    assert done.stderr.count("\n") == 1


def test_a_spreadsheet_and_parts(tmp_path: Path) -> None:
    lines = [f"{line},{'en' if n % 2 else 'de'}" for n, line in enumerate(CORE)]
    (tmp_path / "votes.csv").write_text("\n".join([HEAD + ",language", *lines]) + "\n")
    done = run(tmp_path, "rate", "votes.csv", "--by", "language", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["language"], row["rank"]) for row in rows][:4:3] == [("de", "1"), ("en", "1")]
    assert "Note: " in done.stderr
    boards = json.loads(run(tmp_path, "rate", "votes.csv", "--by", "language", "--format", "json").stdout)
    assert boards["by"] == "language"
    assert sorted(boards["boards"]) == ["de", "en"]


def test_plans_for_people_and_for_scripts(tmp_path: Path) -> None:
    told = json.loads(run(tmp_path, "plan", "--json").stdout)
    pairs = {row["difference"]: row["votes_on_the_pair"] for row in told["rows"]}
    assert [pairs[points] for points in (20.0, 30.0, 50.0, 100.0)] == [2372, 1056, 382, 98]
    board = json.loads(run(tmp_path, "plan", "--entrants", "12", "--votes", "5000", "--json").stdout)
    # 5,000 votes on 66 pairs.
    assert board["half_width"] == pytest.approx(
        1.96 * 347.4 * ((1 - 1 / 12) / (12 * 5000 / 66)) ** 0.5, rel=1e-3
    )
    assert 0 < board["rows"][1]["power"] < board["rows"][3]["power"] < 1
    table = run(tmp_path, "plan", "--difference", "30", "--tie-share", "0.25").stdout
    assert "1,408" in table
    assert run(tmp_path, "plan", "--power", "1.5").returncode == 2

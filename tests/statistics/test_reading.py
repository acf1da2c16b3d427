"""Files of votes as others publish them."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import (
    Comparisons,
    InvalidComparisons,
    InvalidOption,
    UnknownOutcome,
    clustered,
    fit_bradley_terry,
    leaderboard,
)
from analysis.rating import COLUMNS, rate, style_columns
from analysis.reading import read_votes
from analysis.simulate import Arena

# x beat y, y beat x, x and y tied, both were bad: what every format below says, as far as it can.
A, B = ["x", "y", "x", "x"], ["y", "x", "y", "y"]
FORMATS = {
    "lmarena": {"model_a": A, "model_b": B, "winner": ["model_a", "model_a", "tie", "tie (bothbad)"]},
    "lmarena_55k": {
        "model_a": A, "model_b": B,
        "winner_model_a": [1, 1, 0, 0], "winner_model_b": [0, 0, 0, 0], "winner_tie": [0, 0, 1, 1],
    },
    "vernissage": {"left": A, "right": B, "outcome": ["left", "left", "tie", "both_bad"]},
    "genai_bench": {
        "left_model": A, "right_model": B, "vote_type": ["leftvote", "leftvote", "tievote", "bothbad_vote"]
    },
    "fastchat_log": {
        "type": ["leftvote", "leftvote", "tievote", "bothbad_vote"],
        "models": [list(pair) for pair in zip(A, B, strict=True)],
    },
    "pickapic": {"model_0": A, "model_1": B, "label_0": [1.0, 1.0, 0.5, 0.5]},
    "hpdv3": {"model1": A[:2], "model2": B[:2], "path1": ["p", "q"], "path2": ["r", "s"]},
    "rapidata": {
        "model1": ["x"], "model2": ["y"], "votes_image1": [1], "votes_image2": [1], "prompt": ["a vase"]
    },
    "comparia": {
        "model_a_name": A, "model_b_name": B,
        "chosen_model_name": ["x", "y", None, None], "both_equal": [False, False, True, True],
    },
}  # fmt: skip
NO_BOTH_BAD = {"lmarena_55k", "pickapic", "comparia"}
DECIDED_ONLY = {"hpdv3", "rapidata"}


def counts(file):
    """Wins of x, wins of y, ties, both bad."""
    table = file.comparisons().table()
    return (
        table[0, 1, 0] + table[1, 0, 1], table[1, 0, 0] + table[0, 1, 1],
        table[:, :, 2].sum(), table[:, :, 3].sum(),
    )  # fmt: skip


ENDINGS = ["csv", "json", "jsonl", "parquet", "frame", "polars"]
# A list of two names does not go into a CSV file.
WAYS = [(name, ending) for name in FORMATS for ending in ENDINGS if (name, ending) != ("fastchat_log", "csv")]


@pytest.mark.parametrize(("name", "ending"), WAYS)
def test_every_format_is_known_by_its_columns(name, ending, tmp_path):
    frame = pd.DataFrame(FORMATS[name])
    path = tmp_path / f"votes.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "json":
        path.write_text(frame.to_json(orient="records"))
    elif ending == "jsonl":
        path.write_text(frame.to_json(orient="records", lines=True))
    elif ending == "parquet":
        frame.to_parquet(path)
    source = {"frame": frame, "polars": pl.DataFrame(FORMATS[name])}.get(ending, path)
    file = read_votes(source)
    assert file.format == name
    wanted = (1, 1, 0, 0) if name in DECIDED_ONLY else (1, 1, 2, 0) if name in NO_BOTH_BAD else (1, 1, 1, 1)
    assert counts(file) == wanted
    assert file.dropped == {}


def test_rows_that_are_no_votes_are_counted():
    log = read_votes({
        "type": ["chat", "leftvote", "upvote"], "models": [["x"], ["x", "y"], ["", ""]],
    })  # fmt: skip
    assert (counts(log), log.dropped) == ((1, 0, 0, 0), {"not a vote": 2})
    pick = read_votes({"model_0": ["x", "x"], "model_1": ["x", "y"], "label_0": [1.0, 0.0]})
    assert (counts(pick), pick.dropped) == ((0, 1, 0, 0), {"both pictures by one model": 1})
    battles = {"model_a": A, "model_b": B, "winner": ["model_a"] * 4, "anony": [True, True, False, True]}
    file = read_votes(battles)
    assert file.comparisons().n_votes == 3
    assert file.dropped == {"names were shown before the vote": 1}


def test_a_release_of_an_arena_counts_ordinary_battles_and_last_ballots():
    release = {
        "battle": [1, 1, 2, 3], "criterion": ["q", "q", "q", "r"], "ballot_no": [1, 2, 1, 1],
        "kind": ["ordinary", "ordinary", "repeat", "ordinary"],
        "left": ["x", "x", "x", "y"], "right": ["y", "y", "y", "x"],
        "outcome": ["left", "right", "left", "tie"], "rater": ["k", "k", "l", "m"], "prompt": ["p"] * 4,
    }  # fmt: skip
    file = read_votes(release)
    assert counts(file) == (0, 1, 1, 0)
    assert file.dropped == {"not an ordinary battle": 1, "voted anew later": 1}
    assert "criteria" in file.warnings[0]
    assert file.roles == {"rater": "rater", "prompt": "prompt"}
    assert set(file.comparisons(["rater"]).votes.clusters) == {"rater"}


@pytest.mark.parametrize(("columns", "told"), [
    ({"human_preference": [[1, 0]], "file_path": [["a", "b"]], "prompt": ["p"]}, "HPDv2"),
    ({"model_name": ["x"], "rating": [1.0], "vote_count": [3]}, "ratings, not votes"),
    ({"model_a": ["x"], "model_b": ["y"], "preference": [0.3]}, "no meaning"),
    ({"a": ["x"], "b": ["y"]}, "model_a, model_b and winner; there are a, b"),
])  # fmt: skip
def test_files_without_votes_on_entrants_say_why(columns, told):
    with pytest.raises(InvalidComparisons, match=told):
        read_votes(columns)


def test_unknown_words_are_errors_that_name_the_row():
    with pytest.raises(UnknownOutcome, match=r"'skip' is not an outcome \(row 1\)"):
        read_votes({"model_a": A[:2], "model_b": B[:2], "winner": ["tie", "skip"]}).comparisons()
    for bad, told in (
        ({"model_0": ["x"], "model_1": ["y"], "label_0": [0.7]}, "label_0"),
        ({"type": ["leftvote"], "models": [["x"]]}, "two names"),
        ({**FORMATS["comparia"], "chosen_model_name": ["z"] * 4}, "neither"),
        ({**FORMATS["lmarena_55k"], "winner_tie": [1] * 4}, "exactly one"),
        ({**FORMATS["rapidata"], "votes_image1": [1.5]}, "whole"),
    ):
        with pytest.raises(InvalidComparisons, match=told):
            read_votes(bad)
    with pytest.raises(UnknownOutcome, match="stonevote"):
        read_votes({"type": ["stonevote"], "models": [["x", "y"]]}).comparisons()


def test_files_that_are_no_tables_say_so(tmp_path):
    for name, content, told in (
        ("votes.txt", b"x", "must end in"),
        ("empty.csv", b"", "empty"),
        ("empty.json", b"[]", "empty"),
        ("broken.json", b"[{", "not JSON"),
        ("list.json", b"[1, 2]", "object"),
        ("broken.parquet", b"PAR1", "Parquet"),
        ("ragged.csv", b"model_a,model_b,winner\nx,y\n", "no table"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises((InvalidComparisons, InvalidOption), match=told):
            read_votes(path).comparisons()
    with pytest.raises(InvalidOption, match="No such file"):
        read_votes(tmp_path / "none.csv")
    with pytest.raises(InvalidOption, match="a list"):
        read_votes([1, 2])


def test_long_answers_with_line_breaks_are_read(tmp_path):
    path = tmp_path / "train.csv"
    frame = pd.DataFrame({**FORMATS["lmarena_55k"], "prompt": ['["a\nb, ""c"""]'] * 4})
    frame.to_csv(path, index=False)
    assert counts(read_votes(path)) == (1, 1, 2, 0)
    packed = tmp_path / "train.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert counts(read_votes(packed)) == (1, 1, 2, 0)
    text = path.read_text().encode("utf-8-sig")
    path.write_bytes(text)
    assert counts(read_votes(path)) == (1, 1, 2, 0)


def test_names_that_look_like_something_else_stay_names(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("model_a,model_b,winner\n1.5,true,model_a\ntrue,1.5,model_a\nnull,1.5,tie\n")
    assert read_votes(path).comparisons().labels == ("1.5", "null", "true")


# Boards ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frame():
    votes = Arena(np.linspace(-1, 1, 5), raters=40, prompts=40, rater_spread=0.4).votes(3000, seed=1)
    rng = np.random.default_rng(2)
    votes["bright_a"], votes["bright_b"] = rng.normal(size=(2, 3000))
    votes["language"] = rng.choice(["en", "de"], 3000)
    return votes.rename(columns={"left": "model_a", "right": "model_b", "outcome": "winner"}).astype(
        {"model_a": str, "model_b": str, "winner": str, "rater": str, "prompt": str}
    )


def test_a_file_gives_the_board_of_the_library(frame):
    board = rate(read_votes(frame))
    votes = Comparisons.from_frame(frame, "model_a", "model_b", "winner", rater="rater", prompt="prompt")
    theirs = leaderboard(clustered(fit_bradley_terry(votes)))
    assert [{name: row[name] for name in COLUMNS} for row in board["rows"]] == [
        {name: getattr(row, name) for name in COLUMNS} for row in theirs.rows
    ]
    assert set(board) == {"method", "method_version", "votes", "dropped", "rows", "warnings"}
    assert tuple(board["rows"][0]) == COLUMNS
    json.dumps(board, allow_nan=False)
    assert "clustered by raters (rater) and prompts (prompt)" in board["warnings"][-1]


def test_without_clusters_the_sandwich_is_plain_and_says_so(frame):
    plain = frame[["model_a", "model_b", "winner"]]
    board = rate(read_votes(plain))
    theirs = leaderboard(fit_bradley_terry(Comparisons.from_frame(plain, "model_a", "model_b", "winner")))
    assert [row["low"] for row in board["rows"]] == [row.low for row in theirs.rows]
    assert "plain sandwich" in board["warnings"][-1]
    asked = rate(read_votes(frame), cluster=[])
    assert [row["low"] for row in asked["rows"]] == [row.low for row in theirs.rows]
    with pytest.raises(InvalidComparisons, match="rater=COLUMN"):
        rate(read_votes(plain), cluster=["rater"])
    named = read_votes(frame.rename(columns={"rater": "who"}), roles={"rater": "who"})
    assert "raters (who)" in rate(named)["warnings"][-1]


@pytest.mark.parametrize("method", ["davidson", "rao-kupper", "elo", "glicko2", "contextual"])
def test_every_method_rates(frame, method):
    board = rate(read_votes(frame), method=method)
    assert [row["entrant"] for row in board["rows"]] == [f"entrant-{k}" for k in (5, 4, 3, 2, 1)]
    if method != "glicko2":
        assert np.mean([row["rating"] for row in board["rows"]]) == pytest.approx(1000, abs=1e-6)
    if method == "elo":
        assert "order" in board["warnings"][0]
        assert board["rows"][0]["low"] is None


def test_a_covariate_with_an_effect_is_taken_out():
    arena = Arena(np.array([-0.4, 0.0, 0.4]), tie=0)
    frame = arena.votes(6000, seed=3).astype(str)
    rng = np.random.default_rng(4)
    # Entrant 3 is brighter, and brightness wins.
    gap = rng.normal(size=6000) + 1.5 * ((frame.left == "entrant-3") * 1.0 - (frame.right == "entrant-3"))
    r = dict(zip(arena.labels, arena.strengths, strict=True))
    x = frame.left.map(r).to_numpy() - frame.right.map(r).to_numpy() + 0.7 * gap
    frame["outcome"] = np.where(rng.random(6000) < 1 / (1 + np.exp(-x)), "left", "right")
    frame["glow"] = gap
    plain, styled = (rate(read_votes(frame, ["glow"]), style=style) for style in ([], ["glow"]))
    top = {name: row["rating"] for name, row in (("plain", plain["rows"][0]), ("styled", styled["rows"][0]))}
    assert top["plain"] > top["styled"] + 40
    assert top["styled"] == pytest.approx(1000 + 0.4 * 173.7, abs=15)
    assert "glow" in " ".join(styled["warnings"])


def test_style_columns_are_found_by_their_sides():
    there = ["glow", "detail_a", "detail_b", "left_size", "right_size"]
    assert style_columns(["glow", "detail", "size"], there) == [
        "glow", "detail_a", "detail_b", "left_size", "right_size",
    ]  # fmt: skip
    with pytest.raises(InvalidComparisons, match="noise_a"):
        style_columns(["noise"], there)


def test_parts_are_rated_by_themselves(frame):
    parts = read_votes(frame, ["language"]).split("language")
    assert list(parts) == ["de", "en"]
    assert sum(rate(part)["votes"] for part in parts.values()) == 3000
    german = frame[frame.language == "de"]
    assert rate(parts["de"])["rows"] == rate(read_votes(german))["rows"]
    with pytest.raises(InvalidComparisons, match="no column 'colour'"):
        read_votes(frame).split("colour")


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([f"entrant-{k}" for k in range(1, 6)]), st.floats(-500, 3000))
def test_an_anchor_moves_everything_alike(frame, name, rating):
    file = read_votes(frame[["model_a", "model_b", "winner"]])
    plain, anchored = rate(file), rate(file, anchor=(name, rating))
    moved = {
        round(b[key] - a[key], 6)
        for a, b in zip(plain["rows"], anchored["rows"], strict=True)
        for key in ("rating", "low", "high")
    }
    assert max(moved) - min(moved) < 1e-5
    assert {row["entrant"]: row["rating"] for row in anchored["rows"]}[name] == pytest.approx(rating)


def test_options_that_do_not_go_together_are_refused(frame):
    file = read_votes(frame)
    for options, told in (
        ({"method": "pagerank"}, "method must be one of"),
        ({"method": "davidson", "ties": "drop"}, "ties"),
        ({"method": "elo", "style": ["bright"]}, "style"),
        ({"method": "elo", "cluster": ["rater"]}, "clustered"),
        ({"intervals": "bootstrap", "cluster": ["rater"]}, "sandwich"),
        ({"method": "davidson", "intervals": "bootstrap"}, "bradley-terry"),
        ({"cluster": ["day"]}, "rater, prompt"),
    ):
        with pytest.raises(InvalidOption, match=told):
            rate(file, **options)
    with pytest.raises(InvalidComparisons, match="nobody"):
        rate(file, anchor=("nobody", 1000.0))


def test_bootstrap_intervals_are_near_the_sandwich(frame):
    file = read_votes(frame)
    ours, plain = rate(file, intervals="bootstrap"), rate(file, cluster=[])
    for one, other in zip(ours["rows"], plain["rows"], strict=True):
        assert one["high"] - one["low"] == pytest.approx(other["high"] - other["low"], rel=0.12)

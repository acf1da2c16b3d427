"""Formats of other arenas: their words, their columns, and boards that come out the same."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import choix
import datasets
import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture

from analysis import Comparisons
from analysis.reading import read_votes
from arena.queries.boards import board
from tests.contracts.exported import Voted, ratings

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # datasets leaves files open

FILES = {
    "genai-bench": "image_generation/test-00000.parquet",
    "clean-battle": "clean_battle.json",
    "lmarena-55k": "train.csv",
    "lmarena-140k": "data/train-00000.parquet",
    "rapidata": "data/train-00000.parquet",
    "imagefolder": "train/metadata.csv",
    "csv": "votes.csv",
    "jsonl": "votes.jsonl",
}
DROPS_TIES = {"rapidata"}


@pytest.mark.parametrize("name", FILES)
def test_ratings_of_an_export_are_those_of_the_same_votes(name: str, voted: Voted, tmp_path: Path) -> None:
    report = voted.export(name, tmp_path, criterion="preference")
    cast = voted.votes
    if name in DROPS_TIES:
        cast = cast[cast["outcome"].isin(("left", "right"))]
    read = read_votes(tmp_path / name / FILES[name])
    assert ratings(read.comparisons()) == pytest.approx(ratings(Comparisons.from_frame(cast)), abs=1e-9)
    assert read.dropped == {}
    assert report.rows_out == len(cast)
    assert report.rows_in == report.rows_out + sum(report.dropped.values())


def test_genai_bench_has_its_columns_and_pictures(voted: Voted, hugging_face: None, tmp_path: Path) -> None:
    voted.export("genai-bench", tmp_path)
    loaded = datasets.load_dataset(str(tmp_path / "genai-bench"), "image_generation", split="test")
    picture, text = datasets.Image(), datasets.Value("string")
    assert dict(loaded.features) == {
        "prompt": text,
        "left_model": text,
        "left_image": picture,
        "right_model": text,
        "right_image": picture,
        "vote_type": text,
    }
    words = {"left": "leftvote", "right": "rightvote", "tie": "tievote", "both_bad": "bothbad_vote"}
    assert loaded["vote_type"][:] == list(voted.votes["outcome"].map(words))
    assert loaded["left_model"][:] == list(voted.votes["left"])
    shown = Picture.open(BytesIO(voted.images.get(voted.votes["right_image"][0])))
    assert loaded[0]["right_image"].tobytes() == shown.tobytes()


def test_clean_battle_is_what_elo_analysis_reads(voted: Voted, tmp_path: Path) -> None:
    voted.export("clean-battle", tmp_path)
    rows = json.loads((tmp_path / "clean-battle" / "clean_battle.json").read_text())
    assert list(rows[0]) == [
        "question_id", "model_a", "model_b", "winner", "judge", "conversation_a", "conversation_b", "turn",
        "anony", "language", "tstamp",
    ]  # fmt: skip
    battles = pd.DataFrame(rows).sort_values("tstamp", kind="stable")
    assert list(battles["question_id"]) == [str(vote) for vote in voted.votes["vote"]]
    words = {"left": "model_a", "right": "model_b", "tie": "tie", "both_bad": "tie (bothbad)"}
    assert list(battles["winner"]) == list(voted.votes["outcome"].map(words))
    assert battles["anony"].all()
    assert set(battles["language"]) == {"English"}
    assert all(re.fullmatch(r"arena_user_[1-9]\d*", judge) for judge in battles["judge"])
    assert all(datetime.fromtimestamp(at, UTC).time().isoformat() == "00:00:00" for at in battles["tstamp"])
    told = {turn["content"] for row in rows for turn in row["conversation_a"] if turn["role"] == "assistant"}
    assert told == {f"sha256:{digest}" for digest in voted.votes["left_image"]}


def test_choix_rates_clean_battles_as_the_arena_does(voted: Voted, tmp_path: Path) -> None:
    voted.export("clean-battle", tmp_path, verdicts=("left", "right"))
    rows = json.loads((tmp_path / "clean-battle" / "clean_battle.json").read_text())
    names = sorted({row["model_a"] for row in rows})
    wins = [
        (
            names.index(row[row["winner"]]),
            names.index(row["model_b" if row["winner"] == "model_a" else "model_a"]),
        )
        for row in rows
    ]
    theirs = choix.ilsr_pairwise(len(names), wins)
    cast = voted.votes[voted.votes["outcome"].isin(("left", "right"))]
    ours = ratings(Comparisons.from_frame(cast))
    np.testing.assert_allclose([ours[name] for name in names], theirs - theirs.mean(), atol=1e-5)


def test_kaggles_csv_has_one_hot_winners_and_its_pictures(voted: Voted, tmp_path: Path) -> None:
    report = voted.export("lmarena-55k", tmp_path)
    rows = pd.read_csv(tmp_path / "lmarena-55k" / "train.csv")
    assert list(rows.columns) == [
        "id", "model_a", "model_b", "prompt", "response_a", "response_b", "winner_model_a", "winner_model_b",
        "winner_tie",
    ]  # fmt: skip
    hot = rows[["winner_model_a", "winner_model_b", "winner_tie"]]
    assert (hot.sum(axis=1) == 1).all()
    assert list(hot.to_numpy().argmax(axis=1)) == list(
        voted.votes["outcome"].map({"left": 0, "right": 1, "tie": 2, "both_bad": 2})
    )
    assert [json.loads(told) for told in rows["prompt"]] == [[prompt] for prompt in voted.votes["prompt"]]
    for told, digest in zip(rows["response_b"], voted.votes["right_image"], strict=True):
        (name,) = json.loads(told)
        file = tmp_path / "lmarena-55k" / name
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert report.merged == {"0,0,1": ["tie", "both_bad"]}


def test_140k_has_its_schema_with_pictures_for_answers(
    voted: Voted, hugging_face: None, tmp_path: Path
) -> None:
    voted.export("lmarena-140k", tmp_path)
    loaded = datasets.load_dataset(str(tmp_path / "lmarena-140k"), split="train")
    assert list(loaded.features) == [
        "id", "model_a", "model_b", "winner", "evaluation_session_id", "evaluation_order", "conversation_a",
        "conversation_b", "full_conversation", "conv_metadata", "category_tag", "language", "is_code",
        "timestamp",
    ]  # fmt: skip
    dtypes = {name: told.dtype for name, told in loaded.features.items() if hasattr(told, "dtype")}
    assert (dtypes["evaluation_order"], dtypes["is_code"], dtypes["timestamp"]) == (
        "int32",
        "bool",
        "timestamp[ns]",
    )
    words = {"left": "model_a", "right": "model_b", "tie": "tie", "both_bad": "both_bad"}
    assert loaded["winner"][:] == list(voted.votes["outcome"].map(words))
    row = loaded[1]
    user, answer = row["conversation_a"]
    assert [(part["type"], part["text"]) for part in user["content"]] == [("text", voted.votes["prompt"][1])]
    (told,) = answer["content"]
    assert (told["type"], told["mimeType"]) == ("image", "image/png")
    assert hashlib.sha256(base64.b64decode(told["image"])).hexdigest() == voted.votes["left_image"][1]
    (turn,) = row["full_conversation"]
    assert (turn["user"], turn["model_side_a"]) == (user, answer)
    assert (row["conv_metadata"]["turns"], row["conv_metadata"]["sum_user_tokens"]) == (1, None)
    orders = pd.DataFrame({name: loaded[name][:] for name in ("evaluation_session_id", "evaluation_order")})
    for _, order in orders.groupby("evaluation_session_id")["evaluation_order"]:
        assert list(order) == list(range(1, len(order) + 1))


def test_rapidata_counts_the_votes_of_a_pair_whichever_side_it_hung(
    voted: Voted, hugging_face: None, tmp_path: Path
) -> None:
    voted.export("rapidata", tmp_path)
    loaded = datasets.load_dataset(str(tmp_path / "rapidata"), split="train")
    assert list(loaded.features) == [
        "prompt", "image1", "image2", "votes_image1", "votes_image2", "model1", "model2", "detailed_results",
        "image1_path", "image2_path",
    ]  # fmt: skip
    assert isinstance(loaded.features["image1"], datasets.Image)
    assert loaded.features["votes_image1"].dtype == "int64"
    cast = voted.votes[voted.votes["outcome"].isin(("left", "right"))]
    winners = cast["left_image"].where(cast["outcome"] == "left", cast["right_image"])
    pairs = [tuple(sorted(pair)) for pair in zip(cast["left_image"], cast["right_image"], strict=True)]
    expected = pd.DataFrame({"pair": pairs, "won": winners}).value_counts().to_dict()
    found = {}
    for row in loaded.remove_columns(["image1", "image2"]):
        names = [row[f"image{n}_path"].removesuffix(".png") for n in (1, 2)]
        pair = tuple(sorted(names))
        found |= {(pair, names[n - 1]): row[f"votes_image{n}"] for n in (1, 2) if row[f"votes_image{n}"]}
        details = json.loads(row["detailed_results"])
        assert [each["votedFor"] for each in details].count(row["image1_path"]) == row["votes_image1"]
        assert {value for each in details for value in each["userDetails"].values()} == {None}
    assert found == expected


def test_the_boards_are_published_day_by_day(voted: Voted, hugging_face: None, tmp_path: Path) -> None:
    report = voted.export("leaderboard-dataset", tmp_path)
    loaded = datasets.load_dataset(str(tmp_path / "leaderboard-dataset"), "text_to_image")
    assert {name: told.dtype for name, told in loaded["latest"].features.items()} == {
        "model_name": "string",
        "organization": "string",
        "license": "string",
        "rating": "float64",
        "rating_lower": "float64",
        "rating_upper": "float64",
        "variance": "float64",
        "vote_count": "int64",
        "rank": "int64",
        "category": "string",
        "leaderboard_publish_date": "string",
    }
    full, latest = (loaded[name].to_pandas() for name in ("full", "latest"))
    with voted.database.read() as session:
        shown = board(session)
    mine = {f"{row.entrant}@{row.revision}": (row.rating, row.rank, row.votes) for row in shown.rows}
    overall = latest[latest["category"] == "overall"]
    assert {row.model_name: (row.rating, row.rank, row.vote_count) for row in overall.itertuples()} == mine
    assert set(full["leaderboard_publish_date"]) > set(overall["leaderboard_publish_date"])
    assert latest["variance"].isna().all()
    assert report.rows_in == report.rows_out + sum(report.dropped.values())
    assert report.rows_out == len(full)


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_plain_tables_hold_every_question(
    name: str, voted: Voted, hugging_face: None, tmp_path: Path
) -> None:
    report = voted.export(name, tmp_path)
    loaded = datasets.load_dataset(str(tmp_path / name), split="train").to_pandas()
    assert set(loaded["criterion"]) == {"preference", "likeness"}
    mine = loaded[loaded["criterion"] == "preference"].reset_index(drop=True)
    for column in (
        "vote",
        "left",
        "right",
        "left_image",
        "right_image",
        "outcome",
        "prompt",
        "prompt_digest",
    ):
        assert list(mine[column]) == list(voted.votes[column])
    assert list(report.dropped.values()) == [3]

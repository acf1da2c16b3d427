"""Formats that trainers read, each opened as its trainer opens it."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pytest
import webdataset
from PIL import Image as Picture

from analysis import Comparisons
from analysis.reading import read_votes
from tests.contracts.exported import SPLIT, Voted, ratings

PICKAPIC = {
    "are_different": "bool",
    "best_image_uid": "string",
    "caption": "string",
    "created_at": "timestamp[ns]",
    "has_label": "bool",
    "image_0_uid": "string",
    "image_0_url": "string",
    "image_1_uid": "string",
    "image_1_url": "string",
    "jpg_0": "binary",
    "jpg_1": "binary",
    "label_0": "float64",
    "label_1": "float64",
    "model_0": "string",
    "model_1": "string",
    "ranking_id": "int64",
    "user_id": "int64",
    "num_example_per_prompt": "int64",
    "__index_level_0__": "int64",
}
DECIDED = ("left", "right")


pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # datasets leaves files open


def test_pick_a_pic_has_its_columns_and_every_vote(voted: Voted, hugging_face: None, tmp_path: Path) -> None:
    report = voted.export("pickapic", tmp_path)
    loaded = datasets.load_dataset(str(tmp_path / "pickapic"), split="train")
    assert {name: told.dtype for name, told in loaded.features.items()} == PICKAPIC
    assert list(loaded.features) == list(PICKAPIC)
    rows = loaded.to_pandas()
    cast = voted.votes
    assert list(rows["ranking_id"]) == list(cast["vote"])
    assert list(rows["caption"]) == list(cast["prompt"])
    label = cast["outcome"].map({"left": 1.0, "right": 0.0, "tie": 0.5, "both_bad": 0.5})
    assert list(rows["label_0"]) == list(label)
    assert list(rows["label_1"]) == list(1 - label)
    assert list(rows["has_label"]) == list(label != 0.5)
    best = cast["left_image"].where(label == 1, cast["right_image"].where(label == 0, "none"))
    assert list(rows["best_image_uid"]) == list(best)
    assert list(rows["num_example_per_prompt"]) == list(cast.groupby("prompt")["vote"].transform("size"))
    assert set(rows["created_at"]) == {pd.Timestamp(at.date()) for at in cast["cast_at"]}
    for uid, data in zip(rows["image_1_uid"], rows["jpg_1"], strict=True):
        assert hashlib.sha256(data).hexdigest() == uid
    assert (report.rows_in, report.rows_out) == (len(cast) + 4, len(cast))
    assert report.merged == {"0.5": ["tie", "both_bad"]}


def test_pickscore_filters_limits_and_chains_it(voted: Voted, hugging_face: None, tmp_path: Path) -> None:
    voted.export("pickapic", tmp_path, split=SPLIT)
    train, valid = (
        datasets.load_dataset(str(tmp_path / "pickapic"), split=name)
        for name in ("train", "validation_unique")
    )
    kept = valid.filter(lambda row: row["has_label"])
    assert len(kept) == len(valid) == len(set(valid["caption"])) > 0
    frame = train.to_pandas().drop("__index_level_0__", axis=1)
    limited = frame.groupby("caption").head(2)
    assert limited.groupby("caption").size().max() == 2
    labelled = train.to_pandas().query("has_label")
    won_left = labelled[labelled["label_0"] == 1]
    won_right = labelled[labelled["label_0"] == 0]
    better = dict(zip(won_right["image_0_uid"], won_right["image_1_uid"], strict=True))
    better |= dict(zip(won_left["image_1_uid"], won_left["image_0_uid"], strict=True))
    shown = set(labelled["image_0_uid"]) | set(labelled["image_1_uid"])
    assert len(better) > 0
    assert set(better.values()) <= shown
    parts = {name: set(part["caption"]) for name, part in
             datasets.load_dataset(str(tmp_path / "pickapic")).items() if "unique" not in name}  # fmt: skip
    assert set().union(*parts.values()) == set(voted.votes["prompt"])
    assert sum(map(len, parts.values())) == voted.votes["prompt"].nunique()


def test_diffusers_takes_no_tie_for_a_win(voted: Voted, hugging_face: None, tmp_path: Path) -> None:
    report = voted.export("dpo", tmp_path)
    loaded = datasets.load_dataset(str(tmp_path / "dpo"), split="train")
    assert list(loaded.features) == list(PICKAPIC)
    decided = voted.votes[voted.votes["outcome"].isin(DECIDED)]
    won = []
    for row in loaded:  # as train_diffusion_dpo.py: decode both, put the preferred one first
        pair = [Picture.open(BytesIO(row[name])).convert("RGB").tobytes() for name in ("jpg_0", "jpg_1")]
        if row["label_0"] == 0:
            pair = pair[::-1]
        won.append(hashlib.sha256(pair[0]).hexdigest())
    expected = decided["left_image"].where(decided["outcome"] == "left", decided["right_image"])
    pixels = [
        hashlib.sha256(Picture.open(BytesIO(voted.images.get(digest))).convert("RGB").tobytes()).hexdigest()
        for digest in expected
    ]
    assert won == pixels
    assert set(loaded["label_0"]) == {1.0, 0.0}
    ties = voted.votes["outcome"].value_counts()
    assert {why.split(":")[0]: n for why, n in report.dropped.items() if ":" in why} == {
        "tie": ties["tie"],
        "both_bad": ties["both_bad"],
    }


@pytest.mark.parametrize("name", ["pickapic", "dpo"])
def test_ratings_of_an_export_are_those_of_the_same_votes(name: str, voted: Voted, tmp_path: Path) -> None:
    voted.export(name, tmp_path)
    (file,) = (tmp_path / name / "data").glob("*.parquet")
    cast = voted.votes if name == "pickapic" else voted.votes[voted.votes["outcome"].isin(DECIDED)]
    expected = ratings(Comparisons.from_frame(cast))
    assert ratings(read_votes(file).comparisons()) == pytest.approx(expected, abs=1e-9)


def test_webdataset_reads_its_tars(voted: Voted, hugging_face: None, tmp_path: Path) -> None:
    report = voted.export("webdataset", tmp_path, split=SPLIT)
    decided = voted.votes[voted.votes["outcome"].isin(DECIDED)].set_index("vote")
    seen = {}
    for part in report.parts:
        urls = str(tmp_path / "webdataset" / f"{part}-000000.tar")
        for sample in webdataset.WebDataset(urls, shardshuffle=False).decode("pil"):
            cast = decided.loc[int(sample["__key__"])]
            assert SPLIT.of(cast["prompt_digest"]) == part
            assert sample["original_prompt.txt"] == cast["prompt"]
            assert (sample["jpg_0.jpg"].size, sample["jpg_0.jpg"].mode) == ((24, 24), "RGB")
            seen[int(sample["__key__"])] = (sample["label_0.txt"], sample["label_1.txt"])
    words = {"left": ("1.0", "0.0"), "right": ("0.0", "1.0")}
    assert seen == {vote: words[outcome] for vote, outcome in decided["outcome"].items()}
    loaded = datasets.load_dataset(str(tmp_path / "webdataset"), split="test")
    assert loaded.num_rows == report.parts["test"]
    assert isinstance(loaded.features["jpg_0.jpg"], datasets.Image)


def test_hpsv2_reads_its_tables(voted: Voted, tmp_path: Path) -> None:
    report = voted.export("hpdv2", tmp_path, split=SPLIT)
    home = tmp_path / "hpdv2"
    decided = voted.votes[voted.votes["outcome"].isin(DECIDED)]
    table = pa.Table.from_pylist(json.loads((home / "train.json").read_text()))
    assert table.column_names == ["human_preference", "prompt", "file_path"]
    for row in table.to_pylist():
        assert sorted(row["human_preference"]) == [0, 1]
        sizes = {Picture.open(home / "train" / name).size for name in row["file_path"]}
        assert len(sizes) == 1
    mine = decided[decided["prompt_digest"].map(SPLIT.of) == "train"]
    told = pd.DataFrame(table.to_pylist())
    winners = [
        paths[told.index(1)] for told, paths in zip(told["human_preference"], told["file_path"], strict=True)
    ]
    cast = mine["left_image"].where(mine["outcome"] == "left", mine["right_image"]) + ".png"
    assert sorted(winners) == sorted(cast)
    ranked = json.loads((home / "test.json").read_text())
    assert list(ranked[0]) == ["prompt", "image_path", "rank", "raw_annotations"]
    for row in ranked:
        firsts = [each["rank"].index(1) for each in row["raw_annotations"]]
        wins = (firsts.count(0), firsts.count(1))
        assert (row["rank"][0] - row["rank"][1]) * (wins[0] - wins[1]) <= 0
        assert (row["rank"] == [1, 1]) == (wins[0] == wins[1])
        assert all((home / "test" / name).is_file() for name in row["image_path"])
    rest = len(mine) + sum(len(row["raw_annotations"]) for row in ranked)
    rest += sum(len(row["raw_annotations"]) for row in json.loads((home / "validation.json").read_text()))
    assert rest == report.rows_out == len(decided)


def test_kohya_finds_winners_and_losers_under_one_name(voted: Voted, tmp_path: Path) -> None:
    report = voted.export("kohya", tmp_path)
    home = tmp_path / "kohya" / "1_train"
    decided = voted.votes[voted.votes["outcome"].isin(DECIDED)]
    names = {side: sorted(file.stem for file in (home / side).glob("*.png")) for side in "wl"}
    assert names["w"] == names["l"] == [f"{vote:09d}" for vote in decided["vote"]]
    for _, cast in decided.iterrows():
        sides = ("left_image", "right_image") if cast["outcome"] == "left" else ("right_image", "left_image")
        for folder, side in zip("wl", sides, strict=True):
            file = home / folder / f"{cast['vote']:09d}.png"
            assert hashlib.sha256(file.read_bytes()).hexdigest() == cast[side]
            assert file.with_suffix(".txt").read_text(encoding="utf-8") == cast["prompt"]
    assert report.parts == {"train": len(decided)}


def test_imagefolder_shows_both_pictures_of_a_row(voted: Voted, hugging_face: None, tmp_path: Path) -> None:
    voted.export("imagefolder", tmp_path, split=SPLIT, criterion="preference")
    by_hand = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "imagefolder"))
    by_card = datasets.load_dataset(str(tmp_path / "imagefolder"))
    for loaded in (by_hand, by_card):
        assert {name: part.num_rows for name, part in loaded.items()} == dict(
            voted.votes["prompt_digest"].map(SPLIT.of).value_counts()
        )
        features = loaded["train"].features
        assert {name for name, told in features.items() if isinstance(told, datasets.Image)} == {
            "left_image",
            "right_image",
        }
    first = by_hand["train"][0]
    cast = voted.votes.set_index("vote").loc[first["vote"]]
    shown = Picture.open(BytesIO(voted.images.get(cast["left_image"])))
    assert first["left_image"].convert("RGB").tobytes() == shown.convert("RGB").tobytes()
    assert first["outcome"] == cast["outcome"]

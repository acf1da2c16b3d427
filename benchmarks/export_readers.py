"""Loads exports with what their readers load them with; says how many rows came out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import webdataset
from PIL import Image as Picture

datasets.disable_progress_bars()


def hugging_face(config: str | None = None) -> Callable[[Path], int]:
    """Load all splits with `datasets`, and decode the first picture of each."""

    def load(folder: Path) -> int:
        with tempfile.TemporaryDirectory() as cache:
            parts = datasets.load_dataset(str(folder), config, cache_dir=cache)
            for part in parts.values():
                decoded = [value for value in part[0].values() if isinstance(value, Picture.Image | bytes)]
                for value in decoded:
                    _open(value)
            return sum(part.num_rows for part in parts.values())

    return load


def _open(value: Picture.Image | bytes) -> None:
    picture = Picture.open(BytesIO(value)) if isinstance(value, bytes) else value
    picture.load()


def tars(folder: Path) -> int:
    rows = 0
    for file in sorted(folder.glob("*.tar")):
        for sample in webdataset.WebDataset(str(file), shardshuffle=False).decode("pil"):
            rows += {"jpg_0.jpg", "jpg_1.jpg", "label_0.txt", "original_prompt.txt"} <= sample.keys()
    return rows


def hpsv2(folder: Path) -> int:
    """As HPSv2's HPDDataset: a table of the JSON file, each row's files opened."""
    table = pa.Table.from_pylist(json.loads((folder / "train.json").read_text()))
    for names in table.column("file_path").to_pylist():
        for name in names:
            Picture.open(folder / "train" / name).load()
    return table.num_rows


def kohya(folder: Path) -> int:
    """Pairs that have both pictures and both captions."""
    home = folder / "1_train"
    names = [file.name for file in (home / "w").glob("*.png") if (home / "l" / file.name).is_file()]
    captions = {
        name for name in names if all((home / side / name).with_suffix(".txt").is_file() for side in "wl")
    }
    for name in names:
        Picture.open(home / "w" / name).load()
    return len(captions)


READERS: dict[str, tuple[str, Callable[[Path], int]]] = {
    "pickapic": ("`datasets`, Pillow (PickScore's steps are tested)", hugging_face()),
    "dpo": ("`datasets`, Pillow (diffusers' DPO steps are tested)", hugging_face()),
    "webdataset": ("`webdataset`", tars),
    "hpdv2": ("HPSv2's table read, Pillow", hpsv2),
    "genai-bench": ("`datasets`, `image_generation`", hugging_face("image_generation")),
    "clean-battle": ("pandas", lambda folder: len(pd.read_json(folder / "clean_battle.json"))),
    "lmarena-55k": ("pandas", lambda folder: len(pd.read_csv(folder / "train.csv"))),
    "lmarena-140k": ("`datasets`", hugging_face()),
    "rapidata": ("`datasets`", hugging_face()),
    "imagefolder": ("`datasets`, imagefolder", hugging_face()),
    "kohya": ("its folders, Pillow", kohya),
    "leaderboard-dataset": ("`datasets`, `text_to_image`", hugging_face("text_to_image")),
    "csv": ("pandas", lambda folder: len(pd.read_csv(folder / "votes.csv"))),
    "jsonl": ("pandas", lambda folder: len(pd.read_json(folder / "votes.jsonl", lines=True))),
}

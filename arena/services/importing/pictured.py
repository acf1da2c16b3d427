"""Formats that carry pictures in their rows: Pick-a-Pic, GenAI-Bench and Rapidata's sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from analysis.outcomes import OUTCOME_WORDS
from arena.services.importing.cells import Row
from arena.services.importing.contracts import Asked, Ballot, Hung, LeftOut, Shape, Words

NO_LABEL: Final = "without a label"
NO_VOTES: Final = "pairs that nobody voted on"
NO_WINNER: Final = "none"
_KEPT: Final = (
    "ranking_id", "__index_level_0__", "image_0_uid", "image_0_url", "image_1_uid", "image_1_url",
)  # fmt: skip
"""Columns of Pick-a-Pic that no table of ours has a place for."""


def read_pickapic(row: Row, asked: Asked) -> Iterator[Ballot]:
    """Read a row of Pick-a-Pic; what else says who won must agree with its label."""
    if row.cells["label_0"] is None:
        raise LeftOut(NO_LABEL)
    label = row.number("label_0")
    outcome = row.outcome("label_0", "pickapic", word=str(label))
    if row.cells.get("label_1") is not None and row.number("label_1") != 1 - label:
        raise row.wrong("label_1", f"does not go with label_0 {label:g}; together they are 1")
    best = {1.0: row.text("image_0_uid"), 0.0: row.text("image_1_uid")}.get(label, NO_WINNER)
    if best and row.text("best_image_uid") not in ("", best):
        raise row.wrong("best_image_uid", f"is not {best!r}, which label_0 {label:g} says")
    user = row.cells.get("user_id")
    yield Ballot(
        prompt=Words(row.text("caption")),
        left=Hung(row.name("model_0"), _bytes(row, "jpg_0")),
        right=Hung(row.name("model_1"), _bytes(row, "jpg_1")),
        outcome=outcome,
        at=row.moment("created_at", asked.now),
        rater=None if user is None else str(user),
        elsewhere={name: row.cells[name] for name in _KEPT if row.cells.get(name) is not None},
    )


def read_genai_bench(row: Row, _: Asked) -> Iterator[Ballot]:
    """Read a row of GenAI-Bench's image_generation."""
    yield Ballot(
        prompt=Words(row.text("prompt")),
        left=Hung(row.name("left_model"), _bytes(row, "left_image")),
        right=Hung(row.name("right_model"), _bytes(row, "right_image")),
        outcome=row.outcome("vote_type", "genai_bench"),
    )


def read_rapidata(row: Row, _: Asked) -> Iterator[Ballot]:
    """Read a pair of Rapidata's: a vote for each count."""
    left = Hung(row.name("model1"), _bytes(row, "image1"))
    right = Hung(row.name("model2"), _bytes(row, "image2"))
    words = OUTCOME_WORDS["rapidata"]
    counts = {outcome: row.count(column) for outcome, column in words.items() if column is not None}
    if not any(counts.values()):
        raise LeftOut(NO_VOTES)
    prompt = Words(row.text("prompt"))
    for outcome, count in counts.items():
        yield from [Ballot(prompt, left, right, outcome)] * count


def _bytes(row: Row, column: str) -> bytes | None:
    """The file of a picture, bare or as `datasets` keeps it."""
    value: Any = row.cells.get(column)
    if isinstance(value, dict):
        value = value.get("bytes")
    if value is None or value == b"":
        return None
    if not isinstance(value, bytes):
        raise row.wrong(column, "is no picture's file")
    return value


def without_repeats(folder: Path, endings: tuple[str, ...]) -> list[Path]:
    """Files of a folder, but for the parts of Pick-a-Pic that repeat rows of others."""
    return [
        file for file in sorted(folder.rglob("*")) if file.suffix in endings and "_unique" not in file.name
    ]


PICKAPIC = Shape(
    "pickapic",
    (".parquet",),
    (("caption", "label_0", "model_0", "model_1"),),
    ("label_1", "best_image_uid", "created_at", "user_id", *_KEPT),
    read_pickapic,
    pictures=("jpg_0", "jpg_1"),
    files=without_repeats,
)
GENAI_BENCH = Shape(
    "genai-bench",
    (".parquet",),
    (("prompt", "left_model", "right_model", "vote_type"),),
    (),
    read_genai_bench,
    pictures=("left_image", "right_image"),
)
RAPIDATA = Shape(
    "rapidata",
    (".parquet",),
    (("prompt", "model1", "model2", "votes_image1", "votes_image2"),),
    (),
    read_rapidata,
    pictures=("image1", "image2"),
)

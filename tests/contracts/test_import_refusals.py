"""What cannot be imported as it stands is named, and nothing of it is taken in."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from sqlalchemy import select

from analysis.outcomes import Outcome
from arena.errors import Conflict, Invalid
from arena.tables import Prompt, Vote
from tests.contracts.importing import VOTES, Here, file_of, pickapic, written

BAD = {
    "winner": ("model_b,a red", "model-b,a red", "line 2, column winner: 'model-b' is no outcome"),
    "empty": ("tie,a red vase", ",a red vase", "line 3, column winner: '' is no outcome"),
    "name": (
        "Midjourney,SDXL 1.0,both_bad",
        ",SDXL 1.0,both_bad",
        "line 5, column model_a: '' names no entrant",
    ),
    "day": ("2026-01-02", "yesterday", "line 2, column day: 'yesterday' is no moment"),
    "milliseconds": ("2026-01-02", "1767312000000", "line 2, column day: '1767312000000' is"),
    "future": ("2026-01-02", "2027-01-02", "line 2, column day: '2027-01-02' is 2027-01-02 and not between"),
    "category": (
        "u2,2026-01-03,still-life",
        "u2,2026-01-03,still-lfe",
        "line 3, column category: 'still-lfe'",
    ),
    "cells": ("u3,2026-01-04,animals\nM", "u3,2026-01-04\nM", "line 5: 6 cells under 7 columns"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_row_is_named_and_nothing_is_imported(what: str, votes: Path, here: Here) -> None:
    old, new, told = BAD[what]
    assert VOTES.count(old) == 1 or what == "day"
    votes.write_text(VOTES.replace(old, new, 1), encoding="utf-8")
    before = here.counts()
    with pytest.raises(Invalid) as error:
        here.take(votes, "csv")
    assert f"Their votes.csv, {told}" in str(error.value)
    assert here.counts() == before


def genai(word: str) -> dict[str, Any]:
    return {"prompt": "a cat", "left_model": "x", "right_model": "y", "vote_type": word}


def conversation(word: str) -> dict[str, Any]:
    said = [{"role": "user", "content": "a cat"}]
    return {"model_a": "x", "model_b": "y", "winner": word, "conversation_a": said, "anony": True}


UNKNOWN: dict[str, Callable[[str], dict[str, Any]]] = {
    "genai-bench": genai,
    "clean-battle": conversation,
    "lmarena-140k": conversation,
    "imgsys": lambda word: {"model_a": "x", "model_b": "y", "preference": 0.5, "prompt": word},
    "pickapic": lambda word: {"caption": word, "label_0": 0.7, "model_0": "x", "model_1": "y"},
    "lmarena-55k": lambda word: {
        "model_a": "x", "model_b": "y", "prompt": '["a cat"]', "winner_model_a": 1, "winner_model_b": 1,
        "winner_tie": 0, "id": word,
    },
    "rapidata": lambda word: {
        "prompt": word, "model1": "x", "model2": "y", "votes_image1": 1.5, "votes_image2": 0,
    },
}  # fmt: skip


@pytest.mark.parametrize("form", UNKNOWN)
def test_an_unknown_outcome_is_an_error_and_never_a_tie(form: str, here: Here, tmp_path: Path) -> None:
    row = UNKNOWN[form]("bothbad")
    if form in ("clean-battle", "lmarena-140k"):
        file = tmp_path / "votes.json"
        file.write_text(json.dumps([row]), encoding="utf-8")
    elif form == "lmarena-55k":
        file = tmp_path / "train.csv"
        pd.DataFrame([row]).to_csv(file, index=False)
    else:
        file = written(pa.Table.from_pylist([row]), tmp_path / "votes.parquet")
    with pytest.raises(Invalid, match=r"(row 1|line 2), column \w+: .+ is no (outcome|count of votes)"):
        here.take(file, form)
    assert here.counts()["vote"] == 0


def test_numbers_without_a_published_meaning_get_one_from_the_operator(here: Here, tmp_path: Path) -> None:
    rows = [
        {"model_a": "x", "model_b": "y", "preference": told, "prompt": "a cat"} for told in (1.0, 0.0, 0.5)
    ]
    file = written(pa.Table.from_pylist(rows), tmp_path / "imgsys.parquet")
    means = {"1": Outcome.RIGHT, "0": Outcome.LEFT, "0.5": Outcome.TIE}
    here.take(file, "imgsys", outcomes=means)
    with here.database.read() as session:
        assert session.scalars(select(Vote.outcome).order_by(Vote.id)).all() == ["right", "left", "tie"]


def test_what_agrees_with_nothing_is_named(here: Here, tmp_path: Path) -> None:
    table = pickapic(4)
    best = table["best_image_uid"].to_pylist()
    best[2] = "somebody else"
    place = table.column_names.index("best_image_uid")
    file = written(table.set_column(place, "best_image_uid", pa.array(best)), tmp_path / "train.parquet")
    with pytest.raises(Invalid, match="row 3, column best_image_uid: 'somebody else' is not"):
        here.take(file, "pickapic")


def test_a_picture_that_cannot_be_opened_stops_the_import_unless_none_are_wanted(
    here: Here, tmp_path: Path
) -> None:
    cut = file_of(3, "JPEG")[:200]
    rows = [{**genai("leftvote"), "left_image": {"bytes": cut, "path": "a.jpg"}}]
    file = written(pa.Table.from_pylist(rows), tmp_path / "test.parquet")
    with pytest.raises(Invalid, match=r"row 1: the left picture cannot be opened \(.+\); --without-pictures"):
        here.take(file, "genai-bench")
    assert here.take(file, "genai-bench", pictures=False).votes == 1


def test_rows_that_are_no_votes_are_counted_by_reason(here: Here, tmp_path: Path) -> None:
    rows = [
        conversation("model_a"),
        {**conversation("tie"), "anony": False},
        {**conversation("tie"), "conversation_a": [{"role": "user", "content": "x" * 2_000}]},
    ]
    file = tmp_path / "clean_battle.json"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    taken = here.take(file, "clean-battle")
    assert taken.dropped == {
        "whose rater knew the names": 1,
        "whose prompt is too long, or has control characters": 1,
    }
    assert taken.rows == taken.votes + sum(taken.dropped.values())


def test_140k_takes_pictures_in_base64_and_words_in_parts(here: Here, tmp_path: Path) -> None:
    def turns(shade: int) -> list[dict[str, Any]]:
        image = base64.b64encode(file_of(shade, "PNG")).decode()
        return [
            {"role": "user", "content": [{"type": "text", "text": "ein Glas", "image": None}]},
            {"role": "assistant", "content": [{"type": "image", "text": None, "image": image}]},
        ]

    row = {
        "model_a": "x", "model_b": "y", "winner": "both_bad", "language": "de",
        "evaluation_session_id": "s1", "conversation_a": turns(1), "conversation_b": turns(2),
    }  # fmt: skip
    taken = here.take(written(pa.Table.from_pylist([row]), tmp_path / "train.parquet"), "lmarena-140k")
    assert (taken.votes, taken.pictures) == (1, 2)
    with here.database.read() as session:
        assert session.execute(select(Prompt.text, Prompt.language)).one() == ("ein Glas", "de")
        assert session.scalars(select(Vote.outcome)).one() == "both_bad"


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("dpo", "it lost the ties"),
        ("webdataset", "does not say which entrant"),
        ("hpdv2", "does not say which entrant"),
        ("imagefolder", "give its metadata.csv to --format csv"),
        ("kohya", "does not say which entrant"),
        ("leaderboard-dataset", "it holds ratings"),
        ("xml", "'xml' is no format of votes; there is: vernissage, pickapic"),
    ],
)
def test_formats_that_bring_no_votes_say_why(form: str, why: str, votes: Path, here: Here) -> None:
    with pytest.raises(Invalid, match=why):
        here.take(votes, form)


def test_columns_of_another_format_are_told(votes: Path, here: Here, tmp_path: Path) -> None:
    votes.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(
        Invalid, match=r"has not the columns of csv \(left, right, outcome, or .+\); it has a, b"
    ):
        here.take(votes, "csv")
    with pytest.raises(Invalid, match=r"does not end in \.parquet"):
        here.take(votes, "pickapic")


def test_a_file_that_changes_meanwhile_is_not_imported(votes: Path, here: Here) -> None:
    def change(what: str, _share: float) -> None:
        if what == "reading":
            votes.write_text(f"{VOTES}SDXL 1.0,Midjourney,tie,a dog,,,\n", encoding="utf-8")

    before = here.counts()
    with pytest.raises(Conflict, match="was changed while it was read"):
        here.take(votes, "csv", progress=change)
    assert here.counts() == before

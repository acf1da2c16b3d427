"""LMArena's releases of 55k and 140k votes, with pictures for answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from arena.services.formats.contracts import Desk, Format, Parts, Preference, Side
from arena.services.formats.sinks import CsvFiles, Tables

COLUMNS_55K = (
    "id",
    "model_a",
    "model_b",
    "prompt",
    "response_a",
    "response_b",
    "winner_model_a",
    "winner_model_b",
    "winner_tie",
)

_TEXT, _SHORT, _LONG, _YES = pa.string(), pa.int32(), pa.int64(), pa.bool_()
_HEADERS = tuple(f"h{level}" for level in range(1, 7))
_LISTS = ("ordered", "unordered")
_BOLD = ("**", "__")
_CRITERIA = (
    "complexity",
    "creativity",
    "domain_knowledge",
    "problem_solving",
    "real_world",
    "specificity",
    "technical_accuracy",
)


def _struct(names: Sequence[str], kind: pa.DataType) -> pa.DataType:
    return pa.struct([(name, kind) for name in names])


_CONTENT = pa.list_(_struct(("type", "text", "image", "mimeType"), _TEXT))
_MESSAGE = pa.struct([("role", _TEXT), ("content", _CONTENT)])
_COUNTED = pa.struct([*_MESSAGE, ("num_tokens", _SHORT)])
"""Messages of conversation_b, and of no other column, have room for a count of tokens."""


def _measures(side: str) -> list[tuple[str, pa.DataType]]:
    return [
        (f"sum_assistant_{side}_tokens", _SHORT),
        (f"header_count_{side}", _struct(_HEADERS, _LONG)),
        (f"list_count_{side}", _struct(_LISTS, _LONG)),
        (f"bold_count_{side}", _struct(_BOLD, _LONG)),
        (f"context_{side}_tokens", _SHORT),
    ]


SCHEMA_140K = pa.schema(
    [
        ("id", _TEXT),
        ("model_a", _TEXT),
        ("model_b", _TEXT),
        ("winner", _TEXT),
        ("evaluation_session_id", _TEXT),
        ("evaluation_order", _SHORT),
        ("conversation_a", pa.list_(_MESSAGE)),
        ("conversation_b", pa.list_(_COUNTED)),
        ("full_conversation", pa.list_(_struct(("user", "model_side_a", "model_side_b"), _MESSAGE))),
        (
            "conv_metadata",
            pa.struct([*_measures("a"), *_measures("b"), ("sum_user_tokens", _SHORT), ("turns", _SHORT)]),
        ),
        (
            "category_tag",
            pa.struct(
                [
                    ("creative_writing_v0.1", pa.struct([("creative_writing", _YES), ("score", _TEXT)])),
                    ("criteria_v0.1", _struct(_CRITERIA, _YES)),
                    ("if_v0.1", pa.struct([("if", _YES), ("score", _SHORT)])),
                    ("math_v0.1", pa.struct([("math", _YES)])),
                ]
            ),
        ),
        ("language", _TEXT),
        ("is_code", _YES),
        ("timestamp", pa.timestamp("ns")),
    ]
)
_NO_MARKUP = {"turns": 1} | {
    key: value
    for side in "ab"
    for key, value in (
        (f"sum_assistant_{side}_tokens", 0),
        (f"header_count_{side}", dict.fromkeys(_HEADERS, 0)),
        (f"list_count_{side}", dict.fromkeys(_LISTS, 0)),
        (f"bold_count_{side}", dict.fromkeys(_BOLD, 0)),
    )
}
"""A picture has no words and no markup; what a prompt weighs in tokens depends on whose, and is null."""


def write_55k(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write CSV files with one-hot winners, and the pictures into ``images/``."""
    with CsvFiles(desk.folder, lambda part: f"{part}.csv", COLUMNS_55K) as files:
        for vote in votes:
            digests = [side.picture.digest for side in vote.sides]
            names = [desk.lay_down("images", digest, digest) for digest in digests]
            word = LMARENA_55K.words[vote.outcome]
            assert word is not None, "no outcome is dropped"
            cells = [
                vote.number,
                vote.left.entrant,
                vote.right.entrant,
                json.dumps([vote.prompt.text], ensure_ascii=False),
                *(json.dumps([f"images/{name}"]) for name in names),
                *word.split(","),
            ]
            files.add(vote.split, dict(zip(COLUMNS_55K, cells, strict=True)))
    return files.parts


def write_140k(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write conversations with typed content."""
    with Tables(desk, "data", SCHEMA_140K) as tables:
        for vote in votes:
            if tables.kept(vote.split):
                continue
            user = _said("user", type="text", text=vote.prompt.text)
            answers = [_picture(side, desk) for side in vote.sides]
            tables.add(
                vote.split,
                {
                    "id": str(vote.number),
                    "model_a": vote.left.entrant,
                    "model_b": vote.right.entrant,
                    "winner": LMARENA_140K.words[vote.outcome],
                    "evaluation_session_id": vote.judge,
                    "evaluation_order": vote.turn,
                    "conversation_a": [user, answers[0]],
                    "conversation_b": [user, answers[1]],
                    "full_conversation": [
                        {"user": user, "model_side_a": answers[0], "model_side_b": answers[1]}
                    ],
                    "conv_metadata": _NO_MARKUP,
                    "category_tag": None,
                    "language": vote.prompt.language,
                    "is_code": False,
                    "timestamp": vote.midnight.replace(tzinfo=None),
                },
                2 * sum(len(answer["content"][0]["image"]) for answer in answers),
            )
    return tables.parts


def _said(role: str, **content: str) -> dict[str, Any]:
    return {"role": role, "content": [content]}


def _picture(side: Side, desk: Desk) -> dict[str, Any]:
    image = base64.b64encode(desk.pictures(side.picture.digest)).decode()
    return _said("assistant", type="image", image=image, mimeType="image/png")


LMARENA_55K = Format(
    name="lmarena-55k",
    title="LMArena 55k (lmarena-ai/arena-human-preference-55k, Kaggle's train.csv)",
    reader="pandas, and whatever reads train.csv",
    vocabulary="lmarena_55k",
    write=write_55k,
    remarks=(
        "`prompt` and the responses are JSON lists of one string, as there; a response is the path of the "
        "picture in this folder, named by its SHA-256.",
        "`id` is the number of the vote.",
    ),
)
LMARENA_140K = Format(
    name="lmarena-140k",
    title="LMArena 140k (lmarena-ai/arena-human-preference-140k)",
    reader="`datasets`, pandas, arena-rank",
    vocabulary="lmarena_140k",
    write=write_140k,
    remarks=(
        "`evaluation_session_id` is the rater's number in this export and `evaluation_order` counts the "
        "rater's votes from 1; `id` is the number of the vote.",
        "`timestamp` is midnight UTC of the vote's day. Counts of an answer's tokens and markup are 0, since "
        "it is a picture; counts of a prompt's tokens and `category_tag` are null.",
    ),
    second_hand=(
        "No release of votes on pictures in this shape is public: that `image` holds the PNG bytes in "
        "base64, which keeps the column a string, is our choice.",
    ),
)

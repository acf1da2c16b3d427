"""The files of FastChat and LMArena: clean_battle, 55k and 140k, with a picture for an answer or without."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from babel import Locale

from arena.services.importing.cells import Row
from arena.services.importing.contracts import Asked, Ballot, Hung, LeftOut, Shape, Words
from arena.services.importing.plain import language

NAMED: Final = "whose rater knew the names"
UNDETERMINED: Final = "und"
_PATHS: Final = ('.png"]', '.jpg"]', '.jpeg"]', '.webp"]')
_HOT: Final = ("winner_model_a", "winner_model_b", "winner_tie")


def read_clean_battle(row: Row, asked: Asked) -> Iterator[Ballot]:
    """Read a battle of FastChat."""
    if row.cells.get("anony") is False:
        raise LeftOut(NAMED)
    yield Ballot(
        prompt=Words(_said(row, "conversation_a"), language=_tag(row)),
        left=Hung(row.name("model_a")),
        right=Hung(row.name("model_b")),
        outcome=row.outcome("winner", "clean_battle"),
        at=row.moment("tstamp", asked.now),
        rater=row.text("judge") or None,
    )


def read_55k(row: Row, _: Asked) -> Iterator[Ballot]:
    """Read a row of Kaggle's train.csv; an answer may be the path of a picture beside it."""
    hot = ",".join(f"{row.number(column):g}" for column in _HOT)
    yield Ballot(
        prompt=Words(_listed(row, "prompt")),
        left=Hung(row.name("model_a"), _beside(row, "response_a")),
        right=Hung(row.name("model_b"), _beside(row, "response_b")),
        outcome=row.outcome(_HOT[0], "lmarena_55k", word=hot),
    )


def read_140k(row: Row, asked: Asked) -> Iterator[Ballot]:
    """Read a conversation with typed content."""
    yield Ballot(
        prompt=Words(_said(row, "conversation_a"), language=language(row, "language")),
        left=Hung(row.name("model_a"), _pictured(row, "conversation_a")),
        right=Hung(row.name("model_b"), _pictured(row, "conversation_b")),
        outcome=row.outcome("winner", "lmarena_140k"),
        at=row.moment("timestamp", asked.now),
        rater=row.text("evaluation_session_id") or None,
    )


def _said(row: Row, column: str) -> str:
    """What the user said first: a text, or the texts of typed content."""
    content = next((one.get("content") for one in _turns(row, column) if one.get("role") == "user"), "")
    if isinstance(content, list):
        content = " ".join(part.get("text") or "" for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise row.wrong(column, "holds no text of a user")
    return content.strip()


def _pictured(row: Row, column: str) -> bytes | None:
    """The picture of the first answer, kept in base64."""
    for turn in _turns(row, column):
        if turn.get("role") == "user" or not isinstance(turn.get("content"), list):
            continue
        for part in turn["content"]:
            if isinstance(part, dict) and part.get("type") == "image" and part.get("image"):
                try:
                    return base64.b64decode(part["image"], validate=True)
                except (binascii.Error, TypeError, ValueError):
                    raise row.wrong(column, "holds a picture that is not in base64") from None
    return None


def _turns(row: Row, column: str) -> list[dict[str, Any]]:
    turns = row.cells.get(column) or []
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise row.wrong(column, "is no conversation")
    return turns


def _listed(row: Row, column: str) -> str:
    """The first of a JSON list of texts."""
    try:
        told = json.loads(row.text(column) or "[]")
    except (ValueError, RecursionError):
        raise row.wrong(column, "is no JSON list of texts") from None
    if not isinstance(told, list) or not all(isinstance(each, str | None) for each in told):
        raise row.wrong(column, "is no JSON list of texts")
    return (told[0] or "").strip() if told else ""


def _beside(row: Row, column: str) -> bytes | None:
    """A picture that the answer is the path of, within the folder of the file."""
    told = _listed(row, column) if row.text(column).endswith(_PATHS) else ""
    folder = row.file.parent.resolve()
    path = (folder / told).resolve()
    return path.read_bytes() if told and path.is_relative_to(folder) and path.is_file() else None


def _tag(row: Row) -> str:
    """Language tag of the English name that FastChat writes."""
    return _tags().get(row.text("language").lower(), UNDETERMINED)


@cache
def _tags() -> dict[str, str]:
    return {str(name).lower(): tag.replace("_", "-") for tag, name in Locale("en").languages.items()}


_SIDES: Final = ("model_a", "model_b")
CLEAN_BATTLE = Shape(
    "clean-battle",
    (".json", ".jsonl"),
    ((*_SIDES, "winner"),),
    ("judge", "conversation_a", "anony", "language", "tstamp"),
    read_clean_battle,
)
LMARENA_55K = Shape(
    "lmarena-55k",
    (".csv",),
    ((*_SIDES, "prompt", *_HOT),),
    (),
    read_55k,
    pictures=("response_a", "response_b"),
)
LMARENA_140K = Shape(
    "lmarena-140k",
    (".parquet", ".jsonl", ".json"),
    ((*_SIDES, "winner", "conversation_a"),),
    ("evaluation_session_id", "language", "timestamp"),
    read_140k,
    pictures=("conversation_b",),
)

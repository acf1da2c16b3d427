"""GenAI-Bench, and the clean_battle files of FastChat and GenAI-Arena."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from babel import Locale, UnknownLocaleError

from arena.services.formats.contracts import Desk, Format, Parts, Preference, Side
from arena.services.formats.sinks import IMAGE, JsonArrays, Tables, hugging_face

SCHEMA = hugging_face(
    pa.schema(
        [
            ("prompt", pa.string()),
            ("left_model", pa.string()),
            ("left_image", IMAGE),
            ("right_model", pa.string()),
            ("right_image", IMAGE),
            ("vote_type", pa.string()),
        ]
    )
)


def write_genai_bench(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write GenAI-Bench's image_generation."""
    with Tables(desk, GENAI_BENCH.config, SCHEMA) as tables:
        for vote in votes:
            if tables.kept(vote.split):
                continue
            left, right = (
                {"bytes": desk.pictures(side.picture.digest), "path": f"{side.picture.digest}.png"}
                for side in vote.sides
            )
            tables.add(
                vote.split,
                {
                    "prompt": vote.prompt.text,
                    "left_model": vote.left.entrant,
                    "left_image": left,
                    "right_model": vote.right.entrant,
                    "right_image": right,
                    "vote_type": GENAI_BENCH.words[vote.outcome],
                },
                len(left["bytes"]) + len(right["bytes"]),
            )
    return tables.parts


def write_clean_battle(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write clean_battle files."""
    with JsonArrays(desk.folder, desk.name("clean_battle", "json")) as files:
        for vote in votes:
            conversations = [
                [
                    {"role": "user", "content": vote.prompt.text},
                    {"role": "assistant", "content": _answer(side)},
                ]
                for side in vote.sides
            ]
            files.add(
                vote.split,
                {
                    "question_id": str(vote.number),
                    "model_a": vote.left.entrant,
                    "model_b": vote.right.entrant,
                    "winner": CLEAN_BATTLE.words[vote.outcome],
                    "judge": vote.judge,
                    "conversation_a": conversations[0],
                    "conversation_b": conversations[1],
                    "turn": 1,
                    "anony": True,
                    "language": language_name(vote.prompt.language),
                    "tstamp": vote.midnight.timestamp(),
                },
            )
    return files.parts


def _answer(side: Side) -> str:
    return f"sha256:{side.picture.digest}" if side.picture.digest else ""


def language_name(tag: str) -> str:
    """English name of a language, as FastChat writes it; "unknown" where the tag names none."""
    try:
        return Locale.parse(tag, sep="-").get_language_name("en") or "unknown"
    except (ValueError, UnknownLocaleError):
        return "unknown"


GENAI_BENCH = Format(
    name="genai-bench",
    title="GenAI-Bench (TIGER-Lab/GenAI-Bench)",
    reader="`datasets`, config image_generation",
    vocabulary="genai_bench",
    write=write_genai_bench,
    config="image_generation",
    part="test",
    remarks=("Pictures are PNG bytes inside the rows; their path is the SHA-256 of the file.",),
)
CLEAN_BATTLE = Format(
    name="clean-battle",
    title="clean_battle (FastChat, GenAI-Arena, LMArena's 33k)",
    reader="elo_analysis, arena-rank, `arena rate`",
    vocabulary="clean_battle",
    write=write_clean_battle,
    pictures=False,
    remarks=(
        "`tstamp` is midnight UTC of the vote's day: rows stand in the order of the votes, so sort only with "
        "a stable sort.",
        "`judge` is `arena_user_<k>`, k a number that means nothing in another export; `question_id` is the "
        "number of the vote.",
        "The picture that an entrant answered with is told by its SHA-256; the files are in the exports "
        "`imagefolder` and `vernissage`, under that name.",
    ),
    second_hand=(
        "How a conversation tells of a picture is our choice: no such file with pictures is public.",
    ),
)

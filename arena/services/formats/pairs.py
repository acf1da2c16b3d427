"""Formats that speak of pairs of pictures rather than votes: Rapidata's sets and HPDv2."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa

from arena.services.formats.contracts import Desk, Format, Part, Parts, Preference
from arena.services.formats.sinks import IMAGE, JsonArrays, Tables, hugging_face

SCHEMA = hugging_face(
    pa.schema(
        [
            ("prompt", pa.string()),
            ("image1", IMAGE),
            ("image2", IMAGE),
            ("votes_image1", pa.int64()),
            ("votes_image2", pa.int64()),
            ("model1", pa.string()),
            ("model2", pa.string()),
            ("detailed_results", pa.string()),
            ("image1_path", pa.string()),
            ("image2_path", pa.string()),
        ]
    )
)
_NOBODY_ASKED = dict.fromkeys(("country", "language", "occupation", "gender", "userScore"))


def write_rapidata(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write a row a pair of pictures."""
    with Tables(desk, "data", SCHEMA) as tables:
        for first, group in _pairs(votes):
            if tables.kept(first.split):
                continue
            digests = [side.picture.digest for side in first.sides]
            pictures = [{"bytes": desk.pictures(digest), "path": f"{digest}.png"} for digest in digests]
            counts = Counter(_counted(first, vote) for vote in group)
            paths = {f"votes_image{n}": f"{digest}.png" for n, digest in enumerate(digests, start=1)}
            results = [
                {"votedFor": paths[winner], "userDetails": _NOBODY_ASKED}
                for winner, n in counts.items()
                for _ in range(n)
            ]
            tables.add(
                first.split,
                {
                    "prompt": first.prompt.text,
                    "image1": pictures[0],
                    "image2": pictures[1],
                    "votes_image1": counts["votes_image1"],
                    "votes_image2": counts["votes_image2"],
                    "model1": first.left.entrant,
                    "model2": first.right.entrant,
                    "detailed_results": json.dumps(results),
                    "image1_path": pictures[0]["path"],
                    "image2_path": pictures[1]["path"],
                },
                sum(len(picture["bytes"]) for picture in pictures),
            )
    return tables.parts


def _pairs(votes: Iterator[Preference]) -> Iterator[tuple[Preference, list[Preference]]]:
    """Votes on the same pictures together, with the first of them, whose sides the pair is told by."""
    for _, found in groupby(votes, key=lambda vote: vote.pair):
        group = list(found)
        yield group[0], group


def _turned(first: Preference, vote: Preference) -> bool:
    """Whether a vote saw the pictures of its pair the other way round."""
    return vote.left.picture.digest != first.left.picture.digest


def _counted(first: Preference, vote: Preference) -> str:
    """Column that a vote counts in."""
    word = RAPIDATA.words[vote.outcome]
    assert word is not None, "dropped before"
    other = {"votes_image1": "votes_image2", "votes_image2": "votes_image1"}
    return other[word] if _turned(first, vote) else word


def write_hpdv2(votes: Iterator[Preference], desk: Desk) -> Parts:
    """Write pairs into train.json, and ranked pairs into the files of other parts."""
    judged: Counter[str] = Counter()
    with JsonArrays(desk.folder, lambda part: f"{part}.json") as files:
        for first, group in _pairs(votes):
            judged[first.split] += len(group)
            for row in _decided(group, desk) if first.split == "train" else [_ranked(first, group, desk)]:
                files.add(first.split, row)
    return {part: Part(written.files, written.rows) for part, written in files.parts.items()}


def _decided(group: list[Preference], desk: Desk) -> Iterator[dict[str, Any]]:
    for vote in group:
        word = HPDV2.words[vote.outcome]
        assert word is not None, "dropped before"
        names = [_file(vote, side.picture.digest, desk) for side in vote.sides]
        yield {"human_preference": json.loads(word), "prompt": vote.prompt.text, "file_path": names}


def _ranked(first: Preference, group: list[Preference], desk: Desk) -> dict[str, Any]:
    annotations = []
    wins = Counter({0: 0, 1: 0})
    for vote in group:
        word = HPDV2.words[vote.outcome]
        assert word is not None, "dropped before"
        winner = json.loads(word).index(1) ^ _turned(first, vote)
        wins[winner] += 1
        annotations.append({"rank": [1, 2] if winner == 0 else [2, 1], "user_hash": vote.judge})
    rank = [1, 1] if wins[0] == wins[1] else [1, 2] if wins[0] > wins[1] else [2, 1]
    names = [_file(first, side.picture.digest, desk) for side in first.sides]
    return {"prompt": first.prompt.text, "image_path": names, "rank": rank, "raw_annotations": annotations}


def _file(vote: Preference, digest: str, desk: Desk) -> str:
    return desk.lay_down(vote.split, digest, digest)


RAPIDATA = Format(
    name="rapidata",
    title="Rapidata's preference sets (Rapidata/*_t2i_human_preference)",
    reader="`datasets`",
    vocabulary="rapidata",
    write=write_rapidata,
    by_pair=True,
    remarks=(
        "A row is a pair of pictures, and holds all votes on it: rows are fewer than votes. `image1` is what "
        "hung on the left in the first of them.",
        "In `detailed_results` every detail of a rater is null: nobody was asked. The columns of newer sets "
        "with weighted results are left out, because our votes carry no such weights.",
    ),
)
HPDV2 = Format(
    name="hpdv2",
    title="Human Preference Dataset v2",
    reader="HPSv2's training and evaluation code",
    vocabulary="hpdv2",
    write=write_hpdv2,
    by_pair=True,
    remarks=(
        "train.json has a row a vote; the JSON file of any other part has test.json's form, a row a pair of "
        "pictures with its votes in `raw_annotations`.",
        "File names are those of the folder called like the part, the SHA-256 of each picture: give the "
        "loader that folder. The loader passes over rows whose two pictures differ in size.",
        "`user_hash` is `arena_user_<k>`, k a number that means nothing in another export.",
    ),
    second_hand=(
        "That a rank counts from 1 for the best is our reading: the loader only compares ranks with each "
        "other, the smaller the better.",
    ),
)

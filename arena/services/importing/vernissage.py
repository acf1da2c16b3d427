"""The folder that `arena export` writes: verified first, then read with its cards, questions and pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from arena.domain.columns import VOTES
from arena.errors import Invalid
from arena.queries.votes import label
from arena.services.importing.cells import Row
from arena.services.importing.contracts import Asked, Ballot, Hung, LeftOut, Origin, Shape, Words
from arena.services.importing.plain import OTHER_CAMPAIGN, TEST_BATTLE
from arena.services.verifying import verify
from arena.services.vote_files import PARQUET
from arena.tables import BattleKind, PromptSource


def read_vote(row: Row, asked: Asked) -> Iterator[Ballot]:
    """Read a vote; its folder has been verified, so its cells are what they should be."""
    cells = row.cells
    if asked.of is not None and cells["campaign"] != asked.of:
        raise LeftOut(OTHER_CAMPAIGN)
    if cells["kind"] != BattleKind.ORDINARY:
        raise LeftOut(TEST_BATTLE)
    told = _prompts(row.file.parent)[cells["prompt_digest"]]
    yield Ballot(
        prompt=Words(
            text=told["prompt"],
            categories=tuple(told["categories"].split()),
            language=told["language"],
            source=PromptSource(told["source"]),
            licence=told["licence"],
        ),
        left=Hung(cells["left"], _picture(row, "left_image", asked)),
        right=Hung(cells["right"], _picture(row, "right_image", asked)),
        outcome=row.outcome("outcome", "vernissage"),
        at=row.moment("day", asked.now),
        rater=cells["rater"],
        criterion=cells["criterion"],
        campaign=cells["campaign"],
        battle=cells["battle"],
        ballot_no=cells["ballot_no"],
    )


def verified(folder: Path, _endings: tuple[str, ...]) -> list[Path]:
    """The file of votes of an export that is what it says.

    Raises
    ------
    Invalid
        With the first thing that is wrong.
    """
    report = verify(folder)
    if not report.matches:
        raise Invalid(f"{folder} does not verify: {report.problems[0]}; `arena verify {folder}` tells all")
    return [folder / PARQUET]


def origin(folder: Path) -> Origin:
    """Cards of the entrants, and the questions in the order of the boards."""
    cards: list[dict[str, Any]] = json.loads((folder / "entrants.json").read_bytes())
    boards: list[dict[str, Any]] = json.loads((folder / "ratings.json").read_bytes())
    return Origin(
        cards={label(card["slug"], card["revision"]): card for card in cards},
        questions={board["criterion"]: board["question"] for board in boards},
    )


@lru_cache(maxsize=1)
def _prompts(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "prompts.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return {row["prompt_digest"]: row for row in csv.DictReader(file)}


def _picture(row: Row, column: str, asked: Asked) -> bytes | None:
    file = row.file.parent / "images" / f"{row.cells[column]}.png"
    return file.read_bytes() if asked.pictures and row.cells[column] and file.is_file() else None


VERNISSAGE = Shape(
    "vernissage",
    (".parquet",),
    (tuple(column.name for column in VOTES),),
    (),
    read_vote,
    files=verified,
    origin=origin,
)

"""Plain tables of votes, and imgsys, whose numbers have no published meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from analysis.reading import PROMPTS, RATERS
from arena.domain.categories import check_categories
from arena.errors import InvalidPrompt
from arena.services.importing.cells import Row
from arena.services.importing.contracts import PREFERENCE, Asked, Ballot, Hung, LeftOut, Shape, Words
from arena.tables import BattleKind, PromptSource

TEST_BATTLE: Final = "on a battle that tests raters, which counts on no board"
OTHER_CAMPAIGN: Final = "of another campaign"
TIMES: Final = ("tstamp", "timestamp", "created_at", "day")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_CATEGORIES: Final = ("categories", "category")
_OURS, _LMARENA = ("left", "right", "outcome"), ("model_a", "model_b", "winner")


def read_plain(row: Row, asked: Asked) -> Iterator[Ballot]:
    """Read a row of our plain tables, or of any with LMArena's columns."""
    campaign = row.text("campaign") or None
    if asked.of is not None and campaign != asked.of:
        raise LeftOut(OTHER_CAMPAIGN)
    if row.text("kind") not in ("", BattleKind.ORDINARY):
        raise LeftOut(TEST_BATTLE)
    ours = all(name in row.cells for name in _OURS)
    left, right, outcome = _OURS if ours else _LMARENA
    words = ("vernissage",) if ours else ("clean_battle", "lmarena_140k")
    rater = row.any_of(RATERS)
    yield Ballot(
        prompt=Words(
            text=row.text(row.any_of(PROMPTS) or ""),
            categories=categories(row, asked),
            language=language(row, "language"),
            source=_source(row),
        ),
        left=Hung(row.name(left)),
        right=Hung(row.name(right)),
        outcome=row.outcome(outcome, *words, own=asked.outcomes),
        at=row.moment(row.any_of(TIMES), asked.now),
        rater=str(row.cells[rater]) if rater and row.cells[rater] not in (None, "") else None,
        criterion=row.text("criterion") or PREFERENCE,
        campaign=campaign,
    )


def read_imgsys(row: Row, asked: Asked) -> Iterator[Ballot]:
    """Read a row of imgsys; the operator has to know what its numbers mean."""
    number = row.number("preference")
    yield Ballot(
        prompt=Words(row.text("prompt")),
        left=Hung(row.name("model_a")),
        right=Hung(row.name("model_b")),
        outcome=row.outcome("preference", word=f"{number:g}", own=asked.outcomes),
    )


def language(row: Row, column: str) -> str:
    """A language tag; English where there is none."""
    told = row.text(column) or "en"
    if len(told) > 16 or not _LANGUAGE.fullmatch(told):
        raise row.wrong(column, "is no language tag; use one such as en or pt-BR")
    return told


def categories(row: Row, asked: Asked) -> tuple[str, ...]:
    """Categories of a prompt, by blanks, commas or semicolons."""
    column = row.any_of(_CATEGORIES)
    told = re.split(r"[\s,;]+", row.text(column)) if column and row.text(column) else []
    try:
        return check_categories(told, known=asked.categories or (), new=asked.categories is None)
    except InvalidPrompt as error:
        raise row.wrong(column or "", f"cannot be taken: {error}; --new lets other ones in") from error


def _source(row: Row) -> PromptSource:
    try:
        return PromptSource(row.text("source") or PromptSource.CURATED)
    except ValueError:
        raise row.wrong("source", "is neither curated nor own") from None


_ALSO: Final = (
    *PROMPTS, *RATERS, *TIMES, *_CATEGORIES, "language", "source", "criterion", "campaign", "kind",
)  # fmt: skip
CSV = Shape("csv", (".csv", ".tsv"), (_OURS, _LMARENA), _ALSO, read_plain)
JSONL = Shape("jsonl", (".jsonl", ".ndjson", ".json"), (_OURS, _LMARENA), _ALSO, read_plain)
IMGSYS = Shape(
    "imgsys", (".parquet", ".csv"), (("model_a", "model_b", "preference", "prompt"),), (), read_imgsys
)

"""What a format to import is, and the votes that it makes of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from analysis.outcomes import Outcome
from arena.services.importing.cells import Row
from arena.tables import PromptSource

PREFERENCE = "preference"
"""What a question is called whose file tells nothing of questions."""


class LeftOut(Exception):
    """A row that is read but holds no vote to count; its text says why, in words that follow a number."""


class Hung(NamedTuple):
    """What hung on one side: the entrant as the file calls it, and the bytes of its picture if they came."""

    entrant: str
    picture: bytes | None = None


class Words(NamedTuple):
    """A prompt as the file tells it; no text where it tells none."""

    text: str
    categories: tuple[str, ...] = ()
    language: str = "en"
    source: PromptSource = PromptSource.CURATED
    licence: str = ""


class Ballot(NamedTuple):
    """One vote of a file.

    ``at`` is null where the file tells no time, ``rater`` where it tells nobody. ``battle`` joins the answers
    to several questions about one pair; without it each vote has a battle of its own. ``elsewhere`` is what
    the file says beyond this, under its own names, for whoever exports the vote again.
    """

    prompt: Words
    left: Hung
    right: Hung
    outcome: Outcome
    at: datetime | None = None
    rater: str | None = None
    criterion: str = PREFERENCE
    campaign: str | None = None
    battle: int | None = None
    ballot_no: int = 1
    elsewhere: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an import is told beside its file.

    Attributes
    ----------
    of : str, optional
        The campaign to take, of a file that holds several.
    outcomes : mapping of str to Outcome
        What words of the file mean, where its format does not say.
    pictures : bool
        Whether pictures are taken along.
    categories : collection of str
        Those that prompts may have; null if any.
    now : datetime
        No vote is from later.
    """

    now: datetime
    of: str | None = None
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    pictures: bool = True
    categories: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What a whole file tells of entrants and questions, by the names it has for them."""

    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shape:
    """A format to import.

    Attributes
    ----------
    name : str
        As `arena.domain.formats` has it.
    endings : tuple of str
        Of the files that hold the votes.
    needs : tuple of tuples of str
        Columns; a file must have all of one of these.
    also : tuple of str
        Columns that are read where they are there.
    read : callable
        Makes votes of a row; raises `LeftOut`, or Invalid if the row cannot be read.
    pictures : tuple of str
        Columns that are read for their pictures alone.
    files : callable, optional
        Finds the files in a folder, where their ending alone does not tell; and looks at the folder as a
        whole, with Invalid if it is not what it should be.
    origin : callable, optional
        Reads what the folder tells beside the votes.
    """

    name: str
    endings: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    also: tuple[str, ...]
    read: Callable[[Row, Asked], Iterable[Ballot]]
    pictures: tuple[str, ...] = ()
    files: Callable[[Path, tuple[str, ...]], list[Path]] | None = None
    origin: Callable[[Path], Origin] = lambda _: Origin()

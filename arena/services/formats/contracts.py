"""What a format is, and the rows that it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from analysis.outcomes import OUTCOME_WORDS, Outcome
from arena.queries.preferences import Picture, Words
from arena.services.formats.finished import Finished, lay_down


class Side(NamedTuple):
    """What hung on one side: the entrant as slug@revision, or as another arena called it, and its picture."""

    entrant: str
    picture: Picture


class Preference(NamedTuple):
    """One vote of an export.

    ``rater`` is a number that means nothing in another export, ``turn`` counts the rater's votes from 1,
    ``on_prompt`` is how many votes of the export are on this prompt, and ``pair`` is the same number for
    votes that answer the same question about the same two pictures. ``elsewhere`` is what the file of
    another arena said of the vote, under its own names; ``propensity`` is then not known.
    """

    number: int
    campaign: str
    criterion: str
    prompt: Words
    left: Side
    right: Side
    outcome: Outcome
    day: date
    rater: int
    turn: int
    on_prompt: int
    first_on_prompt: bool
    propensity: float | None
    pair: int
    elsewhere: Mapping[str, Any]
    split: str

    @property
    def midnight(self) -> datetime:
        """The day as a moment: 00:00 UTC, for formats that ask for one."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)

    @property
    def judge(self) -> str:
        """The rater as LMArena's files name one."""
        return f"arena_user_{self.rater}"

    @property
    def sides(self) -> tuple[Side, Side]:
        """Left and right."""
        return self.left, self.right


class Part(NamedTuple):
    """One part of an export: its files as a pattern, empty if `datasets` cannot load them, and its rows."""

    files: str
    rows: int


Parts = dict[str, Part]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a format is written, and what with.

    ``pictures`` gives the PNG bytes of a digest; ``split`` says whether parts were asked for; ``finished`` is
    what an export that was stopped has left, and ``shard_bytes`` when a file is followed by another.
    """

    folder: Path
    pictures: Callable[[str], bytes]
    split: bool
    finished: Finished
    shard_bytes: int

    def name(self, stem: str, ending: str) -> Callable[[str], str]:
        """How files that need no folder are named: the stem alone, or with the part where there are parts."""
        return lambda part: f"{stem}_{part}.{ending}" if self.split else f"{stem}.{ending}"

    def lay_down(self, folder: str, name: str, digest: str) -> str:
        """Put a picture into a folder of the export unless it lies there already; its file name."""
        file = f"{name}.png"
        if not (self.folder / folder / file).exists():
            lay_down(self.folder / folder, file, self.pictures(digest))
        return file


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write votes.

    Attributes
    ----------
    name : str
        As `arena.domain.formats.FORMATS` has it.
    title, reader : str
        What it is a copy of, and who reads it.
    vocabulary : str
        Key of `analysis.outcomes.OUTCOME_WORDS`; outcomes without a word there are dropped.
    write : callable
        Writes the rows; returns the parts.
    remarks : tuple of str
        For the card: how a column was filled that our votes do not simply fill.
    second_hand : tuple of str
        For the card: what is known of the format only through others.
    config : str
        Name under which `datasets` loads it.
    part : str
        The part that everything is in where no split is asked for.
    pictures : bool
        Whether it holds pictures; votes on lost ones are then dropped.
    by_pair : bool
        Whether votes on the same pictures come one after another.
    decided_beyond_train : bool
        Whether parts other than train hold decided votes alone.
    all_questions : bool
        Whether rows say which question they answer; otherwise only one a campaign is told.
    """

    name: str
    title: str
    reader: str
    vocabulary: str
    write: Callable[[Iterator[Preference], Desk], Parts]
    remarks: tuple[str, ...] = ()
    second_hand: tuple[str, ...] = ()
    config: str = "default"
    part: str = "train"
    pictures: bool = True
    by_pair: bool = False
    decided_beyond_train: bool = False
    all_questions: bool = False

    @property
    def words(self) -> Mapping[Outcome, str | None]:
        """Word of each outcome; None where it is dropped."""
        return OUTCOME_WORDS[self.vocabulary]

    @property
    def merged(self) -> dict[str, list[Outcome]]:
        """Words that stand for more than one outcome."""
        told: dict[str, list[Outcome]] = {}
        for outcome, word in self.words.items():
            if word is not None:
                told.setdefault(word, []).append(outcome)
        return {word: outcomes for word, outcomes in told.items() if len(outcomes) > 1}

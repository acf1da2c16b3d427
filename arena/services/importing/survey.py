"""The first look at the files: every row is read, and the first that cannot be ends the import."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from arena.domain.prompts import clean_prompt
from arena.errors import Invalid, InvalidPrompt
from arena.media.foreign import look
from arena.services.importing.cells import Row
from arena.services.importing.contracts import Asked, Ballot, Hung, LeftOut, Shape
from arena.services.importing.files import FEW_ROWS, MANY_ROWS, columns_of, rows_of

ONE_ENTRANT: Final = "with both pictures by one entrant"
UNFIT: Final = "whose prompt is too long, or has control characters"
NO_PROMPT: Final = "(nobody told the prompt)"
"""Stands for the prompt of votes that came without one."""

MOST_TOLD: Final = 5
_SLUG = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_LONGEST_SLUG: Final = 64
_REMEMBERED: Final = 100_000
_HASH: Final = (1 << 64) - 1

Tell = Callable[[float], None]


@dataclass(slots=True)
class Survey:
    """What files hold; 16 bytes a vote are held to count prompts and raters.

    ``entrants`` and ``criteria`` count votes by name, in the order in which they came; ``dropped`` counts
    rows. ``untimed`` votes came without a time, ``unsigned`` ones without a rater, ``unprompted`` ones
    without a prompt, ``bare`` ones without both pictures.
    """

    rows: int = 0
    votes: int = 0
    entrants: Counter[str] = field(default_factory=Counter)
    criteria: Counter[str] = field(default_factory=Counter)
    campaigns: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    days: tuple[date, date] | None = None
    untimed: int = 0
    unsigned: int = 0
    unprompted: int = 0
    bare: int = 0
    _prompts: array[int] = field(default_factory=lambda: array("Q"))
    _raters: array[int] = field(default_factory=lambda: array("Q"))
    _pictures: array[int] = field(default_factory=lambda: array("Q"))

    @property
    def prompts(self) -> int:
        """How many prompts there are."""
        return _different(self._prompts)

    @property
    def raters(self) -> int:
        """How many raters there are; those of unsigned votes are one."""
        return _different(self._raters)

    @property
    def pictures(self) -> int:
        """How many pictures there are."""
        return _different(self._pictures)

    def add(self, ballot: Ballot, pictures: Iterable[bytes]) -> None:
        """Count a vote; its pictures are told by their digests."""
        self.votes += 1
        self.entrants.update((ballot.left.entrant, ballot.right.entrant))
        self.criteria[ballot.criterion] += 1
        if ballot.campaign is not None:
            self.campaigns[ballot.campaign] += 1
        if ballot.at is not None:
            day = ballot.at.date()
            first, last = self.days or (day, day)
            self.days = min(first, day), max(last, day)
        self.untimed += ballot.at is None
        self.unsigned += ballot.rater is None
        self.unprompted += ballot.prompt.text == NO_PROMPT
        self.bare += ballot.left.picture is None or ballot.right.picture is None
        self._pictures.extend(int.from_bytes(digest[:8]) for digest in pictures)
        self._prompts.append(hash(ballot.prompt.text) & _HASH)
        self._raters.append(hash(ballot.rater) & _HASH)


def _different(hashes: array[int]) -> int:
    return int(np.unique(np.asarray(hashes)).size)


def survey(shape: Shape, files: Sequence[Path], asked: Asked, tell: Tell) -> Survey:
    """Read every row, pictures to their last pixel.

    Raises
    ------
    Invalid
        With the first row, column and value that cannot be read, and where the next are; or if the files hold
        several campaigns, or no vote.
    """
    found = Survey()
    bad: list[str] = []
    wrong = 0
    opened: set[bytes] = set()
    for row in all_rows(shape, files, asked, tell):
        found.rows += 1
        try:
            for ballot in ballots_of(shape, row, asked):
                sides = (("left", ballot.left.picture), ("right", ballot.right.picture))
                found.add(ballot, [_look(row, name, data, opened) for name, data in sides if data])
        except LeftOut as reason:
            found.dropped[str(reason)] += 1
        except Invalid as error:
            wrong += 1
            if len(bad) < MOST_TOLD:
                bad.append(str(error) if not bad else row.place)
    if bad:
        others = f"; {wrong - 1:,} more cannot be read either, from {', '.join(bad[1:])}" if wrong > 1 else ""
        raise Invalid(f"{bad[0]}{others}; nothing was imported")
    if len(found.campaigns) > 1:
        names = ", ".join(found.campaigns)
        raise Invalid(f"{files[0]} holds several campaigns ({names}); say which with --of")
    if not found.votes:
        why = "; ".join(f"{n:,} {reason}" for reason, n in found.dropped.items()) or "it has no rows"
        raise Invalid(f"{files[0]} holds no vote to import: {why}")
    return found


def all_rows(shape: Shape, files: Sequence[Path], asked: Asked, tell: Tell) -> Iterator[Row]:
    """The rows of all files; `tell` is told which share has been read."""
    for place, file in enumerate(files):
        wanted = {*shape.also, *(shape.pictures if asked.pictures else ())}.union(*shape.needs)
        columns = [name for name in columns_of(file) if name in wanted]
        at_once = FEW_ROWS if shape.pictures else MANY_ROWS
        for row, share in rows_of(file, columns, at_once=at_once):
            yield row
            tell((place + share) / len(files))


def ballots_of(shape: Shape, row: Row, asked: Asked) -> Iterator[Ballot]:
    """The votes of a row as they can be counted.

    Raises
    ------
    LeftOut, Invalid
    """
    for ballot in shape.read(row, asked):
        if ballot.left.entrant == ballot.right.entrant:
            raise LeftOut(ONE_ENTRANT)
        if not _SLUG.fullmatch(ballot.criterion) or len(ballot.criterion) > _LONGEST_SLUG:
            raise row.wrong(
                "criterion", "is no name of a question; use lower-case letters, digits and hyphens"
            )
        text = _clean(ballot.prompt.text) if ballot.prompt.text else NO_PROMPT
        if text is None:
            raise LeftOut(UNFIT)
        told = ballot._replace(prompt=ballot.prompt._replace(text=text))
        if not asked.pictures:
            told = told._replace(left=Hung(told.left.entrant), right=Hung(told.right.entrant))
        yield told


@lru_cache(maxsize=10_000)
def _clean(text: str) -> str | None:
    try:
        return clean_prompt(text)
    except InvalidPrompt:
        return None


def _look(row: Row, side: str, data: bytes, opened: set[bytes]) -> bytes:
    """See that a picture can be opened; those met lately are not opened again. Returns its digest."""
    digest = hashlib.sha256(data).digest()
    if digest in opened:
        return digest
    try:
        look(data)
    except ValueError as error:
        raise Invalid(
            f"{row.file.name}, {row.place}: the {side} picture cannot be opened ({error}); "
            "--without-pictures takes the votes alone"
        ) from error
    if len(opened) >= _REMEMBERED:
        opened.clear()
    opened.add(digest)
    return digest

"""The second look: pictures go into the store, and votes into a file, ready to be written in one go."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Final, NamedTuple

from arena.media.foreign import as_png
from arena.services.importing.contracts import Asked, Ballot, Hung, LeftOut, Shape
from arena.services.importing.survey import Tell, all_rows, ballots_of
from arena.storage import ImageStore

AT_ONCE: Final = 2_000
"""Votes that are held at a time."""
_REMEMBERED: Final = 50_000


class Kept(NamedTuple):
    """A picture in the store: its PNG, and the file that it came as, where that is another."""

    digest: str
    width: int
    height: int
    length: int
    original: str | None


class Staged(NamedTuple):
    """A vote whose pictures are in the store."""

    ballot: Ballot
    left: Kept | None
    right: Kept | None


def stage(
    shape: Shape, files: Sequence[Path], asked: Asked, images: ImageStore, staged: IO[bytes], tell: Tell
) -> None:
    """Read the votes, put their pictures into the store, and write the rest to a file."""
    shelf = _Shelf(images)
    votes = _votes(shape, files, asked, shelf, tell)
    while chunk := list(islice(votes, AT_ONCE)):
        pickle.dump(chunk, staged, protocol=pickle.HIGHEST_PROTOCOL)


def chunks(staged: IO[bytes]) -> Iterator[list[Staged]]:
    """The votes of a staged file, some at a time."""
    staged.seek(0)
    while True:
        try:
            yield pickle.load(staged)  # noqa: S301 - written by `stage`
        except EOFError:
            return


def _votes(shape: Shape, files: Sequence[Path], asked: Asked, shelf: _Shelf, tell: Tell) -> Iterator[Staged]:
    for row in all_rows(shape, files, asked, tell):
        try:
            for ballot in ballots_of(shape, row, asked):
                bare = ballot._replace(left=Hung(ballot.left.entrant), right=Hung(ballot.right.entrant))
                yield Staged(bare, shelf.put(ballot.left.picture), shelf.put(ballot.right.picture))
        except LeftOut:
            continue


class _Shelf:
    """Puts pictures into the store; one that was met lately is not encoded again."""

    def __init__(self, images: ImageStore) -> None:
        self._images = images
        self._known: dict[str, Kept] = {}

    def put(self, data: bytes | None) -> Kept | None:
        """Keep a picture's file and its PNG."""
        if data is None:
            return None
        came = hashlib.sha256(data).hexdigest()
        if came not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            png, width, height = as_png(data)
            original = None if png is data else self._images.put(data)
            self._known[came] = Kept(self._images.put(png), width, height, len(png), original)
        return self._known[came]

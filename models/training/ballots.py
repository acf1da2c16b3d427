"""Pairs of pictures that people chose between, from a folder that ``arena export --format dpo`` wrote.

Each picture is encoded once; what one encoder made of an export before is read from its ``cache/``.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

from models.errors import ModelError
from models.training.shards import to_unit

COLUMNS = ("caption", "jpg_0", "jpg_1", "label_0")
SUMS = "SHA256SUMS"
ROWS = 64
BATCH = 16
Encode = Callable[[Tensor], Tensor]


class BadVotes(ModelError):
    """A folder of votes that cannot be used: which file and row, and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Ballots:
    """One part of an export; its pictures are still files.

    Attributes
    ----------
    files : tuple of Path
    captions : tuple of str
        Of each vote.
    winners, losers : ndarray of shape (n_votes,), int64
        Places among the `pictures`.
    pictures : tuple of str
        SHA-256 of each picture's file, in the order in which the rows bring them.
    digest : str
        SHA-256 of the export's ``SHA256SUMS``, which the files were checked against.
    """

    files: tuple[Path, ...]
    captions: tuple[str, ...]
    winners: NDArray[np.int64]
    losers: NDArray[np.int64]
    pictures: tuple[str, ...]
    digest: str

    def __len__(self) -> int:
        return len(self.captions)

    def weights(self, *, even_prompts: bool) -> Tensor:
        """What each vote weighs, 1 in the mean; all votes of a prompt together as much as those of another.

        Without `even_prompts` each vote weighs 1.
        """
        if not even_prompts:
            return torch.ones(len(self))
        on_prompt = Counter(self.captions)
        each = torch.tensor([1.0 / on_prompt[caption] for caption in self.captions])
        return each / each.mean()


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Votes with their pictures in latent space.

    Attributes
    ----------
    ballots : Ballots
    latents : ndarray of shape (n_pictures, ...), float16
    """

    ballots: Ballots
    latents: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.ballots)

    def take(self, places: NDArray[np.int64]) -> tuple[list[str], Tensor]:
        """Captions and latents in float32: first the winners of all these votes, then their losers."""
        sides = np.concatenate([self.ballots.winners[places], self.ballots.losers[places]])
        return (
            [self.ballots.captions[place] for place in places],
            torch.from_numpy(self.latents[sides].astype(np.float32)),
        )


def open_ballots(folder: Path, part: str = "train") -> Ballots | None:
    """Read and check the votes of one part; None where the export has no such part.

    Raises
    ------
    BadVotes
        If the folder is no export, a file is not as it was exported, or a row cannot be used.
    """
    files = tuple(sorted((folder / "data").glob(f"{part}-*.parquet")))
    if not files:
        return None
    digest = _check_sums(folder, files)
    places: dict[str, int] = {}
    captions: list[str] = []
    sides: list[tuple[int, int]] = []
    for where, row in _rows(files):
        left, right = (
            places.setdefault(_digest(row[name], f"{where}: {name}"), len(places))
            for name in ("jpg_0", "jpg_1")
        )
        captions.append(_caption(row["caption"], where))
        sides.append((left, right) if _left_won(row["label_0"], where) else (right, left))
    if not captions:
        raise BadVotes(f"{folder} holds no vote in {part!r}; export again when there are some")
    winners, losers = np.array(sides, np.int64).T
    return Ballots(files, tuple(captions), winners, losers, tuple(places), digest)


def encode_ballots(
    ballots: Ballots, folder: Path, size: tuple[int, int], encode: Encode, *, name: str
) -> Pairs:
    """Encode every picture of some votes, or read what was made of them before.

    Parameters
    ----------
    ballots : Ballots
    folder : Path
        Of the export.
    size : (int, int)
        Width and height in pixels; a picture of another size is resampled to cover it, its middle kept.
    encode : callable
        Pictures in [-1, 1], (n, 3, height, width), to latents.
    name : str
        What decides the latents beside the pictures: digest and kind of the encoder.

    Raises
    ------
    BadVotes
        If a picture cannot be opened: which row it stands in.
    """
    told = f"{ballots.digest} {ballots.files[0].name} {size} {name}"
    path = folder / "cache" / "latents" / f"{hashlib.sha256(told.encode()).hexdigest()[:24]}.npy"
    if not path.exists():
        made = []
        with tqdm(total=len(ballots.pictures), desc="encoding", unit="picture", leave=False) as bar:
            for pixels in _batches(ballots, size):
                made.append(encode(to_unit(pixels)).float().cpu().numpy().astype(np.float16))
                bar.update(pixels.shape[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.part")
        with draft.open("wb") as file:
            np.save(file, np.concatenate(made))
        draft.replace(path)
    return Pairs(ballots, np.load(path, mmap_mode="r"))


def _batches(ballots: Ballots, size: tuple[int, int]) -> Iterator[Tensor]:
    """Every picture once, in the order of `Ballots.pictures`, as uint8 of shape (n, 3, height, width)."""
    seen: set[str] = set()
    batch: list[NDArray[np.uint8]] = []
    for where, row in _rows(ballots.files):
        for column in ("jpg_0", "jpg_1"):
            digest = _digest(row[column], where)
            if digest in seen:
                continue
            seen.add(digest)
            batch.append(_decode(row[column], size, f"{where}: {column}"))
            if len(batch) == BATCH:
                yield _stacked(batch)
                batch = []
    if batch:
        yield _stacked(batch)


def _stacked(batch: Sequence[NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2)


def _rows(files: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows with the words that name each: its file, and its number from 1."""
    import pyarrow.parquet

    for file in files:
        table = pyarrow.parquet.ParquetFile(file)
        if missing := [name for name in COLUMNS if name not in table.schema_arrow.names]:
            raise BadVotes(f"{file} has no column {missing[0]!r}; make it with `arena export --format dpo`")
        number = 0
        for rows in table.iter_batches(ROWS, columns=list(COLUMNS)):
            for row in rows.to_pylist():
                number += 1
                yield f"{file}, row {number}", row


def _check_sums(folder: Path, files: Sequence[Path]) -> str:
    """Compare files with what the export says of them; returns the digest of all that it says."""
    try:
        told = (folder / SUMS).read_bytes()
    except OSError as error:
        raise BadVotes(
            f"{folder} has no readable {SUMS}; make it with `arena export --format dpo`"
        ) from error
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in told.decode().splitlines())}
    for file in files:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if sums.get(file.relative_to(folder).as_posix()) != found:
            raise BadVotes(f"{file} is not as it was exported; export it again")
    return hashlib.sha256(told).hexdigest()


def _digest(picture: Any, where: str) -> str:
    if not isinstance(picture, bytes) or not picture:
        raise BadVotes(f"{where} holds no picture")
    return hashlib.sha256(picture).hexdigest()


def _caption(caption: Any, where: str) -> str:
    if not isinstance(caption, str) or not caption.strip():
        raise BadVotes(f"{where}: the caption is empty")
    return caption


def _left_won(label: Any, where: str) -> bool:
    if label == 0.5:
        raise BadVotes(f"{where}: label_0 is 0.5, a tie; `arena export --format dpo` leaves ties out")
    if label not in (0.0, 1.0):
        raise BadVotes(f"{where}: label_0 must be 0 or 1, not {label!r}")
    return bool(label)


def _decode(encoded: bytes, size: tuple[int, int], where: str) -> NDArray[np.uint8]:
    """Pixels of one picture, shape (height, width, 3)."""
    try:
        with Image.open(io.BytesIO(encoded)) as opened:
            picture = opened.convert("RGB")
    except (OSError, ValueError) as error:
        raise BadVotes(f"{where} cannot be opened as a picture") from error
    if picture.size != size:
        picture = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    return np.asarray(picture, np.uint8)

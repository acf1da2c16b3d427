"""Pictures of the data set, decoded once into memory maps, with their scenes."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from models.atelier.grammar import Scene, mirrored, scene_from_json
from models.atelier.splits import is_held_out
from models.errors import ModelError
from models.training.data import finished_shards

Bytes = NDArray[np.uint8]
MIRRORED = "-mirrored"
"""Ends the names of parts that are mirror images."""


class HeldOutInTraining(ModelError):
    """A scene that training must not see stands in the training split."""


class NoPictures(ModelError):
    """A split holds no finished shard."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """One split at one size.

    Attributes
    ----------
    split : str
    scenes : tuple of Scene
        Of each picture.
    seeds : tuple of int
        Of each picture.
    maps : tuple of ndarray of shape (n, size, size, 3), uint8
        One memory map a part: a shard, or the mirror images of one.
    names : tuple of str
        Of each part, by its bytes; caches of what is computed from its pictures are named by it.
    """

    split: str
    scenes: tuple[Scene, ...]
    seeds: tuple[int, ...]
    maps: tuple[Bytes, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def size(self) -> int:
        """Pixels along one side."""
        return int(self.maps[0].shape[1])

    def parts(self) -> Iterator[tuple[str, slice]]:
        """Name of each part, and where its pictures stand."""
        start = 0
        for name, part in zip(self.names, self.maps, strict=True):
            yield name, slice(start, start + len(part))
            start += len(part)

    def take(self, places: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Pictures as uint8 of shape (n, 3, size, size)."""
        ends = np.cumsum([len(one) for one in self.maps])
        chosen = np.empty((len(places), self.size, self.size, 3), np.uint8)
        for n, place in enumerate(places):
            part = int(np.searchsorted(ends, place, side="right"))
            chosen[n] = self.maps[part][int(place) - int(ends[part]) + len(self.maps[part])]
        return torch.from_numpy(chosen).permute(0, 3, 1, 2)


def to_unit(pictures: Tensor) -> Tensor:
    """8-bit values to [-1, 1] in float32."""
    return pictures.float() / 127.5 - 1.0


def to_bytes(pictures: Tensor) -> Tensor:
    """[-1, 1] to 8-bit values, clipped and rounded."""
    return ((pictures.float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)


def open_pictures(
    folder: Path, split: str, size: int, *, most: int | None = None, mirror: bool = False
) -> Pictures:
    """Open the finished shards of a split; those not yet decoded at this size are, into ``cache/``.

    Parameters
    ----------
    folder : Path
        Where `models.training.data` renders; it may still be rendering.
    split : str
        A name of `models.atelier.splits.SPLITS`.
    size : int
        Pixels along one side; smaller than rendered is a mean over boxes.
    most : int, optional
        Leave out shards once this many pictures are there.
    mirror : bool
        Add the mirror image of every picture.

    Raises
    ------
    NoPictures
        If no shard of this split is finished.
    HeldOutInTraining
        If a scene of the split ``train`` is held out.
    """
    scenes: list[Scene] = []
    seeds: list[int] = []
    maps: list[Bytes] = []
    names: list[str] = []
    paths = finished_shards(folder, split)
    for path in tqdm(paths, desc=f"{split} at {size} px", unit="shard", disable=len(paths) < 4, leave=False):
        if most is not None and len(scenes) >= most:
            break
        found, drawn, pixels, digest = _shard(folder, path, size)
        scenes += found
        seeds += drawn
        maps.append(pixels)
        names.append(f"{path.stem}-{digest[:12]}")
    if not scenes:
        raise NoPictures(f"{folder} holds no finished shard of {split!r}; render some first")
    if split == "train" and (bad := [n for n, scene in enumerate(scenes) if is_held_out(scene)]):
        raise HeldOutInTraining(f"{folder}: {len(bad)} scenes of 'train' are held out, the first is {bad[0]}")
    if mirror:
        scenes += [mirrored(scene) for scene in scenes]
        seeds *= 2
        maps += [part[:, :, ::-1] for part in maps]
        names += [f"{name}{MIRRORED}" for name in names]
    return Pictures(split, tuple(scenes), tuple(seeds), tuple(maps), tuple(names))


def _shard(folder: Path, path: Path, size: int) -> tuple[list[Scene], list[int], Bytes, str]:
    """Scenes, seeds, pixels and digest of one shard, from the cache where it is there."""
    import pyarrow.parquet

    digest = str(json.loads(path.with_suffix(".json").read_text())["sha256"])
    cache = folder / "cache" / str(size) / f"{path.stem}-{digest[:12]}.npy"
    rows = pyarrow.parquet.read_table(path, columns=["scene", "seed"])
    scenes = [scene_from_json(text) for text in rows["scene"].to_pylist()]
    if not cache.exists():
        images = pyarrow.parquet.read_table(path, columns=["image"])["image"].to_pylist()
        decoded = np.stack([_decode(image, size) for image in images])
        save_array(cache, decoded)
    return scenes, rows["seed"].to_pylist(), np.load(cache, mmap_mode="r"), digest


def save_array(path: Path, values: NDArray[Any]) -> None:
    """Write an array so that its file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        np.save(file, values)
    part.replace(path)


def _decode(encoded: bytes, size: int) -> Bytes:
    """Pixels of one picture, shape (size, size, 3)."""
    with Image.open(io.BytesIO(encoded)) as opened:
        picture = opened.convert("RGB")
    if picture.width < size:
        raise ModelError(f"pictures of {picture.width} px cannot be used at {size} px")
    if picture.width != size:
        picture = picture.resize((size, size), Image.Resampling.BOX)
    return np.asarray(picture, np.uint8)

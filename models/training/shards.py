"""Pictures of the data set, decoded once into memory maps, with their scenes."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from models.atelier.grammar import Scene, scene_from_json
from models.atelier.splits import is_held_out
from models.errors import ModelError
from models.training.data import finished_shards

Bytes = NDArray[np.uint8]


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
    maps : tuple of ndarray of shape (n, size, size, 3), uint8
        One memory map a shard.
    digest : str
        Of the shards and the size; caches of what is computed from the pictures are named by it.
    """

    split: str
    scenes: tuple[Scene, ...]
    maps: tuple[Bytes, ...]
    digest: str

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def size(self) -> int:
        """Pixels along one side."""
        return int(self.maps[0].shape[1])

    def take(self, places: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Pictures as uint8 of shape (n, 3, size, size)."""
        ends = np.cumsum([len(one) for one in self.maps])
        chosen = np.empty((len(places), self.size, self.size, 3), np.uint8)
        for n, place in enumerate(places):
            shard = int(np.searchsorted(ends, place, side="right"))
            chosen[n] = self.maps[shard][int(place) - int(ends[shard]) + len(self.maps[shard])]
        return torch.from_numpy(chosen).permute(0, 3, 1, 2)


def to_unit(pictures: Tensor) -> Tensor:
    """8-bit values to [-1, 1] in float32."""
    return pictures.float() / 127.5 - 1.0


def to_bytes(pictures: Tensor) -> Tensor:
    """[-1, 1] to 8-bit values, clipped and rounded."""
    return ((pictures.float() + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8)


def open_pictures(folder: Path, split: str, size: int, *, most: int | None = None) -> Pictures:
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

    Raises
    ------
    NoPictures
        If no shard of this split is finished.
    HeldOutInTraining
        If a scene of the split ``train`` is held out.
    """
    scenes: list[Scene] = []
    maps: list[Bytes] = []
    total = hashlib.sha256(f"{split} {size}".encode())
    paths = finished_shards(folder, split)
    for path in tqdm(paths, desc=f"{split} at {size} px", unit="shard", disable=len(paths) < 4, leave=False):
        if most is not None and len(scenes) >= most:
            break
        found, pixels, digest = _shard(folder, path, size)
        scenes += found
        maps.append(pixels)
        total.update(digest.encode())
    if not scenes:
        raise NoPictures(f"{folder} holds no finished shard of {split!r}; render some first")
    if split == "train" and (bad := [n for n, scene in enumerate(scenes) if is_held_out(scene)]):
        raise HeldOutInTraining(f"{folder}: {len(bad)} scenes of 'train' are held out, the first is {bad[0]}")
    return Pictures(split, tuple(scenes), tuple(maps), total.hexdigest())


def _shard(folder: Path, path: Path, size: int) -> tuple[list[Scene], Bytes, str]:
    """Scenes, pixels and digest of one shard, from the cache where it is there."""
    import pyarrow.parquet

    digest = str(json.loads(path.with_suffix(".json").read_text())["sha256"])
    cache = folder / "cache" / str(size) / f"{path.stem}-{digest[:12]}.npy"
    scenes = [
        scene_from_json(text)
        for text in pyarrow.parquet.read_table(path, columns=["scene"])["scene"].to_pylist()
    ]
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        images = pyarrow.parquet.read_table(path, columns=["image"])["image"].to_pylist()
        decoded = np.stack([_decode(image, size) for image in images])
        part = cache.with_name(f".{cache.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            np.save(file, decoded)
        part.replace(cache)
    return scenes, np.load(cache, mmap_mode="r"), digest


def _decode(encoded: bytes, size: int) -> Bytes:
    """Pixels of one picture, shape (size, size, 3)."""
    with Image.open(io.BytesIO(encoded)) as opened:
        picture = opened.convert("RGB")
    if picture.width < size:
        raise ModelError(f"pictures of {picture.width} px cannot be used at {size} px")
    if picture.width != size:
        picture = picture.resize((size, size), Image.Resampling.BOX)
    return np.asarray(picture, np.uint8)

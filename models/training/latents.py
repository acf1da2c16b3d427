"""Every picture of a split as normalised latents, encoded once: what the transformer is trained on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from models.atelier.grammar import Scene
from models.digests import digest_folder
from models.training.autoencode import open_autoencoder
from models.training.settings import saved_network
from models.training.shards import Pictures, open_pictures, to_unit


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """One split in latent space.

    Attributes
    ----------
    scenes : tuple of Scene
    values : ndarray of shape (n, channels, grid, grid), float16
        Mean 0 and variance 1 a channel.
    """

    scenes: tuple[Scene, ...]
    values: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.scenes)

    def take(self, places: NDArray[np.int64]) -> Tensor:
        """Latents in float32."""
        return torch.from_numpy(self.values[places].astype(np.float32))


@torch.no_grad()
def encode_split(
    data: Path, split: str, size: int, autoencoder: Path, *, device: str = "cpu", batch: int = 16
) -> Latents:
    """Encode a split; what one autoencoder made of the same pictures before is read from ``cache/``.

    Parameters
    ----------
    data : Path
        Folder of the data set.
    split : str
    size : int
        Pixels along one side.
    autoencoder : Path
        Folder that `models.training.autoencode` saved.
    """
    pictures, autoencoder = open_pictures(data, split, size), saved_network(autoencoder, "autoencoder")
    name = f"{split}-{size}-{pictures.digest[:12]}-{digest_folder(autoencoder)[:12]}.npy"
    path = data / "cache" / "latents" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _encode(pictures, autoencoder, path, device, batch)
    return Latents(pictures.scenes, np.load(path, mmap_mode="r"))


def _encode(pictures: Pictures, folder: Path, path: Path, device: str, batch: int) -> None:
    network = open_autoencoder(folder, device)
    made = []
    for start in tqdm(range(0, len(pictures), batch), desc="encoding", unit="batch", leave=False):
        seen = pictures.take(range(start, min(start + batch, len(pictures))))
        latents = network.normalise(network.encode(to_unit(seen).to(device)))
        made.append(latents.cpu().numpy().astype(np.float16))
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        np.save(file, np.concatenate(made))
    part.replace(path)

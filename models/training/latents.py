"""Every picture of a split as normalised latents, encoded once: what the transformer is trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from models.atelier.grammar import Scene
from models.digests import digest_folder
from models.lumen.autoencoder import LumenAutoencoder
from models.training.autoencode import open_autoencoder
from models.training.settings import BadSettings, saved_network
from models.training.shards import Pictures, open_pictures, save_array, to_unit


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
    data: Path,
    split: str,
    size: int,
    autoencoder: Path,
    *,
    mirror: bool = False,
    device: str = "cpu",
    batch: int = 16,
) -> Latents:
    """Encode a split; what one autoencoder made of a shard before is read from ``cache/``.

    Parameters
    ----------
    data : Path
        Folder of the data set.
    split : str
    size : int
        Pixels along one side.
    autoencoder : Path
        Folder that `models.training.autoencode` saved.
    mirror : bool
        Add the mirror image of every picture.

    Raises
    ------
    BadSettings
        If the autoencoder has no encoder.
    """
    pictures = open_pictures(data, split, size, mirror=mirror)
    autoencoder = saved_network(autoencoder, "autoencoder")
    cache = data / "cache" / "latents" / f"{size}-{digest_folder(autoencoder)[:12]}"
    network = open_autoencoder(autoencoder, device)
    if network.encoder is None:
        raise BadSettings(
            f"{autoencoder} holds a decoder alone; learn an encoder for it first, with "
            f"python -m models.training.autoencode --start {autoencoder}"
        )
    made = []
    with tqdm(total=len(pictures), desc="encoding", unit="picture", leave=False) as bar:
        for name, here in pictures.parts():
            path = cache / f"{name}.npy"
            if not path.exists():
                save_array(path, _encode(pictures, range(here.start, here.stop), network, device, batch))
            made.append(np.load(path))
            bar.update(len(made[-1]))
    return Latents(pictures.scenes, np.concatenate(made))


def _encode(
    pictures: Pictures, places: range, network: LumenAutoencoder, device: str, batch: int
) -> NDArray[np.float16]:
    made = []
    for start in range(0, len(places), batch):
        seen = pictures.take(places[start : start + batch])
        latents = network.normalise(network.encode(to_unit(seen).to(device)))
        made.append(latents.cpu().numpy().astype(np.float16))
    return np.concatenate(made)

"""Where the things of a picture are: what the reader learns to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from models.atelier.grammar import Scene, StillLife, mirrored
from models.atelier.scene import boxes
from models.training.attributes import SLOTS, in_picture
from models.training.shards import MIRRORED, Pictures, save_array

Squares = NDArray[np.float32]


def squares(scene: Scene, seed: int, *, turned: bool = False) -> Squares:
    """The square about each thing of a picture, in the picture's own order.

    Parameters
    ----------
    scene : Scene
        What is seen; of a mirror image, what that shows.
    seed : int
        Of the render.
    turned : bool
        Whether it is a mirror image.

    Returns
    -------
    ndarray of shape (SLOTS, 3)
        Column and row of the middle, and half of the longer side, in units of half a picture; NaN where
        there is no thing.
    """
    told = np.full((SLOTS, 3), np.nan, np.float32)
    if not isinstance(scene, StillLife):
        return told
    # What was rendered is the mirror image of a mirror image.
    rendered = mirrored(scene) if turned else scene
    assert isinstance(rendered, StillLife)
    sides = boxes(rendered, seed)
    middle, half = (sides[:, :2] + sides[:, 2:]) / 2, (sides[:, 2:] - sides[:, :2]).max(1) / 2
    if turned:
        middle[:, 0] *= -1
    found = [(*middle[n], half[n]) for n in range(len(scene.things))]
    order = in_picture(range(len(found)), scene.relation)
    told[: len(found)] = [found[n] for n in order]
    return told


def all_squares(pictures: Pictures, folder: Path) -> Squares:
    """`squares` of every picture, shape (n, SLOTS, 3); what was measured before is read from ``cache/``."""
    told = list(zip(pictures.scenes, pictures.seeds, strict=True))
    made = []
    with tqdm(total=len(told), desc="where things are", unit="picture", leave=False) as bar:
        for name, here in pictures.parts():
            path, turned = folder / "cache" / "squares" / f"{name}.npy", name.endswith(MIRRORED)
            if not path.exists():
                save_array(path, np.stack([squares(*one, turned=turned) for one in told[here]]))
            made.append(np.load(path))
            bar.update(len(made[-1]))
    found: Squares = np.concatenate(made)
    return found

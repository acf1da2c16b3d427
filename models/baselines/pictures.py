"""What the pipelines here share: noise of each picture's own, and pictures out of tensors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Generators = torch.Generator | Sequence[torch.Generator] | None


def own_noise(count: int, shape: Sequence[int], generator: Generators, device: torch.device) -> Tensor:
    """Normal noise of shape (count, *shape), float32; each row by its own generator, on that one's device.

    Raises
    ------
    ValueError
        If there are not as many generators as pictures.
    """
    if generator is None or isinstance(generator, torch.Generator):
        given = [generator] * count
    elif len(given := list(generator)) != count:
        raise ValueError(f"{count} pictures need {count} generators, not {len(given)}")
    drawn = [
        torch.randn(tuple(shape), generator=one, device=one.device if one else "cpu", dtype=torch.float32)
        for one in given
    ]
    return torch.stack([noise.to(device) for noise in drawn])


def as_images(pictures: Tensor, output_type: str) -> np.ndarray | list[Image.Image]:
    """Pictures in [-1, 1], (n, 3, h, w), as ``"np"``, (n, h, w, 3) in [0, 1], or as ``"pil"``."""
    values: np.ndarray = (pictures.float() / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
    if output_type == "np":
        return values
    return [Image.fromarray((one * 255).round().astype(np.uint8)) for one in values]

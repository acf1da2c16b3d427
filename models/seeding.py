"""Chance: one CPU generator per image, so that a picture depends on its own seed and on no neighbour."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from models.errors import GenerationFailed

LARGEST = 2**32 - 1


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """One fresh generator a seed, on the CPU whatever the device, so that every machine draws the same noise.

    Raises
    ------
    GenerationFailed
        If a seed is outside 0 to 2³² - 1. The Mersenne twister behind a CPU generator reads only the low 32
        bits, so a larger seed would silently repeat the noise of a smaller one.
    """
    for seed in seeds:
        if not 0 <= seed <= LARGEST:
            raise GenerationFailed(f"a seed must be from 0 to {LARGEST}, not {seed}")
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]

"""What a picture looks like in 63 bits: nearly the same for a copy that was saved anew or cut a little.

A perceptual hash by the discrete cosine transform: the picture in 32 x 32 grey values, the 63 slowest waves
of its transform, and for each whether it is above their median. Two pictures that have nothing to do with
each other differ in about 31 of them.
"""

from __future__ import annotations

import math
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

SIDE = 32
WAVES = 8
NEAR = 8
"""Copies are looked for among pictures that differ in no more bits than this."""

_COMPARED = 64

Floats = np.ndarray[Any, np.dtype[np.float64]]


def fingerprint(picture: Image.Image) -> int:
    """The 63 bits of a picture, the slowest waves first."""
    from scipy.fft import dctn

    small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    waves = dctn(np.asarray(small, dtype=np.float64), norm="ortho")[:WAVES, :WAVES].ravel()[1:]
    bits = 0
    for above in waves > np.median(waves):
        bits = bits << 1 | int(above)
    return bits


def distance(one: int, other: int) -> int:
    """How many bits two fingerprints differ in."""
    return (one ^ other).bit_count()


def opened(data: bytes) -> Image.Image:
    """A stored picture, ready to be compared."""
    with Image.open(BytesIO(data)) as found:
        return found.convert("RGB")


def alike(one: Image.Image, other: Image.Image) -> float:
    """Peak signal-to-noise ratio in dB of two pictures, each scaled to 64 x 64 pixels; infinite if equal."""
    left, right = (
        np.asarray(each.convert("RGB").resize((_COMPARED, _COMPARED), Image.Resampling.BOX), dtype=np.float64)
        for each in (one, other)
    )
    error = float(np.mean((left - right) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)

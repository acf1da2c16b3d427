"""How far the pictures of an engine may be from torch's own eager float32, and from themselves in a batch.

==============  ==============  ===============  ======================
computed in     mean PSNR (dB)  least PSNR (dB)  alone or among others
==============  ==============  ===============  ======================
float32         50              45               1 level of 255
bfloat16        40              35               12 levels
float16         40              35               12 levels
==============  ==============  ===============  ======================

The same for every engine: what rounds alike is judged alike. At 40 dB the root mean square difference is 2.6
levels of 255; between two seeds it is tens of levels. Runtimes beyond these limits would be another revision
of an entrant, so `models.tuning` does not choose them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Limits on pictures.

    Attributes
    ----------
    mean_psnr, least_psnr : float
        Over pictures, in dB, against eager float32.
    levels : int
        Largest difference of a channel of a pixel, of 255, between a picture alone and in a batch.
    """

    mean_psnr: float
    least_psnr: float
    levels: int


TOLERANCES: Mapping[str, Tolerance] = {
    "float32": Tolerance(50.0, 45.0, 1),
    "bfloat16": Tolerance(40.0, 35.0, 12),
    "float16": Tolerance(40.0, 35.0, 12),
}


def psnr(one: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio of two pictures of 8 bits a channel: ``10 log10(255^2 / mse)``, in dB.

    Infinite where they are equal.
    """
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def levels_apart(one: Pixels, other: Pixels) -> int:
    """Largest difference of two pictures in one channel of one pixel, of 255."""
    return int(np.abs(one.astype(int) - other.astype(int)).max())

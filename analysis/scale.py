"""The scale that people read: 400 / ln 10 points a nat, centred on 1000. For display only."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from analysis.arrays import Floats

POINTS_PER_NAT: Final = 400 / math.log(10)
"""A difference of 400 points is odds of ten to one, as on the chess scale."""

CENTRE: Final = 1000.0
"""The mean rating of the connected entrants."""


def to_rating(strengths: Floats) -> Floats:
    """Turn strengths in nats (mean zero) to ratings in points (mean 1000)."""
    return np.asarray(CENTRE + POINTS_PER_NAT * strengths, dtype=np.float64)


def to_points(nats: float) -> float:
    """Turn a difference or a standard error in nats to points."""
    return POINTS_PER_NAT * nats

"""Vectors of pictures on a common scale, each part of them with the same say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.arrays import Floats
from analysis.errors import InvalidOption


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """What makes vectors comparable: centre and scale of each column; both of shape (n_features,)."""

    centre: Floats
    scale: Floats

    def __call__(self, vectors: Floats) -> Floats:
        """Scaled vectors, of the shape they had."""
        return (vectors - self.centre) * self.scale


def scaling_of(vectors: Floats, parts: Sequence[slice]) -> Scaling:
    """Scale columns to variance one and each part to a total variance of one over the number of parts.

    Two random vectors then have a mean squared distance of two, to which each part gives the same share,
    however many columns it has. Columns that never vary, and those of no part, count for nothing.

    Parameters
    ----------
    vectors : ndarray of shape (n_pictures, n_features)
    parts : sequence of slice
        Columns that belong together.

    Raises
    ------
    InvalidOption
        There are no pictures, or a value is not finite.
    """
    if vectors.ndim != 2 or not len(vectors) or not np.isfinite(vectors).all():
        raise InvalidOption(f"vectors must be finite, of (pictures, features), not {vectors.shape}")
    spread = vectors.std(axis=0)
    varies = spread > 1e-6 * (1 + np.abs(vectors).max(axis=0))
    scale = np.zeros(vectors.shape[1])
    used = [np.flatnonzero(varies[part]) + (part.start or 0) for part in parts]
    used = [columns for columns in used if len(columns)]
    for columns in used:
        scale[columns] = 1 / (spread[columns] * np.sqrt(len(columns) * len(used)))
    return Scaling(vectors.mean(axis=0), scale)


def distances(first: Floats, second: Floats) -> Floats:
    """Euclidean distances between the rows; shape (n_first, n_second)."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    apart: Floats = np.sqrt(squares.clip(0))
    return apart

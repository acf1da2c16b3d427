"""Smooth random fields in numpy: the grain of wood, the veins of marble, hills and clouds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_SIDE = 32
_BLOCK = 4096
"""Points at a time, so that what is in between stays in the cache."""


def value_noise(points: Floats, rng: np.random.Generator) -> Floats:
    """Random values on a lattice of step one, smoothly interpolated; repeats after 32 steps.

    Parameters
    ----------
    points : ndarray of shape (..., 2) or (..., 3)

    Returns
    -------
    ndarray of shape (...)
        In [-1, 1].
    """
    dims = points.shape[-1]
    lattice = rng.uniform(-1, 1, (_SIDE,) * dims).ravel()
    flat = points.reshape(-1, dims)
    total = np.zeros(len(flat))
    for start in range(0, len(flat), _BLOCK):
        _add_noise(total[start : start + _BLOCK], flat[start : start + _BLOCK], lattice)
    return total.reshape(points.shape[:-1])


def _add_noise(total: Floats, points: Floats, lattice: Floats) -> None:
    """Add the corners' shares one after another, the first axis quickest; its order decides the last bit."""
    shares: list[tuple[Floats, NDArray[np.int64]]] = []
    for d in range(points.shape[1]):
        at = np.ascontiguousarray(points[:, d])
        cell = np.floor(at)
        part = at - cell
        part = part * part * part * (part * (part * 6 - 15) + 10)
        low = cell.astype(np.int64) & (_SIDE - 1)
        step = _SIDE ** (points.shape[1] - 1 - d)
        sides = ((1 - part, low * step), (part, ((low + 1) & (_SIDE - 1)) * step))
        shares = [(weight * w, place + n) for w, n in sides for weight, place in shares] or list(sides)
    for weight, place in shares:
        total += weight * lattice.take(place)


def fbm(points: Floats, rng: np.random.Generator, octaves: int = 5, gain: float = 0.5) -> Floats:
    """Sum of octaves of `value_noise`, each twice as fine and `gain` times as strong, about in [-1, 1]."""
    total, size, norm = np.zeros(points.shape[:-1]), 1.0, 0.0
    for octave in range(octaves):
        total += size * value_noise(points * 2.0**octave + 7.3 * octave, rng)
        norm += size
        size *= gain
    return total / norm * 1.4


def ridged(points: Floats, rng: np.random.Generator, octaves: int = 6, gain: float = 0.5) -> Floats:
    """Mountain ridges: octaves of ``(1 - |noise|)^2``, finer ones where coarser ones are high; in [0, 1].

    References
    ----------
    .. [Musgrave1993] F. K. Musgrave, "Methods for realistic landscape imaging", PhD thesis, Yale, 1993.
    """
    total, size, norm, weight = np.zeros(points.shape[:-1]), 1.0, 0.0, np.ones(points.shape[:-1])
    for octave in range(octaves):
        ridge = (1 - np.abs(value_noise(points * 2.0**octave + 3.7 * octave, rng) * 1.3).clip(0, 1)) ** 2
        total += size * ridge * weight
        weight = np.clip(ridge * 1.6, 0, 1)
        norm += size
        size *= gain
    return total / norm


def _weights(size: int, cells: float, shift: float) -> Floats:
    """Interpolate a lattice of 32 values at `size` even places over `cells` cells; shape (size, 32)."""
    at = np.linspace(0, cells, size, endpoint=False) + shift
    cell = np.floor(at).astype(np.int64)
    part = at - cell
    part = part * part * part * (part * (part * 6 - 15) + 10)
    rows = np.zeros((size, _SIDE))
    line = np.arange(size)
    rows[line, cell % _SIDE] += 1 - part
    rows[line, (cell + 1) % _SIDE] += part
    return rows


def sheet(size: int, cells: tuple[float, float], rng: np.random.Generator) -> Floats:
    """`value_noise` on an even grid, by two matrix products; shape (size, size), columns are x.

    Parameters
    ----------
    cells : (float, float)
        Lattice cells along x and along y.
    """
    lattice, (a, b) = rng.uniform(-1, 1, (_SIDE, _SIDE)), rng.uniform(0, 1, 2)
    return np.asarray(_weights(size, cells[1], a) @ lattice @ _weights(size, cells[0], b).T)


def sheet_fbm(size: int, cells: tuple[float, float], rng: np.random.Generator, octaves: int = 5) -> Floats:
    """`fbm` on an even grid, about in [-1, 1]; shape (size, size)."""
    parts = [0.5**k * sheet(size, (cells[0] * 2**k, cells[1] * 2**k), rng) for k in range(octaves)]
    return np.asarray(sum(parts) * 0.7)


def plane(size: int, tiles: float) -> Floats:
    """Grid of points in [0, tiles)^2; shape (size, size, 2)."""
    line = np.linspace(0, tiles, size, endpoint=False)
    return np.stack(np.meshgrid(line, line), -1)


def linear(hex_colour: str) -> Floats:
    """``"#rrggbb"`` in sRGB to linear light, shape (3,)."""
    value = np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def blend(a: Floats, b: Floats, share: Floats) -> Floats:
    """Colours between a and b; `share` has no colour axis."""
    s = np.clip(share, 0, 1)[..., None]
    return a * (1 - s) + b * s

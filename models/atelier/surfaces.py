"""What things stand on: textures painted in numpy, tileable or covering the whole top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.atelier.noise import blend, linear, plane, sheet, sheet_fbm, value_noise

Floats = NDArray[np.float64]
Rng = np.random.Generator
SIZE = 768
"""Texels along one side."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Colour and relief of a table top or floor.

    Attributes
    ----------
    colour : ndarray of shape (size, size, 3)
        Linear albedo.
    height : ndarray of shape (size, size) or None
        Relief for bump mapping, in scene units times `bump`.
    roughness : float or None
        Of the coat: 0 is a mirror, `None` is no coat (matte).
    span : float
        Scene units that the texture covers.
    """

    colour: Floats
    roughness: float | None
    height: Floats | None = None
    bump: float = 1.0
    span: float = 6.5


def _cells(count: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Place within a cell (x, y in [0, 1)) and the cell's number, for `count` cells along each side."""
    p = plane(SIZE, count)
    cell = np.floor(p).astype(np.int64) % count
    return p[..., 0] % 1, p[..., 1] % 1, cell[..., 1] * count + cell[..., 0]


def _planks(rng: Rng, light: str, dark: str, roughness: float) -> Surface:
    count = 5
    _, across, cell = _cells(count)
    row = cell // count
    grain = np.empty((SIZE, SIZE))
    for n in range(count):
        bent = 2.2 * sheet(SIZE, (3, 9), rng) + 0.35 * sheet(SIZE, (7, 60), rng)
        grain[row == n] = (0.5 + 0.5 * np.sin(6 * bent))[row == n]
    fine = sheet(SIZE, (14, 300), rng)
    tone = rng.uniform(-0.16, 0.16, count)[row]
    colour = blend(linear(light), linear(dark), 0.16 + 0.42 * grain + 0.15 * fine + tone)
    gap = np.clip((np.abs(across - 0.5) - 0.49) / 0.01, 0, 1)
    return Surface(colour * (1 - 0.75 * gap[..., None]), roughness, 0.0012 * fine - 0.02 * gap)


def _oak(rng: Rng) -> Surface:
    return _planks(rng, "#e0bd8e", "#b07f48", 0.3)


def _walnut(rng: Rng) -> Surface:
    return _planks(rng, "#71462a", "#301b0e", 0.2)


def _marble(rng: Rng) -> Surface:
    warp = np.stack([sheet_fbm(SIZE, (4, 4), rng, 5) for _ in range(2)], -1)
    p = plane(SIZE, 5.0)
    lines = np.abs(value_noise(p * 0.8 + 1.5 * warp, rng))
    fine = np.abs(value_noise(p * 1.9 + 2.2 * warp, rng))
    share = 0.75 * np.exp(-lines * 24) + 0.35 * np.exp(-fine * 30) + 0.10 * sheet_fbm(SIZE, (7, 7), rng)
    return Surface(blend(linear("#eceae5"), linear("#6d6f75"), share), 0.07)


def _concrete(rng: Rng) -> Surface:
    rough = sheet_fbm(SIZE, (9, 9), rng, 7)
    pores = np.clip(sheet(SIZE, (150, 150), rng) - 0.78, 0, 1) * 2
    tone = 0.27 + 0.07 * rough + 0.015 * rng.normal(0, 1, rough.shape) - 0.25 * pores
    return Surface(
        np.clip(tone, 0.05, 0.8)[..., None] * np.array([1.0, 0.99, 0.96]), None, 0.008 * rough - 0.02 * pores
    )


def _weave(rng: Rng, threads: int) -> Floats:
    p = plane(SIZE, threads * 2 * np.pi)
    uneven = 0.5 * sheet(SIZE, (24, 24), rng)
    return np.asarray(np.sin(p[..., 0] + uneven) * np.sin(p[..., 1] + uneven))


def _linen(rng: Rng) -> Surface:
    weave, folds = _weave(rng, 110), sheet_fbm(SIZE, (4, 4), rng, 3)
    slub = sheet(SIZE, (9, 220), rng) + sheet(SIZE, (220, 9), rng)
    tone = 0.76 + 0.05 * weave + 0.035 * slub
    return Surface(tone[..., None] * np.array([1.0, 0.955, 0.87]), None, 0.003 * weave + 0.12 * folds)


def _gingham(rng: Rng) -> Surface:
    p = plane(SIZE, 13)
    bars = ((p % 1) < 0.5).astype(float).sum(-1) / 2
    weave = _weave(rng, 120)
    colour = blend(linear("#f7f3ea"), linear("#b3161b"), bars) * (0.93 + 0.07 * weave[..., None])
    return Surface(colour, None, 0.002 * weave + 0.08 * sheet_fbm(SIZE, (4, 4), rng, 3))


def _tiles(rng: Rng, count: int, base: str, other: str, grout: str, roughness: float | None) -> Surface:
    x, y, cell = _cells(count)
    tone = rng.uniform(0, 1, count * count)[cell]
    line = np.clip((np.maximum(np.abs(x - 0.5), np.abs(y - 0.5)) - 0.468) / 0.014, 0, 1)
    glaze = sheet_fbm(SIZE, (26, 26), rng, 3)
    colour = blend(linear(base), linear(other), 0.75 * tone + 0.18 * glaze)
    return Surface(blend(colour, linear(grout), line), roughness, -0.02 * line + 0.0015 * glaze)


def _blue_tiles(rng: Rng) -> Surface:
    return _tiles(rng, 9, "#2f78bb", "#164a95", "#dcdedf", 0.06)


def _terracotta(rng: Rng) -> Surface:
    return _tiles(rng, 7, "#c9744a", "#9a4e2c", "#c4b4a0", None)


def _sand(rng: Rng) -> Surface:
    bent = plane(SIZE, 17)[..., 1] + 1.3 * sheet_fbm(SIZE, (4, 4), rng, 3)
    ripple = 0.5 + 0.5 * np.sin(2 * np.pi * bent)
    grains = rng.normal(0, 1, (SIZE, SIZE))
    tone = 1 + 0.07 * grains + 0.05 * ripple
    return Surface(
        np.clip(linear("#e8cfa0") * tone[..., None], 0.02, 0.9), None, 0.03 * ripple**1.5 + 0.003 * grains
    )


def _slate(rng: Rng) -> Surface:
    sheets = sheet_fbm(SIZE, (6, 13), rng, 6)
    tone = 0.06 + 0.02 * sheets + 0.006 * rng.normal(0, 1, (SIZE, SIZE))
    relief = 0.012 * np.round(sheets * 5) / 5 + 0.006 * sheets
    return Surface(np.clip(tone, 0.015, 0.3)[..., None] * np.array([0.92, 1.0, 1.1]), 0.3, relief)


def _lacquer(_: Rng) -> Surface:
    return Surface(np.full((8, 8, 3), 0.006), 0.0)


def _grass(rng: Rng) -> Surface:
    tone = sheet_fbm(SIZE, (30, 30), rng, 4)
    return Surface(blend(linear("#4a6a24"), linear("#2a4413"), 0.5 + 0.5 * tone), None)


PAINTERS = {
    "oak table": _oak,
    "walnut table": _walnut,
    "marble slab": _marble,
    "concrete": _concrete,
    "linen cloth": _linen,
    "checkered cloth": _gingham,
    "blue tiles": _blue_tiles,
    "terracotta tiles": _terracotta,
    "sand": _sand,
    "slate": _slate,
    "black lacquer": _lacquer,
    "grass": _grass,
}


def surface(name: str, rng: Rng) -> Surface:
    """Paint the surface that a word names."""
    return PAINTERS[name](rng)

"""Land and water as height fields on a grid that widens with distance, coloured by height and slope.

The viewer stands at the origin and looks along +y; a unit is about two metres nearby.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.atelier.meshes import Mesh, grid
from models.atelier.noise import blend, fbm, linear, ridged, value_noise

Floats = NDArray[np.float64]
Rng = np.random.Generator
Height = Callable[[Floats], Floats]
NEAR, FAR, SPREAD = 0.7, 90.0, 1.25
"""Distance of the first and last row, and half the width as a share of the distance."""


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """The ground.

    Attributes
    ----------
    mesh : Mesh or None
        `None` on the open sea.
    colours : ndarray of shape (n, 3) or None
        Linear albedo at its vertices.
    height : callable
        ``(..., 2) -> (...)``: height at a place, for what stands on it.
    water : bool
        Whether water lies at z = 0.
    waves : float
        How rough the water is: 1 is a breeze at sea.
    """

    mesh: Mesh | None
    colours: Floats | None
    height: Height
    water: bool = False
    waves: float = 0.0


def fan(rows: int, columns: int) -> Floats:
    """Points on the plane, rows at growing distances; shape (rows, columns, 2)."""
    y = NEAR * (FAR / NEAR) ** np.linspace(0, 1, rows)
    share = np.linspace(-SPREAD, SPREAD, columns)
    return np.stack([share[None] * (y[:, None] + 2.0), np.broadcast_to(y[:, None], (rows, columns))], -1)


def _mesh(height: Height, rows: int = 240, columns: int = 220) -> Mesh:
    flat = fan(rows, columns)
    points = np.concatenate([flat, height(flat)[..., None]], -1)
    return grid(points.transpose(1, 0, 2))


def _ramp(p: Floats, start: float, end: float) -> Floats:
    """0 before `start`, 1 after `end`, smooth between, by distance."""
    t = np.clip((p[..., 1] - start) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _noise(rng: Rng) -> Callable[..., Floats]:
    """`fbm` of a fixed seed, at any points."""
    seed = int(rng.integers(2**31))

    def at(p: Floats, scale: float, octaves: int = 5, which: int = 0) -> Floats:
        return fbm(p / scale + 16 + 5 * which, np.random.default_rng([seed, which]), octaves)

    return at


def _ridges(rng: Rng) -> Callable[[Floats, float], Floats]:
    seed = int(rng.integers(2**31))
    return lambda p, scale: ridged(p / scale + 11, np.random.default_rng(seed), 7)


def _patches(p: Floats, rng: Rng, a: str, b: str, c: str) -> Floats:
    broad, fine = fbm(p / 4 + 9, rng, 4), fbm(p / 0.5 + 9, rng, 3)
    colour = blend(linear(a), linear(b), 0.5 + 0.7 * broad + 0.55 * fine)
    return blend(colour, linear(c), np.clip(fbm(p / 7 + 3, rng, 3) * 1.6 - 0.2, 0, 0.7))


def _slope(mesh: Mesh) -> Floats:
    return np.asarray(1 - np.clip(mesh.normals[:, 2], 0, 1))


def _hills(rng: Rng, shades: tuple[str, str, str]) -> Terrain:
    noise = _noise(rng)

    def height(p: Floats) -> Floats:
        rise = _ramp(p, 1.0, 18.0)
        return np.asarray(
            rise * (2.6 * noise(p, 11, 3) + 0.03 * np.maximum(p[..., 1] - 8, 0) + 0.9)
            + 0.10 * noise(p, 1.3, 4, 1)
            - 0.15
        )

    mesh = _mesh(height)
    colours = _patches(mesh.positions[:, :2], rng, *shades)
    return Terrain(mesh, colours, height)


def _green_hills(rng: Rng) -> Terrain:
    return _hills(rng, ("#728f45", "#4c6b33", "#9a9f5a"))


def _autumn_hills(rng: Rng) -> Terrain:
    return _hills(rng, ("#bd8a42", "#9a5a2c", "#85824a"))


def _dunes(rng: Rng) -> Terrain:
    noise = _noise(rng)
    angle = float(rng.uniform(-0.6, 0.6))

    def height(p: Floats) -> Floats:
        along = p[..., 0] * np.sin(angle) + p[..., 1] * np.cos(angle)
        wave = along / 7.5 + 1.5 * noise(p, 14, 3) + 0.35 * p[..., 0] / 9
        saw = wave - np.floor(wave)
        crest = np.where(saw < 0.72, saw / 0.72, (1 - saw) / 0.28)
        crest = crest * crest * (3 - 2 * crest)
        return np.asarray(
            (0.3 + 0.7 * _ramp(p, 1.5, 12.0)) * (2.5 * crest * (0.65 + 0.5 * noise(p, 18, 2, 1)))
            + 0.8 * _ramp(p, 15, 60)
            - 0.5
        )

    mesh = _mesh(height, 280, 240)
    p = mesh.positions[:, :2]
    ripple = np.sin(22 * (p[:, 1] + 0.5 * noise(p, 1.5, 2, 2))) * np.exp(-p[:, 1] / 7)
    tone = 1 + 0.07 * fbm(p / 3 + 9, rng, 4) + 0.05 * ripple
    return Terrain(mesh, np.clip(linear("#dba262") * tone[:, None], 0, 0.9), height)


def _snowy(mesh: Mesh, rng: Rng, line: float, rock: str, snow: str) -> Floats:
    """Snow lies where it is high and not too steep."""
    p, z = mesh.positions[:, :2], mesh.positions[:, 2]
    rough = fbm(p / 1.6 + 9, rng, 4)
    share = np.clip((z - line + 1.4 * rough) / 0.8, 0, 1) * np.clip(
        (0.52 + 0.16 * rough - _slope(mesh)) * 9, 0, 1
    )
    stone = linear(rock) * np.clip(1 + 0.45 * fbm(p / 0.9 + 5, rng, 4), 0.4, 1.8)[:, None]
    return blend(stone, linear(snow), share)


def _mountains(rng: Rng) -> Terrain:
    noise, ridges = _noise(rng), _ridges(rng)

    def height(p: Floats) -> Floats:
        peaks = 15.0 * ridges(p, 22.0) ** 1.25 * _ramp(p, 7, 32)
        return np.asarray(peaks + 0.9 * _ramp(p, 2, 14) * noise(p, 6, 4) + 0.06 * noise(p, 1.0, 3, 1) - 0.1)

    mesh = _mesh(height, 260, 260)
    meadow = _patches(mesh.positions[:, :2], rng, "#5c7a3a", "#3f5a2c", "#8a8a5a")
    low = np.clip((mesh.positions[:, 2] - 1.1 - 0.7 * noise(mesh.positions[:, :2], 3, 3, 2)) / 0.9, 0, 1)
    return Terrain(mesh, blend(meadow, _snowy(mesh, rng, 2.6, "#5b5a5e", "#f2f5fa"), low), height)


def _sea(rng: Rng) -> Terrain:
    return Terrain(
        None, None, lambda p: np.full(p.shape[:-1], -1.0), water=True, waves=float(rng.uniform(0.7, 1.2))
    )


def _lake(rng: Rng) -> Terrain:
    noise, ridges = _noise(rng), _ridges(rng)

    def height(p: Floats) -> Floats:
        basin = -1.1 + 1.5 * (1 - _ramp(p, 0.8, 3.4)) + 0.25 * noise(p, 1.6, 4, 1)
        shore = 1.7 * _ramp(p, 13, 19) + 0.9 * _ramp(p, 12, 22) * noise(p, 6, 4)
        sides = 2.2 * np.clip((np.abs(p[..., 0]) - 0.55 * p[..., 1] - 2.5) / 5, 0, 1)
        return np.asarray(basin + shore + sides + 14.0 * ridges(p, 24.0) ** 1.5 * _ramp(p, 16, 44))

    mesh = _mesh(height, 260, 250)
    z = mesh.positions[:, 2]
    green = _patches(mesh.positions[:, :2], rng, "#4f7434", "#34562a", "#7d8a4a")
    colours = blend(green, _snowy(mesh, rng, 4.2, "#5f5f62", "#f0f3f7"), np.clip((z - 2.0) / 1.6, 0, 1))
    shore = np.clip(1 - np.abs(z - 0.04) / 0.12, 0, 1)
    return Terrain(mesh, blend(colours, linear("#8d8471"), shore), height, water=True, waves=0.10)


def _islands(rng: Rng) -> Terrain:
    noise = _noise(rng)
    places = [
        (rng.uniform(-5, -1.5), rng.uniform(9, 14)),
        (rng.uniform(2, 7), rng.uniform(13, 20)),
        (rng.uniform(-14, 10), rng.uniform(24, 36)),
        (rng.uniform(-4, 4), rng.uniform(18, 30)),
    ]
    sizes = [float(rng.uniform(1.6, 3.2)) * (1 + 0.05 * y) for _, y in places]

    def height(p: Floats) -> Floats:
        land = np.full(p.shape[:-1], -2.0)
        for (x, y), size in zip(places, sizes, strict=True):
            far = np.hypot((p[..., 0] - x) * 0.75, p[..., 1] - y) / size
            land = np.maximum(land, 1.25 * size * np.exp(-2.0 * far**2) - 0.42 * size)
        return np.asarray(land + 1.25 * noise(p, 2.6, 7) * np.clip(land + 0.6, 0, 1.6))

    mesh = _mesh(height, 240, 280)
    p, z = mesh.positions[:, :2], mesh.positions[:, 2]
    rock = linear("#7a7068") * np.clip(1 + 0.5 * fbm(p / 0.7 + 5, rng, 4), 0.4, 1.7)[:, None]
    top = np.clip((0.34 - _slope(mesh)) * 8, 0, 1) * np.clip((z - 0.35) * 3, 0, 1)
    return Terrain(
        mesh,
        blend(rock, _patches(p, rng, "#55803a", "#3c5f2b", "#8d9a4e"), top),
        height,
        water=True,
        waves=0.6,
    )


def _canyon(rng: Rng) -> Terrain:
    noise = _noise(rng)

    def height(p: Floats) -> Floats:
        field = 2.3 * noise(p, 13, 5) + 1.2 * _ramp(p, 5, 26) - 0.55
        steps = np.clip(field, 0, 3) * 2.2
        part = steps - np.floor(steps)
        terrace = (np.floor(steps) + np.clip((part - 0.78) / 0.22, 0, 1)) / 2.2
        return np.asarray(2.6 * terrace * _ramp(p, 4, 10) + 0.16 * noise(p, 2.2, 5, 1) - 0.1)

    mesh = _mesh(height, 300, 260)
    p, z = mesh.positions[:, :2], mesh.positions[:, 2]
    band = value_noise(np.stack([z * 3.1 + 0.25 * noise(p, 3, 2, 2), 0 * z], -1) + 8, rng)
    cliff = blend(linear("#b4532c"), linear("#e0a070"), 0.5 + 0.7 * band)
    floor = blend(linear("#c77b48"), linear("#a99a5c"), np.clip(fbm(p / 2 + 9, rng, 4) * 0.8 + 0.15, 0, 0.6))
    return Terrain(mesh, blend(floor, cliff, np.clip(_slope(mesh) * 5, 0, 1)), height)


def _forest(rng: Rng) -> Terrain:
    noise = _noise(rng)

    def height(p: Floats) -> Floats:
        rise = _ramp(p, 2, 20)
        return np.asarray(
            rise * (2.2 * noise(p, 10, 3) + 0.075 * np.maximum(p[..., 1] - 6, 0))
            + 0.1 * noise(p, 1.3, 4, 1)
            - 0.2
        )

    mesh = _mesh(height)
    return Terrain(mesh, _patches(mesh.positions[:, :2], rng, "#4d6a2e", "#34501f", "#6d7a3d"), height)


def _lavender(rng: Rng) -> Terrain:
    noise = _noise(rng)
    lean = float(rng.uniform(-0.12, 0.12))

    def height(p: Floats) -> Floats:
        far = _ramp(p, 15, 30)
        row = np.abs(np.sin(np.pi * (p[..., 0] - lean * p[..., 1]) / 0.85)) ** 0.7
        near = 0.30 * row * (1 + 0.3 * noise(p, 0.35, 3, 1)) + 0.5 * noise(p, 12, 2, 2) * _ramp(p, 2, 12)
        return np.asarray(near * (1 - far) + far * (1.5 * noise(p, 11, 3) + 1.4) - 0.35)

    mesh = _mesh(height, 200, 460)
    p = mesh.positions[:, :2]
    row = np.abs(np.sin(np.pi * (p[:, 0] - lean * p[:, 1]) / 0.85)) ** 0.7
    bloom = blend(linear("#7b55b8"), linear("#a98ad8"), 0.5 + 0.9 * fbm(p / 0.3 + 4, rng, 3))
    field = blend(linear("#77683f"), bloom, np.clip((row - 0.32) * 5, 0, 1))
    return Terrain(
        mesh, blend(field, _patches(p, rng, "#6f8f3d", "#4d7030", "#a0a452"), _ramp(p, 16, 19)), height
    )


BUILDERS: dict[str, Callable[[Rng], Terrain]] = {
    "hills": _green_hills,
    "autumn hills": _autumn_hills,
    "dunes": _dunes,
    "mountains": _mountains,
    "sea": _sea,
    "lake": _lake,
    "islands": _islands,
    "canyon": _canyon,
    "pine forest": _forest,
    "lavender": _lavender,
}


def water(roughness: float, rng: Rng) -> Mesh:
    """The surface of water: a sum of waves that run about one wind, calmer where they are too far to see.

    Parameters
    ----------
    roughness : float
        1 is a breeze at sea, 0.1 a calm lake.
    """
    flat = fan(340, 260)
    wind = float(rng.uniform(0, 2 * np.pi))
    z = np.zeros(flat.shape[:2])
    spacing = np.maximum(np.gradient(flat[:, 0, 1]), 2 * SPREAD * (flat[:, 0, 1] + 2) / 260)[:, None]
    for n in range(22):
        length = 0.26 * 1.23**n
        heading = wind + float(rng.normal(0, 0.5))
        wave = np.sin(
            2 * np.pi * (flat[..., 0] * np.cos(heading) + flat[..., 1] * np.sin(heading)) / length
            + float(rng.uniform(0, 6.3))
        )
        shown = np.clip(length / (3.0 * spacing) - 0.7, 0, 1)
        z += roughness * 0.0062 * length**0.85 * shown * wave * (0.4 if length > 9 else 1)
    return grid(np.concatenate([flat, z[..., None]], -1).transpose(1, 0, 2))

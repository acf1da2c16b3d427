"""Each lighting word as a panorama of light, painted in numpy, with a few lamps near the things.

Radiance is in arbitrary units; `Lighting.incident` is what an incident-light meter at the subject reads, and
the exposure follows from it, so that white things stay white and black ones black under every light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.atelier.noise import blend, value_noise
from models.atelier.panorama import (
    HEIGHT,
    WIDTH,
    bokeh,
    directions,
    disc,
    glow,
    gradient,
    luminance,
    mottle,
    panel,
    skyline,
    towards,
)

Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Lamp:
    """A glowing ball near the things: centre, radius (scene units) and radiance (linear RGB)."""

    centre: tuple[float, float, float]
    radius: float
    radiance: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Lighting:
    """A light situation.

    Attributes
    ----------
    panorama : ndarray of shape (256, 512, 3)
        Radiance from every direction, see `directions`.
    lamps : tuple of Lamp
        Local lights, outside the picture.
    key : float
        Brightness of the picture: 1 is day, less is night.
    leaves : bool
        Whether foliage out of sight throws dappled shade.
    sun : tuple or None
        Direction of the sun, for the foliage.
    spot : tuple or None
        Radiant intensity (linear RGB) of a theatre spotlight from above.
    """

    panorama: Floats
    lamps: tuple[Lamp, ...] = ()
    key: float = 1.0
    leaves: bool = False
    sun: tuple[float, float, float] | None = None
    spot: tuple[float, float, float] | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def incident(self) -> float:
        """Mean irradiance on a patch that faces up and one that faces the camera and up."""
        d = directions()
        weight = (
            np.sin(np.pi * (np.arange(HEIGHT) + 0.5) / HEIGHT)[:, None]
            * (np.pi / HEIGHT)
            * (2 * np.pi / WIDTH)
        )
        light = luminance(self.panorama) * weight
        total = 0.0
        for normal in ((0.0, 0.0, 1.0), (0.0, -0.8, 0.6)):
            n = np.array(normal)
            total += float((light * np.clip(d @ n, 0, None)).sum())
            for lamp in self.lamps:
                to = np.array(lamp.centre) - np.array([0, -0.2, 0.4])
                far = float(np.linalg.norm(to))
                glow = float(luminance(np.array(lamp.radiance))) * np.pi * (lamp.radius / far) ** 2
                total += glow * max(0.0, float(to @ n) / far)
        if self.spot is not None:
            total += float(luminance(np.array(self.spot))) / 20.0
        return total / 2


def _side(rng: Rng) -> float:
    return -1.0 if rng.random() < 0.65 else 1.0


def _studio(rng: Rng) -> Lighting:
    tone = np.array(
        [(0.62, 0.62, 0.62), (0.50, 0.56, 0.64), (0.66, 0.60, 0.53), (0.30, 0.31, 0.33), (0.56, 0.62, 0.57)][
            rng.integers(5)
        ]
    )
    side = _side(rng)
    back = gradient(
        [
            (-90, tuple(0.35 * tone)),
            (-12, tuple(0.75 * tone)),
            (10, tuple(tone)),
            (60, tuple(0.45 * tone)),
            (90, tuple(0.3 * tone)),
        ]
    )
    back = back * (0.85 + 0.75 * glow(0, -4, 34, (1, 1, 1)))
    key = panel(side * rng.uniform(50, 75), rng.uniform(30, 48), 52, 44, (11, 10.8, 10.4))
    fill = panel(-side * rng.uniform(60, 95), 22, 30, 58, (3.4, 3.5, 3.7))
    return Lighting(back + key + fill + panel(180, 80, 40, 40, (2.5, 2.5, 2.5)))


def _window(rng: Rng) -> Lighting:
    side = _side(rng)
    wall = np.array(
        [(0.42, 0.36, 0.28), (0.34, 0.36, 0.36), (0.44, 0.40, 0.34), (0.30, 0.34, 0.28)][rng.integers(4)]
    )
    room = gradient(
        [
            (-90, tuple(0.25 * wall)),
            (-20, tuple(0.55 * wall)),
            (20, tuple(0.75 * wall)),
            (90, tuple(0.6 * wall)),
        ]
    )
    room = room * (0.55 + 0.9 * glow(side * 60, 5, 62, (1, 1, 1)))
    window = panel(side * rng.uniform(62, 84), 20, 58, 62, (15, 16, 17.5), bars=3)
    return Lighting(room + window + panel(side * 150, 15, 24, 40, (1.6, 1.6, 1.7)))


def _overcast(rng: Rng) -> Lighting:
    sky = gradient(
        [
            (-90, (0.10, 0.11, 0.10)),
            (-14, (0.5, 0.53, 0.55)),
            (-4, (0.9, 0.95, 1.0)),
            (30, (1.2, 1.25, 1.3)),
            (90, (1.5, 1.55, 1.6)),
        ]
    )
    sky = sky * (1 + 0.22 * mottle(rng, 3)[..., None])
    hills = skyline(rng, rng.uniform(-10, -3), 3.0)
    return Lighting(
        blend(
            sky,
            np.array([0.24, 0.29, 0.28]) * (1 + 0.3 * mottle(rng, 14)[..., None]),
            np.clip(hills / 2, 0, 1) * 0.85,
        ),
        key=0.92,
    )


def _hard_sun(rng: Rng) -> Lighting:
    azimuth, elevation = _side(rng) * rng.uniform(75, 140), rng.uniform(38, 58)
    sky = gradient(
        [
            (-90, (0.5, 0.45, 0.38)),
            (-14, (1.5, 1.65, 1.85)),
            (-3, (0.95, 1.35, 1.95)),
            (18, (0.40, 0.78, 1.6)),
            (90, (0.16, 0.36, 1.0)),
        ]
    )
    cloud = np.clip(mottle(rng, 3.2, 5) * 2.2 - 0.25, 0, 1) * np.clip(directions()[..., 2] * 6 + 0.8, 0, 1)
    sky = blend(sky, np.array([2.3, 2.3, 2.3]), 0.8 * cloud)
    sun = disc(azimuth, elevation, 1.5, (6400, 6000, 5300))
    return Lighting(sky + sun, key=1.02, sun=tuple(towards(azimuth, elevation)))


def _golden_hour(rng: Rng) -> Lighting:
    azimuth = _side(rng) * rng.uniform(55, 105)
    sky = gradient(
        [
            (-90, (0.20, 0.13, 0.06)),
            (-9, (0.50, 0.31, 0.11)),
            (-3, (1.25, 0.80, 0.34)),
            (8, (1.0, 0.78, 0.48)),
            (35, (0.48, 0.48, 0.46)),
            (90, (0.25, 0.30, 0.38)),
        ]
    )
    trees = np.clip(skyline(rng, rng.uniform(-5, 3), 5) / 3, 0, 1)
    sky = blend(sky, np.array([0.42, 0.27, 0.07]) * (1 + 0.7 * mottle(rng, 16)[..., None]), 0.8 * trees)
    sun = disc(azimuth, 13, 2.0, (2300, 1280, 430)) + glow(azimuth, 10, 28, (2.4, 1.35, 0.45))
    return Lighting(sky + sun, sun=tuple(towards(azimuth, 13)))


def _sunset(rng: Rng) -> Lighting:
    azimuth = rng.uniform(-28, 28)
    sky = gradient(
        [
            (-90, (0.10, 0.06, 0.12)),
            (-10, (0.22, 0.10, 0.16)),
            (-7, (1.55, 0.52, 0.12)),
            (-1, (1.35, 0.42, 0.22)),
            (9, (0.72, 0.30, 0.46)),
            (28, (0.36, 0.24, 0.50)),
            (90, (0.16, 0.18, 0.42)),
        ]
    )
    bands = np.clip(value_noise(directions() * np.array([2.5, 2.5, 22.0]) + 9, rng) * 1.6, 0, 1) * np.clip(
        directions()[..., 2] * 7 + 0.6, 0, 1
    )
    sky = blend(sky, np.array([1.5, 0.42, 0.30]), 0.5 * bands)
    sun = disc(azimuth, -3.5, 2.6, (26, 10, 2.6)) + glow(azimuth, -3, 16, (1.9, 0.7, 0.14))
    front = panel(_side(rng) * 125, 28, 70, 50, (2.1, 1.15, 1.2), soft=14)
    return Lighting(sky + sun + front, key=0.82)


def _moonlight(rng: Rng) -> Lighting:
    side = _side(rng)
    sky = gradient(
        [
            (-90, (0.010, 0.016, 0.035)),
            (-8, (0.022, 0.036, 0.080)),
            (5, (0.05, 0.085, 0.19)),
            (40, (0.03, 0.055, 0.14)),
            (90, (0.02, 0.04, 0.10)),
        ]
    )
    hills = np.clip(skyline(rng, rng.uniform(-5, 1), 4) / 1.5, 0, 1)
    sky = blend(sky, np.array([0.010, 0.018, 0.040]), hills)
    stars = np.zeros((HEIGHT, WIDTH, 3))
    rows, columns = rng.integers(60, 132, 70), rng.integers(0, WIDTH, 70)
    stars[rows, columns] = rng.uniform(0.3, 1.6, (70, 1)) * np.array([0.8, 0.9, 1.2])
    moon = disc(side * rng.uniform(60, 125), rng.uniform(32, 50), 2.6, (52, 66, 100))
    fill = glow(side * -70, 25, 35, (0.05, 0.08, 0.17))
    return Lighting(sky + stars * (1 - hills[..., None]) + moon + fill, key=0.55)


def _candlelight(rng: Rng) -> Lighting:
    room = gradient(
        [
            (-90, (0.012, 0.007, 0.004)),
            (-10, (0.045, 0.022, 0.010)),
            (20, (0.055, 0.026, 0.011)),
            (90, (0.02, 0.01, 0.005)),
        ]
    )
    room = room * (1 + 0.5 * mottle(rng, 3)[..., None]) + bokeh(
        rng, 9, [(5.0, 2.2, 0.6), (4.0, 1.6, 0.4)], -11, 6, (0.5, 0.9)
    )
    side = _side(rng)
    warm = np.array([1.0, 0.50, 0.16])
    lamps = (
        Lamp((side * 1.7, -1.5, 1.15), 0.12, tuple(120 * warm)),
        Lamp((-side * 2.3, -0.9, 0.9), 0.12, tuple(60 * warm)),
        Lamp((side * 1.2, 1.9, 1.6), 0.1, tuple(70 * warm)),
    )
    return Lighting(room, lamps, key=0.62)


def _lamplight(rng: Rng) -> Lighting:
    side = _side(rng)
    wall = np.array(
        [(0.24, 0.14, 0.07), (0.20, 0.15, 0.09), (0.26, 0.13, 0.08), (0.14, 0.15, 0.10)][rng.integers(4)]
    )
    room = gradient(
        [(-90, tuple(0.2 * wall)), (-14, tuple(0.7 * wall)), (15, tuple(wall)), (90, tuple(0.5 * wall))]
    )
    room = room * (0.35 + 2.0 * glow(side * 22, 6, 24, (1, 0.92, 0.8)))
    warm = np.array([1.0, 0.70, 0.38])
    lamps = (Lamp((side * 1.9, -0.7, 2.7), 0.42, tuple(16 * warm)),)
    return Lighting(room + glow(-side * 100, 20, 40, (0.10, 0.08, 0.07)), lamps, key=0.85)


def _neon(rng: Rng) -> Lighting:
    pink, cyan = np.array([1.0, 0.06, 0.55]), np.array([0.03, 0.75, 1.0])
    left, right = (pink, cyan) if rng.random() < 0.5 else (cyan, pink)
    room = gradient([(-90, (0.012, 0.008, 0.025)), (0, (0.035, 0.018, 0.07)), (90, (0.02, 0.012, 0.045))]) * (
        1 + 0.4 * mottle(rng, 5)[..., None]
    )
    light = (
        panel(-78, 18, 26, 62, 9 * left, soft=4)
        + panel(78, 18, 26, 62, 9 * right, soft=4)
        + panel(180, 50, 40, 30, 0.5 * (pink + cyan))
    )
    for _ in range(4):
        colour = pink if rng.random() < 0.5 else cyan
        azimuth, elevation = rng.uniform(-26, 26), rng.uniform(-9, 6)
        width, height = (14.0, 1.1) if rng.random() < 0.5 else (1.1, 12.0)
        light += panel(azimuth, elevation, width, height, 7 * colour, soft=0.5)
    return Lighting(room + light, key=0.8)


def _spotlight(rng: Rng) -> Lighting:
    room = gradient([(-90, (0.012, 0.012, 0.014)), (0, (0.05, 0.05, 0.058)), (90, (0.02, 0.02, 0.024))])
    rim = (
        panel(_side(rng) * 120, 40, 14, 40, (0.9, 0.92, 1.0))
        + panel(_side(rng) * 150, 60, 16, 16, (4, 3.9, 3.7))
        + panel(75, 15, 10, 70, (1.6, 1.6, 1.7))
        + panel(-80, 25, 16, 50, (1.1, 1.1, 1.15))
    )
    return Lighting(room + rim, key=0.85, spot=(130.0, 124.0, 112.0))


def _forest(rng: Rng) -> Lighting:
    canopy = mottle(rng, 5, 5)
    green = blend(np.array([0.035, 0.075, 0.018]), np.array([0.30, 0.50, 0.10]), 0.5 + 0.9 * canopy)
    trunks = np.clip(
        value_noise(
            np.stack(
                [
                    np.degrees(np.arctan2(directions()[..., 0], directions()[..., 1])) / 5 + 80,
                    directions()[..., 2] * 2 + 9,
                ],
                -1,
            ),
            rng,
        )
        * 5
        - 1.9,
        0,
        1,
    )
    green = blend(green, np.array([0.045, 0.033, 0.020]), trunks * (directions()[..., 2] < 0.5))
    ground = np.clip(-directions()[..., 2] * 8 - 0.8, 0, 1)
    green = blend(green, np.array([0.10, 0.085, 0.03]), ground)
    gaps = np.clip((mottle(rng, 13, 3) - 0.42) * 7, 0, 1) * np.clip(directions()[..., 2] * 4 + 0.8, 0, 1)
    green = green + gaps[..., None] * np.array([1.5, 1.7, 0.9])
    azimuth = _side(rng) * rng.uniform(60, 130)
    sun = disc(azimuth, 52, 1.5, (5200, 4700, 3500))
    return Lighting(1.5 * green + sun, key=1.45, leaves=True, sun=tuple(towards(azimuth, 52)))


def _city_night(rng: Rng) -> Lighting:
    sky = gradient(
        [
            (-90, (0.015, 0.015, 0.02)),
            (-10, (0.03, 0.03, 0.045)),
            (0, (0.05, 0.05, 0.09)),
            (90, (0.012, 0.018, 0.05)),
        ]
    )
    lights = bokeh(
        rng,
        55,
        [(6, 3.6, 1.4), (6, 4.6, 2.6), (5, 5.2, 6), (6, 0.8, 0.5), (0.8, 4.5, 2.2), (1.2, 2.2, 6)],
        -12,
        4,
        (0.35, 0.6),
    )
    side = _side(rng)
    street = (
        panel(side * 70, 40, 22, 30, (7.5, 5.0, 2.7), soft=5)
        + panel(-side * 80, 20, 30, 50, (0.8, 1.1, 2.1), soft=6)
        + panel(180, 45, 50, 30, (0.9, 0.8, 0.75), soft=8)
    )
    return Lighting(sky + lights + street, key=0.75)


PAINTERS: dict[str, Callable[[Rng], Lighting]] = {
    "studio": _studio,
    "window": _window,
    "overcast": _overcast,
    "hard sun": _hard_sun,
    "golden hour": _golden_hour,
    "sunset": _sunset,
    "moonlight": _moonlight,
    "candlelight": _candlelight,
    "lamplight": _lamplight,
    "neon": _neon,
    "spotlight": _spotlight,
    "forest": _forest,
    "city night": _city_night,
}


def lighting(name: str, rng: Rng) -> Lighting:
    """Paint the light that a word names."""
    return PAINTERS[name](rng)

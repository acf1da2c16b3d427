"""A physical sky in numpy: daylight by the Preetham model, clouds, haze, twilight and a moonlit night."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.atelier.noise import blend, fbm
from models.atelier.panorama import luminance, towards

Floats = NDArray[np.float64]
Rng = np.random.Generator
HEIGHT, WIDTH = 384, 768

XYZ_TO_RGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
ELEVATION = {
    "dawn": (4.0, 8.0),
    "noon": (48.0, 62.0),
    "afternoon": (20.0, 28.0),
    "sunset": (2.0, 4.5),
    "dusk": (0.6, 0.8),
    "night": (24.0, 40.0),
}
"""Range of the sun's (at night the moon's) height, degrees."""
AHEAD = {"dawn": 50.0, "sunset": 24.0, "dusk": 30.0}
"""How far from straight ahead the sun may stand at these times, degrees; otherwise it lights from a side."""
LOW = {
    "dawn": (1.22, 0.80, 0.84),
    "noon": (0.72, 0.90, 1.12),
    "afternoon": (0.92, 0.95, 1.0),
    "sunset": (1.6, 0.62, 0.34),
    "dusk": (0.9, 0.55, 0.85),
}
HIGH = {
    "dawn": (0.82, 0.88, 1.15),
    "noon": (0.55, 0.76, 1.1),
    "afternoon": (0.66, 0.84, 1.1),
    "sunset": (0.95, 0.78, 0.90),
    "dusk": (0.55, 0.55, 1.0),
}
"""Tints of the model's colours at the horizon and overhead: what scattering of higher orders adds."""
TURBIDITY = {"clear": 2.4, "cloudy": 2.8, "overcast": 3.5, "hazy": 5.0, "foggy": 6.0}


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """Light from above, and what the air does to the distance.

    Attributes
    ----------
    panorama : ndarray of shape (384, 768, 3)
        Radiance; the first column looks along +y.
    haze : ndarray of shape (3,)
        Radiance of thick air.
    density : float
        Extinction a scene unit.
    sun : ndarray of shape (3,)
        Unit vector to the sun or moon.
    """

    panorama: Floats
    haze: Floats
    density: float
    sun: Floats


@lru_cache(maxsize=1)
def directions() -> Floats:
    """Unit direction of every texel; shape (384, 768, 3)."""
    theta = np.pi * (np.arange(HEIGHT) + 0.5) / HEIGHT
    phi = 2 * np.pi * (np.arange(WIDTH) + 0.5) / WIDTH
    t, p = np.meshgrid(theta, phi, indexing="ij")
    return np.stack([np.sin(t) * np.sin(p), np.sin(t) * np.cos(p), np.cos(t)], -1)


def _perez(cos_theta: Floats | float, gamma: Floats | float, c: Floats) -> Floats:
    """Relative luminance of Perez et al.: ``(1 + A e^{B/cos t}) (1 + C e^{D g} + E cos^2 g)``."""
    horizon = 1 + c[0] * np.exp(c[1] / np.maximum(cos_theta, 0.015))
    return np.asarray(horizon * (1 + c[2] * np.exp(c[3] * gamma) + c[4] * np.cos(gamma) ** 2))


def preetham(view: Floats, sun: Floats, turbidity: float) -> Floats:
    """Clear-sky radiance, linear sRGB, in kcd/m^2.

    Parameters
    ----------
    view : ndarray of shape (..., 3)
        Unit directions; those below the horizon get the horizon's colour.
    sun : ndarray of shape (3,)
    turbidity : float
        2 is very clear, 6 is hazy.

    References
    ----------
    .. [Preetham1999] A. J. Preetham, P. Shirley, B. Smits, "A practical analytic model for daylight",
       SIGGRAPH 1999, appendix A.2.
    """
    t = turbidity
    tilt = np.arccos(np.clip(sun[2], 0, 1))
    powers = np.array([tilt**3, tilt**2, tilt, 1.0])
    turbid = np.array([t * t, t, 1.0])
    chi = (4 / 9 - t / 120) * (np.pi - 2 * tilt)
    zenith = (
        (4.0453 * t - 4.9710) * np.tan(chi) - 0.2155 * t + 2.4192,
        turbid
        @ np.array(
            [
                [0.00166, -0.00375, 0.00209, 0.0],
                [-0.02903, 0.06377, -0.03202, 0.00394],
                [0.11693, -0.21196, 0.06052, 0.25886],
            ]
        )
        @ powers,
        turbid
        @ np.array(
            [
                [0.00275, -0.00610, 0.00317, 0.0],
                [-0.04214, 0.08970, -0.04153, 0.00516],
                [0.15346, -0.26756, 0.06670, 0.26688],
            ]
        )
        @ powers,
    )
    shapes = np.array(
        [
            [[0.1787, -1.4630], [-0.3554, 0.4275], [-0.0227, 5.3251], [0.1206, -2.5771], [-0.0670, 0.3703]],
            [[-0.0193, -0.2592], [-0.0665, 0.0008], [-0.0004, 0.2125], [-0.0641, -0.8989], [-0.0033, 0.0452]],
            [[-0.0167, -0.2608], [-0.0950, 0.0092], [-0.0079, 0.2102], [-0.0441, -1.6537], [-0.0109, 0.0529]],
        ]
    ) @ np.array([t, 1.0])
    up = np.maximum(view[..., 2], 0.0)
    gamma = np.arccos(np.clip(view @ sun, -1, 1))
    big_y, x, y = (
        zenith[k] * _perez(up, gamma, shapes[k]) / _perez(1.0, float(tilt), shapes[k]) for k in range(3)
    )
    y = np.maximum(y, 1e-3)
    xyz = np.stack([x * big_y / y, big_y, (1 - x - y) * big_y / y], -1)
    return np.asarray(np.clip(xyz @ XYZ_TO_RGB.T, 0, None))


def sunlight(elevation: float, turbidity: float) -> Floats:
    """Colour of direct sunlight after the air: ``exp(-depth * mass)``, linear RGB, white above the air.

    References
    ----------
    .. [Kasten1989] F. Kasten, A. T. Young, "Revised optical air mass tables", Applied Optics 28, 1989.
    """
    e = max(elevation, 0.5)
    mass = 1 / (np.sin(np.radians(e)) + 0.50572 * (e + 6.07995) ** -1.6364)
    depth = np.array([0.045, 0.095, 0.21]) + 0.012 * (turbidity - 2)
    return np.exp(-depth * min(float(mass), 16.0))


def _night(view: Floats, rng: Rng) -> Floats:
    low, high = np.array([0.10, 0.16, 0.34]), np.array([0.022, 0.045, 0.13])
    sky = blend(low, high, np.clip(view[..., 2:3], 0, 1)[..., 0] ** 0.5)
    rows, columns = rng.integers(0, HEIGHT // 2 - 6, 420), rng.integers(0, WIDTH, 420)
    stars = np.zeros(view.shape)
    stars[rows, columns] = rng.uniform(0.15, 0.8, (420, 1)) ** 2 * np.array([0.9, 0.95, 1.1])
    return sky + stars


def _clouds(sky: Floats, view: Floats, sun: Floats, light: Floats, weather: str, rng: Rng) -> Floats:
    """Clouds on a dome: their sunward side is lit, their heart is grey."""
    up = np.maximum(view[..., 2:], 0.0)
    flat = view[..., :2] / (up + 0.16) * 1.1 + 16
    seed = int(rng.integers(2**31))

    def field(points: Floats) -> Floats:
        return fbm(points, np.random.default_rng(seed), 6)

    dense = field(flat)
    cover = 0.08 if weather == "cloudy" else -0.55
    share = np.clip((dense - cover) * 2.6, 0, 1) * np.clip(up[..., 0] * 16, 0, 1)
    lit = np.clip(0.55 + 1.6 * (dense - field(flat + 0.16 * sun[:2])), 0.12, 1.25)
    ambient = np.array([0.9, 0.95, 1.0]) * float(luminance(sky).mean())
    colour = ambient * 0.75 + lit[..., None] * light
    if weather == "overcast":
        colour = np.clip(1.05 + 0.55 * dense, 0.4, 1.6)[..., None] * (0.75 * ambient + 0.25 * ambient.mean())
        share = np.clip(share + 0.85, 0, 1)
    return blend(sky, colour, share * 0.94)


def make_sky(time: str, weather: str, rng: Rng) -> Sky:
    """The sky of a time-of-day word and a weather word."""
    view = directions()
    elevation = float(rng.uniform(*ELEVATION[time]))
    if time in AHEAD:
        azimuth = float(rng.uniform(-AHEAD[time], AHEAD[time]))
    else:
        azimuth = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(55, 125))
    sun = towards(azimuth, elevation)
    turbidity = TURBIDITY[weather]
    if time == "night":
        sky, light = _night(view, rng), np.array([0.55, 0.72, 1.0]) * 0.35
    else:
        rise = np.clip(view[..., 2] * 2.2, 0, 1) ** 0.6
        sky = preetham(view, sun, turbidity) * blend(np.array(LOW[time]), np.array(HIGH[time]), rise)
        sky *= 1.0 / max(float(luminance(sky[: HEIGHT // 2]).mean()), 1e-6)
        light = 1.5 * sunlight(elevation, turbidity) * np.array(LOW[time]) ** 0.5
    if time == "dusk":
        glow = (
            np.exp(-np.clip(view[..., 2], 0, 1) * 9)[..., None]
            * np.clip(0.55 + 0.6 * (view @ sun), 0, 1)[..., None]
        )
        sky = 0.45 * sky + glow * np.array([1.7, 0.55, 0.42])
        light = light * 0.05
    if weather in ("cloudy", "overcast"):
        sky = _clouds(sky, view, sun, light, weather, rng)
    if time in ("noon", "afternoon") and weather in ("clear", "cloudy", "hazy"):
        sky = sky * np.clip(0.70 + 0.7 * view[..., 2:], 0.70, 1.0)
    veil = {"clear": 0.0, "cloudy": 0.0, "overcast": 0.1, "hazy": 0.35, "foggy": 1.0}[weather]
    band = (view[..., 2] > 0.08) & (view[..., 2] < 0.2)
    mean = sky[band].mean(0)
    haze = blend(mean, np.full(3, float(luminance(mean))), np.array(0.25 if weather != "foggy" else 0.55))
    low = np.clip(1.2 - view[..., 2] * (3.0 if weather == "hazy" else 1.0), 0, 1)
    sky = blend(sky, haze, veil * low)
    sky = np.where(view[..., 2:] < 0, np.where(view[..., 2:] < -0.06, 0.45 * haze, haze), sky)
    through = {"clear": 1.0, "cloudy": 0.8, "overcast": 0.0, "hazy": 0.5, "foggy": 0.06}[weather]
    direct = {"night": 12.0, "dusk": 0.0}.get(time, 22.0) * through
    radius = 1.5 if time == "night" else 1.1
    solid = 2 * np.pi * (1 - np.cos(np.radians(radius)))
    angle = np.degrees(np.arccos(np.clip(view @ sun, -1, 1)))
    disc = np.clip((radius - angle) / 1.0 + 0.5, 0, 1)[..., None]
    sky = sky + disc * light * direct / solid * 0.55 + np.exp(-angle / 7)[..., None] * light * 0.5 * through
    density = {"clear": 0.0035, "cloudy": 0.004, "overcast": 0.009, "hazy": 0.018, "foggy": 0.055}[weather]
    density *= 1.3 if time == "dawn" and weather != "foggy" else 1.0
    return Sky(sky, haze, density, sun)

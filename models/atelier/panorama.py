"""Brushes for panoramas of light: gradients, glows, discs, panels, skylines.

Directions: the viewer looks along +y, x is right, z is up; a panorama's first column looks along +y.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.atelier.noise import fbm

Floats = NDArray[np.float64]
Rng = np.random.Generator
HEIGHT, WIDTH = 256, 512


def luminance(rgb: Floats) -> Floats:
    """Rec. 709 luminance of linear light; drops the last axis."""
    return np.asarray(rgb @ np.array([0.2126, 0.7152, 0.0722]))


@lru_cache(maxsize=1)
def directions() -> Floats:
    """Unit direction of every texel; shape (256, 512, 3); the first column looks along +y."""
    theta = np.pi * (np.arange(HEIGHT) + 0.5) / HEIGHT
    phi = 2 * np.pi * (np.arange(WIDTH) + 0.5) / WIDTH
    t, p = np.meshgrid(theta, phi, indexing="ij")
    return np.stack([np.sin(t) * np.sin(p), np.sin(t) * np.cos(p), np.cos(t)], -1)


def towards(azimuth: float, elevation: float) -> Floats:
    """Unit vector; azimuth in degrees from +y to the right, elevation from the horizon."""
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.array([np.cos(e) * np.sin(a), np.cos(e) * np.cos(a), np.sin(e)])


def gradient(stops: list[tuple[float, tuple[float, float, float]]]) -> Floats:
    """Colours by elevation (degrees), linearly between stops."""
    elevation = np.degrees(np.arcsin(np.clip(directions()[..., 2], -1, 1)))
    at = [s[0] for s in stops]
    return np.stack([np.interp(elevation, at, [s[1][k] for s in stops]) for k in range(3)], -1)


def glow(azimuth: float, elevation: float, degrees: float, colour: Any) -> Floats:
    """A soft round light; `degrees` is where it has fallen to 1/e."""
    cosine = directions() @ towards(azimuth, elevation)
    strength = np.exp((cosine - 1) / (1 - np.cos(np.radians(degrees))))
    return np.asarray(strength[..., None] * np.array(colour, float))


def disc(azimuth: float, elevation: float, degrees: float, colour: Any, rows: slice = slice(None)) -> Floats:
    """A round light with an edge one texel soft, or some rows of it."""
    angle = np.degrees(np.arccos(np.clip(directions()[rows] @ towards(azimuth, elevation), -1, 1)))
    inside = np.clip((degrees - angle) / 0.7 + 0.5, 0, 1)
    return np.asarray(inside[..., None] * np.array(colour, float))


def panel(
    azimuth: float,
    elevation: float,
    width: float,
    height: float,
    colour: Any,
    *,
    soft: float = 1.5,
    bars: int = 0,
) -> Floats:
    """A rectangle of light facing the things; sizes and softness in degrees, `bars` window bars."""
    d, ahead = directions(), towards(azimuth, elevation)
    side = towards(azimuth + 90, 0)
    up = np.cross(side, ahead)
    depth = np.maximum(d @ ahead, 1e-6)
    x, y = np.degrees(np.arctan(d @ side / depth)), np.degrees(np.arctan(d @ up / depth))
    inside = (
        np.clip((width / 2 - np.abs(x)) / soft, 0, 1)
        * np.clip((height / 2 - np.abs(y)) / soft, 0, 1)
        * (d @ ahead > 0)
    )
    if bars:
        for k in range(1, bars):
            inside = inside * np.clip((np.abs(x + width / 2 - k * width / bars) - 0.6) / 0.6, 0, 1)
        inside = inside * np.clip((np.abs(y) - 0.6) / 0.6, 0, 1)
    return np.asarray(inside[..., None] * np.array(colour, float))


def mottle(rng: Rng, scale: float, octaves: int = 4) -> Floats:
    """Soft blotches over all directions, about in [-1, 1]; `scale` is how many to a radian."""
    return fbm(directions() * scale + 16, rng, octaves)


def skyline(rng: Rng, height: float, rough: float) -> Floats:
    """How far (degrees) each direction is below a wandering skyline, positive below."""
    d = directions()
    round_ = (
        np.stack([d[..., 0], d[..., 1]], -1) / np.maximum(np.hypot(d[..., 0], d[..., 1]), 1e-6)[..., None]
    )
    line = height + rough * fbm(round_ * 3 + 9, rng, 5)
    return np.asarray(line - np.degrees(np.arcsin(d[..., 2])))


def bokeh(
    rng: Rng,
    count: int,
    colours: list[tuple[float, float, float]],
    low: float,
    high: float,
    size: tuple[float, float],
) -> Floats:
    """Small lamps ahead, which an open lens turns into discs; sizes and heights in degrees."""
    light = np.zeros((HEIGHT, WIDTH, 3))
    for _ in range(count):
        colour = np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.5, 1.4)
        azimuth, elevation, radius = rng.uniform(-48, 48), rng.uniform(low, high), rng.uniform(*size)
        top, bottom = ((90 - elevation + k * (radius + 0.5)) / 180 * HEIGHT for k in (-1, 1))
        rows = slice(max(int(top) - 1, 0), int(bottom) + 2)
        light[rows] += disc(azimuth, elevation, radius, colour, rows)
    return light

"""What things are made of: a word and a colour become a reflectance model of the renderer.

Patterns such as veins and grain are solid: they are evaluated at the vertices of a fine mesh, so that they
run through the body and have no seams.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.atelier.noise import blend, fbm, linear, value_noise

Floats = NDArray[np.float64]
Plugin = dict[str, Any]

PIGMENTS = {
    "red": "#c4161c",
    "orange": "#ef7a12",
    "yellow": "#f4c914",
    "green": "#2c8a3a",
    "teal": "#129c9c",
    "blue": "#1f4fc0",
    "purple": "#6f2da8",
    "pink": "#f07ea8",
    "brown": "#6b3f22",
    "black": "#141414",
    "white": "#ecebe6",
    "grey": "#85878a",
}
METALS = {"gold": (1.0, 0.71, 0.29), "copper": (0.93, 0.50, 0.36), "silver": (0.93, 0.93, 0.94)}
"""Reflectance at normal incidence, linear light (rounded)."""


def pigment(colour: str, rng: np.random.Generator) -> Floats:
    """Linear albedo of a colour word, a little different each time."""
    base = linear(PIGMENTS[colour])
    return np.clip(base * (1 + 0.08 * rng.uniform(-1, 1)) + 0.008 * rng.uniform(-1, 1, 3), 0.004, 0.9)


def _rgb(value: Any) -> Plugin:
    return {"type": "rgb", "value": [float(v) for v in np.broadcast_to(value, 3)]}


def _painted() -> Plugin:
    return {"type": "mesh_attribute", "name": "vertex_color"}


def matte(colour: Any) -> Plugin:
    """A plain diffuse body."""
    return {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": _rgb(colour)}}


def gloss(reflectance: Plugin, roughness: float = 0.0) -> Plugin:
    """A diffuse body under a clear coat: smooth at roughness 0."""
    kind: Plugin = {"type": "plastic"} if roughness == 0 else {"type": "roughplastic", "alpha": roughness}
    return {
        "type": "twosided",
        "bsdf": {**kind, "int_ior": 1.55, "diffuse_reflectance": reflectance, "nonlinear": True},
    }


def coated(roughness: float) -> Plugin:
    """A body of painted vertices under a coat; `roughness` is the microfacet width (alpha)."""
    bsdf = {"type": "principled", "base_color": _painted(), "roughness": roughness**0.5, "specular": 0.55}
    return {"type": "twosided", "bsdf": bsdf}


def marble_colours(p: Floats, base: Floats, vein: Floats, rng: np.random.Generator) -> Floats:
    """Veins where a bent wave crosses zero; shape (n, 3)."""
    warp = np.stack([fbm(p * 2.1 + 5 * k, rng, 4) for k in range(p.shape[-1])], -1)
    lines = np.abs(value_noise(p * 1.9 + 1.5 * warp, rng))
    fine = np.abs(value_noise(p * 4.3 + 2.2 * warp, rng))
    share = 0.9 * np.exp(-lines * 22) + 0.45 * np.exp(-fine * 28) + 0.06 * fbm(p * 3, rng, 3)
    return blend(base, vein, share)


def wood_colours(
    p: Floats, rng: np.random.Generator, light: str = "#a06c3e", dark: str = "#4a2a15"
) -> Floats:
    """Year rings about a tilted axis with fine grain along it; shape (n, 3)."""
    q = p + 0.06 * np.stack([fbm(p * 2.0 + 3 * k, rng, 2) for k in range(3)], -1)
    axis = np.hypot(q[:, 0] + 0.45 + 0.12 * q[:, 2], q[:, 1] - 0.3)
    rings = 0.5 + 0.5 * np.sin(axis * 2 * np.pi * 13)
    grain = value_noise(p * np.array([60.0, 60.0, 3.0]), rng)
    return blend(linear(light), linear(dark), 0.2 + 0.5 * rings**2 + 0.18 * grain)


def material(
    name: str, colour: str, points: Floats, rng: np.random.Generator
) -> tuple[Plugin, Floats | None]:
    """Reflectance model of a material word, and the colours of the vertices if it has a pattern.

    Parameters
    ----------
    name, colour : str
        Words of the vocabulary; colour ``"own"`` where the material has only one.
    points : ndarray of shape (n, 3)
        Vertices of the body.
    """
    if name in METALS:
        tint = np.array(METALS[name])
        return {
            "type": "roughconductor",
            "material": "none",
            "alpha": 0.03,
            "specular_reflectance": _rgb(tint),
        }, None
    if name == "glass":
        tint = (
            np.full(3, 0.985)
            if colour == "own"
            else 0.1 + 0.9 * (pigment(colour, rng) / pigment(colour, rng).max()) ** 0.6
        )
        return {
            "type": "dielectric",
            "int_ior": 1.5,
            "specular_transmittance": _rgb(np.clip(tint, 0, 0.99)),
        }, None
    if name == "wood":
        return coated(0.25), wood_colours(points, rng)
    base = pigment(colour, rng)
    if name == "ceramic":
        return gloss(_rgb(base)), None
    if name == "brushed metal":
        tint = 0.05 + 0.8 * base / max(base.max(), 0.25) if colour != "grey" else np.full(3, 0.62)
        lines = 0.86 + 0.14 * value_noise(points * np.array([1.5, 1.5, 70.0]), rng)
        plugin = {
            "type": "roughconductor",
            "material": "none",
            "alpha_u": 0.32,
            "alpha_v": 0.2,
            "specular_reflectance": _painted(),
        }
        return plugin, np.clip(tint * lines[:, None], 0.01, 0.95)
    if name == "marble":
        vein = linear("#e6e2da") if colour in ("black", "green") else base * 0.22
        body = base if colour != "green" else base * 0.5
        return coated(0.08), marble_colours(points, body, vein, rng)
    if name == "velvet":
        deep = base * 0.4
        plugin = {
            "type": "twosided",
            "bsdf": {
                "type": "principled",
                "base_color": _painted(),
                "roughness": 1.0,
                "specular": 0.05,
                "sheen": 3.5,
                "sheen_tint": 0.75,
            },
        }
        nap = 1 + 0.9 * fbm(points * np.array([5.0, 5.0, 2.2]), rng, 3)
        return plugin, np.clip(deep * np.clip(nap, 0.25, 2)[:, None], 0.003, 0.8)
    if name == "stoneware":
        fleck = value_noise(points * 26, rng) + 0.5 * value_noise(points * 55, rng)
        share = np.clip((fleck - 0.52) * 9, 0, 1)
        return coated(0.35), blend(0.75 * base + 0.12, linear("#2a1d14"), 0.9 * share)
    cloud = 1 + 0.10 * fbm(points * 5, rng, 4)
    return {"type": "twosided", "bsdf": {"type": "diffuse", "reflectance": _painted()}}, np.clip(
        0.9 * base * cloud[:, None], 0.004, 0.85
    )


ROLES: dict[str, Plugin] = {
    "stem": matte(linear("#4a2f1b")),
    "green stem": matte(linear("#5d6b32")),
    "leaf": gloss(_rgb(linear("#3f7d2c")), 0.3),
    "cream": matte(linear("#e9dfc8")),
    "pages": matte(linear("#ece3cb")),
    "wick": matte(linear("#1c1714")),
    "flame": matte((0.0, 0.0, 0.0)),
}
"""Looks of the parts that do not take the thing's material."""

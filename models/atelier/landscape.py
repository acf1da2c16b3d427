"""A landscape as a scene of the renderer, and the air between the viewer and the distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.atelier import scenery
from models.atelier.grammar import Landscape, stream
from models.atelier.panorama import luminance
from models.atelier.render import develop, renderer
from models.atelier.scene import to_mitsuba
from models.atelier.sky import Sky, make_sky
from models.atelier.terrain import BUILDERS, Terrain, water

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Description = dict[str, Any]
KEY = {"dawn": 0.17, "noon": 0.20, "afternoon": 0.185, "sunset": 0.14, "dusk": 0.105, "night": 0.03}
"""Mean brightness of the picture by time of day; mid grey is 0.18."""


TUFTS = {
    "hills": ("#4f6f30", "#a3b365"),
    "autumn hills": ("#8a4f1c", "#d9a94a"),
    "mountains": ("#46622c", "#8f9a5c"),
    "pine forest": ("#3c5a24", "#7d8f4a"),
}
"""Darkest and lightest grass near the viewer."""


@dataclass(frozen=True, slots=True, eq=False)
class Air:
    """What `finish` needs: colour and density of the haze, and the picture's brightness."""

    haze: Floats
    density: float
    key: float


def _skin() -> Description:
    return {
        "type": "twosided",
        "bsdf": {"type": "diffuse", "reflectance": {"type": "mesh_attribute", "name": "vertex_color"}},
    }


def _things(scene: Landscape, ground: Terrain, seed: int) -> list[scenery.Painted]:
    rng = stream(seed, "feature")
    things: list[scenery.Painted] = []
    if scene.terrain == "pine forest":
        things += scenery.pines(340, ground.height, stream(seed, "forest"), 3.6, 34.0, least=-9.0, size=1.5)
    if scene.terrain in TUFTS:
        things += scenery.tufts(ground.height, stream(seed, "tufts"), *TUFTS[scene.terrain])
    if scene.feature == "pines":
        far = {"islands": 34.0, "lake": 26.0}.get(str(scene.terrain), 22.0)
        near = {"islands": 7.0, "lake": 13.0}.get(str(scene.terrain), 5.0)
        things += scenery.pines(
            70, ground.height, rng, near, far, least=0.12 if ground.water else -9.0, size=1.0
        )
    if scene.feature == "lone tree":
        leaves = ("#d98a26", "#8a3f14") if scene.terrain == "autumn hills" else ("#6f9440", "#2f4a1e")
        things += scenery.lone_tree(ground.height, rng, leaves)
    if scene.feature == "cabin":
        things += scenery.cabin(ground.height, rng)
    if scene.feature == "sailboat":
        things += scenery.sailboat(rng, ground.height)
    if scene.feature == "boulders":
        things += scenery.boulders(
            ground.height, rng, {"canyon": "#a85a36", "dunes": "#a98a62"}.get(str(scene.terrain), "#77746f")
        )
    return things


def _camera(scene: Landscape, ground: Terrain, seed: int, size: int) -> Description:
    mi = renderer()
    rng = stream(seed, "view")
    near = np.stack([np.linspace(-1.0, 1.0, 9), np.full(9, 1.2)], 1)
    floor = max(float(ground.height(near).max()), 0.0)
    high, pitch, fov = {
        "plain": (1.25, rng.uniform(-1.0, 3.0), 52.0),
        "above": (6.0, rng.uniform(-20.0, -15.0), 55.0),
        "wide": (2.1, rng.uniform(-2.0, 1.0), 76.0),
    }[str(scene.view)]
    eye = np.array([0.0, 0.0, floor + high * rng.uniform(0.9, 1.15)])
    a, e = np.radians(rng.uniform(-4, 4)), np.radians(pitch)
    ahead = np.array([np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)])
    return {
        "type": "perspective",
        "fov": fov,
        "near_clip": 0.05,
        "far_clip": 1000.0,
        "to_world": mi.ScalarTransform4f().look_at(eye.tolist(), (eye + ahead).tolist(), [0, 0, 1]),
        "film": {
            "type": "hdrfilm",
            "width": size,
            "height": size,
            "rfilter": {"type": "box"},
            "pixel_format": "rgb",
            "component_format": "float32",
        },
        "sampler": {"type": "independent"},
    }


def _panorama(sky: Sky) -> Description:
    mi = renderer()
    bitmap = mi.Bitmap(np.ascontiguousarray(sky.panorama, np.float32))
    return {"type": "envmap", "bitmap": bitmap, "to_world": mi.ScalarTransform4f().rotate([1, 0, 0], 90)}


def landscape(scene: Landscape, seed: int, size: int) -> tuple[Description, Air]:
    """Describe a landscape to the renderer, and the air that `finish` lays over it."""
    sky = make_sky(str(scene.time), str(scene.weather), stream(seed, "sky"))
    ground = BUILDERS[str(scene.terrain)](stream(seed, "ground"))
    described: Description = {
        "type": "scene",
        "sky": _panorama(sky),
        "sensor": _camera(scene, ground, seed, size),
    }
    if ground.mesh is not None:
        described["ground"] = to_mitsuba(ground.mesh, _skin(), ground.colours)
    if ground.water:
        body = {
            "type": "plastic",
            "int_ior": 1.33,
            "nonlinear": False,
            "diffuse_reflectance": {"type": "rgb", "value": [0.012, 0.05, 0.062]},
        }
        described["water"] = to_mitsuba(
            water(ground.waves, stream(seed, "water")), {"type": "twosided", "bsdf": body}
        )
    if things := _things(scene, ground, seed):
        whole = scenery.together(things)
        described["things"] = to_mitsuba(whole.mesh, _skin(), whole.colours)
    return described, Air(sky.haze, sky.density, KEY[str(scene.time)])


def finish(radiance: Singles, depth: Singles, air: Air) -> NDArray[np.uint8]:
    """Lay haze over the distance, expose for the picture's mean brightness and tone it.

    Airlight: ``L = L0 exp(-b d) + H (1 - exp(-b d))`` with extinction b, distance d and haze H
    (Koschmieder 1924).
    """
    light = np.asarray(radiance, np.float64)
    far = np.asarray(depth, np.float64)
    through = np.exp(-air.density * far)[..., None]
    seen = np.where(far[..., None] > 0, light * through + air.haze * (1 - through), light)
    brightness = np.clip(luminance(seen), 1e-6, None)
    mean = float(np.exp(np.mean(np.log(brightness))))
    bright = float(np.quantile(brightness, 0.9))
    grey = luminance(seen)[..., None]
    rich = np.clip(grey + 1.06 * (seen - grey), 0, None).astype(np.float32)
    return develop(rich, 3.0 * min(air.key / mean, 5.0 * air.key / bright), hue=0.7)

"""The things of a still life as meshes: a body that takes the material, and parts with looks of their own.

Every shape stands on z = 0, is about one unit in its largest direction and faces the viewer at -y.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.atelier.meshes import Mesh, Points, arc, blob, box, grid, join, lathe, rounded, tube
from models.atelier.profiles import APPLE, BOTTLE, BOWL, GOBLET, MUG, PEAR, PLATE, PUMPKIN, VASE

Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A mesh and its role: ``"body"`` takes the thing's material, others have looks of their own."""

    mesh: Mesh
    role: str = "body"


def _widened(profile: Points, rng: Rng, amount: float = 0.07) -> list[tuple[float, float]]:
    """The profile with its width and height changed a little, so that no two vases are one vase."""
    width, height = 1 + amount * rng.uniform(-1, 1), 1 + 0.6 * amount * rng.uniform(-1, 1)
    return [(r * width, z * height) for r, z in profile]


def _seated(mesh: Mesh) -> Mesh:
    return mesh.moved(0, 0, -float(mesh.positions[:, 2].min()))


def _ball(_: Rng) -> list[Part]:
    return [Part(blob((0.46, 0.46, 0.46), cells=90).moved(0, 0, 0.46))]


def _egg(rng: Rng) -> list[Part]:
    t = np.linspace(0, np.pi, 60)
    r, z = 0.36 * np.sin(t) * (1 + 0.16 * np.cos(t)), -0.5 * np.cos(t)
    egg = lathe(list(zip(r, z, strict=True)), rounds=1).turned("y", rng.uniform(58, 76))
    return [Part(_seated(egg))]


def _cube(_: Rng) -> list[Part]:
    return [Part(box((0.78, 0.78, 0.78), 0.045))]


def _pyramid(_: Rng) -> list[Part]:
    return [Part(box((0.98, 0.98, 0.92), 0.03, taper=0.03, cells=60))]


def _cylinder(rng: Rng) -> list[Part]:
    profile = [
        (0, 0),
        (0.33, 0),
        (0.36, 0),
        (0.36, 0.03),
        (0.36, 0.81),
        (0.36, 0.84),
        (0.33, 0.84),
        (0, 0.84),
    ]
    return [Part(lathe(_widened(profile, rng)))]


def _cone(rng: Rng) -> list[Part]:
    profile = [(0, 0), (0.42, 0), (0.45, 0), (0.437, 0.03), (0.02, 0.98), (0, 1.0)]
    return [Part(lathe(_widened(profile, rng)))]


def _ring(rng: Rng) -> list[Part]:
    path = arc((0, 0), (0.36, 0.36), 0, 360, 121)[:-1]
    return [Part(_seated(tube(path, 0.125 + 0.02 * rng.uniform(-1, 1), segments=64, closed=True)))]


def _star(_: Rng) -> list[Part]:
    corner = np.arange(10) * np.pi / 5
    radius = np.where(np.arange(10) % 2 == 0, 0.56, 0.26)
    x, y = radius * np.sin(corner), radius * np.cos(corner)
    outline = rounded(list(zip(np.append(x, x[0]), np.append(y, y[0]), strict=True)), rounds=2, least=200)[
        :-1
    ]
    bulge = rounded(
        [(0, -0.17), (0.55, -0.15), (0.95, -0.07), (1.0, 0), (0.95, 0.07), (0.55, 0.15), (0, 0.17)], least=60
    )
    bulge[:, 0] = np.maximum(bulge[:, 0], 1e-3)
    p = np.empty((len(outline), len(bulge), 3))
    p[..., 0] = outline[:, None, 0] * bulge[None, :, 0]
    p[..., 2] = outline[:, None, 1] * bulge[None, :, 0]
    p[..., 1] = bulge[None, :, 1]
    return [Part(_seated(grid(p, wrap_u=True)))]


def _vessel(profile: Points) -> Callable[[Rng], list[Part]]:
    return lambda rng: [Part(lathe(_widened(profile, rng, 0.09)))]


def _mug(rng: Rng) -> list[Part]:
    handle = tube(arc((0.335, 0.4), (0.21, 0.23), 98, -98), 0.047)
    return [Part(join([lathe(MUG), handle]).turned("z", rng.uniform(-40, 25)))]


def _teapot(rng: Rng) -> list[Part]:
    body = lathe(
        [
            (0, 0),
            (0.22, 0),
            (0.26, 0.0),
            (0.38, 0.14),
            (0.43, 0.32),
            (0.38, 0.5),
            (0.22, 0.6),
            (0.22, 0.62),
            (0.19, 0.64),
            (0.07, 0.69),
            (0.04, 0.72),
            (0.075, 0.77),
            (0.06, 0.82),
            (0, 0.825),
        ]
    )
    t = np.linspace(0, 1, 40)
    spout = np.stack([-0.34 - 0.34 * t, 0 * t, 0.24 + 0.06 * t + 0.32 * t**2.2], 1)
    handle = tube(arc((0.36, 0.34), (0.26, 0.21), 105, -105), 0.042)
    return [Part(join([body, tube(spout, 0.1 - 0.058 * t**0.8), handle]).turned("z", rng.uniform(-25, 25)))]


def _stem(height: float, base: float, lean: float, radius: float) -> Mesh:
    t = np.linspace(0, 1, 14)
    return tube(
        np.stack([lean * t**2, 0.01 * t, base + height * t], 1), radius * (1.1 - 0.3 * t), segments=12
    )


def _leaf(base: tuple[float, float], length: float, turn: float) -> Mesh:
    u, v = np.meshgrid(np.linspace(0, 1, 16), np.linspace(-1, 1, 9), indexing="ij")
    width = 0.3 * np.sin(np.pi * u**0.8) * v
    z = 0.45 * u - 0.5 * u**2 + 0.1 * np.abs(v) * np.sin(np.pi * u)
    return grid(length * np.stack([u, width, z], -1)).moved(base[0], 0, base[1]).turned("z", turn)


def _apple(rng: Rng) -> list[Part]:
    leaf = _leaf((0.03, 0.95), 0.42, rng.uniform(-60, 60))
    return [
        Part(lathe(_widened(APPLE, rng, 0.05))),
        Part(_stem(0.36, 0.76, 0.07, 0.024), "stem"),
        Part(leaf, "leaf"),
    ]


def _pear(rng: Rng) -> list[Part]:
    return [Part(lathe(_widened(PEAR, rng, 0.05))), Part(_stem(0.2, 0.9, 0.07, 0.018), "stem")]


def _pumpkin(rng: Rng) -> list[Part]:
    body = lathe(_widened(PUMPKIN, rng), segments=180, ribs=(11, 0.13))
    return [Part(body), Part(_stem(0.22, 0.6, 0.09, 0.065), "green stem")]


def _mushroom(rng: Rng) -> list[Part]:
    stem = lathe([(0, 0), (0.14, 0), (0.18, 0.03), (0.15, 0.2), (0.12, 0.5), (0, 0.55)])
    rise, spread = 0.42, 0.5
    cap = lathe(
        [
            (0, 0.46),
            (0.16, 0.44),
            (0.42, 0.44),
            (0.5, 0.46),
            (0.48, 0.6),
            (0.36, 0.78),
            (0.16, 0.88),
            (0, 0.89),
        ]
    )
    spots = []
    for n in range(11):
        angle, tilt = 2.4 * n + rng.uniform(0, 0.5), 0.16 + 1.05 * np.sqrt((n + 0.3) / 11)
        size = rng.uniform(0.045, 0.075)
        x, z = spread * np.sin(tilt) * 0.93, 0.46 + rise * np.cos(tilt) ** 0.85
        spots.append(
            blob((size, size, 0.03), cells=10)
            .turned("y", np.degrees(tilt) * 0.9)
            .moved(x, 0, z)
            .turned("z", np.degrees(angle))
        )
    return [Part(cap), Part(stem, "cream"), Part(join(spots), "cream")]


def _candle(rng: Rng) -> list[Part]:
    height = rng.uniform(0.62, 0.78)
    body = lathe(
        [
            (0, 0),
            (0.2, 0),
            (0.22, 0),
            (0.22, 0.03),
            (0.22, height - 0.03),
            (0.22, height),
            (0.19, height),
            (0.15, height - 0.03),
            (0, height - 0.04),
        ]
    )
    wick = _stem(0.11, height - 0.05, 0.0, 0.013)
    flame = lathe(
        [(0, 0), (0.03, 0.01), (0.05, 0.06), (0.035, 0.13), (0.012, 0.19), (0, 0.22)], segments=32
    ).moved(0, 0, height + 0.03)
    return [Part(body), Part(wick, "wick"), Part(flame, "flame")]


def _book(rng: Rng) -> list[Part]:
    wide, tall, thick = rng.uniform(0.66, 0.74), rng.uniform(0.94, 1.02), rng.uniform(0.15, 0.24)
    board = box((wide, tall, 0.03), 0.008, cells=24)
    spine = box((0.03, tall, thick), 0.012, cells=24).moved(-wide / 2 + 0.012, 0, 0)
    cover = join([board, board.moved(0, 0, thick - 0.03), spine])
    pages = box((wide - 0.045, tall - 0.05, thick - 0.05), 0.006, cells=8).moved(0, 0, 0.025)
    parts = []
    standing = rng.random() < 0.5
    for mesh, role in ((cover, "body"), (pages, "pages")):
        placed = (
            mesh.turned("x", 90).moved(0, thick / 2, tall / 2).turned("z", 18)
            if standing
            else mesh.turned("z", 62)
        )
        parts.append(Part(placed, role))
    return parts


BUILDERS: dict[str, Callable[[Rng], list[Part]]] = {
    "ball": _ball,
    "egg": _egg,
    "cube": _cube,
    "pyramid": _pyramid,
    "cylinder": _cylinder,
    "cone": _cone,
    "ring": _ring,
    "star": _star,
    "vase": _vessel(VASE),
    "bowl": _vessel(BOWL),
    "bottle": _vessel(BOTTLE),
    "mug": _mug,
    "goblet": _vessel(GOBLET),
    "teapot": _teapot,
    "apple": _apple,
    "pear": _pear,
    "pumpkin": _pumpkin,
    "mushroom": _mushroom,
    "candle": _candle,
    "book": _book,
    "plate": _vessel(PLATE),
}

YAW = {
    "cube": (20, 60),
    "pyramid": (15, 45),
    "ring": (-50, 50),
    "star": (-28, 28),
    "book": (-30, 30),
    "egg": (-60, 60),
    "mug": (-10, 10),
    "teapot": (-10, 10),
}
"""Range of turns about the vertical, degrees; other shapes turn freely."""


def build(shape: str, rng: Rng) -> list[Part]:
    """The parts of a shape, turned as the random numbers say."""
    parts = BUILDERS[shape](rng)
    low, high = YAW.get(shape, (0, 360))
    yaw = float(rng.uniform(low, high))
    return [Part(part.mesh.turned("z", yaw), part.role) for part in parts]

"""What stands in a landscape: pines, a tree, a cabin, a boat, boulders; meshes with vertex colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.atelier.meshes import Mesh, blob, box, grid, join, lathe, tube
from models.atelier.noise import blend, fbm, linear, value_noise
from models.atelier.terrain import Height

Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A mesh and the linear albedo of its vertices."""

    mesh: Mesh
    colours: Floats


def _plain(mesh: Mesh, colour: str) -> Painted:
    return Painted(mesh, np.tile(linear(colour), (len(mesh.positions), 1)))


def together(parts: list[Painted]) -> Painted:
    """One painted mesh out of several."""
    return Painted(join([p.mesh for p in parts]), np.concatenate([p.colours for p in parts]))


def _pine(rng: Rng, tall: float, *, fine: bool) -> Painted:
    """Skirts of branches about a trunk, one unit of height times `tall`."""
    tiers, sides = (7, 18) if fine else (5, 9)
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    points: list[Floats] = []
    colours: list[Floats] = []
    faces: list[NDArray[np.int64]] = []
    tone = linear("#31482c") * rng.uniform(0.75, 1.35)
    for n in range(tiers):
        low, width = 0.14 + 0.80 * n / tiers, 0.25 * (1 - n / tiers) ** 0.85 + 0.03
        ragged = width * rng.uniform(0.72, 1.1, sides)
        rim = np.stack(
            [ragged * np.cos(angle), ragged * np.sin(angle), low + rng.uniform(-0.03, 0.015, sides)], 1
        )
        top = np.array([[0, 0, min(low + 1.75 / tiers, 1.0)]])
        at = sum(len(p) for p in points)
        points.append(np.concatenate([rim, top]))
        colours.append(np.concatenate([np.tile(tone * 1.25, (sides, 1)), tone[None] * 0.5]))
        faces.append(
            np.stack(
                [at + np.arange(sides), at + (np.arange(sides) + 1) % sides, np.full(sides, at + sides)], 1
            )
        )
    p = np.concatenate(points)
    out = np.concatenate([p[:, :2], 0.25 * np.ones((len(p), 1))], 1)
    normal = out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    crown = Painted(Mesh(p, normal, np.concatenate(faces)), np.concatenate(colours))
    trunk = _plain(tube(np.array([[0, 0, 0.0], [0, 0.001, 0.12], [0, 0, 0.3]]), 0.025, segments=7), "#4b3626")
    both = together([crown, trunk])
    return Painted(both.mesh.scaled(tall), both.colours)


def pines(
    count: int, height: Height, rng: Rng, near: float, far: float, *, least: float = 0.05, size: float = 1.0
) -> list[Painted]:
    """Pines on land that is not too steep; those nearby are finer."""
    trees: list[Painted] = []
    for _ in range(count * 6):
        if len(trees) == count:
            break
        y = float(near * (far / near) ** rng.random())
        x = float(rng.uniform(-0.8, 0.8)) * (y + 1)
        spot = np.array([[x, y], [x + 0.3, y], [x, y + 0.3]])
        z = height(spot)
        steep = float(max(abs(z[1] - z[0]), abs(z[2] - z[0]))) / 0.3
        if z[0] < least or steep > 0.75 or z[0] > 6:
            continue
        tree = _pine(rng, size * float(rng.uniform(0.75, 1.5)), fine=y < 9)
        trees.append(Painted(tree.mesh.moved(x, y, float(z[0]) - 0.05), tree.colours))
    return trees


def tufts(height: Height, rng: Rng, dark: str, light: str) -> list[Painted]:
    """Blades of grass near the viewer, as one mesh of leaning triangles."""
    count = 16000
    y = 0.9 * 11 ** rng.random(count)
    x = rng.uniform(-0.75, 0.75, count) * (y + 0.8)
    keep = value_noise(np.stack([x, y], 1) * 1.3 + 9, rng) + 0.5 * rng.random(count) > 0.0
    x, y = x[keep], y[keep]
    n = len(x)
    tall, turn = rng.uniform(0.03, 0.085, n) * (0.6 + 0.1 * y), rng.uniform(0, 2 * np.pi, n)
    wide = 0.006 + 0.0022 * y
    root = np.stack([x, y, height(np.stack([x, y], 1)) - 0.01], 1)
    foot = np.stack([np.cos(turn) * wide, np.sin(turn) * wide, 0 * turn], 1)
    tip = root + np.stack([rng.normal(0, 0.35, n) * tall, rng.normal(0, 0.35, n) * tall, tall], 1)
    points = np.stack([root - foot, root + foot, tip], 1).reshape(-1, 3)
    normal = np.repeat(np.stack([-np.sin(turn) * 0.5, np.cos(turn) * 0.5, 0 * turn + 0.85], 1), 3, 0)
    tone = blend(linear(dark), linear(light), rng.random(n))
    colours = np.stack([tone * 0.6, tone * 0.6, tone * 1.1], 1).reshape(-1, 3)
    return [Painted(Mesh(points, normal, np.arange(3 * n).reshape(-1, 3)), np.clip(colours, 0, 0.9))]


def lone_tree(height: Height, rng: Rng, leaves: tuple[str, str]) -> list[Painted]:
    """A broad tree: a trunk that forks and a crown of clumps."""
    y, x = float(rng.uniform(6.0, 8.5)), float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.5, 1.8))
    across, along = np.meshgrid(np.linspace(-0.45, 0.45, 61), np.linspace(y, y + 14, 29))
    spots = np.stack([(across * along).ravel(), along.ravel()], 1)
    z = height(spots)
    dry = np.hypot(spots[:, 0] - x, spots[:, 1] - y) * (z > 0.15) + np.where(z > 0.15, 0, 1e3 - z)
    at = int(np.argmin(dry))
    x, y, ground = float(spots[at, 0]), float(spots[at, 1]), float(z[at])
    tall = float(rng.uniform(2.3, 3.0)) * y / 7.0
    bend = float(rng.uniform(-0.12, 0.12))
    trunk = tube(
        np.array([[0, 0, -0.1], [bend * 0.4, 0.01, 0.15], [bend, 0, 0.34], [bend * 1.4, 0.02, 0.6]]),
        np.array([0.055, 0.04, 0.034, 0.02]),
        segments=12,
    )
    parts = [_plain(trunk, "#4a3525")]
    for k in range(26):
        a, r = 2.4 * k, 0.34 * np.sqrt((k + 0.5) / 26)
        size = float(rng.uniform(0.11, 0.17))
        clump = blob((size, size, size * 0.8), cells=16)
        bumps = 1 + 0.38 * fbm(clump.positions * 15 + 9 + k, rng, 3)
        clump = Mesh(clump.positions * bumps[:, None], clump.normals, clump.faces)
        share = np.clip(0.5 + 2.2 * (clump.positions[:, 2]) / size * 0.3 + 0.4 * (bumps - 1), 0, 1)
        z_at = 0.72 + 0.2 * np.sqrt(max(0.0, 1 - (r / 0.36) ** 2)) * float(rng.uniform(0.1, 1.0)) - 0.04
        parts.append(
            Painted(
                clump.moved(r * np.cos(a) + bend, r * np.sin(a), float(z_at)),
                blend(linear(leaves[1]), linear(leaves[0]), share),
            )
        )
    whole = together(parts)
    return [Painted(whole.mesh.scaled(tall).moved(x, y, ground), whole.colours)]


def cabin(height: Height, rng: Rng) -> list[Painted]:
    """A red wooden house with a gable, turned a little."""
    best, turn = (0.0, 7.0, -9.0), float(rng.uniform(-35, 35))
    for _ in range(40):
        y = float(rng.uniform(6, 12))
        x = float(rng.uniform(-0.35, 0.35)) * y
        z = float(height(np.array([[x, y]]))[0])
        if z > 0.1:
            best = (x, y, z)
            break
        if z > best[2]:
            best = (x, y, z)
    walls = _plain(box((1.3, 0.9, 0.7), 0.01, cells=4).moved(0, 0, -0.1), "#9e2b20")
    gable = np.array(
        [
            [-0.65, -0.45, 0.6],
            [0.65, -0.45, 0.6],
            [-0.65, 0.45, 0.6],
            [0.65, 0.45, 0.6],
            [-0.65, 0, 1.05],
            [0.65, 0, 1.05],
        ]
    )
    ends = Mesh(gable, np.array([[-1.0, 0, 0], [1, 0, 0]] * 3), np.array([[0, 4, 2], [1, 3, 5]]))
    roof = [
        box((1.5, 0.72, 0.05), 0.01, cells=4).turned("x", tilt).moved(0, side * 0.29, 0.79)
        for side, tilt in ((-1, 43), (1, -43))
    ]
    panes = [box((0.2, 0.02, 0.22), 0.004, cells=2).moved(x, -0.455, 0.22) for x in (-0.42, 0.42)]
    door = box((0.22, 0.02, 0.42), 0.004, cells=2).moved(0, -0.455, -0.02)
    parts = [
        walls,
        _plain(ends, "#9e2b20"),
        _plain(join(roof), "#3a3433"),
        _plain(join([*panes, door]), "#efe9dc"),
    ]
    parts.append(_plain(box((0.13, 0.13, 0.4), 0.01, cells=2).moved(0.35, 0.1, 0.85), "#6b5a52"))
    whole = together(parts)
    size = best[1] / 9.0
    return [
        Painted(whole.mesh.scaled(size).turned("z", turn).moved(best[0], best[1], best[2]), whole.colours)
    ]


def sailboat(rng: Rng, height: Height) -> list[Painted]:
    """A hull, a mast and two white sails."""
    for _ in range(60):
        y = float(rng.uniform(6.5, 11))
        x = float(rng.uniform(-0.3, 0.3)) * y
        if float(height(np.array([[x, y]]))[0]) < -0.2:
            break
    t = np.linspace(0, 1, 20)[:, None]
    v = np.linspace(-1, 1, 11)[None]
    beam = 0.17 * np.sin(np.pi * np.clip(t * 0.82 + 0.18, 0, 1)) ** 0.6
    hull = np.stack(
        [1.2 * (t - 0.5) + 0 * v, beam * v, 0.15 * np.abs(v) ** 2 - 0.05 + 0.06 * (2 * t - 1) ** 2 + 0 * v],
        -1,
    )
    parts = [
        _plain(grid(hull), "#5b3a26"),
        _plain(lathe([(0, 0), (0.013, 0), (0.01, 1.5), (0, 1.5)], segments=8), "#d8c8a8"),
    ]
    main = np.array([[0.02, 0, 0.22], [-0.52, 0.06, 0.24], [0.02, 0, 1.46]])
    jib = np.array([[0.06, 0, 0.2], [0.56, 0.02, 0.16], [0.04, 0, 1.25]])
    side = np.tile([0.1, -0.99, 0.0], (3, 1))
    parts += [_plain(Mesh(sail, side, np.array([[0, 1, 2]])), "#f3efe4") for sail in (main, jib)]
    whole = together(parts)
    turn = float(rng.uniform(-35, 35)) + (180 if rng.random() < 0.5 else 0)
    return [Painted(whole.mesh.scaled(y / 7.5).turned("z", turn).moved(x, y, 0.0), whole.colours)]


def boulders(height: Height, rng: Rng, colour: str) -> list[Painted]:
    """Rocks half sunk in the ground."""
    rocks = []
    for _ in range(16):
        y = float(3.2 * 5 ** rng.random())
        x = float(rng.uniform(-0.62, 0.62)) * y
        size = float(rng.uniform(0.14, 0.42)) * (0.55 + y / 12)
        rock = blob((1.0, float(rng.uniform(0.7, 1.0)), float(rng.uniform(0.5, 0.8))), cells=26)
        bumps = 1 + 0.42 * fbm(rock.positions * 1.3 + 9 + x, rng, 4)
        mesh = Mesh(rock.positions * bumps[:, None] * size, rock.normals, rock.faces).turned(
            "z", float(rng.uniform(0, 360))
        )
        tone = np.clip(1 + 0.4 * fbm(mesh.positions * 9 + 5, rng, 4), 0.5, 1.6)
        z = float(height(np.array([[x, y]]))[0])
        rocks.append(Painted(mesh.moved(x, y, z + 0.12 * size), linear(colour) * tone[:, None]))
    return rocks

"""Triangle meshes in numpy: grids, lathes, tubes and bevelled boxes.

Every mesh is a grid of points whose normals come from differences along the grid, so that surfaces are
smooth where they should be and edges carry a small bevel, which catches light as real edges do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Vertices with normals, and triangles.

    Attributes
    ----------
    positions, normals : ndarray of shape (n, 3)
        In scene units, z up; normals have length one.
    faces : ndarray of shape (m, 3)
        Counter-clockwise seen from outside.
    """

    positions: Floats
    normals: Floats
    faces: NDArray[np.int64]

    def scaled(self, factor: float) -> Mesh:
        return replace(self, positions=self.positions * factor)

    def moved(self, x: float, y: float, z: float) -> Mesh:
        return replace(self, positions=self.positions + np.array([x, y, z]))

    def turned(self, axis: str, degrees: float) -> Mesh:
        """Rotate about a coordinate axis, right-handed."""
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        m = np.eye(3)
        m[i, i], m[i, j], m[j, i], m[j, j] = c, -s, s, c
        return replace(self, positions=self.positions @ m.T, normals=self.normals @ m.T)


def join(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh out of several."""
    offsets = np.cumsum([0] + [len(m.positions) for m in meshes[:-1]])
    return Mesh(
        np.concatenate([m.positions for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.faces + o for m, o in zip(meshes, offsets, strict=True)]),
    )


def _grid_faces(u: int, v: int, *, wrap_u: bool, wrap_v: bool) -> NDArray[np.int64]:
    rows, columns = np.arange(u if wrap_u else u - 1), np.arange(v if wrap_v else v - 1)
    i, j = np.repeat(rows, len(columns)), np.tile(columns, len(rows))
    a, b = i * v + j, ((i + 1) % u) * v + j
    c, d = ((i + 1) % u) * v + (j + 1) % v, i * v + (j + 1) % v
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def _slope(points: Floats, axis: int, *, wrap: bool) -> Floats:
    if wrap:
        return np.asarray(np.roll(points, -1, axis) - np.roll(points, 1, axis))
    return np.asarray(np.gradient(points, axis=axis))


def grid(points: Floats, *, wrap_u: bool = False, wrap_v: bool = False) -> Mesh:
    """Mesh of a grid of points, normal = d/du x d/dv.

    Parameters
    ----------
    points : ndarray of shape (u, v, 3)
        Neighbours in the array are neighbours on the surface.
    wrap_u, wrap_v : bool
        Whether the last row (column) joins the first.
    """
    u, v, _ = points.shape
    normal = np.cross(_slope(points, 0, wrap=wrap_u), _slope(points, 1, wrap=wrap_v))
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    faces = _grid_faces(u, v, wrap_u=wrap_u, wrap_v=wrap_v)
    return Mesh(points.reshape(-1, 3), normal.reshape(-1, 3), faces)


def rounded(profile: Points, rounds: int = 3, least: int = 90) -> Floats:
    """Corner-cut a polyline and resample it evenly.

    Parameters
    ----------
    profile : sequence of (r, z)
        Corners; two that are close together make a tight bend.
    rounds : int
        How often every corner is cut at a quarter and three quarters.
    least : int
        Number of points returned.

    References
    ----------
    .. [Chaikin1974] G. Chaikin, "An algorithm for high-speed curve generation", CGIP 3, 1974.
    """
    p = np.array(profile, float)
    for _ in range(rounds):
        q, r = 0.75 * p[:-1] + 0.25 * p[1:], 0.25 * p[:-1] + 0.75 * p[1:]
        p = np.concatenate([p[:1], np.stack([q, r], 1).reshape(-1, 2), p[-1:]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])
    at = np.union1d(np.linspace(0, along[-1], least), along[:: max(1, len(along) // least)])
    return np.stack([np.interp(at, along, p[:, k]) for k in range(2)], 1)


def lathe(
    profile: Points, *, segments: int = 96, rounds: int = 3, ribs: tuple[int, float] = (0, 0.0)
) -> Mesh:
    """Turn a profile about the z axis; it runs from the axis at the bottom, outside upwards.

    Parameters
    ----------
    profile : sequence of (r, z)
        A hollow vessel goes on over the rim and down its inside.
    ribs : (int, float)
        How many vertical folds, and how deep (a share of the radius).
    """
    p = rounded(profile, rounds)
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)[:, None]
    r = np.maximum(p[:, 0], 1e-4)[None, :]
    if ribs[0]:
        r = r * (1 - ribs[1] * (1 - np.abs(np.sin(angle * ribs[0] / 2)) ** 0.7))
    z = np.broadcast_to(p[None, :, 1], (segments, len(p)))
    return grid(np.stack([r * np.cos(angle), r * np.sin(angle), z], -1), wrap_u=True)


def tube(path: Floats, radius: Floats | float, *, segments: int = 28, closed: bool = False) -> Mesh:
    """A round tube along a path, with rounded ends unless it is closed.

    Parameters
    ----------
    path : ndarray of shape (n, 3)
        Its bends must not be vertical all the way: frames are built against the path's mean normal.
    radius : float or ndarray of shape (n,)
        May change along the path.
    """
    if not closed:
        ends = path[[0, -1]] + 1e-3 * (path[[1, -2]] - path[[0, -1]])
        path = np.concatenate([path[:1], ends[:1], path[1:-1], ends[1:], path[-1:]])
        if np.ndim(radius):
            radius = np.concatenate([np.asarray(radius)[:1], np.asarray(radius), np.asarray(radius)[-1:]])
    n = len(path)
    tangent = _slope(path, 0, wrap=closed)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    across = np.cross(path - path.mean(0), np.roll(path, -max(1, n // 3), 0) - path.mean(0)).sum(0)
    if np.linalg.norm(across) < 1e-6:
        across = np.array([0.0, 1.0, 0.0]) if abs(tangent[0, 1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    side = np.cross(tangent, np.cross(across / np.linalg.norm(across), tangent))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    up = np.cross(tangent, side)
    radii = np.broadcast_to(np.asarray(radius, float), (n,)).copy()
    if not closed:
        radii[[0, -1]] *= 0.02
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    points = path[:, None] + radii[:, None, None] * ring
    mesh = grid(points.transpose(1, 0, 2), wrap_u=True, wrap_v=closed)
    corners = mesh.positions[mesh.faces]
    if np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) < 0:
        mesh = grid(points.transpose(1, 0, 2)[::-1], wrap_u=True, wrap_v=closed)
    return mesh


def arc(
    centre: tuple[float, float], radii: tuple[float, float], start: float, end: float, n: int = 48
) -> Floats:
    """Points of an ellipse's arc in the xz plane, angles in degrees; shape (n, 3)."""
    t = np.radians(np.linspace(start, end, n))
    return np.stack([centre[0] + radii[0] * np.cos(t), np.zeros(n), centre[1] + radii[1] * np.sin(t)], 1)


def box(size: tuple[float, float, float], bevel: float, *, taper: float = 1.0, cells: int = 40) -> Mesh:
    """A bevelled box on z = 0, optionally drawn together towards the top.

    A point q of the plain box becomes ``clip(q) + bevel * unit(q - clip(q))``, where ``clip`` pulls it into
    the box that is smaller by the bevel: the sum of a small box and a ball, with exact normals.

    Parameters
    ----------
    size : (float, float, float)
        Full lengths in x, y and z.
    bevel : float
        Radius of edges and corners.
    taper : float
        Length of the top relative to the bottom; near 0 makes a pyramid.
    """
    half = np.array(size) / 2
    line = np.concatenate(
        [np.linspace(-1, -0.98, 7)[:-1], np.linspace(-0.98, 0.98, cells), np.linspace(0.98, 1, 7)[1:]]
    )
    fine = np.sign(line) * np.where(
        np.abs(line) > 0.98,
        1 - (1 - np.abs(line)) * (bevel / half.min()) / 0.02,
        np.abs(line) / 0.98 * (1 - bevel / half.min()),
    )
    a, b = np.meshgrid(fine, fine, indexing="ij")
    one = np.ones_like(a)
    sides = []
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        for sign in (1.0, -1.0):
            q = np.empty((*a.shape, 3))
            q[..., i], q[..., j], q[..., k] = sign * a * half[i], b * half[j], sign * one * half[k]
            inner = np.clip(q, -(half - bevel), half - bevel)
            away = q - inner
            n = away / np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-9)
            p = inner + bevel * n
            share = 1 + (taper - 1) * (p[..., 2:] / half[2] + 1) / 2
            p = np.concatenate([p[..., :2] * share, p[..., 2:]], -1)
            if taper != 1.0:
                lean = (1 - taper) * half[0] / (2 * half[2])
                n = n + np.concatenate(
                    [np.zeros_like(n[..., :2]), lean * np.abs(n[..., :2]).sum(-1, keepdims=True)], -1
                )
                n /= np.linalg.norm(n, axis=-1, keepdims=True)
            flat = grid(p)
            sides.append(Mesh(flat.positions, n.reshape(-1, 3), flat.faces))
    return join(sides).moved(0, 0, float(half[2]))


def blob(radii: tuple[float, float, float], *, cells: int = 24) -> Mesh:
    """An ellipsoid about the origin."""
    u = np.linspace(0, 2 * np.pi, 2 * cells, endpoint=False)[:, None]
    v = np.linspace(1e-3, np.pi - 1e-3, cells)[None, ::-1]
    points = np.stack([np.sin(v) * np.cos(u), np.sin(v) * np.sin(u), np.cos(v) + 0 * u], -1)
    mesh = grid(points * np.array(radii), wrap_u=True)
    normal = mesh.positions / np.array(radii) ** 2
    return replace(mesh, normals=normal / np.linalg.norm(normal, axis=1, keepdims=True))

"""A still life as a scene of the renderer: things placed, camera aimed, lamps lit.

Lengths are in scene units: a thing is about one unit tall. Every number comes from the scene's words and the
seed, each purpose with random numbers of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.atelier.assets import real_place
from models.atelier.grammar import StillLife, Thing, stream
from models.atelier.lighting import Lighting, lighting
from models.atelier.materials import ROLES, material
from models.atelier.meshes import Mesh, join
from models.atelier.noise import blend, linear
from models.atelier.render import Settings, renderer
from models.atelier.shapes import Part, build
from models.atelier.surfaces import Surface, surface

Floats = NDArray[np.float64]
Description = dict[str, Any]
FOV = 29.0
EXPOSURE = 3.0
SIDE = 16.0
"""Edge length of the table top."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A thing where it stands."""

    thing: Thing
    parts: list[Part]
    name: str

    @property
    def points(self) -> Floats:
        return np.concatenate([part.mesh.positions for part in self.parts])


def to_mitsuba(
    mesh: Mesh, bsdf: Description, colours: Floats | None = None, emission: Floats | None = None
) -> Any:
    """Hand a mesh to the renderer, with colours at its vertices or as a light."""
    mi = renderer()
    props = mi.Properties()
    props["bsdf"] = mi.load_dict(bsdf)
    if emission is not None:
        props["emitter"] = mi.load_dict(
            {"type": "area", "radiance": {"type": "rgb", "value": emission.tolist()}}
        )
    shape = mi.Mesh(
        "mesh",
        len(mesh.positions),
        len(mesh.faces),
        has_vertex_normals=True,
        has_vertex_texcoords=False,
        props=props,
    )
    if colours is not None:
        shape.add_attribute("vertex_color", 3, np.ascontiguousarray(colours, np.float32).ravel())
    params = mi.traverse(shape)
    for name, values in (
        ("vertex_positions", mesh.positions),
        ("vertex_normals", mesh.normals),
        ("faces", mesh.faces),
    ):
        # In place: to set an item of `params` compares old and new one number at a time, which is slow.
        np.asarray(params[name]).reshape(values.shape)[...] = values
        params.set_dirty(name)
    params.update()
    return shape


def texture(image: Floats, repeat: float = 1.0) -> Description:
    """A linear image as a texture that is mirrored where it ends."""
    mi = renderer()
    data = np.ascontiguousarray(image if image.ndim == 3 else image[..., None], np.float32)
    return {
        "type": "bitmap",
        "data": mi.TensorXf(data),
        "raw": True,
        "wrap_mode": "mirror",
        "to_uv": mi.ScalarTransform4f().scale([repeat, repeat, 1]),
    }


def table(painted: Surface, back: float) -> Description:
    """The top of a table, `back` units behind the origin at its far edge."""
    mi = renderer()
    repeat = SIDE / painted.span
    colour = texture(painted.colour, repeat)
    bsdf: Description
    if painted.roughness is None:
        bsdf = {"type": "diffuse", "reflectance": colour}
    elif painted.roughness == 0:
        bsdf = {"type": "plastic", "diffuse_reflectance": colour, "int_ior": 1.55}
    else:
        bsdf = {
            "type": "roughplastic",
            "diffuse_reflectance": colour,
            "alpha": painted.roughness,
            "int_ior": 1.5,
        }
    if painted.height is not None:
        relief = texture(painted.height * painted.bump, repeat)
        bsdf = {"type": "bumpmap", "arbitrary": relief, "scale": SIDE / 2, "bsdf": bsdf}
    at = mi.ScalarTransform4f().translate([0, back - SIDE / 2, 0]).scale([SIDE / 2, SIDE / 2, 1])
    return {"type": "rectangle", "to_world": at, "bsdf": {"type": "twosided", "bsdf": bsdf}}


def panorama(light: Lighting) -> Description:
    """The light from everywhere; the panorama's first column looks along +y, its top row up."""
    mi = renderer()
    bitmap = mi.Bitmap(np.ascontiguousarray(light.panorama, np.float32))
    return {"type": "envmap", "bitmap": bitmap, "to_world": mi.ScalarTransform4f().rotate([1, 0, 0], 90)}


def _blades(rng: np.random.Generator, back: float) -> Any:
    """A lawn: thousands of leaning triangles about the things."""
    count = 26000
    x, y = rng.uniform(-3.2, 3.2, count), rng.uniform(-3.0, back, count)
    tall, lean, turn = (
        rng.uniform(0.05, 0.14, count),
        rng.normal(0, 0.045, (count, 2)),
        rng.uniform(0, 2 * np.pi, count),
    )
    foot = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1) * 0.009
    root, tip = np.stack([x, y, 0 * x], 1), np.stack([x + lean[:, 0], y + lean[:, 1], tall], 1)
    points = np.stack([root - foot, root + foot, tip], 1).reshape(-1, 3)
    normal = np.repeat(np.stack([-np.sin(turn) * 0.7, np.cos(turn) * 0.7, 0 * turn + 0.7], 1), 3, 0)
    tone = blend(linear("#7da63c"), linear("#b6d468"), rng.random(count))
    colours = np.stack([tone * 0.55, tone * 0.55, tone], 1).reshape(-1, 3)
    mesh = Mesh(points, normal, np.arange(3 * count).reshape(-1, 3))
    skin = {
        "type": "twosided",
        "bsdf": {"type": "diffuse", "reflectance": {"type": "mesh_attribute", "name": "vertex_color"}},
    }
    return to_mitsuba(mesh, skin, colours)


def _foliage(rng: np.random.Generator, sun: tuple[float, float, float]) -> Any:
    """Leaves between the sun and the table, out of sight: dappled shade."""
    count = 130
    away = np.array(sun)
    side = np.cross(away, [0, 0, 1.0])
    side /= np.linalg.norm(side)
    up = np.cross(side, away)
    centre = 7 * away + rng.uniform(-3.2, 3.2, (count, 1)) * side + rng.uniform(-3.2, 3.2, (count, 1)) * up
    angle = rng.uniform(0, 2 * np.pi, (count, 1)) + np.array([[0.0, 2.1, 4.2]])
    size = rng.uniform(0.18, 0.5, (count, 1, 1))
    points = centre[:, None] + size * (np.cos(angle)[..., None] * side + np.sin(angle)[..., None] * up)
    mesh = Mesh(points.reshape(-1, 3), np.tile(away, (3 * count, 1)), np.arange(3 * count).reshape(-1, 3))
    return to_mitsuba(
        mesh,
        {
            "type": "twosided",
            "bsdf": {"type": "diffuse", "reflectance": {"type": "rgb", "value": [0.1, 0.2, 0.05]}},
        },
    )


def place(scene: StillLife, seed: int) -> list[Placed]:
    """Build the things and put them where the relation says."""
    placed = []
    for n, thing in enumerate(scene.things):
        assert thing.shape is not None
        parts = build(thing.shape, stream(seed, f"shape {n}"))
        every = np.concatenate([part.mesh.positions for part in parts])
        size = 1.0 / float(np.ptp(every, axis=0).max())
        size *= float(stream(seed, f"size {n}").uniform(0.94, 1.06))
        parts = [Part(part.mesh.scaled(size), part.role) for part in parts]
        placed.append(Placed(thing, parts, f"thing{n}"))
    rng = stream(seed, "place")
    if len(placed) == 1:
        return [_shift(placed[0], 0.0, 0.0)]
    half = [float(np.abs(p.points[:, 0]).max()) for p in placed]
    deep = [float(np.abs(p.points[:, 1]).max()) for p in placed]
    if scene.relation in ("left", "right"):
        sign = -1.0 if scene.relation == "left" else 1.0
        gap = float(rng.uniform(0.06, 0.22))
        x = sign * (half[0] + half[1] + gap) / 2
        y = float(rng.uniform(-0.12, 0.12))
        shift = sign * (half[1] - half[0]) / 2
        return [_shift(placed[0], x + shift, y), _shift(placed[1], -x + shift, -y)]
    sign = 1.0 if scene.relation == "behind" else -1.0
    side = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.26, 0.36))
    y = sign * (deep[0] + deep[1] + float(rng.uniform(0.1, 0.25))) / 2
    return [_shift(placed[0], side, y), _shift(placed[1], -side, -y)]


def _shift(item: Placed, x: float, y: float) -> Placed:
    return Placed(item.thing, [Part(part.mesh.moved(x, y, 0), part.role) for part in item.parts], item.name)


@dataclass(frozen=True, slots=True, eq=False)
class Aim:
    """Where a camera stands and looks.

    Attributes
    ----------
    origin, target : ndarray of shape (3,)
    right, up, back : ndarray of shape (3,)
        Of length one and at right angles; `back` points from the target to the camera.
    focus, aperture : float
        Distance of what is sharp, and radius of the lens.
    """

    origin: Floats
    target: Floats
    right: Floats
    up: Floats
    back: Floats
    focus: float
    aperture: float

    def project(self, points: Floats) -> Floats:
        """Where points of shape (n, 3) are seen, shape (n, 2): from -1 to 1, rightwards and downwards."""
        away = points - self.origin
        depth = -(away @ self.back) * np.tan(np.radians(FOV / 2))
        return np.stack([away @ self.right / depth, -(away @ self.up) / depth], axis=1)


def aim(scene: StillLife, placed: list[Placed], seed: int) -> Aim:
    """Aim a thin-lens camera so that the things fill their share of the frame."""
    rng = stream(seed, "aim")
    elevation = {"above": rng.uniform(38, 48), "low": rng.uniform(2.5, 4.5)}.get(
        str(scene.camera), rng.uniform(11, 17)
    )
    shapes = {thing.shape for thing in scene.things}
    if shapes & {"plate", "bowl"} and scene.camera != "low":
        elevation = max(elevation, 24.0)
    if scene.relation in ("behind", "front") and scene.camera != "low":
        elevation = max(elevation, 19.0)
    share = {"close": rng.uniform(0.76, 0.84), "wide": rng.uniform(0.28, 0.34)}.get(
        str(scene.camera), rng.uniform(0.52, 0.62)
    )
    points = np.concatenate([item.points for item in placed])
    low, high = points.min(0), points.max(0)
    centre = (low + high) / 2
    e, a = np.radians(elevation), np.radians(rng.uniform(-7, 7))
    back = np.array([np.sin(a) * np.cos(e), -np.cos(a) * np.cos(e), np.sin(e)])
    right = np.array([np.cos(a), np.sin(a), 0.0])
    up = np.cross(right, -back)
    seen = max(float(np.ptp(points @ right)), float(np.ptp(points @ up)) * 1.05, 0.85)
    if len(placed) == 2:
        share *= 1.22
    distance = seen / (2 * np.tan(np.radians(FOV / 2)) * min(share, 0.92))
    drift = seen / share * rng.uniform(-0.05, 0.05, 2)
    target = centre + drift[0] * right + (drift[1] + 0.02 * seen / share) * up
    origin = target + distance * back
    front = points[np.argmax(points @ back)]
    focus = float((0.75 * centre + 0.25 * front - origin) @ -back)
    lens = {"shallow": 0.16, "close": 0.05, "wide": 0.06}.get(str(scene.camera), 0.055)
    return Aim(origin, target, right, up, back, focus, lens * distance / 4)


def boxes(scene: StillLife, seed: int) -> Floats:
    """Where each thing of a scene is seen, hidden parts included.

    Returns
    -------
    ndarray of shape (n_things, 4)
        Left, top, right and bottom, from -1 to 1 over the frame.
    """
    placed = place(scene, seed)
    looked = aim(scene, placed, seed)
    seen = [looked.project(item.points) for item in placed]
    return np.stack([np.concatenate([points.min(0), points.max(0)]) for points in seen])


def camera(aimed: Aim, size: int) -> Description:
    """The camera as the renderer takes it, for a picture of `size` pixels along one side."""
    mi = renderer()
    return {
        "type": "thinlens",
        "fov": FOV,
        "aperture_radius": aimed.aperture,
        "focus_distance": aimed.focus,
        "to_world": mi.ScalarTransform4f().look_at(aimed.origin.tolist(), aimed.target.tolist(), [0, 0, 1]),
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


def _things(placed: list[Placed], exposure: float, seed: int) -> Description:
    shapes: Description = {}
    for n, item in enumerate(placed):
        rng = stream(seed, f"material {n}")
        thing = item.thing
        assert thing.material is not None
        assert thing.colour is not None
        for k, part in enumerate(item.parts):
            key = f"{item.name}_{k}"
            if part.role == "body":
                pattern = part.mesh.positions - item.points.mean(0)
                bsdf, colours = material(thing.material, thing.colour, pattern, rng)
                shapes[key] = to_mitsuba(part.mesh, bsdf, colours)
            elif part.role == "flame":
                shapes[key] = to_mitsuba(
                    part.mesh, ROLES["flame"], emission=np.array([9.0, 5.2, 1.9]) / exposure
                )
            else:
                shapes[key] = to_mitsuba(part.mesh, ROLES[part.role])
    return shapes


def still_life(scene: StillLife, seed: int, settings: Settings) -> tuple[Description, float]:
    """Describe a still life to the renderer.

    Returns
    -------
    description : dict
        What `models.atelier.render.trace` takes.
    exposure : float
        Factor from radiance to the tone curve's input.
    """
    mi = renderer()
    light = lighting(str(scene.lighting), stream(seed, "light"))
    if settings.assets is not None:
        light = real_place(str(scene.lighting), light, settings.assets, stream(seed, "place of light"))
    exposure = EXPOSURE * light.key / light.incident
    placed = place(scene, seed)
    rng = stream(seed, "table")
    back = float(max(item.points[:, 1].max() for item in placed)) + float(rng.uniform(0.9, 2.2))
    described: Description = {
        "type": "scene",
        "sky": panorama(light),
        "table": table(surface(str(scene.surface), rng), back),
        "sensor": camera(aim(scene, placed, seed), settings.size),
        **_things(placed, exposure, seed),
    }
    for n, lamp in enumerate(light.lamps):
        described[f"lamp{n}"] = {
            "type": "sphere",
            "center": list(lamp.centre),
            "radius": lamp.radius,
            "emitter": {"type": "area", "radiance": {"type": "rgb", "value": list(lamp.radiance)}},
        }
    if light.spot is not None:
        tilt = float(stream(seed, "spot").uniform(-1.2, 1.2))
        described["spot"] = {
            "type": "spot",
            "to_world": mi.ScalarTransform4f().look_at([tilt, -1.2, 4.6], [0, 0, 0.2], [0, 1, 0]),
            "intensity": {"type": "rgb", "value": list(light.spot)},
            "cutoff_angle": 19.0,
            "beam_width": 12.0,
        }
    if light.leaves and light.sun is not None:
        described["leaves"] = _foliage(stream(seed, "leaves"), light.sun)
    if scene.surface == "grass":
        described["lawn"] = _blades(stream(seed, "lawn"), back)
    return described, exposure


__all__ = [
    "Aim",
    "Placed",
    "aim",
    "boxes",
    "camera",
    "join",
    "panorama",
    "place",
    "still_life",
    "table",
    "texture",
    "to_mitsuba",
]

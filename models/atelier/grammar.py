"""Scenes: what a picture of the atelier is made of, before any geometry.

A `StillLife` or a `Landscape` names every attribute with a word of `models.atelier.vocabulary`; together
with a seed it decides every pixel. A *brief* is the same thing with gaps (`None`): what a prompt said.
`complete` fills the gaps from a seed. Neither torch nor the renderer is imported here.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from models.atelier import vocabulary as words
from models.atelier.vocabulary import BESIDE, FEATURES_OF, GRAMMAR_VERSION, OWN

__all__ = [
    "GRAMMAR_VERSION",
    "OWN",
    "Landscape",
    "Scene",
    "StillLife",
    "Thing",
    "complete",
    "draw_landscape",
    "draw_still_life",
    "is_complete",
    "mirrored",
    "scene_from_json",
    "scene_to_json",
    "stream",
]


@dataclass(frozen=True, slots=True)
class Thing:
    """One object: its shape, colour and material (`None`: not said)."""

    shape: str | None = None
    colour: str | None = None
    material: str | None = None


@dataclass(frozen=True, slots=True)
class StillLife:
    """One or two things on a surface.

    Attributes
    ----------
    things : tuple of Thing
        One or two.
    relation : str or None
        Where the first thing is, seen from the second; ``""`` with one thing.
    surface, lighting, camera : str or None
        Words of the vocabulary's tables.
    """

    things: tuple[Thing, ...]
    relation: str | None = None
    surface: str | None = None
    lighting: str | None = None
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class Landscape:
    """Land or water under a sky."""

    terrain: str | None = None
    time: str | None = None
    weather: str | None = None
    feature: str | None = None
    view: str | None = None


Scene = StillLife | Landscape


def stream(seed: int, name: str) -> np.random.Generator:
    """Random numbers for one purpose, so that a new word changes only what it names."""
    return np.random.default_rng([seed & 0xFFFFFFFFFFFFFFFF, zlib.crc32(name.encode())])


def family(scene: Scene) -> str:
    """``"still life"`` or ``"landscape"``."""
    return "still life" if isinstance(scene, StillLife) else "landscape"


def mirrored(scene: Scene) -> Scene:
    """What the mirror image of a picture shows: left and right change places, all else stays."""
    if isinstance(scene, Landscape) or scene.relation not in ("left", "right"):
        return scene
    return replace(scene, relation=words.INVERSE[scene.relation])


def is_complete(scene: Scene) -> bool:
    """Whether no attribute is left open."""
    if isinstance(scene, Landscape):
        return None not in asdict(scene).values()
    told = (scene.relation, scene.surface, scene.lighting, scene.camera)
    return None not in told and all(None not in asdict(thing).values() for thing in scene.things)


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _complete_thing(thing: Thing, rng: np.random.Generator) -> Thing:
    """Fill shape, colour and material so that they go together."""
    options = [
        (s, c, m)
        for s, c, m in words.combinations()
        if (thing.shape in (None, s)) and (thing.colour in (None, c)) and (thing.material in (None, m))
    ]
    materials = sorted({m for _, _, m in options})
    material = _pick(rng, materials)
    colours = sorted({c for _, c, m in options if m == material})
    colour = _pick(rng, colours)
    shape = _pick(rng, sorted({s for s, c, m in options if (c, m) == (colour, material)}))
    return Thing(shape, colour, material)


def _camera(rng: np.random.Generator) -> str:
    """Half of all pictures are plain; the rest share the camera words."""
    return "plain" if rng.random() < 0.5 else _pick(rng, [c for c in words.CAMERAS if c != "plain"])


def complete(brief: Scene, seed: int) -> Scene:
    """Fill what a prompt left open, from the seed."""
    if isinstance(brief, Landscape):
        terrain = brief.terrain or _landscape_terrain(brief, stream(seed, "terrain"))
        return Landscape(
            terrain=terrain,
            time=brief.time or _pick(stream(seed, "time"), list(words.TIMES)),
            weather=brief.weather or _weather(stream(seed, "weather")),
            feature=brief.feature or _feature(terrain, stream(seed, "feature")),
            view=brief.view or _view(stream(seed, "view")),
        )
    things = tuple(_complete_thing(thing, stream(seed, f"thing {n}")) for n, thing in enumerate(brief.things))
    relation = brief.relation
    rng = stream(seed, "relation")
    if len(things) == 1:
        relation = ""
    elif relation in BESIDE:
        relation = _pick(rng, ["left", "right"])
    elif relation is None:
        relation = _pick(rng, list(words.RELATIONS))
    return StillLife(
        things=things,
        relation=relation,
        surface=_surface(brief.surface, stream(seed, "surface")),
        lighting=brief.lighting or _pick(stream(seed, "lighting"), list(words.LIGHTINGS)),
        camera=brief.camera or _camera(stream(seed, "camera")),
    )


def _landscape_terrain(brief: Landscape, rng: np.random.Generator) -> str:
    fitting = [t for t in words.TERRAINS if brief.feature is None or brief.feature in FEATURES_OF[t]]
    return _pick(rng, fitting)


def _weather(rng: np.random.Generator) -> str:
    """Mostly weather in which there is something to see."""
    return str(rng.choice(list(words.WEATHERS), p=[0.32, 0.30, 0.16, 0.12, 0.10]))


def _surface(said: str | None, rng: np.random.Generator) -> str:
    if said == "table":
        return _pick(rng, words.TABLES)
    return said or _pick(rng, list(words.SURFACES))


def _feature(terrain: str, rng: np.random.Generator) -> str:
    return "none" if rng.random() < 0.4 else _pick(rng, FEATURES_OF[terrain])


def _view(rng: np.random.Generator) -> str:
    return "plain" if rng.random() < 0.6 else _pick(rng, ["above", "wide"])


def draw_still_life(rng: np.random.Generator, *, pair: float = 0.4) -> StillLife:
    """A complete still life; `pair` is the share with two things (never twice the same shape)."""
    count = 2 if rng.random() < pair else 1
    scene = complete(StillLife(things=(Thing(),) * count), int(rng.integers(2**63)))
    assert isinstance(scene, StillLife)
    if count == 2 and scene.things[0].shape == scene.things[1].shape:
        return draw_still_life(rng, pair=1.0)
    return scene


def draw_landscape(rng: np.random.Generator) -> Landscape:
    """A complete landscape."""
    scene = complete(Landscape(), int(rng.integers(2**63)))
    assert isinstance(scene, Landscape)
    return scene


def scene_to_json(scene: Scene) -> str:
    """Canonical JSON with the family and the grammar's version; stable byte for byte."""
    told: dict[str, Any] = {"family": family(scene), "grammar": GRAMMAR_VERSION, **asdict(scene)}
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def scene_from_json(text: str) -> Scene:
    """Inverse of `scene_to_json`."""
    told = json.loads(text)
    kind = told.pop("family")
    told.pop("grammar", None)
    if kind == "landscape":
        return Landscape(**told)
    scene = StillLife(**told)
    return replace(scene, things=tuple(Thing(**thing) for thing in told["things"]))

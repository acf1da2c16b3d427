"""Sentences about scenes: short or long, in varied word orders, never saying what is not there.

`caption` may leave attributes out; what it says is always true of the scene, and
`models.atelier.parsing.parse` reads back exactly what it said.
"""

from __future__ import annotations

import numpy as np

from models.atelier import vocabulary as words
from models.atelier.grammar import Landscape, Scene, StillLife, Thing
from models.atelier.vocabulary import OWN

Rng = np.random.Generator
DROPOUT = 0.15
"""How often surface, lighting, weather and the like are left unsaid."""


def _one(rng: Rng, options: tuple[str, ...]) -> str:
    """The plain word half the time, else any synonym."""
    return options[0] if rng.random() < 0.5 else options[int(rng.integers(len(options)))]


def _article(phrase: str) -> str:
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def _noun_first(material: str) -> str:
    """Material as a noun: what follows "made of"."""
    return {"wooden": "wood", "golden": "gold"}.get(material, material)


def describe(thing: Thing, rng: Rng) -> str:
    """A noun phrase for one thing with its article, such as "a red vase made of matte clay"."""
    assert thing.shape is not None
    assert thing.colour is not None
    assert thing.material is not None
    shape = _one(rng, words.SHAPES[thing.shape])
    material = _one(rng, words.MATERIALS[thing.material])
    colour = "" if thing.colour == OWN else _one(rng, words.COLOURS[thing.colour])
    if thing.material == "glass" and thing.colour == OWN:
        colour = _one(rng, words.CLEAR)
    order = int(rng.integers(6))
    if order == 0:
        return _article(f"{colour} {shape}".strip()) + f" made of {_noun_first(material)}"
    if order == 1:
        return _article(shape) + " of " + f"{colour} {_noun_first(material)}".strip()
    return _article(f"{colour} {material} {shape}".strip())


def _still_life(scene: StillLife, rng: Rng) -> str:
    first = describe(scene.things[0], rng)
    subject = first
    if len(scene.things) == 2:
        assert scene.relation is not None
        second = describe(scene.things[1], rng)
        order = int(rng.integers(5))
        if order == 0:
            subject = f"{second} with {first} {_one(rng, words.TRAILING[scene.relation])}"
        elif order == 1:
            subject = f"{second} {_one(rng, words.RELATIONS[words.INVERSE[scene.relation]])} {first}"
        else:
            subject = f"{first} {_one(rng, words.RELATIONS[scene.relation])} {second}"
    parts: list[tuple[str, str]] = []
    assert scene.surface is not None
    assert scene.lighting is not None
    if rng.random() >= DROPOUT:
        parts.append(("surface", "on " + _one(rng, words.SURFACES[scene.surface])))
    if rng.random() >= DROPOUT:
        parts.append(("lighting", _one(rng, words.LIGHTINGS[scene.lighting])))
    if scene.camera != "plain" and rng.random() >= DROPOUT:
        assert scene.camera is not None
        parts.append(("camera", _one(rng, words.CAMERAS[scene.camera])))
    return _assemble(subject, parts, rng)


def _assemble(subject: str, parts: list[tuple[str, str]], rng: Rng) -> str:
    """Put the parts about the subject: mostly behind it, some before it."""
    if len(parts) > 1 and rng.random() < 0.35:
        order = rng.permutation(len(parts))
        parts = [parts[int(n)] for n in order]
    comma = ", " if rng.random() < 0.3 else " "
    opening = ""
    style = rng.random()
    if style < 0.25:
        opening = _one(rng, words.OPENINGS[:3]) + " "
    elif style < 0.45 and parts:
        front = parts.pop(int(rng.integers(len(parts))))
        opening = front[1] + ", "
    text = opening + subject
    for kind, phrase in parts:
        text += (", " if kind in ("camera", "view") and rng.random() < 0.7 else comma) + phrase
    return text


def _landscape(scene: Landscape, rng: Rng) -> str:
    assert scene.terrain is not None
    assert scene.time is not None
    assert scene.weather is not None
    assert scene.feature is not None
    assert scene.view is not None
    subject = _one(rng, words.TERRAINS[scene.terrain])
    if scene.feature != "none" and rng.random() >= 0.1:
        subject += " " + _one(rng, words.FEATURES[scene.feature])
    parts: list[tuple[str, str]] = []
    if rng.random() >= DROPOUT:
        parts.append(("time", _one(rng, words.TIMES[scene.time])))
    if rng.random() >= DROPOUT:
        parts.append(("weather", _one(rng, words.WEATHERS[scene.weather])))
    if scene.view != "plain" and rng.random() >= DROPOUT:
        parts.append(("view", _one(rng, words.VIEWS[scene.view])))
    return _assemble(subject, parts, rng)


def caption(scene: Scene, rng: Rng) -> str:
    """One true sentence about a complete scene, worded by chance."""
    if isinstance(scene, Landscape):
        return _landscape(scene, rng)
    return _still_life(scene, rng)


def full_caption(scene: Scene) -> str:
    """The plainest sentence that says everything."""
    if isinstance(scene, Landscape):
        told = [words.TERRAINS[str(scene.terrain)][0], words.FEATURES[str(scene.feature)][0]]
        told += [words.TIMES[str(scene.time)][0], words.WEATHERS[str(scene.weather)][0]]
        told += [] if scene.view == "plain" else [words.VIEWS[str(scene.view)][0]]
        return " ".join(part for part in told if part)
    things = [_plain(thing) for thing in scene.things]
    relation = f" {words.RELATIONS[str(scene.relation)][0]} " if len(things) == 2 else ""
    camera = "" if scene.camera == "plain" else ", " + words.CAMERAS[str(scene.camera)][0]
    surface, light = words.SURFACES[str(scene.surface)][0], words.LIGHTINGS[str(scene.lighting)][0]
    return f"{relation.join(things)} on {surface} {light}{camera}"


def _plain(thing: Thing) -> str:
    colour = words.COLOURS[str(thing.colour)][0] if thing.colour != OWN else ""
    colour = "clear" if (thing.material, thing.colour) == ("glass", OWN) else colour
    return _article(
        f"{colour} {words.MATERIALS[str(thing.material)][0]} {words.SHAPES[str(thing.shape)][0]}".strip()
    )

"""What can be read off a picture: the labels of a scene, and how many of a prompt's wishes an answer meets.

The things of a pair are read in the picture's own order, slot 0 being the left one or, where one stands
behind the other, the nearer one. Which of the two a prompt names first cannot be seen; whether its relation
holds can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

import torch
from torch import Tensor

from models.atelier import vocabulary as words
from models.atelier.grammar import Landscape, Scene, StillLife, Thing

HEADS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "layout": ("one", "beside", "depth"),
        "shape": tuple(words.SHAPES),
        "colour": (words.OWN, *words.COLOURS),
        "material": tuple(words.MATERIALS),
        "shape_1": tuple(words.SHAPES),
        "colour_1": (words.OWN, *words.COLOURS),
        "material_1": tuple(words.MATERIALS),
        "surface": tuple(words.SURFACES),
        "lighting": tuple(words.LIGHTINGS),
        "camera": tuple(words.CAMERAS),
        "terrain": tuple(words.TERRAINS),
        "time": tuple(words.TIMES),
        "weather": tuple(words.WEATHERS),
        "feature": tuple(words.FEATURES),
        "view": tuple(words.VIEWS),
    }
)
"""Classes of each head of the reader."""

SLOTS: Final = 2
"""Things that are read of a picture at most."""
THING: Final = ("shape", "colour", "material")
ATTRIBUTES: Final = (
    *THING,
    "relation",
    "surface",
    "lighting",
    "camera",
    "terrain",
    "time",
    "weather",
    "feature",
    "view",
)
"""What scores are told for, in the order of the columns."""
CHANCE: Final[Mapping[str, float]] = MappingProxyType(
    {name: 1 / len(HEADS[name]) if name in HEADS else 1 / len(words.RELATIONS) for name in ATTRIBUTES}
)
"""How often a guess with equal odds for every class is right."""

Logits = Mapping[str, Tensor]
Item = TypeVar("Item")
Score = dict[str, list[bool]]


def in_picture(things: Sequence[Item], relation: str | None) -> tuple[Item, ...]:
    """The things in the picture's own order."""
    return tuple(things[::-1] if relation in ("right", "behind") else things)


def layout(relation: str | None) -> str:
    """How the things of a scene lie."""
    return "one" if not relation else "depth" if relation in ("behind", "front") else "beside"


def labels(scene: Scene) -> dict[str, int]:
    """Class of every head for a complete scene; -1 where a head has nothing to read."""
    told: dict[str, str | None] = dict.fromkeys(HEADS)
    if isinstance(scene, Landscape):
        told |= {name: getattr(scene, name) for name in ("terrain", "time", "weather", "feature", "view")}
    else:
        told |= {name: getattr(scene, name) for name in ("surface", "lighting", "camera")}
        told["layout"] = layout(scene.relation)
        for slot, thing in enumerate(in_picture(scene.things, scene.relation)):
            told |= {_head(name, slot): getattr(thing, name) for name in THING}
    return {name: -1 if value is None else HEADS[name].index(value) for name, value in told.items()}


def label_table(scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """Labels of many scenes: for each head int64 of shape (n_scenes,)."""
    rows = [labels(scene) for scene in scenes]
    return {name: torch.tensor([row[name] for row in rows]) for name in HEADS}


def _head(name: str, slot: int) -> str:
    return f"{name}_1" if slot else name


def judge(asked: Scene, logits: Logits) -> Score:
    """Compare one picture, as the reader saw it, with what was asked.

    Parameters
    ----------
    asked : Scene
        Complete or a brief; nothing is scored that it leaves open (`None`).
    logits : mapping of str to Tensor of shape (n_classes,)
        The reader's answer for this picture, before the softmax.

    Returns
    -------
    dict
        Attribute to one yes or no a thing; of a pair the assignment of things to slots is the likelier one,
        and the relation holds if that is the asked one and the layout is right.
    """
    if isinstance(asked, Landscape):
        wanted = {name: getattr(asked, name) for name in ("terrain", "time", "weather", "feature", "view")}
        return {name: [_read(name, logits) == value] for name, value in wanted.items() if value is not None}
    score: Score = {
        name: [_read(name, logits) == value]
        for name in ("surface", "lighting", "camera")
        if (value := getattr(asked, name)) is not None
    }
    score |= _judge_things(asked, logits)
    return score


def _judge_things(asked: StillLife, logits: Logits) -> Score:
    order = in_picture(asked.things, asked.relation)
    turned = len(order) == 2 and _likelihood(order[::-1], logits) > _likelihood(order, logits)
    score: Score = {}
    for slot, thing in enumerate(order[::-1] if turned else order):
        for name in THING:
            if (value := getattr(thing, name)) is not None:
                score.setdefault(name, []).append(_read(_head(name, slot), logits, name) == value)
    if asked.relation and len(order) == 2:
        either = asked.relation in words.BESIDE
        score["relation"] = [(either or not turned) and _read("layout", logits) == layout(asked.relation)]
    return score


def _read(head: str, logits: Logits, classes: str | None = None) -> str:
    return HEADS[classes or head][int(logits[head].argmax())]


def _likelihood(order: Sequence[Thing], logits: Logits) -> float:
    """Log-probability of things in slots, in nats."""
    total = 0.0
    for slot, thing in enumerate(order):
        for name in THING:
            if (value := getattr(thing, name)) is not None:
                head = _head(name, slot)
                total += float(torch.log_softmax(logits[head].float(), -1)[HEADS[name].index(value)])
    return total

"""What training never sees: combinations held out by a seed that is fixed here, and scenes drawn by split."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from functools import lru_cache

import numpy as np

from models.atelier import vocabulary as words
from models.atelier.grammar import Landscape, Scene, StillLife, Thing, draw_landscape, draw_still_life

HOLD_OUT_SEED = 20261122
SHARE = 0.10
SPLITS = ("train", "test_seen", "test_triples", "test_pairs", "test_places")
LANDSCAPES = 0.3
"""Share of landscapes in `train` and `test_seen`."""

Triple = tuple[str, str, str]
Pair = tuple[str, str]


@lru_cache(maxsize=1)
def held_triples() -> frozenset[Triple]:
    """A tenth of the (shape, colour, material) combinations, and about a tenth of those of every word.

    Of every material a tenth is taken (rounded). Within it the next combination is always one whose shape and
    colour have the smallest shares held out so far; a random order decides between equals.
    """
    every = words.combinations()
    order = np.random.default_rng([HOLD_OUT_SEED, 3]).permutation(len(every))
    shuffled = [every[int(n)] for n in order]
    sizes = Counter(word for combination in every for word in enumerate(combination))
    taken: Counter[tuple[int, str]] = Counter()
    held: set[Triple] = set()
    for material in words.MATERIALS:
        for _ in range(round(SHARE * sizes[2, material])):
            free = [c for c in shuffled if c[2] == material and c not in held]
            best = min(free, key=lambda c: taken[0, c[0]] / sizes[0, c[0]] + taken[1, c[1]] / sizes[1, c[1]])
            taken.update(enumerate(best))
            held.add(best)
    return frozenset(held)


@lru_cache(maxsize=1)
def held_pairs() -> frozenset[Pair]:
    """One (surface, lighting) pair for every surface, no lighting twice."""
    rng = np.random.default_rng([HOLD_OUT_SEED, 2])
    lights = rng.permutation(list(words.LIGHTINGS))[: len(words.SURFACES)]
    return frozenset((s, str(light)) for s, light in zip(words.SURFACES, lights, strict=True))


@lru_cache(maxsize=1)
def held_places() -> frozenset[Pair]:
    """One (terrain, time) pair for every time of day, no terrain twice."""
    rng = np.random.default_rng([HOLD_OUT_SEED, 1])
    lands = rng.permutation(list(words.TERRAINS))[: len(words.TIMES)]
    return frozenset((str(land), t) for land, t in zip(lands, words.TIMES, strict=True))


def held_out_digest() -> str:
    """Names what is held out: the first 16 hex digits of a SHA-256."""
    told = json.dumps([sorted(held_triples()), sorted(held_pairs()), sorted(held_places())])
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def triple(thing: Thing) -> Triple:
    """The combination of a complete thing."""
    return str(thing.shape), str(thing.colour), str(thing.material)


def is_held_out(scene: Scene) -> bool:
    """Whether training must not see a complete scene."""
    if isinstance(scene, Landscape):
        return (str(scene.terrain), str(scene.time)) in held_places()
    if (str(scene.surface), str(scene.lighting)) in held_pairs():
        return True
    return any(triple(thing) in held_triples() for thing in scene.things)


def picture_seed(seed: int, split: str, index: int) -> int:
    """The seed of one picture of a data set, the same on every machine; in [0, 2^62)."""
    told = f"{seed} {split} {index}".encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "big") >> 2


def _seen(rng: np.random.Generator, *, land: bool) -> Scene:
    while True:
        scene: Scene = draw_landscape(rng) if land else draw_still_life(rng)
        if not is_held_out(scene):
            return scene


def draw(split: str, index: int, seed: int) -> tuple[Scene, int]:
    """The scene and the picture seed of one place in a split.

    Parameters
    ----------
    split : str
        ``train`` and ``test_seen`` hold only seen combinations; in ``test_triples`` the first thing is a
        held-out combination, in ``test_pairs`` surface and lighting are, in ``test_places`` (landscapes)
        terrain and time are; all else in them is seen.
    index : int
        Place in the split; every tenth of the places holds the same share of landscapes.
    seed : int
        Of the data set.
    """
    number = picture_seed(seed, split, index)
    rng = np.random.default_rng([number, 17])
    if split in ("train", "test_seen"):
        return _seen(rng, land=(3 * index) % 10 < round(10 * LANDSCAPES)), number
    if split == "test_places":
        places = sorted(held_places())
        terrain, time = places[int(rng.integers(len(places)))]
        while True:
            land = draw_landscape(rng)
            if land.terrain == terrain:
                return replace(land, time=time), number
    scene = _seen(rng, land=False)
    assert isinstance(scene, StillLife)
    if split == "test_triples":
        combinations = sorted(held_triples())
        shape, colour, material = combinations[int(rng.integers(len(combinations)))]
        others = scene.things[1:] if len(scene.things) == 2 and scene.things[1].shape != shape else ()
        relation = scene.relation if others else ""
        return replace(scene, things=(Thing(shape, colour, material), *others), relation=relation), number
    if split == "test_pairs":
        pairs = sorted(held_pairs())
        surface, light = pairs[int(rng.integers(len(pairs)))]
        return replace(scene, surface=surface, lighting=light), number
    raise ValueError(f"no split is called {split!r}; there are: {', '.join(SPLITS)}")

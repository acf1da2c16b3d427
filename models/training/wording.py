"""What a training picture is said to show: a caption drawn anew each time, sometimes in other words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.atelier import vocabulary as words
from models.atelier.captions import caption
from models.atelier.grammar import Landscape, Scene, StillLife
from models.atelier.parsing import parse
from models.lumen.tokenizer import LumenTokenizer, padded

Rng = np.random.Generator
ALIASES = 0.08
"""How often a phrase is put as captions never put it, though prompts may."""
STRANGE = 0.04
"""How often a caption holds an unknown word, so that one in a prompt is nothing new."""
EMPTY = 0.10
"""How often nothing is said, which is what guidance compares with."""


def _slots(scene: Scene) -> Iterator[tuple[str, str, words.Table]]:
    """Slot, value and table of every attribute."""
    if isinstance(scene, Landscape):
        for slot, table in (
            ("terrain", words.TERRAINS),
            ("time", words.TIMES),
            ("weather", words.WEATHERS),
            ("feature", words.FEATURES),
            ("view", words.VIEWS),
        ):
            yield slot, str(getattr(scene, slot)), table
        return
    for thing in scene.things:
        yield "shape", str(thing.shape), words.SHAPES
        yield "colour", str(thing.colour), words.COLOURS
        yield "material", str(thing.material), words.MATERIALS
    yield "surface", str(scene.surface), words.SURFACES
    yield "lighting", str(scene.lighting), words.LIGHTINGS
    yield "camera", str(scene.camera), words.CAMERAS


def with_aliases(text: str, scene: Scene, rng: Rng, share: float = ALIASES) -> str:
    """Swap some phrases of a caption for ones that mean the same.

    A phrase may also stand inside another one ("wooden" in "a dark wooden table"), so the result is read back
    and dropped if it says anything else.
    """
    plain = text
    tables = words.LANDSCAPE_ALIASES if isinstance(scene, Landscape) else words.STILL_LIFE_ALIASES
    for slot, value, table in _slots(scene):
        others = list(tables.get(slot, {}).get(value, ()))
        if value in words.TABLES:
            others += tables["surface"]["table"]
        if not others or rng.random() >= share:
            continue
        said = [phrase for phrase in table.get(value, ()) if phrase and _whole(phrase).search(text)]
        if said:
            other = others[int(rng.integers(len(others)))]
            text = _whole(max(said, key=len)).sub(other, text, count=1)
    return text if text == plain or _says_the_same(text, plain, scene) else plain


def _says_the_same(text: str, plain: str, scene: Scene) -> bool:
    """Whether two captions of a scene are read alike; "a table" is whichever table the scene has."""
    told = parse(text)
    if isinstance(told, StillLife) and isinstance(scene, StillLife) and told.surface == "table":
        told = replace(told, surface=scene.surface)
    return told == parse(plain)


def _whole(phrase: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)")


def training_caption(scene: Scene, rng: Rng) -> str:
    """One caption of a complete scene; what it says is true."""
    return with_aliases(caption(scene, rng), scene, rng)


def training_words(scene: Scene, tokenizer: LumenTokenizer, rng: Rng, *, empty: float = EMPTY) -> list[int]:
    """A caption as token numbers; sometimes empty, sometimes with an unknown word."""
    if rng.random() < empty:
        return tokenizer.numbers_of("")[0]
    numbers, _ = tokenizer.numbers_of(training_caption(scene, rng))
    if rng.random() < STRANGE:
        place = int(rng.integers(1, len(numbers)))
        taken = int(rng.random() < 0.5)
        numbers[place : place + taken] = [tokenizer.unknown_number]
    return numbers


def words_of_update(
    scenes: Sequence[Scene],
    chosen: NDArray[np.int64],
    epochs: NDArray[np.int64],
    tokenizer: LumenTokenizer,
    seed: int,
    *,
    empty: float = EMPTY,
) -> tuple[Tensor, Tensor]:
    """Captions of the pictures that an update sees, as ids and mask; a picture's is another every epoch.

    Parameters
    ----------
    scenes : sequence of Scene
        Of all pictures.
    chosen, epochs : ndarray of shape (n,)
        See `models.training.loop.examples_of`.
    """
    return padded(
        training_words(
            scenes[place], tokenizer, np.random.default_rng([seed, 3, int(epoch), int(place)]), empty=empty
        )
        for place, epoch in zip(chosen, epochs, strict=True)
    )

"""The grammar: what captions say, what prompts are understood, what is refused and with which words."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

from models.atelier import vocabulary as words
from models.atelier.captions import caption, full_caption
from models.atelier.grammar import (
    Landscape,
    Scene,
    StillLife,
    Thing,
    complete,
    draw_landscape,
    draw_still_life,
    is_complete,
    scene_from_json,
    scene_to_json,
)
from models.atelier.parsing import parse
from models.contracts import Refusal


def drawn(n: int) -> Scene:
    rng = np.random.default_rng(n)
    return draw_landscape(rng) if n % 3 == 0 else draw_still_life(rng)


def agrees(brief: Scene, scene: Scene) -> bool:
    """Whether everything that the brief says is true of the scene, and says which things there are."""
    if isinstance(brief, Landscape) or isinstance(scene, Landscape):
        told = asdict(scene)
        return type(brief) is type(scene) and all(v in (None, told[k]) for k, v in asdict(brief).items())
    if brief.relation and (brief.things, brief.relation) != (scene.things, scene.relation):
        brief = StillLife(
            brief.things[::-1], words.INVERSE[brief.relation], brief.surface, brief.lighting, brief.camera
        )
    slots = ("surface", "lighting", "camera")
    same = all(getattr(brief, slot) in (None, getattr(scene, slot)) for slot in slots)
    return same and brief.things == scene.things and brief.relation == scene.relation


def test_the_grammar_is_wide_enough():
    sizes = [len(t) for t in (words.SHAPES, words.COLOURS, words.MATERIALS, words.SURFACES, words.LIGHTINGS)]
    assert all(size >= least for size, least in zip(sizes, (14, 10, 8, 8, 10), strict=True))
    assert len(words.TERRAINS) >= 6
    assert len(words.combinations()) == len(set(words.combinations())) > 1000


def test_every_caption_is_read_back():
    for n in range(4000):
        scene = drawn(n)
        told = caption(scene, np.random.default_rng([n, 1]))
        brief = parse(told)
        assert not isinstance(brief, Refusal), (told, brief)
        assert agrees(brief, scene), (told, brief)


def test_the_full_caption_says_everything():
    for n in range(600):
        scene = drawn(n)
        brief = parse(full_caption(scene))
        assert not isinstance(brief, Refusal)
        if isinstance(brief, StillLife):
            assert (brief.things, brief.surface, brief.lighting) == (
                scene.things,
                scene.surface,
                scene.lighting,
            )
        assert agrees(brief, scene)


def test_captions_are_worded_differently():
    scene = drawn(1)
    told = {caption(scene, np.random.default_rng(n)) for n in range(200)}
    assert len(told) > 120
    assert min(len(t.split()) for t in told) * 1.7 < max(len(t.split()) for t in told)


def test_every_phrase_of_the_vocabulary_is_understood():
    for slot, table in (
        ("surface", words.SURFACES),
        ("lighting", words.LIGHTINGS),
        ("camera", words.CAMERAS),
    ):
        for value, phrases in table.items():
            for phrase in phrases:
                brief = parse(f"a vase on {phrase}" if slot == "surface" else f"a vase {phrase}")
                assert getattr(brief, slot) == value, (phrase, brief)
    for slot, table in (("time", words.TIMES), ("weather", words.WEATHERS), ("view", words.VIEWS)):
        for value, phrases in table.items():
            for phrase in phrases:
                assert getattr(parse(f"sand dunes {phrase}"), slot) == value, phrase


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a red unicorn on the moon", ("unicorn", "moon")),
        ("a cat on a table", ("cat",)),
        ("a vase without flowers", ("without", "flowers")),
        ("rolling green hills with dragons", ("dragons",)),
        ("ein roter Apfel", ("ein", "roter", "apfel")),
    ],
)
def test_unknown_words_are_named(prompt, unknown):
    refusal = parse(prompt)
    assert isinstance(refusal, Refusal)
    assert refusal.words == unknown
    assert all(word in refusal.reason for word in unknown)


@pytest.mark.parametrize(
    ("prompt", "why"),
    [
        ("", "neither a thing nor a landscape"),
        ("red", "neither a thing nor a landscape"),
        ("a glass cube", "rounded"),
        ("a red blue vase", "red and blue"),
        ("a yellow gold bottle", "gold does not come in yellow"),
        ("an egg, a cup, a pear", "one or two"),
        ("a vase left of", "two things"),
        ("sand dunes with a sailboat", "does not paint"),
        ("vase " * 500, "longer"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(prompt, why):
    refusal = parse(prompt)
    assert isinstance(refusal, Refusal)
    assert why in refusal.reason


def test_word_orders_mean_the_same():
    one = parse("a red apple to the left of a gold cube on sand")
    assert one == parse("on sand, a gold cube with a red apple to its left")
    assert one == parse("on sand a red apple sits left of a cube made of gold")
    assert one == parse("Left of a GOLDEN block stands a scarlet apple, on sand.")
    assert isinstance(one, StillLife)
    assert one.relation == "left"


def test_gaps_are_filled_from_the_seed_and_what_is_said_stays():
    for text in (
        "a black cube",
        "glass",
        "a star next to a gold pear on a table",
        "a sailboat at dusk",
        "still life",
    ):
        brief = parse(text)
        assert not isinstance(brief, Refusal), (text, brief)
        scenes = [complete(brief, seed) for seed in range(60)]
        assert len(set(scenes)) > 30
        assert all(is_complete(scene) for scene in scenes)
        assert scenes == [complete(brief, seed) for seed in range(60)]
        for scene in scenes:
            if isinstance(scene, StillLife) and isinstance(brief, StillLife):
                assert all(words.fits(str(t.shape), str(t.colour), str(t.material)) for t in scene.things)
                for said, thing in zip(brief.things, scene.things, strict=True):
                    assert all(v in (None, asdict(thing)[k]) for k, v in asdict(said).items())
            elif isinstance(scene, Landscape):
                assert scene.feature in words.FEATURES_OF[str(scene.terrain)]


def test_scenes_survive_json():
    for n in range(200):
        scene = drawn(n)
        assert scene_from_json(scene_to_json(scene)) == scene
        assert scene_to_json(scene_from_json(scene_to_json(scene))) == scene_to_json(scene)


def test_every_combination_can_be_said():
    for shape, colour, material in words.combinations():
        scene = complete(StillLife((Thing(shape, colour, material),)), 1)
        assert isinstance(scene, StillLife)
        brief = parse(full_caption(scene))
        assert isinstance(brief, StillLife)
        assert brief.things == scene.things


def test_the_grammar_imports_neither_torch_nor_the_renderer():
    code = (
        "import sys, models, models.atelier.grammar, models.atelier.parsing, models.atelier.captions,"
        " models.atelier.entrant, models.atelier.splits;"
        "print([m for m in ('torch', 'mitsuba', 'pyoidn', 'OpenEXR') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

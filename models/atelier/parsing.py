"""Reading prompts: every caption of the grammar, and a refusal that names the words it does not know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from models.atelier import vocabulary as words
from models.atelier.grammar import Landscape, Scene, StillLife, Thing
from models.contracts import Refusal

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*", re.UNICODE)
MOST_WORDS = 120
JOINING = ("and", "with")
"""Words after which a new thing begins."""


@dataclass(frozen=True, slots=True)
class Token:
    """A phrase of the vocabulary found in a prompt."""

    slot: str
    value: str
    text: str


Lexicon = Mapping[tuple[str, ...], tuple[str, str]]


def split(text: str) -> tuple[str, ...]:
    """Lower-case words; hyphens part words, so that "close-up" and "close up" are the same."""
    return tuple(w for found in WORD.findall(text.lower()) for w in re.split(r"[-'’]", found) if w)


def _bare(phrase: tuple[str, ...]) -> tuple[str, ...]:
    """The phrase without articles, so that "on the oak table" is understood as "on an oak table"."""
    return tuple(w for w in phrase if w not in ("a", "an", "the"))


def _entries(slot: str, table: Mapping[str, Iterable[str]]) -> dict[tuple[str, ...], tuple[str, str]]:
    return {_bare(split(text)): (slot, key) for key, texts in table.items() for text in texts if text}


@lru_cache(maxsize=1)
def still_life_lexicon() -> Lexicon:
    """Phrases of still lifes: words to (slot, value)."""
    found = (
        _entries("camera", words.CAMERAS)
        | _entries("lighting", words.LIGHTINGS)
        | _entries("surface", words.SURFACES)
    )
    found |= _entries("relation", words.RELATIONS) | _entries("trailing", words.TRAILING)
    found |= _entries("relation", {text: (text,) for text in words.BESIDE})
    found |= (
        _entries("material", words.MATERIALS)
        | _entries("colour", words.COLOURS)
        | _entries("shape", words.SHAPES)
    )
    found |= _entries("clear", {"own": words.CLEAR})
    return _aliases(words.STILL_LIFE_ALIASES) | found


@lru_cache(maxsize=1)
def landscape_lexicon() -> Lexicon:
    """Phrases of landscapes: words to (slot, value)."""
    found = (
        _entries("view", words.VIEWS) | _entries("weather", words.WEATHERS) | _entries("time", words.TIMES)
    )
    found |= _entries("feature", words.FEATURES) | _entries("terrain", words.TERRAINS)
    return _aliases(words.LANDSCAPE_ALIASES) | found


def _aliases(tables: Mapping[str, words.Table]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Phrases that are understood but never said."""
    return {
        phrase: entry for slot, table in tables.items() for phrase, entry in _entries(slot, table).items()
    }


def tokens(prompt: str, lexicon: Lexicon) -> tuple[list[Token], list[str]]:
    """The prompt's phrases in order, longest match first, and the words that no phrase explains."""
    said = _bare(split(prompt))
    longest = max(len(phrase) for phrase in lexicon)
    found: list[Token] = []
    unknown: list[str] = []
    at = 0
    while at < len(said):
        for length in range(min(longest, len(said) - at), 0, -1):
            phrase = said[at : at + length]
            if phrase in lexicon:
                slot, value = lexicon[phrase]
                found.append(Token(slot, value, " ".join(phrase)))
                at += length
                break
        else:
            if said[at] in JOINING:
                found.append(Token("join", said[at], said[at]))
            if said[at] not in words.FUNCTION_WORDS:
                unknown.append(said[at])
            at += 1
    return found, unknown


def parse(prompt: str) -> Scene | Refusal:
    """Understand a prompt.

    Returns
    -------
    StillLife, Landscape or Refusal
        A brief with `None` for all that the prompt leaves open; or why not, with the unknown words.
    """
    if len(split(prompt)) > MOST_WORDS:
        return Refusal(f"longer than {MOST_WORDS} words")
    still, strange = tokens(prompt, still_life_lexicon())
    land, foreign = tokens(prompt, landscape_lexicon())
    is_still = any(token.slot in ("shape", "material") for token in still) or "still life" in " ".join(
        split(prompt)
    )
    is_land = any(token.slot in ("terrain", "feature") for token in land)
    if is_land and not any(token.slot == "shape" for token in still):
        if not foreign:
            return _landscape(land)
        is_still = False
    if is_still and not strange:
        return _still_life(still)
    other = set(foreign) if not (is_still or is_land) else set(strange) if is_still else set(foreign)
    unknown = tuple(
        dict.fromkeys(w for w in (foreign if is_land and not is_still else strange) if w in other)
    )
    if unknown:
        return Refusal("it does not know " + ", ".join(f"“{w}”" for w in unknown), unknown)
    return Refusal("it names neither a thing nor a landscape")


def _only(found: list[Token], slot: str) -> str | None:
    """The one value of a slot, if any; two different ones are a contradiction."""
    values = list(dict.fromkeys(token.value for token in found if token.slot == slot))
    if len(values) > 1:
        told = tuple(dict.fromkeys(token.text for token in found if token.slot == slot))
        raise _Contradiction(f"it cannot be {told[0]} and {told[1]} at once", told)
    return values[0] if values else None


class _Contradiction(Exception):
    def __init__(self, reason: str, said: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.said = said


def _landscape(found: list[Token]) -> Scene | Refusal:
    try:
        terrain, time, weather, feature, view = (
            _only(found, slot) for slot in ("terrain", "time", "weather", "feature", "view")
        )
    except _Contradiction as error:
        return Refusal(str(error), error.said)
    if terrain and feature and feature not in words.FEATURES_OF[terrain]:
        said = tuple(token.text for token in found if token.slot in ("terrain", "feature"))
        return Refusal(f"it does not paint {' '.join(said)}", said)
    return Landscape(terrain=terrain, time=time, weather=weather, feature=feature, view=view)


def _groups(found: list[Token]) -> list[list[Token]]:
    """Attribute words by the thing they belong to.

    Words before a shape belong to it. Words after the last shape of a group belong to it as well when no
    further shape follows directly: "a vase of red clay", "a cup made of gold left of a book".
    """
    groups: list[list[Token]] = []
    waiting: list[Token] = []
    for token in found:
        if token.slot == "shape":
            groups.append([*waiting, token])
            waiting = []
        elif token.slot in ("colour", "material", "clear"):
            waiting.append(token)
        elif waiting and groups:
            groups[-1].extend(waiting)
            waiting = []
    if waiting and groups:
        groups[-1].extend(waiting)
    elif waiting:
        groups.append(waiting)
    return groups


def _thing(group: list[Token]) -> Thing:
    shape, colour, material = (_only(group, slot) for slot in ("shape", "colour", "material"))
    if any(token.slot == "clear" for token in group):
        if colour or material not in (None, "glass"):
            raise _Contradiction("only glass is clear", tuple(token.text for token in group))
        colour, material = words.OWN, "glass"
    said = tuple(token.text for token in group)
    if material == "glass" and shape in words.ANGULAR:
        raise _Contradiction("glass is only for rounded shapes", said)
    if material and colour and colour not in words.COLOURS_OF[material]:
        raise _Contradiction(f"{material} does not come in {colour}", said)
    if material and not colour and words.COLOURS_OF[material] == (words.OWN,):
        colour = words.OWN
    return Thing(shape, colour, material)


def _still_life(found: list[Token]) -> Scene | Refusal:
    try:
        surface, lighting, camera = (_only(found, slot) for slot in ("surface", "lighting", "camera"))
        relation, trailing = _only(found, "relation"), _only(found, "trailing")
        things = [_thing(group) for group in _groups(found)] or [Thing()]
    except _Contradiction as error:
        return Refusal(str(error), error.said)
    if len(things) > 2:
        return Refusal("it paints one or two things at a time")
    place = relation or trailing
    if place and len(things) == 1:
        return Refusal(f"it needs two things for “{place}”")
    if relation and trailing:
        return Refusal("it paints one relation at a time")
    slots = [token.slot for token in found]
    if trailing or (relation and slots.index("relation") < slots.index("shape")):
        things.reverse()
    if len(things) == 1:
        relation = ""
    scene = StillLife(tuple(things), None, surface, lighting, camera)
    return replace(scene, relation=relation or trailing if len(things) == 2 else "")

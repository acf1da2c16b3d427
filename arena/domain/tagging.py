"""Categories of English prompts by rules: which words stand in them, and what they speak of first.

The words and their weights are those of `arena.domain.tagging_words`. A category is told where its words
weigh 1 together. The first thing that a prompt can be of weighs half more, so that "a cup on a table" is a
still life and "a girl with a cup" is not; what then only says where that is counts for less. Words between
quotation marks are to be written in the picture, and are not what it shows. Of a prompt in another language
nothing is said.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping

from arena.domain.categories import SLUGS
from arena.domain.tagging_words import ENGLISH, GROUPS, OTHER, SUBJECTS, WORDS

ENOUGH = 1.0
FIRST = 0.5
ASIDE = 0.8
MOST_TAGS = 3
_PLACES = frozenset({"landscape", "architecture"})
BESIDE = {
    **dict.fromkeys(("people", GROUPS, "still-life", *_PLACES), _PLACES),
    "animals": _PLACES | {"people"},
    "fantasy": frozenset({"people"}),
}
"""By what a prompt speaks of first: the categories of which a word later on weighs `ASIDE` as much."""

_WORD = re.compile(r"[^\W_]+(?:\.\d+)?(?:['’][^\W\d_]+)?")
_QUOTED = re.compile(r"[\"“„«]([^\"”“«»]{1,200})[\"”»]|(?<![\w])['‘]([^'’]{1,200})['’](?!\w)")
Weights = Mapping[str, float]


def tag(text: str, language: str = "en") -> tuple[str, ...]:
    """Categories of a prompt, the most telling first and at most `MOST_TAGS`; none where no rule says so.

    Parameters
    ----------
    text : str
        The prompt.
    language : str
        Its language tag; only English prompts are tagged. Words that are plainly of another language get
        none either, whatever the tag says.
    """
    if language.split("-")[0].lower() != "en" or _foreign(text):
        return ()
    quoted = _QUOTED.search(text) is not None
    scores: dict[str, float] = {"text": ENOUGH} if quoted else {}
    order: list[str] = []
    first: str | None = None
    for found in _matches(_QUOTED.sub(" ", text)):
        for category, weight in found.items():
            if first is None and category in SUBJECTS:
                first = category
                weight += FIRST
            elif category != first and category in BESIDE.get(first or "", ()):
                weight *= ASIDE
            if category == "still-life":  # many small things do not make a subject
                scores[category] = max(scores.get(category, 0.0), weight)
            else:
                scores[category] = scores.get(category, 0.0) + weight
            order.append(category)
    return _chosen(scores, order)


def _chosen(scores: Mapping[str, float], order: list[str]) -> tuple[str, ...]:
    enough = {category: score for category, score in scores.items() if score >= ENOUGH}
    if "portrait" in enough and GROUPS not in enough:
        enough.pop("people", None)
    if GROUPS in enough:
        enough["people"] = max(enough.get("people", 0.0), enough.pop(GROUPS))
    ranked = sorted(
        enough, key=lambda one: (-enough[one], order.index(one) if one in order else 0, SLUGS.index(one))
    )
    return tuple(ranked[:MOST_TAGS])


def _foreign(text: str) -> bool:
    """Whether the words are plainly of another language: another script, or its small words."""
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum("LATIN" in unicodedata.name(letter, "") for letter in letters)
    if 2 * latin < len(letters):
        return True
    words = [match.lower() for match in _WORD.findall(text)]
    return sum(word in OTHER for word in words) > sum(word in ENGLISH for word in words)


def _matches(text: str) -> Iterator[Weights]:
    """What the phrases of a text say, from left to right; the longest phrase is taken."""
    written = _WORD.findall(text)
    words = [_bare(word) for word in written]
    phrases, longest = _phrases()
    place = 0
    while place < len(words):
        for size in range(min(longest, len(words) - place), 0, -1):
            found = phrases.get(" ".join(words[place : place + size]))
            if found is not None:
                owner = written[place + size - 1].endswith(("'s", "’s"))
                if not (owner and "people" in found):  # a grandmother's sewing box does not show her
                    yield found
                place += size
                break
        else:
            place += 1


def _bare(word: str) -> str:
    word = word.lower().replace("’", "'")
    return word.removesuffix("'s")


@functools.cache
def _phrases() -> tuple[Mapping[str, Weights], int]:
    """Every phrase with what it says, plurals too; and the words of the longest."""
    told: dict[str, dict[str, float]] = {}
    for category, by_weight in WORDS.items():
        for weight, listed in by_weight.items():
            for phrase in (" ".join(_bare(word) for word in _WORD.findall(one)) for one in listed.split(",")):
                told.setdefault(phrase, {})[category] = weight
    for phrase, says in list(told.items()):
        many = {GROUPS if category == "people" else category: weight for category, weight in says.items()}
        told.setdefault(_plural(phrase), many)
    return told, max(len(phrase.split()) for phrase in told)


def _plural(phrase: str) -> str:
    if phrase.endswith(("s", "x", "ch", "sh")):
        return phrase + "es"
    if phrase.endswith("y") and phrase[-2:-1] not in "aeiou":
        return phrase[:-1] + "ies"
    return phrase + "s"

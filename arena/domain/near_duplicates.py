"""Prompts that say nearly the same: an inverted index over the rarest of their words.

Two prompts are near if they share most of their words, and those in the same order: "a dog on a cat" is not
"a cat on a dog". The index holds of each prompt only as many of its rarest words as one must share with it to
be near [Bayardo2007]_, so that "a photo of" brings nobody together.

References
----------
.. [Bayardo2007] R. J. Bayardo, Y. Ma, R. Srikant, "Scaling up all pairs similarity search", WWW 2007.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

NEAR = 0.8
"""The least share of all words of both that they have in common (their Jaccard index)."""

_WORD = re.compile(r"[^\W_]+")


def near_duplicates(texts: Sequence[str], *, known: int = 0) -> Iterator[tuple[int, int, float]]:
    """For each text the nearest one before it, if it is near.

    Parameters
    ----------
    texts : sequence of str
        The first ``known`` of them are only compared with, not asked about.
    known : int

    Yields
    ------
    tuple of (int, int, float)
        Place of the text, place of the earlier one, and their Jaccard index, from `NEAR` to 1.
    """
    words = [_words(text) for text in texts]
    sets = [frozenset(each) for each in words]
    often = Counter(word for each in sets for word in each)
    index: dict[
        str, list[tuple[int, int]]
    ] = {}  # of a word: the texts among whose rarest it is, and which one
    for place, mine in enumerate(sets):
        needed = len(mine) - math.ceil(NEAR * len(mine)) + 1
        rarest = sorted(mine, key=lambda word: (often[word], word))[:needed]
        if place >= known:
            best = (0.0, 0)
            for other in _candidates(len(mine), rarest, index, sets):
                shared = mine & sets[other]
                nearness = len(shared) / (len(mine) + len(sets[other]) - len(shared))
                if (
                    nearness >= NEAR
                    and (nearness, -other) > best
                    and _same_order(words, place, other, shared)
                ):
                    best = (nearness, -other)
            if best[0]:
                yield place, -best[1], best[0]
        for rank, word in enumerate(rarest):
            index.setdefault(word, []).append((place, rank))


def _words(text: str) -> tuple[str, ...]:
    """The words of a text, each once where it first stands, in one case."""
    return tuple(dict.fromkeys(_WORD.findall(unicodedata.normalize("NFKC", text).casefold())))


def _candidates(
    size: int, rarest: Sequence[str], index: dict[str, list[tuple[int, int]]], sets: Sequence[frozenset[str]]
) -> set[int]:
    """Texts that share one of the rarest words, and may share enough of those that are left after it."""
    return {
        other
        for rank, word in enumerate(rarest)
        for other, their_rank in index.get(word, ())
        if (min(size - rank, len(sets[other]) - their_rank) + min(rank, their_rank)) * (1 + NEAR)
        >= NEAR * (size + len(sets[other]))
    }


def _same_order(words: Sequence[tuple[str, ...]], one: int, other: int, shared: frozenset[str]) -> bool:
    mine, theirs = ([word for word in words[place] if word in shared] for place in (one, other))
    return mine == theirs

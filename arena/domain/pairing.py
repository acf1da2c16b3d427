"""Drawing a battle, with the exact probability that it was drawn.

The order is pair, prompt, pictures, side. A pair of entrants is drawn by the policy's weights over the pairs
that this voter can still be shown; a prompt uniformly among those on which both have an unseen picture; one
picture of each uniformly; sides by a fair coin. The propensity is the product, so that
``1 / propensity`` reweights to any other way of dealing.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass

Pair = tuple[int, int]
Pictures = Mapping[int, Mapping[int, tuple[int, ...]]]
"""Prompt -> entrant -> pictures that this voter has not been shown."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One battle to deal."""

    prompt_id: int
    left_entrant_id: int
    right_entrant_id: int
    left_image_id: int
    right_image_id: int
    propensity: float
    eligible: str


def eligible_pairs(pictures: Pictures, dealt: frozenset[tuple[int, Pair]]) -> dict[Pair, list[int]]:
    """Prompts on which each pair of entrants (lower id first) can be dealt, in order of prompt.

    ``dealt`` holds the (prompt, pair) that the voter has already been given.
    """
    pairs: dict[Pair, list[int]] = {}
    for prompt_id in sorted(pictures):
        entrants = sorted(entrant for entrant, images in pictures[prompt_id].items() if images)
        for i, first in enumerate(entrants):
            for second in entrants[i + 1 :]:
                if (prompt_id, (first, second)) not in dealt:
                    pairs.setdefault((first, second), []).append(prompt_id)
    return pairs


def eligible_digest(pairs: Mapping[Pair, list[int]], pictures: Pictures) -> str:
    """SHA-256 that pins the set a battle was drawn from: pairs, prompts and pictures."""
    told = hashlib.sha256()
    for (first, second), prompts in sorted(pairs.items()):
        told.update(f"{first},{second}:{prompts}".encode())
    for prompt_id in sorted(pictures):
        told.update(f"{prompt_id}={sorted((e, i) for e, i in pictures[prompt_id].items())}".encode())
    return told.hexdigest()


def draw(
    pairs: Mapping[Pair, list[int]],
    pictures: Pictures,
    *,
    weights: Mapping[Pair, float],
    rng: random.Random,
) -> Draw:
    """Draw a battle from a set that is not empty.

    Parameters
    ----------
    pairs : mapping
        From `eligible_pairs`.
    pictures : mapping
        The voter's unseen pictures.
    weights : mapping
        The policy's weight of each pair, positive; only their ratios matter.
    rng : random.Random
        Chance; `random.SystemRandom` when serving, so that nobody can foresee a deal.
    """
    names = sorted(pairs)
    mass = [weights[pair] for pair in names]
    (pair,) = rng.choices(names, weights=mass)
    prompt_id = rng.choice(pairs[pair])
    first, second = (rng.choice(pictures[prompt_id][entrant]) for entrant in pair)
    sides = ((pair[0], first), (pair[1], second))
    left, right = sides if rng.random() < 0.5 else sides[::-1]
    propensity = (
        weights[pair]
        / sum(mass)
        / len(pairs[pair])
        / len(pictures[prompt_id][pair[0]])
        / len(pictures[prompt_id][pair[1]])
        / 2
    )
    return Draw(
        prompt_id=prompt_id,
        left_entrant_id=left[0],
        right_entrant_id=right[0],
        left_image_id=left[1],
        right_image_id=right[1],
        propensity=propensity,
        eligible=eligible_digest(pairs, pictures),
    )

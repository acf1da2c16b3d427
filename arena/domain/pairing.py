"""Drawing a battle, with the exact probability that it was drawn.

The order is pair, prompt, pictures, side. A pair of entrants is drawn by the policy's weights over the pairs
that this voter can still be shown; a prompt uniformly among those on which both have an unseen picture; one
picture of each uniformly; sides by a fair coin. The propensity is the product, so that
``1 / propensity`` reweights to any other way of dealing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from arena.domain.stock import Choice, Pair


@dataclass(frozen=True, slots=True)
class Draw:
    """One battle to deal."""

    prompt_id: int
    left_entrant_id: int
    right_entrant_id: int
    left_image_id: int
    right_image_id: int
    propensity: float


def draw(choice: Choice, *, weights: Mapping[Pair, float], rng: random.Random) -> Draw:
    """Draw a battle from a choice that is not empty.

    Parameters
    ----------
    choice : Choice
        What the voter may be shown.
    weights : mapping
        The policy's weight of each pair of ``choice.left``, positive; only their ratios matter.
    rng : random.Random
        Chance; `random.SystemRandom` when serving, so that nobody can foresee a deal.
    """
    names = list(choice.left)
    mass = [weights[pair] for pair in names]
    (pair,) = rng.choices(names, weights=mass)
    prompt_id = _prompt(choice, pair, rng)
    offered = [choice.pictures(prompt_id, entrant) for entrant in pair]
    sides = [(entrant, rng.choice(images)) for entrant, images in zip(pair, offered, strict=True)]
    if rng.random() < 0.5:
        sides.reverse()
    left, right = sides
    return Draw(
        prompt_id=prompt_id,
        left_entrant_id=left[0],
        right_entrant_id=right[0],
        left_image_id=left[1],
        right_image_id=right[1],
        propensity=weights[pair] / sum(mass) / choice.left[pair] / len(offered[0]) / len(offered[1]) / 2,
    )


def _prompt(choice: Choice, pair: Pair, rng: random.Random) -> int:
    """Draw a prompt uniformly: again while it is gone, or from a list where most are."""
    prompts, gone = choice.stock.pairs[pair], choice.gone.get(pair, frozenset())
    if 2 * len(gone) > len(prompts):
        return rng.choice([prompt for prompt in prompts if prompt not in gone])
    while (prompt := rng.choice(prompts)) in gone:
        pass
    return prompt

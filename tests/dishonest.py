"""Votes of simulated raters with tastes, and of attackers beside them, written into a test's arena."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from analysis.outcomes import Outcome
from analysis.simulate import Arena as Truth
from tests.factory import Arena

ENTRANTS = ("rose", "lily", "iris", "lotus", "daisy", "tulip")
TASTE = 0.5
Answer = Callable[[str, str, random.Random], Outcome | None]


def honest(arena: Arena, *, raters: int = 60, each: int = 30, seed: int = 1) -> None:
    """Raters whose likings differ, on entrants of which the first ones are stronger."""
    names = sorted(arena.entrants)
    truth = Truth(np.linspace(0.6, -0.6, len(names)), raters=raters, rater_spread=TASTE, prompt_spread=0.3)
    named = dict(zip(truth.labels, names, strict=True))
    votes = truth.votes(raters * each, seed=seed)
    arena.cast(
        [
            (str(vote.rater), named[str(vote.left)], named[str(vote.right)], Outcome(str(vote.outcome)))
            for vote in votes.itertuples()
        ]
    )


def attack(arena: Arena, answer: Answer, *, accounts: int, each: int, seed: int = 2) -> None:
    """Accounts that answer by a rule, and pass where it says nothing; one after the other."""
    rng = random.Random(seed)
    names = sorted(arena.entrants)
    for account in range(accounts):
        votes: list[tuple[str, str, str, Outcome]] = []
        while len(votes) < each:
            left, right = rng.sample(names, 2)
            if (said := answer(left, right, rng)) is not None:
                votes.append((f"attacker {account}", left, right, said))
        arena.cast(votes)


def lift(target: str) -> Answer:
    """Vote for a target where it hangs, and nowhere else."""

    def answer(left: str, right: str, rng: random.Random) -> Outcome | None:
        if target not in (left, right):
            return None
        return Outcome.LEFT if left == target else Outcome.RIGHT

    return answer

"""The stop rule put to the test: campaigns with a known truth, voted on until the rule closes them.

Everything is as it is live: the policy learns from the votes as they come, and the rule looks again and again
at the fit of the decided votes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from analysis.arrays import Floats, Ints
from analysis.bradley_terry import BradleyTerryFit, fit_bradley_terry
from analysis.comparisons import Comparisons
from analysis.design import pair_probabilities, targeted_probabilities, uniform_probabilities
from analysis.likelihood import Davidson
from analysis.scale import to_points
from analysis.simulate import Arena
from analysis.stopping import Aim, Look, look_at

LOOKS_APART: Final = 0.02
"""The rule looks again after so many more votes, as a share of those there are; `FEWEST` at least."""

FEWEST: Final = 20


@dataclass(frozen=True, slots=True)
class Trial:
    """One campaign: how many votes it took, and whether what it then said was wrong.

    `answer` is none where the limit came first. `wrong` is an answer "above" or "below" with the truth on
    the other side or at zero, or "alike" of entrants that are the gap apart.
    """

    votes: int
    looks: int
    answer: str | None
    wrong: bool


def run_trials(
    arena: Arena,
    aim: Aim,
    *,
    policy: str,
    trials: int,
    limit: int,
    least_votes: int = 200,
    seed: int = 0,
) -> list[Trial]:
    """Run campaigns until the rule answers, or until so many votes.

    Parameters
    ----------
    arena : Arena
        The truth; its raters and prompts are not used.
    aim : Aim
        About the arena's labels.
    policy : {"uniform", "informative", "targeted"}
    trials, limit, least_votes, seed : int
    """
    choose = _policy(arena, aim, policy)
    return [
        _one(arena, aim, choose, limit, least_votes, np.random.default_rng([seed, number]))
        for number in range(trials)
    ]


def _policy(arena: Arena, aim: Aim, policy: str) -> Callable[[Floats], Floats]:
    place = {label: number for number, label in enumerate(arena.labels)}
    pairs = [(place[a], place[b]) for a, b in aim.pairs]
    return {
        "uniform": uniform_probabilities,
        "informative": pair_probabilities,
        "targeted": lambda wins: targeted_probabilities(wins, pairs),
    }[policy]


def _one(
    arena: Arena,
    aim: Aim,
    choose: Callable[[Floats], Floats],
    limit: int,
    least_votes: int,
    rng: np.random.Generator,
) -> Trial:
    n = len(arena.strengths)
    first, second = np.triu_indices(n, 1)
    x = arena.strengths[first] - arena.strengths[second]
    win, lose, tie = Davidson.probabilities(x, float(np.log(arena.tie)) if arena.tie > 0 else -np.inf)
    shares = np.column_stack([win, lose, tie])
    counts = np.zeros((first.size, 3), dtype=np.int64)
    fit: BradleyTerryFit | None = None
    votes = looks = 0
    while votes < limit:
        batch = min(limit - votes, max(FEWEST, round(LOOKS_APART * votes)))
        chance = choose(_half_wins(n, first, second, counts))[first, second]
        counts += rng.multinomial(rng.multinomial(batch, chance / chance.sum()), shares)
        votes += batch
        if votes < least_votes:
            continue
        fit = fit_bradley_terry(
            _decided(arena, first, second, counts), ties="drop", start=None if fit is None else fit.strengths
        )
        looks += 1
        found = look_at(fit, aim)
        if found.answer is not None:
            return Trial(votes, looks, found.answer, _wrong(found, arena, aim))
    return Trial(votes, looks, None, wrong=False)


def _wrong(found: Look, arena: Arena, aim: Aim) -> bool:
    truth = {label: to_points(value) for label, value in zip(arena.labels, arena.strengths, strict=True)}
    gaps = [truth[state.first] - truth[state.second] for state in found.states]
    answers: list[str | None] = [state.answer for state in found.states]
    if aim.against_best:
        answers, gaps = [found.answer], [min(gaps)]
    return any(
        (answer == "above" and gap <= 0)
        or (answer == "below" and gap >= 0)
        or (answer == "alike" and abs(gap) >= aim.gap)
        for answer, gap in zip(answers, gaps, strict=True)
    )


def _half_wins(n: int, first: Ints, second: Ints, counts: Ints) -> Floats:
    wins = np.zeros((n, n))
    wins[first, second] = counts[:, 0] + counts[:, 2] / 2
    wins[second, first] = counts[:, 1] + counts[:, 2] / 2
    return wins


def _decided(arena: Arena, first: Ints, second: Ints, counts: Ints) -> Comparisons:
    return Comparisons.from_counts(
        arena.labels,
        np.repeat(first, 2),
        np.repeat(second, 2),
        ["left", "right"] * first.size,
        counts[:, :2].ravel().astype(np.float64),
    )

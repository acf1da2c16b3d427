"""Raters' own prompts: who can paint while somebody waits, who will, and what may be said of the wait."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Any

from arena.domain.imported import BACKEND
from arena.domain.prompts import clean_prompt
from arena.domain.stock import Pair
from arena.errors import InvalidPrompt

LONGEST = 400
LICENCE = "CC0-1.0"
CONSENT_VERSION = "own-2026-11"
MOST_WAITING = 2
MOST_A_DAY = 30
MOST_WAITING_IN_ALL = 60
PATIENCE = timedelta(minutes=15)
"""So long a rater is asked to wait for the two pictures, and no longer."""

COPIES = frozenset({"retrieval"})
"""Back ends that make no picture of their own."""
ELSEWHERE = frozenset({"images-api"})
"""Back ends that send the words to somebody else: only where the entrant's card says ``live``."""

LANGUAGES = ("en", "fr", "und")
"""What a rater can say the words are in; ``und`` is another language."""


@dataclass(frozen=True, slots=True)
class OwnDraw:
    """Who paints a rater's own prompt, and on which side it will hang.

    ``propensity`` is the probability of just that over the eligible set, which ``eligible`` digests.
    """

    left_entrant_id: int
    right_entrant_id: int
    propensity: float
    eligible: str


def clean_own(text: str) -> str:
    """Normalise a rater's own prompt.

    Raises
    ------
    InvalidPrompt
        If it is empty, longer than `LONGEST` characters, or has control characters.
    """
    words = clean_prompt(text)
    if len(words) > LONGEST:
        raise InvalidPrompt(
            "too_long", f"the prompt has {len(words):,} characters; at most {LONGEST} are painted"
        )
    return words


def paints_live(backend: str, runtime: Mapping[str, Any]) -> bool:
    """Whether an entrant can paint a rater's words here and now."""
    if backend in ELSEWHERE:
        return runtime.get("live") is True
    return backend != BACKEND and backend not in COPIES


def pairs_of(entrants: Collection[int]) -> list[Pair]:
    """Every pair of entrants, in order."""
    return list(combinations(sorted(entrants), 2))


def draw_own(weights: Mapping[Pair, float], *, rng: random.Random) -> OwnDraw:
    """Draw a pair by the policy's weights, and its sides by a fair coin, before anything is painted.

    Parameters
    ----------
    weights : mapping
        The policy's weight of each eligible pair, positive; only their ratios matter.
    rng : random.Random
        Chance; `random.SystemRandom` when serving.
    """
    pairs = list(weights)
    (pair,) = rng.choices(pairs, weights=[weights[one] for one in pairs])
    left, right = pair if rng.random() < 0.5 else (pair[1], pair[0])
    return OwnDraw(
        left_entrant_id=left,
        right_entrant_id=right,
        propensity=weights[pair] / sum(weights.values()) / 2,
        eligible=hashlib.sha256(repr(sorted(pairs)).encode()).hexdigest(),
    )


@dataclass(frozen=True, slots=True)
class Wait:
    """How long it may still take, for both pictures together; None where nobody painted here before.

    ``share`` is how far it is, from 0 to 1. Neither hangs on which of the two is done.
    """

    seconds: float | None
    share: float


def wait_for(
    both: Sequence[float | None], ahead: Sequence[float | None], *, painting_for: float | None
) -> Wait:
    """What may be said of the wait.

    Parameters
    ----------
    both : sequence of float or None
        Typical seconds of the two entrants; they are only ever added up.
    ahead : sequence of float or None
        Typical seconds of the pictures that are painted before.
    painting_for : float or None
        Seconds since the first of the two was taken up; None before.
    """
    known = [seconds for seconds in both if seconds is not None]
    if len(known) < len(both):
        return Wait(None, 0.0)
    total = sum(known)
    if painting_for is None:
        return Wait(total + sum(seconds or 0.0 for seconds in ahead), 0.0)
    share = min(0.95, painting_for / total) if total else 0.95
    return Wait(max(0.0, total - painting_for), share)

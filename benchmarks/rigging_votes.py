"""Who votes in the arenas of `rigging`: honest raters with likings, attackers, and the rows of pictures."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from analysis.arrays import Floats
from analysis.outcomes import Outcome
from arena.tables import BlindCopy, Image, Job, JobState
from models.contracts import EntrantCard

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ENTRANTS, PROMPTS, CANVAS = 8, 100, 64
TARGET = 5
"""Place of the target among the entrants, from 0 for the strongest."""

TIES, ACCURACY = 0.5, 0.95
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)

Answer = Callable[[int, int, int], Outcome | None]
"""Of the left entrant, the right one and the prompt; none to pass."""


def honest(likings: Floats, prompts: Floats, rng: random.Random) -> Answer:
    """A rater of some likings, who ties as Davidson's model does."""

    def answer(left: int, right: int, prompt: int) -> Outcome:
        x = likings[left] - likings[right] + prompts[prompt, left] - prompts[prompt, right]
        weights = (np.exp(x / 2), np.exp(-x / 2), TIES)
        return rng.choices((Outcome.LEFT, Outcome.RIGHT, Outcome.TIE), weights)[0]

    return answer


def dishonest(attack: str, before: Floats, pull: Sequence[float], rng: random.Random) -> Answer:
    """An attacker, who recognises who painted a picture most of the time.

    Parameters
    ----------
    attack : str
    before : ndarray of shape (n_entrants,)
        The board that the attacker sees.
    pull : sequence of float
        By number of the entrant, what its win adds to the target's lead over the next above.
    rng : random.Random
    """
    target = TARGET + 1
    above = {number + 1 for number in np.flatnonzero(before > before[TARGET]).tolist()}

    def recognised(entrant: int) -> int:
        return entrant if rng.random() < ACCURACY else rng.randint(1, ENTRANTS)

    def answer(left: int, right: int, _: int) -> Outcome | None:
        a, b = recognised(left), recognised(right)
        if a == b:
            return None
        if attack == "omnipresent":
            return Outcome.LEFT if pull[a] > pull[b] else Outcome.RIGHT
        if target in (a, b):
            return Outcome.LEFT if a == target else Outcome.RIGHT
        if attack == "demote" and (a in above) != (b in above):
            return Outcome.LEFT if b in above else Outcome.RIGHT
        return None

    return answer


def card(number: int) -> EntrantCard:
    """An entrant that paints nothing here."""
    return EntrantCard(
        slug=f"e{number}",
        name=f"Entrant {number + 1}",
        kind="baseline",
        family=f"e{number}",
        backend="atelier",
        identity={"size": CANVAS, "number": number},
        runtime={},
    )


def hang(session: Session, entrant: int, prompt: int) -> None:
    """Add the rows of a picture."""
    job = Job(
        entrant_id=entrant, prompt_id=prompt, seed=1, state=JobState.DONE, priority=0, attempts=1,
        created_at=BEGIN, not_before=BEGIN,
    )  # fmt: skip
    session.add(job)
    session.flush()
    digest = f"{entrant:032x}{prompt:032x}"
    image = Image(
        job_id=job.id, entrant_id=entrant, prompt_id=prompt, seed=1, digest=digest, width=CANVAS,
        height=CANVAS, length=1, seconds=1.0, cpu_seconds=1.0, batch=1, settings={}, environment={}, notes={},
        made_at=BEGIN,
    )  # fmt: skip
    session.add(image)
    session.flush()
    session.add(BlindCopy(image_id=image.id, canvas=CANVAS, digest=digest, method="none"))

"""Errors of the picture-makers.

::

    ModelError
    ├── CardError            a card that cannot be used: what is wrong and where
    ├── UnknownEntrant       no card of that name
    ├── MissingPart          an optional package or file is not here: the line that brings it
    ├── Busy                 as much waits as may wait: when to ask again
    └── GenerationFailed     the picture-maker broke while painting
        └── PartlyFailed     some of a batch cannot be painted: the answers of the others
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.contracts import GeneratedImage, Refusal


class ModelError(Exception):
    """Base of everything `models` raises on purpose."""


class CardError(ModelError):
    """A card that cannot be used."""


class UnknownEntrant(ModelError):
    """No card of that name in the catalogue."""

    def __init__(self, slug: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no entrant is called {slug!r}; the catalogue has: {', '.join(known)}")
        self.slug = slug
        self.known = known


class MissingPart(ModelError):
    """An optional package or file is not installed."""


class GenerationFailed(ModelError):
    """The picture-maker broke while painting; the job may be tried again."""


class PartlyFailed(GenerationFailed):
    """Some requests of a batch cannot be painted, alone or together; the others were.

    ``answers`` has one entry a request, in order; an error where there is no picture.
    """

    def __init__(self, answers: Sequence[GeneratedImage | Refusal | GenerationFailed]) -> None:
        failed = [answer for answer in answers if isinstance(answer, GenerationFailed)]
        super().__init__(f"{len(failed)} of {len(answers)} requests failed: {failed[0]}")
        self.answers = tuple(answers)


class Busy(ModelError):
    """As many requests wait as may wait; ``retry_after`` says in how many seconds one more may be taken."""

    def __init__(self, told: str, *, retry_after: float) -> None:
        super().__init__(f"{told}; try again in {retry_after:.1f} s")
        self.retry_after = retry_after

"""Errors of the picture-makers.

::

    ModelError
    ├── CardError            a card that cannot be used: what is wrong and where
    ├── UnknownEntrant       no card of that name
    ├── MissingPart          an optional package or file is not here: the line that brings it
    └── GenerationFailed     the picture-maker broke while painting
"""


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

"""The catalogue: which entrants there are, from the file that ships and the operator's own over it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from models.cards import read_card
from models.contracts import EntrantCard
from models.errors import CardError, UnknownEntrant

BUILT_IN = Path(__file__).with_name("catalog.toml")


@dataclass(frozen=True, slots=True)
class Catalog:
    """Cards by slug, in the order of their files; iterating gives the cards."""

    cards: tuple[EntrantCard, ...]

    @property
    def slugs(self) -> tuple[str, ...]:
        """The short names, in order."""
        return tuple(card.slug for card in self.cards)

    def __getitem__(self, slug: str) -> EntrantCard:
        """Find a card; raises `UnknownEntrant`, which names those there are."""
        for card in self.cards:
            if card.slug == slug:
                return card
        raise UnknownEntrant(slug, self.slugs)

    def __contains__(self, slug: object) -> bool:
        return slug in self.slugs

    def __iter__(self) -> Iterator[EntrantCard]:
        return iter(self.cards)

    def __len__(self) -> int:
        return len(self.cards)


def read_catalog(*paths: Path, cache: Path | None = None) -> Catalog:
    """Read catalogues in turn; a card of a later file takes the place of one with the same slug.

    Parameters
    ----------
    *paths : Path
        TOML files of ``[[entrant]]`` tables, `BUILT_IN` usually first.
    cache : Path or None
        Where digests of local weights are remembered, see `models.digests.digest_folder`.

    Raises
    ------
    CardError
        If a file cannot be read or a card cannot be used: which file, entrant and key, and what to do.
    """
    cards: dict[str, EntrantCard] = {}
    for path in paths:
        cards.update(_cards(path, cache))
    return Catalog(tuple(cards.values()))


def _cards(path: Path, cache: Path | None) -> dict[str, EntrantCard]:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CardError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise CardError(f"{path} is no TOML: {error}") from error
    if unknown := sorted(told.keys() - {"entrant"}):
        raise CardError(f"{path}: unknown key {unknown[0]!r}; a catalogue holds [[entrant]] tables alone")
    tables = told.get("entrant", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise CardError(f"{path}: 'entrant' must be written [[entrant]], one table an entrant")
    cards: dict[str, EntrantCard] = {}
    for table in tables:
        card = read_card(table, file=path, cache=cache)
        if card.slug in cards:
            raise CardError(f"{path}: entrant {card.slug!r} stands there twice; rename or remove one")
        cards[card.slug] = card
    return cards

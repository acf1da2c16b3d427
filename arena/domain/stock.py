"""The pictures that a campaign can deal, kept so that a deal need not read them all again.

A stock only grows: a prompt's entry is a few entrants with their pictures, and for each pair of entrants
there is the list of prompts on which both have one. What one voter may still be shown is the stock less a few
exceptions, which are counted from the voter's own history alone.
"""

from __future__ import annotations

import hashlib
from bisect import insort
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

Pair = tuple[int, int]
"""Two entrants, the lower id first."""


def pair_of(one: int, other: int) -> Pair:
    """The pair of two entrants."""
    return (one, other) if one < other else (other, one)


@dataclass(slots=True)
class Stock:
    """Pictures by prompt and entrant, and the prompts of each pair of entrants."""

    prompts: dict[int, dict[int, tuple[int, ...]]] = field(default_factory=dict)
    pairs: dict[Pair, list[int]] = field(default_factory=dict)
    prompt_of: dict[int, int] = field(default_factory=dict)
    _digests: dict[int, bytes] = field(default_factory=dict)
    _digest: str | None = None

    def add(self, prompt: int, entrant: int, image: int) -> None:
        """Add a picture; one that is there already is left as it is."""
        if image in self.prompt_of:
            return
        self.prompt_of[image] = prompt
        entrants = self.prompts.setdefault(prompt, {})
        if entrant not in entrants:
            for other in entrants:
                insort(self.pairs.setdefault(pair_of(entrant, other), []), prompt)
        entrants[entrant] = tuple(sorted((*entrants.get(entrant, ()), image)))
        self._digests.pop(prompt, None)
        self._digest = None

    @property
    def digest(self) -> str:
        """SHA-256 over the prompts in order: their numbers, and the SHA-256 of their pictures by entrant."""
        if self._digest is None:
            told = hashlib.sha256()
            for prompt in sorted(self.prompts):
                if prompt not in self._digests:
                    words = repr(sorted(self.prompts[prompt].items())).encode()
                    self._digests[prompt] = hashlib.sha256(words).digest()
                told.update(prompt.to_bytes(8, "big") + self._digests[prompt])
            self._digest = told.hexdigest()
        return self._digest


@dataclass(frozen=True, slots=True)
class Choice:
    """What one voter may still be shown: a stock, less prompts that are gone for a pair.

    Attributes
    ----------
    left : mapping of pair to int
        Number of prompts on which the pair can be dealt; pairs without any are not in it.
    gone : mapping of pair to set of int
        Prompts of the stock on which it cannot.
    seen : frozenset of int
        Pictures of the stock that the voter has judged.
    eligible : str
        SHA-256 that pins the set: of the stock's digest, the pictures seen, and the pairs already dealt.
    """

    stock: Stock
    left: Mapping[Pair, int]
    gone: Mapping[Pair, frozenset[int]]
    seen: frozenset[int]
    eligible: str

    def pictures(self, prompt: int, entrant: int) -> tuple[int, ...]:
        """Pictures of an entrant that the voter has not judged."""
        return _unseen(self.stock, prompt, entrant, self.seen)


def choice(stock: Stock, *, seen: Iterable[int], dealt: Collection[tuple[int, Pair]]) -> Choice:
    """Count what a voter may still be shown.

    Parameters
    ----------
    stock : Stock
    seen : iterable of int
        Pictures that the voter has judged, in whatever campaign.
    dealt : collection of (prompt, pair)
        What the voter was dealt in this campaign and has answered or set aside.
    """
    known = frozenset(image for image in seen if image in stock.prompt_of)
    gone: dict[Pair, set[int]] = {}
    for prompt, pair in dealt:
        entrants = stock.prompts.get(prompt, {})
        if pair[0] in entrants and pair[1] in entrants:
            gone.setdefault(pair, set()).add(prompt)
    for prompt in {stock.prompt_of[image] for image in known}:
        entrants = stock.prompts[prompt]
        for entrant in entrants:
            if not _unseen(stock, prompt, entrant, known):
                for other in entrants:
                    if other != entrant:
                        gone.setdefault(pair_of(entrant, other), set()).add(prompt)
    left = {pair: len(prompts) - len(gone.get(pair, ())) for pair, prompts in stock.pairs.items()}
    told = f"{stock.digest} {sorted(known)} {sorted(dealt)}".encode()
    return Choice(
        stock=stock,
        left={pair: number for pair, number in sorted(left.items()) if number},
        gone={pair: frozenset(prompts) for pair, prompts in gone.items()},
        seen=known,
        eligible=hashlib.sha256(told).hexdigest(),
    )


def _unseen(stock: Stock, prompt: int, entrant: int, seen: frozenset[int]) -> tuple[int, ...]:
    return tuple(image for image in stock.prompts[prompt].get(entrant, ()) if image not in seen)

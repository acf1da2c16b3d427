"""The chain of seals as an export holds it: read, recomputed, and held against the rows of votes."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np

from arena.domain.seals import GENESIS, seal_digest
from arena.services.sealed_removals import EXCLUDED_CSV, Removals
from arena.services.vote_tables import Row

SEALS = "seals.jsonl"
_DIGEST = 32
_HEX = re.compile(r"[0-9a-f]{64}")
_FIELDS = {"seal", "previous", "digest", "count", "day", "leaves"}


class Chain:
    """Every seal of an export, and which seal holds which vote.

    Parameters
    ----------
    removals : Removals
        Is told of every leaf.

    Attributes
    ----------
    head : str or None
        Digest of the last seal.
    digests : set of str
        Of all seals.
    bare : int
        Leaves that no row of the export tells of.
    """

    def __init__(self, removals: Removals) -> None:
        self._removals = removals
        self.head: str | None = None
        self.digests: set[str] = set()
        self.bare = 0
        self._votes = array("q")
        self._seals = array("q")
        self._leaves = bytearray()

    def read(self, folder: Path, say: Callable[[str], None]) -> None:
        """Read and recompute the chain; stops at the first line that does not follow."""
        previous = GENESIS
        with (folder / SEALS).open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    previous = self._link(json.loads(line), previous)
                except (ValueError, KeyError, TypeError) as error:
                    say(f"{SEALS} row {number}: {str(error).splitlines()[0]}")
                    return
        self._order()
        for vote in self._twice():
            say(f"{SEALS}: vote {vote} is in two seals")

    def _link(self, told: dict[str, object], previous: str) -> str:
        if not isinstance(told, dict) or set(told) != _FIELDS:
            raise ValueError(f"a seal has {', '.join(sorted(_FIELDS))}")
        number, leaves = told["seal"], told["leaves"]
        if not isinstance(number, int) or not isinstance(leaves, list):
            raise TypeError("the seal cannot be read")
        if told["previous"] != previous:
            raise ValueError(f"seal {number} does not follow the seal before it")
        if told["count"] != len(leaves):
            raise ValueError(f"seal {number} counts {told['count']} leaves and has {len(leaves)}")
        if not all(isinstance(leaf, str) and _HEX.fullmatch(leaf) for leaf, _ in leaves):
            raise ValueError(f"a leaf of seal {number} is no SHA-256")
        digest = seal_digest(previous, [leaf for leaf, _ in leaves])
        if told["digest"] != digest:
            raise ValueError(f"the leaves of seal {number}, in their order, are not those that were sealed")
        for leaf, vote in leaves:
            known = self._removals.met(leaf, number, vote)
            if vote is None:
                self.bare += not known
            else:
                self._votes.append(vote)
                self._seals.append(number)
                self._leaves += bytes.fromhex(leaf)
        self.head = digest
        self.digests.add(digest)
        return digest

    def _order(self) -> None:
        votes = np.frombuffer(self._votes, dtype=np.int64) if self._votes else np.zeros(0, dtype=np.int64)
        self._by_vote = np.argsort(votes, kind="stable")
        self._sorted = votes[self._by_vote]

    def _twice(self) -> list[int]:
        same = np.flatnonzero(np.diff(self._sorted) == 0)[:5]
        return [int(vote) for vote in self._sorted[same]]

    def walk(self, say: Callable[[str], None]) -> Walk:
        """Begin to hold rows against the chain."""
        if not hasattr(self, "_sorted"):
            self._order()
        return Walk(self, say)

    def entry(self, place: int) -> tuple[int, int, str]:
        """Vote, seal and leaf at a place in the order of votes."""
        at = int(self._by_vote[place])
        return self._votes[at], self._seals[at], self._leaves[at * _DIGEST : (at + 1) * _DIGEST].hex()

    def file_of(self, vote: int) -> str:
        """Where a vote of the chain has its row."""
        return EXCLUDED_CSV if vote in self._removals.votes else "votes.csv"

    def __len__(self) -> int:
        return len(self._votes)


class Walk:
    """Goes through rows and chain together, both in the order of votes."""

    def __init__(self, chain: Chain, say: Callable[[str], None]) -> None:
        self._chain = chain
        self._say = say
        self._place = 0
        self._last = 0

    def step(self, where: str, row: Row) -> None:
        """Hold a row against its seal."""
        vote = row["vote"]
        if vote <= self._last:
            self._say(f"{where}: stands after vote {self._last}; rows are out of order, or one is twice")
            return
        self._last = vote
        while self._place < len(self._chain):
            sealed, seal, leaf = self._chain.entry(self._place)
            if sealed > vote:
                break
            self._place += 1
            if sealed == vote:
                if row["seal"] != seal:
                    self._say(f"{where}: says seal {row['seal']}, and seal {seal} holds the vote")
                elif row["leaf"] != leaf:
                    self._say(f"{where}: its leaf is not the one in seal {seal}")
                return
            file = self._chain.file_of(sealed)
            self._say(f"{file}: vote {sealed} is in seal {seal} and has no row; it belongs before {where}")
        self._say(f"{where}: no seal holds the vote")

    def end(self) -> None:
        """What is left in the chain has no row."""
        while self._place < len(self._chain):
            sealed, seal, _ = self._chain.entry(self._place)
            self._place += 1
            self._say(f"{self._chain.file_of(sealed)}: vote {sealed} is in seal {seal} and has no row")

"""The removals of an export, held against its chain of seals: each is a leaf, and of a leaf before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from arena.domain.seals import removal_leaf
from arena.services.vote_tables import Row
from arena.tables import RemovalKind

REMOVALS_CSV = "removals.csv"
EXCLUDED_CSV = "excluded.csv"
Say = Callable[[str], None]


@dataclass(slots=True)
class _Removal:
    """A row of ``removals.csv``, and what the chain holds of it: the removal's seal, the vote's number."""

    where: str
    row: Row
    sealed_in: int | None = None
    vote_sealed: bool = False
    vote: int | None = None


@dataclass(slots=True)
class Removals:
    """What an export says was removed.

    Attributes
    ----------
    votes : dict of int to _Removal
        The excluded votes by their numbers, as far as the chain names them.
    """

    votes: dict[int, _Removal] = field(default_factory=dict)
    _of_leaf: dict[str, _Removal] = field(default_factory=dict)
    _of_vote: dict[str, _Removal] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._of_leaf)

    def read(self, rows: Iterable[tuple[int, Row]], say: Say) -> None:
        """Read the rows, and see that each is what its leaf says."""
        for number, row in rows:
            where = f"{REMOVALS_CSV} row {number}"
            if removal_leaf(row) != row["removal"]:
                say(f"{where}: its leaf is not that of its columns")
            elif row["removal"] in self._of_leaf or row["vote_leaf"] in self._of_vote:
                say(f"{where}: the vote is removed twice")
            elif (row["kind"], bool(row["rule"])) not in _KINDS:
                say(f"{where}: kind {row['kind']!r} with rule {row['rule']!r} is not known")
            else:
                found = _Removal(where, row)
                self._of_leaf[row["removal"]] = self._of_vote[row["vote_leaf"]] = found

    def met(self, leaf: str, seal: int, vote: int | None) -> bool:
        """Take note of a leaf of the chain, in its order; whether a row tells of it."""
        if vote is None and (removal := self._of_leaf.get(leaf)):
            if removal.sealed_in is None and removal.vote_sealed:
                removal.sealed_in = seal
            return True
        if removal := self._of_vote.get(leaf):
            removal.vote_sealed, removal.vote = True, vote
            return True
        return False

    def settle(self, say: Say) -> None:
        """See that the chain holds what the rows say, once all of it was met."""
        for removal in self._of_leaf.values():
            row = removal.row
            if not removal.vote_sealed:
                say(f"{removal.where}: removes a vote that no seal holds")
            elif removal.sealed_in is None:
                say(f"{removal.where}: no seal after that of its vote holds the removal")
            elif removal.sealed_in != row["seal"]:
                say(f"{removal.where}: says seal {row['seal']}, and seal {removal.sealed_in} holds it")
            elif row["kind"] != RemovalKind.EXCLUDED and removal.vote is not None:
                say(f"{removal.where}: vote {removal.vote} was {row['kind']}, and seals.jsonl names it")
            elif row["kind"] == RemovalKind.EXCLUDED and removal.vote is None:
                say(f"{removal.where}: the vote was excluded, and seals.jsonl does not name it")
            elif removal.vote is not None:
                self.votes[removal.vote] = removal

    def wrong(self, row: Row, *, listed: bool) -> str | None:
        """What is wrong with a row of votes beside the removals; ``listed`` if it is one of the excluded."""
        removal = self.votes.get(row["vote"])
        if not listed:
            return "was excluded, and stands among the votes that count" if removal else None
        if removal is None:
            return "no removal excludes it"
        if removal.row["rule"] != row["rule"]:
            return f"says rule {row['rule']!r}, and {removal.where} says {removal.row['rule']!r}"
        return None

    def told(self) -> Mapping[str, int]:
        """How many removals there are of each kind."""
        kinds = [removal.row["kind"] for removal in self._of_leaf.values()]
        return {kind.value: kinds.count(kind.value) for kind in RemovalKind}


_KINDS = {(kind.value, kind is RemovalKind.EXCLUDED) for kind in RemovalKind}

"""Verifying an export from its files alone: hashes, leaves, the chain of seals, and the boards."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from heapq import merge
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from analysis.errors import AnalysisError
from analysis.outcomes import Outcome
from arena.domain.columns import DEALT, FILES, IMAGES, PROMPTS, REMOVALS, Column
from arena.domain.imported import POLICY
from arena.domain.seals import leaf
from arena.errors import Invalid
from arena.queries.votes import label
from arena.services.croissant import CROISSANT, croissant
from arena.services.release_boards import Board, Counts, Key, mismatch, ratings_csv
from arena.services.release_folder import (
    FORMAT,
    MANIFEST,
    RELEASED,
    SAYS,
    SUMS,
    manifest_bytes,
    manifest_digest,
    own_files,
    sha256_of,
    sums,
)
from arena.services.sealed_chain import Chain
from arena.services.sealed_removals import EXCLUDED_CSV, REMOVALS_CSV, Removals
from arena.services.vote_files import UNREADABLE, read_excluded, read_votes
from arena.services.vote_tables import Row, parse_cells, schema
from arena.tables import BattleKind

MOST_TOLD = 5
FATES = ("voted", "removed", "skipped", "expired", "open")
"""Columns of ``dealt.csv`` of which a battle counts in one."""

_OUTCOMES = {outcome.value for outcome in Outcome}
_KINDS = {kind.value for kind in BattleKind}
_AGAIN = {BattleKind.MIRRORED.value, BattleKind.REPEATED.value}


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What was checked, and what does not match: one line each, with the file and the row."""

    folder: str
    head: str | None
    votes: int
    seals: int
    checked: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def matches(self) -> bool:
        """Whether the export is what it says."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {"matches": self.matches, **asdict(self)}


def verify(folder: Path, *, head: str | None = None) -> VerificationReport:
    """Check an export from its files alone.

    Parameters
    ----------
    folder : Path
        What `arena export` wrote.
    head : str, optional
        A head of the chain that was published elsewhere: the export's chain must pass through it.

    Raises
    ------
    Invalid
        If the folder holds no finished export.
    """
    if not (folder / MANIFEST).is_file():
        raise Invalid(f"{folder} holds no {MANIFEST}: it is no export, or one that was not finished")
    return _Verification(folder, head).run()


@dataclass(slots=True)
class _Verification:
    """One export under examination."""

    folder: Path
    published: str | None
    problems: list[str] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    manifest: dict[str, Any] = field(default_factory=dict)
    removals: Removals = field(default_factory=Removals)
    chain: Chain = field(init=False)
    entrants: set[str] = field(default_factory=set)
    prompts: dict[str, Row] = field(default_factory=dict)
    pictures: set[tuple[str, str, str]] = field(default_factory=set)
    battles: dict[tuple[str, ...], set[int]] = field(default_factory=dict)
    boards: dict[Key, Board] = field(default_factory=dict)
    counts: Counts = field(default_factory=lambda: Counts({}))
    votes: int = 0
    last: int = 0

    def __post_init__(self) -> None:
        self.chain = Chain(self.removals)

    def run(self) -> VerificationReport:
        with self._step(lambda: f"{len(self.manifest['files'])} files have the SHA-256 of the manifest"):
            self._files()
        if self.manifest:
            with self._step(lambda: f"{len(self.chain.digests)} seals form one chain, {self._head()}"):
                self._seals()
            with self._step(self._removed):
                self.removals.settle(self._say)
            with self._step(lambda: f"{self._n_pictures()} pictures are what their names say"):
                self._tables()
            with self._step(lambda: f"{self.votes} votes are what was sealed; both files hold the same"):
                self._votes()
            with self._step(lambda: f"{len(self.boards)} boards recomputed from the votes"):
                self._boards()
            with self._step(lambda: "skips and expiries add up"):
                self._dealt()
        return VerificationReport(
            folder=str(self.folder),
            head=self.chain.head,
            votes=self.votes,
            seals=len(self.chain.digests),
            checked=tuple(self.checked),
            problems=tuple(self.problems),
        )

    @contextmanager
    def _step(self, told: Callable[[], str]) -> Iterator[None]:
        """Run a check; it counts as passed if nothing was found."""
        before = len(self.problems)
        yield
        found = self.problems[before:]
        if not found:
            self.checked.append(told())
        elif len(found) > MOST_TOLD:
            self.problems[before + MOST_TOLD :] = [f"... and {len(found) - MOST_TOLD} more of this kind"]

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except UNREADABLE as error:
            told = (str(error) or type(error).__name__).splitlines()[0]
            self.problems.append(f"{name}: cannot be read: {told}")

    def _say(self, problem: str) -> None:
        self.problems.append(problem)

    def _files(self) -> None:
        data = (self.folder / MANIFEST).read_bytes()
        with self._reading(MANIFEST):
            told = json.loads(data)
            if told["format"] != FORMAT:
                raise ValueError(f"its format is {told['format']!r}, and this version reads {FORMAT}")
            if missing := [key for key in SAYS if key not in told]:
                raise ValueError(f"it does not say {missing[0]}")
            if manifest_bytes(told) != data or manifest_digest(told) != told["digest"]:
                self._say(f"{MANIFEST}: its own digest does not match")
            named = {name: (file["sha256"], file["bytes"]) for name, file in told["files"].items()}
            for name in (*FILES, *(RELEASED if told["release"] else ())):
                if name not in named and not name.endswith("/") and name != MANIFEST:
                    raise ValueError(f"it does not name {name}")
            self.manifest = told
        if not self.manifest:
            return
        there = set(own_files(self.folder))
        for name, (digest, length) in sorted(named.items()):
            if name not in there:
                self._damage(name, f"{name}: is missing")
                continue
            size = (self.folder / name).stat().st_size
            if size != length:
                self._damage(name, f"{name}: has {size} bytes, the manifest says {length}")
            elif sha256_of(self.folder / name) != digest:
                self._damage(name, f"{name}: its SHA-256 is not the one in the manifest")
        for name in sorted(there - named.keys()):
            self._say(f"{name}: is not in the manifest")
        if self.manifest["release"]:
            self._release()

    def _release(self) -> None:
        """See that what a release adds is made of its manifest."""
        with self._reading(SUMS):
            if (self.folder / SUMS).read_bytes() != sums(self.folder, self.manifest):
                self._say(f"{SUMS}: is not the list of the manifest")
        with self._reading(CROISSANT):
            if (self.folder / CROISSANT).read_bytes() != croissant(self.manifest):
                self._say(f"{CROISSANT}: is not what the manifest says")

    def _damage(self, name: str, problem: str) -> None:
        self.damaged.add(name)
        self._say(problem)

    def _seals(self) -> None:
        with self._reading(REMOVALS_CSV):
            self.removals.read(self._csv(REMOVALS_CSV, REMOVALS), self._say)
        with self._reading("seals.jsonl"):
            self.chain.read(self.folder, self._say)
            if (self.manifest["head"], self.manifest["seals"]) != (self.chain.head, len(self.chain.digests)):
                self._say("manifest.json: head and number of seals are not those of seals.jsonl")
            if self.manifest["campaign"] is None and self.chain.bare:
                self._say(f"seals.jsonl: {self.chain.bare} leaves are of no vote here and of no removal")
            if self.published and self.published.lower() not in self.chain.digests:
                self._say(f"seals.jsonl: the chain does not pass through the published head {self.published}")

    def _head(self) -> str:
        beside = f"; {self.chain.bare} of its leaves are of other campaigns" if self.chain.bare else ""
        through = ", through the published head" if self.published else ""
        return f"head {self.chain.head}{through}{beside}"

    def _removed(self) -> str:
        told = self.removals.told()
        return (
            f"{told['withdrawn']} withdrawn, {told['excluded']} excluded and {told['retracted']} retracted "
            "votes are removed in the chain"
        )

    def _tables(self) -> None:
        with self._reading("entrants.json"):
            cards = json.loads((self.folder / "entrants.json").read_bytes())
            self.entrants = {label(card["slug"], card["revision"]) for card in cards}
        with self._reading("prompts.csv"):
            for number, row in self._csv("prompts.csv", PROMPTS):
                words = row["prompt"].encode("utf-8", "surrogateescape")
                if hashlib.sha256(words).hexdigest() != row["prompt_digest"]:
                    self._say(f"prompts.csv row {number}: the prompt is not the one of its digest")
                self.prompts[row["prompt_digest"]] = row
        with self._reading("images.parquet"):
            self._pictures()

    def _pictures(self) -> None:
        with pq.ParquetFile(self.folder / "images.parquet", page_checksum_verification=True) as table:
            if table.schema_arrow.remove_metadata() != schema(IMAGES):
                raise ValueError("columns are not those of an export, in their order and types")
            groups = [table.read_row_group(i).to_pylist() for i in range(table.num_row_groups)]
        files = set()
        for number, row in enumerate(chain.from_iterable(groups), start=1):
            where = f"images.parquet row {number}"
            name = f"images/{row['image']}.png"
            by = label(row["entrant"], row["revision"])
            if row["file"] not in (name, ""):
                self._say(f"{where}: names the file {row['file']!r} for {name}")
            if row["file"] and self.manifest["files"].get(name, {}).get("sha256") != row["image"]:
                self._say(f"{where}: {name} is not a picture of that SHA-256")
            if by not in self.entrants or row["prompt_digest"] not in self.prompts:
                self._say(f"{where}: its entrant or its prompt is not in entrants.json or prompts.csv")
            files.add(row["file"])
            self.pictures.add((row["image"], by, row["prompt_digest"]))
        for name in sorted({name for name in self.manifest["files"] if name.startswith("images/")} - files):
            self._say(f"images.parquet: has no row for {name}")

    def _n_pictures(self) -> int:
        return sum(name.startswith("images/") for name in self.manifest["files"])

    def _votes(self) -> None:
        with self._reading("ratings.json"):
            told = json.loads((self.folder / "ratings.json").read_bytes())
            self.boards = {(board["campaign"], board["criterion"]): board for board in told}
            if not all(isinstance(board[name], int) for board in told for name in ("last_vote", "seed")):
                raise TypeError("the last vote or the seed of a board is no number")
            self.counts = Counts({key: board["last_vote"] for key, board in self.boards.items()})
            if ratings_csv(told) != (self.folder / "ratings.csv").read_bytes():
                self._say("ratings.csv: is not the table of ratings.json")
        walk = self.chain.walk(self._say)
        listed: list[tuple[str, int, Row]] = []
        with self._reading(EXCLUDED_CSV):
            listed += read_excluded(self.folder, self._say)
        with self._reading("votes.csv"):
            votes = read_votes(self.folder, damaged=self.damaged, say=self._say)
            for file, number, row in merge(votes, listed, key=lambda found: found[2]["vote"]):
                where = f"{file} row {number} (vote {row['vote']})"
                out = file == EXCLUDED_CSV
                if problem := self._wrong(row) or self.removals.wrong(row, listed=out):
                    self._say(f"{where}: {problem}")
                walk.step(where, row)
                if out:
                    continue
                self.votes, self.last = self.votes + 1, row["vote"]
                if row["outcome"] in _OUTCOMES:
                    self.counts.add(row)
                pair = (row["campaign"], row["kind"], row["left"], row["right"])
                self.battles.setdefault(pair, set()).add(row["battle"])
        walk.end()
        if self.votes != self.manifest["votes"]:
            self._say(f"manifest.json: says {self.manifest['votes']} votes, and there are {self.votes}")

    def _wrong(self, row: Row) -> str | None:
        """The first thing that is wrong with a row by itself and beside the other tables."""
        try:
            if leaf(row, row["private_digest"]) != row["leaf"]:
                return "its public columns are not those that were sealed"
        except (ValueError, TypeError) as error:
            return f"its leaf cannot be recomputed: {error}"
        if row["outcome"] not in _OUTCOMES or row["kind"] not in _KINDS:
            return f"outcome {row['outcome']!r} of kind {row['kind']!r} is not known"
        if row["expected"] and (row["expected"] not in _OUTCOMES or row["kind"] != BattleKind.KNOWN_ANSWER):
            return f"no answer {row['expected']!r} is known of a battle of kind {row['kind']!r}"
        if row["repeats"] and row["kind"] not in _AGAIN:
            return f"a battle of kind {row['kind']!r} repeats none, and this says battle {row['repeats']}"
        if self.manifest["campaign"] not in (None, row["campaign"]):
            return "belongs to another campaign"
        prompt = self.prompts.get(row["prompt_digest"])
        if prompt is None or any(row[name] != prompt[name] for name in ("prompt", "categories", "source")):
            return "its prompt is not the one in prompts.csv"
        for side in ("left", "right"):
            if row[side].partition("@")[0] != row[f"{side}_entrant"]:
                return f"{side}_entrant is not the slug of {side}"
            if not row[f"{side}_image"] and row["policy"] == POLICY:
                continue
            if (row[f"{side}_image"], row[side], row["prompt_digest"]) not in self.pictures:
                return f"{side}_image is no picture of {row[side]} for that prompt in images.parquet"
        return None

    def _boards(self) -> None:
        with self._reading("ratings.json"):
            for key in self.boards.keys() | self.counts.boards.keys():
                where = f"ratings.json: the board of {key[0]}, {key[1]}"
                if key not in self.boards:
                    self._say(f"{where} is missing")
                elif key not in self.counts.boards:
                    self._say(f"{where} has no votes")
                elif self.boards[key]["last_vote"] > self.last:
                    self._say(
                        f"{where} says it has seen vote {self.boards[key]['last_vote']}, which is not here"
                    )
                else:
                    try:
                        problem = mismatch(self.boards[key], self.counts.boards[key])
                    except AnalysisError as error:
                        problem = f"cannot be recomputed: {error}"
                    if problem:
                        self._say(f"{where}: {problem}")

    def _dealt(self) -> None:
        with self._reading("dealt.csv"):
            pairs = set()
            for number, row in self._csv("dealt.csv", DEALT):
                pair = (row["campaign"], row["kind"], row["left"], row["right"])
                pairs.add(pair)
                if row["voted"] != len(self.battles.get(pair, ())):
                    self._say(
                        f"dealt.csv row {number}: {row['voted']} battles with votes is not what votes.csv has"
                    )
                if row["dealt"] != sum(row[name] for name in FATES):
                    self._say(f"dealt.csv row {number}: does not add up")
            if not self.battles.keys() <= pairs:
                self._say("dealt.csv: a pair that was voted on has no row")

    def _csv(self, name: str, columns: tuple[Column, ...]) -> Iterator[tuple[int, Row]]:
        with (self.folder / name).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            if next(reader, None) != [column.name for column in columns]:
                raise ValueError("the first line does not name the columns of an export")
            for number, cells in enumerate(reader, start=1):
                if len(cells) != len(columns):
                    raise ValueError(f"row {number} has {len(cells)} cells, not {len(columns)}")
                names = [column.name for column in columns]
                yield number, parse_cells(columns, dict(zip(names, cells, strict=True)))

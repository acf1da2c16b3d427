"""A forger: changes an export, and makes its manifest match again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from arena.domain.columns import VOTES
from arena.domain.seals import GENESIS, seal_digest
from arena.services import release_folder
from arena.services.release_boards import ratings_csv
from arena.services.verifying import VerificationReport, verify
from arena.services.vote_tables import ParquetRows, csv_lines, header

Row = dict[str, Any]
FILES = (
    "votes.csv",
    "votes.parquet",
    "excluded.csv",
    "removals.csv",
    "prompts.csv",
    "images.parquet",
    "entrants.json",
    "ratings.json",
    "ratings.csv",
    "dealt.csv",
    "seals.jsonl",
    "README.md",
    "manifest.json",
)


@dataclass
class Forger:
    """Changes an export and makes its manifest match again."""

    folder: Path

    def votes(self) -> list[Row]:
        return list(pq.read_table(self.folder / "votes.parquet").to_pylist())

    def write_votes(self, rows: list[Row], *, csv: bool = True, parquet: bool = True) -> None:
        if csv:
            data = header(VOTES) + b"".join(csv_lines(VOTES, rows))
            (self.folder / "votes.csv").write_bytes(data)
        if parquet:
            with (self.folder / "votes.parquet").open("wb") as out, ParquetRows(out, VOTES) as table:
                table.write(rows)

    def seals(self) -> list[Row]:
        return [json.loads(line) for line in (self.folder / "seals.jsonl").read_text().splitlines()]

    def write_seals(self, seals: list[Row], *, again: bool = False) -> None:
        previous = GENESIS
        for seal in seals if again else ():
            seal["previous"], seal["count"] = previous, len(seal["leaves"])
            previous = seal["digest"] = seal_digest(previous, [one for one, _ in seal["leaves"]])
        lines = [json.dumps(seal, separators=(",", ":")) + "\n" for seal in seals]
        (self.folder / "seals.jsonl").write_text("".join(lines))

    def json(self, name: str, change: Callable[[Any], None]) -> None:
        told = json.loads((self.folder / name).read_text())
        change(told)
        (self.folder / name).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")

    def ratings(self, change: Callable[[Any], None]) -> None:
        """Change the boards, and their table to match."""
        self.json("ratings.json", change)
        told = json.loads((self.folder / "ratings.json").read_text())
        (self.folder / "ratings.csv").write_bytes(ratings_csv(told))

    def sign(self, **told: object) -> VerificationReport:
        """Recompute the manifest, and verify."""
        manifest = json.loads((self.folder / "manifest.json").read_text())
        release_folder.finish(self.folder, {**manifest, **told})
        return verify(self.folder)

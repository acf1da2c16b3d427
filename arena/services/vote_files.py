"""Reading the two files of votes of an export side by side, and naming the row where they go wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from arena.domain.columns import EXCLUDED, VOTES, Column
from arena.services.sealed_removals import EXCLUDED_CSV
from arena.services.vote_tables import Row, csv_lines, header, parse_cells, schema

Say = Callable[[str], None]
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    MemoryError,
    RecursionError,
    csv.Error,
    pa.ArrowException,
)
"""What reading a damaged file may raise."""

CSV = "votes.csv"
PARQUET = "votes.parquet"
_NAMES = [column.name for column in VOTES]
_FILLED = [column.name for column in VOTES if column.kind != "real"]


def read_votes(folder: Path, *, damaged: set[str], say: Say) -> Iterator[tuple[str, int, Row]]:
    """Rows of votes, each with the file and the row (from 1) that it was read from.

    They come from the Parquet file, with every row held against the CSV file's bytes; from the CSV file if
    the Parquet file is known to be damaged.

    Parameters
    ----------
    damaged : set of str
        Files that are not what the manifest says.
    say : callable
        Is told of every difference.
    """
    if PARQUET not in damaged:
        yield from ((PARQUET, number, row) for number, row in _from_parquet(folder, say))
        return
    for _ in _from_parquet(folder, say):
        pass
    yield from ((CSV, number, row) for number, row in _from_csv(folder, say))


def _from_parquet(folder: Path, say: Say) -> Iterator[tuple[int, Row]]:
    try:
        file = pq.ParquetFile(folder / PARQUET, page_checksum_verification=True)
        found = file.schema_arrow.remove_metadata()
        lengths = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    except UNREADABLE as error:
        say(f"{PARQUET}: cannot be read: {_first_line(error)}")
        return
    if found != schema(VOTES):
        say(f"{PARQUET}: columns are not those of an export, in their order and types")
        return
    number = 0
    with file, (folder / CSV).open("rb") as other:
        beside = _Beside(other, say)
        for group, length in enumerate(lengths):
            try:
                rows = file.read_row_group(group).to_pylist()
                lines = csv_lines(VOTES, rows)
            except UNREADABLE as error:
                say(f"{PARQUET}: rows {number + 1} to {number + length} cannot be read: {_first_line(error)}")
                return
            for row, line in zip(rows, lines, strict=True):
                number += 1
                beside.compare(number, row, line)
                if missing := [name for name in _FILLED if row[name] is None]:
                    say(f"{PARQUET} row {number} (vote {row['vote']}): its {missing[0]} is null")
                else:
                    yield number, row
        beside.end(number)


class _Beside:
    """Holds rows against the bytes of the CSV file, up to the first that differs."""

    def __init__(self, file: IO[bytes], say: Say) -> None:
        self._file = file
        self._say = say
        self._equal = file.readline() == header(VOTES)
        if not self._equal:
            say(f"{CSV}: the first line does not name the columns of an export")

    def compare(self, number: int, row: Row, line: bytes) -> None:
        if not self._equal:
            return
        start = self._file.tell()
        if self._file.read(len(line)) == line:
            return
        self._equal = False
        self._file.seek(start)
        told = _difference(line, self._file.readline())
        self._say(f"{CSV} row {number} (vote {row['vote']}) differs from {PARQUET}: {told}")

    def end(self, number: int) -> None:
        if self._equal and self._file.read(1):
            self._say(f"{CSV}: has more rows than {PARQUET}, from row {number + 1} on")


def _difference(expected: bytes, found: bytes) -> str:
    """Say in which column two lines of CSV differ."""
    if not found:
        return "the row is missing"
    try:
        left, right = (
            next(csv.reader([line.decode("utf-8", "backslashreplace")])) for line in (found, expected)
        )
    except (csv.Error, StopIteration):
        return "it cannot be read"
    if len(left) == len(right):
        for name, one, two in zip(_NAMES, left, right, strict=True):
            if one != two:
                return f"{name} is {one[:80]!r}, and {two[:80]!r} there"
    return "it is another row"


def read_excluded(folder: Path, say: Say) -> Iterator[tuple[str, int, Row]]:
    """Rows of excluded votes, each with the file and the row (from 1)."""
    yield from ((EXCLUDED_CSV, n, row) for n, row in _from_csv(folder, say, EXCLUDED_CSV, EXCLUDED))


def _from_csv(
    folder: Path, say: Say, name: str = CSV, columns: tuple[Column, ...] = VOTES
) -> Iterator[tuple[int, Row]]:
    names = [column.name for column in columns]
    with (folder / name).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file)
        number = 0
        try:
            if next(reader, None) != names:
                say(f"{name}: the first line does not name the columns of an export")
                return
            for number, cells in enumerate(reader, start=1):
                if len(cells) != len(names):
                    say(f"{name} row {number}: has {len(cells)} cells, not {len(names)}")
                    continue
                try:
                    row = parse_cells(columns, dict(zip(names, cells, strict=True)))
                except ValueError as error:
                    say(f"{name} row {number}: {_first_line(error)}")
                    continue
                yield number, row
        except csv.Error as error:
            say(f"{name} row {number + 1}: {error}")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
